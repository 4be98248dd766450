//! Lists: which part is wanted, and in which order.

use super::{body::Params, failure::Failure, filter::Filter};
use crate::store::read::{Listed, Page, PageRequest};
use axum::{
    Json,
    extract::FromRequestParts,
    http::{StatusCode, request::Parts},
    response::{IntoResponse, Response},
};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use std::cmp::Ordering;
use utoipa::IntoParams;

/// How many items are read from the store at a time.
const PIECE: usize = 1_000;

/// The parameters that every list takes; others are let pass.
#[derive(Debug, Default, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub(super) struct ListParams {
    /// Conditions on fields, all of which must hold: `label=x,revision>3`. A backslash takes a comma for itself
    filter: Option<String>,
    /// The fields to sort by, separated by commas, with `:desc` for the other way round; by id if absent
    sort: Option<String>,
    /// The most items to return; all if absent or 0
    #[param(value_type = Option<u32>, minimum = 0)]
    limit: Option<String>,
    /// How many items to leave out at the beginning
    #[param(value_type = Option<u32>, minimum = 0)]
    skip: Option<String>,
    /// Which page of `limit` items to return, counted from 1
    #[param(value_type = Option<u32>, minimum = 1)]
    page: Option<String>,
    /// Return what comes after this id
    after_id: Option<String>,
}

/// Which part of a list is wanted.
#[derive(Debug, Default)]
pub(super) struct Listing {
    filter: Filter,
    sort: Vec<Order>,
    limit: Option<usize>,
    skip: usize,
    after: Option<String>,
    in_pages: bool,
}

impl<S: Send + Sync> FromRequestParts<S> for Listing {
    type Rejection = Failure;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Failure> {
        let Params(params) = Params::<ListParams>::from_request_parts(parts, state).await?;
        let mut listing = Self::of(params)?;
        let accepted = parts.headers.get_all("x-accept-feature").iter();
        listing.in_pages = accepted
            .filter_map(|value| value.to_str().ok())
            .any(|value| value.split([',', ' ']).any(|feature| feature.eq_ignore_ascii_case("pagination")));
        Ok(listing)
    }
}

impl Listing {
    fn of(params: ListParams) -> Result<Self, Failure> {
        // Clients say so when they want everything.
        let limit = number("limit", params.limit.as_deref(), 0)?.filter(|limit| *limit > 0);
        let page = number("page", params.page.as_deref(), 1)?;
        let mut skip = number("skip", params.skip.as_deref(), 0)?.unwrap_or(0);
        if let (Some(page), Some(limit)) = (page, limit) {
            skip = skip.saturating_add((page - 1).saturating_mul(limit));
        }
        Ok(Self {
            filter: Filter::parse(params.filter.as_deref().unwrap_or_default())?,
            sort: params.sort.as_deref().map(orders).transpose()?.unwrap_or_default(),
            limit,
            skip,
            after: params.after_id.filter(|after| !after.is_empty()),
            in_pages: false,
        })
    }

    /// How many items of the store decide the answer; `None` for all.
    fn enough(&self) -> Option<usize> {
        let all = self.in_pages || !self.sort.is_empty() || !self.filter.is_empty();
        self.limit.filter(|_| !all).map(|limit| limit.saturating_add(self.skip))
    }

    /// The pages of the store that the answer is made of.
    pub(super) fn pages<R>(&self) -> Pages<R> {
        Pages { found: Vec::new(), enough: self.enough(), after: Some(self.after.clone()) }
    }

    /// The answer.
    pub(super) fn reply<T: Serialize>(&self, items: Vec<T>) -> Result<List<T>, Failure> {
        let items = if self.filter.is_empty() && self.sort.is_empty() { items } else { self.select(items)? };
        let total = items.len();
        let part = items.into_iter().skip(self.skip).take(self.limit.unwrap_or(usize::MAX)).collect();
        Ok(if self.in_pages { List::Page { total, results: part } } else { List::Plain(part) })
    }

    fn select<T: Serialize>(&self, items: Vec<T>) -> Result<Vec<T>, Failure> {
        let mut kept = Vec::new();
        for item in items {
            let value = serde_json::to_value(&item).map_err(|error| {
                Failure::new(StatusCode::INTERNAL_SERVER_ERROR, "UNWRITABLE", error.to_string())
            })?;
            self.refuse_unknown_fields(&value)?;
            if self.filter.holds(&value) {
                kept.push((value, item));
            }
        }
        kept.sort_by(|(a, _), (b, _)| {
            let mut orders = self.sort.iter().map(|order| order.of(a, b));
            orders.find(|order| order.is_ne()).unwrap_or(Ordering::Equal)
        });
        Ok(kept.into_iter().map(|(_, item)| item).collect())
    }

    /// A field that nothing here has would find nothing, or sort nothing, and nobody would know why.
    fn refuse_unknown_fields(&self, item: &Value) -> Result<(), Failure> {
        let sorted = self.sort.iter().filter_map(|order| order.field.first());
        let unknown = self.filter.fields().chain(sorted).find(|field| item.get(field.as_str()).is_none());
        let Some(unknown) = unknown else { return Ok(()) };
        Err(Failure::malformed("query", format!("there is no field `{unknown}` here to filter or sort by")))
    }
}

/// One field to sort by.
#[derive(Debug)]
struct Order {
    field: Vec<String>,
    descending: bool,
}

impl Order {
    fn of(&self, a: &Value, b: &Value) -> Ordering {
        let order = compare(at(a, &self.field), at(b, &self.field));
        if self.descending { order.reverse() } else { order }
    }
}

/// Pages of the store, read one after another until there is enough.
pub(super) struct Pages<R> {
    pub(super) found: Vec<R>,
    enough: Option<usize>,
    /// The id that the next page starts after, if it starts after one; `None` when there is no next page.
    after: Option<Option<String>>,
}

impl<R: Listed> Pages<R> {
    /// The page to read next.
    pub(super) fn wanted(&mut self) -> Option<PageRequest> {
        let size = self.enough.map_or(PIECE, |enough| enough.saturating_sub(self.found.len()).min(PIECE));
        let after = self.after.take()?;
        (size > 0).then_some(PageRequest { size, after })
    }

    /// It was read.
    pub(super) fn take(&mut self, page: Page<R>) {
        self.found.extend(page.items);
        self.after = page.next.map(Some);
    }
}

/// Reads everything that a listing wants, page by page.
macro_rules! read_all {
    ($listing:expr, $page:ident => $read:expr) => {{
        let mut pages = $listing.pages();
        while let Some($page) = pages.wanted() {
            let part = $read.await?;
            pages.take(part);
        }
        pages.found
    }};
}
pub(super) use read_all;

/// A list: plain, or as a page where the client has asked for one.
#[derive(Debug, Serialize)]
#[serde(untagged)]
pub(super) enum List<T> {
    Plain(Vec<T>),
    Page { total: usize, results: Vec<T> },
}

impl<T: Serialize> IntoResponse for List<T> {
    fn into_response(self) -> Response {
        Json(self).into_response()
    }
}

fn number(name: &str, text: Option<&str>, least: usize) -> Result<Option<usize>, Failure> {
    let Some(text) = text.filter(|text| !text.is_empty()) else { return Ok(None) };
    let number =
        text.parse().ok().filter(|number| *number >= least && text.bytes().all(|b| b.is_ascii_digit()));
    number.map(Some).ok_or_else(|| Failure::malformed(name, format!("must be a number from {least}")))
}

fn orders(sort: &str) -> Result<Vec<Order>, Failure> {
    sort.split(',').map(str::trim).filter(|one| !one.is_empty()).map(order).collect()
}

fn order(sort: &str) -> Result<Order, Failure> {
    let (field, way) = sort.split_once(':').unwrap_or((sort, "asc"));
    let descending = match way {
        "asc" | "1" => false,
        "desc" | "-1" => true,
        _ => return Err(Failure::malformed("sort", "write it as `label`, `label:asc` or `label:desc`")),
    };
    Ok(Order { field: field.split('.').map(str::to_owned).collect(), descending })
}

/// What stands in a field; null where there is none.
pub(super) fn at<'v>(value: &'v Value, field: &[String]) -> &'v Value {
    field.iter().fold(value, |value, name| value.get(name.as_str()).unwrap_or(&Value::Null))
}

fn compare(a: &Value, b: &Value) -> Ordering {
    match (a, b) {
        (Value::String(a), Value::String(b)) => a.cmp(b),
        (Value::Number(a), Value::Number(b)) => {
            a.as_f64().partial_cmp(&b.as_f64()).unwrap_or(Ordering::Equal)
        }
        (Value::Bool(a), Value::Bool(b)) => a.cmp(b),
        (Value::Null, Value::Null) => Ordering::Equal,
        (Value::Null, _) => Ordering::Less,
        (_, Value::Null) => Ordering::Greater,
        _ => Ordering::Equal,
    }
}
