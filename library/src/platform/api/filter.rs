//! Conditions on the items of a list, as the platform's clients write them.

use super::{failure::Failure, listing::at};
use regex_lite::{Regex, RegexBuilder};
use serde_json::Value;
use std::cmp::Ordering;

/// The most conditions in one filter, and the most that a pattern may take once it is compiled.
const MOST: usize = 20;
const PATTERN_BYTES: usize = 64 << 10;

/// Conditions, all of which must hold.
#[derive(Debug, Default)]
pub(super) struct Filter(Vec<Condition>);

#[derive(Debug)]
struct Condition {
    field: Vec<String>,
    test: Test,
}

#[derive(Debug)]
enum Test {
    Compare(Compare, String),
    Matches(Regex),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Compare {
    Is,
    IsNot,
    Less,
    AtMost,
    More,
    AtLeast,
}

/// Longer signs first: each begins like a shorter one.
const SIGNS: [(&str, Option<Compare>); 7] = [
    ("=~", None),
    ("!=", Some(Compare::IsNot)),
    ("<=", Some(Compare::AtMost)),
    (">=", Some(Compare::AtLeast)),
    ("=", Some(Compare::Is)),
    ("<", Some(Compare::Less)),
    (">", Some(Compare::More)),
];

impl Filter {
    /// Reads `label=x,revision>3`.
    pub(super) fn parse(text: &str) -> Result<Self, Failure> {
        let parts: Vec<_> = split(text).into_iter().filter(|part| !part.trim().is_empty()).collect();
        if parts.len() > MOST {
            return Err(Failure::malformed("filter", format!("at most {MOST} conditions can be given")));
        }
        Ok(Self(parts.iter().map(|part| Condition::parse(part)).collect::<Result<_, _>>()?))
    }

    /// The fields that it looks at, by their first name.
    pub(super) fn fields(&self) -> impl Iterator<Item = &String> {
        self.0.iter().filter_map(|condition| condition.field.first())
    }

    pub(super) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Whether an item passes.
    pub(super) fn holds(&self, item: &Value) -> bool {
        self.0.iter().all(|condition| condition.holds(item))
    }
}

/// Cuts at commas, but for those after a backslash.
fn split(text: &str) -> Vec<String> {
    let mut parts = vec![String::new()];
    let mut characters = text.chars().peekable();
    while let Some(character) = characters.next() {
        let Some(last) = parts.last_mut() else { return parts };
        match character {
            '\\' if characters.peek() == Some(&',') => {
                last.push(',');
                characters.next();
            }
            ',' => parts.push(String::new()),
            other => last.push(other),
        }
    }
    parts
}

impl Condition {
    fn parse(text: &str) -> Result<Self, Failure> {
        let wrong = || Failure::malformed("filter", "write conditions as `field=value`, separated by commas");
        let at = text.find(['=', '!', '<', '>']).ok_or_else(wrong)?;
        let (field, rest) = text.split_at(at);
        let found = SIGNS.iter().find_map(|(sign, compare)| Some((compare, rest.strip_prefix(sign)?)));
        let (compare, value) = found.ok_or_else(wrong)?;
        let (field, value) = (field.trim(), unquoted(value.trim()));
        if field.is_empty() {
            return Err(wrong());
        }
        let test = match compare {
            Some(compare) => Test::Compare(*compare, value.to_owned()),
            None => {
                let pattern = RegexBuilder::new(value).size_limit(PATTERN_BYTES).build();
                Test::Matches(pattern.map_err(|error| Failure::malformed("filter", error))?)
            }
        };
        Ok(Self { field: field.split('.').map(str::to_owned).collect(), test })
    }

    /// Of a list, one entry that passes is enough; `!=` must hold for every one.
    fn holds(&self, item: &Value) -> bool {
        let is_negative = matches!(self.test, Test::Compare(Compare::IsNot, _));
        let mut found = Vec::new();
        collect(item, &self.field, &mut found);
        if is_negative {
            found.iter().all(|value| self.test.holds(value))
        } else {
            found.iter().any(|value| self.test.holds(value))
        }
    }
}

/// What stands in a field, entry by entry where there is a list on the way.
fn collect<'v>(value: &'v Value, field: &[String], found: &mut Vec<&'v Value>) {
    match (value, field.split_first()) {
        (Value::Array(entries), _) => entries.iter().for_each(|entry| collect(entry, field, found)),
        (value, Some((first, rest))) => collect(at(value, std::slice::from_ref(first)), rest, found),
        (value, None) => found.push(value),
    }
}

fn unquoted(value: &str) -> &str {
    value.strip_prefix('"').and_then(|value| value.strip_suffix('"')).unwrap_or(value)
}

impl Test {
    fn holds(&self, found: &Value) -> bool {
        match self {
            Self::Matches(pattern) => found.as_str().is_some_and(|text| pattern.is_match(text)),
            Self::Compare(compare, wanted) => {
                let order = order(found, wanted);
                match compare {
                    Compare::Is => order == Some(Ordering::Equal),
                    Compare::IsNot => order != Some(Ordering::Equal),
                    Compare::Less => order == Some(Ordering::Less),
                    Compare::AtMost => matches!(order, Some(Ordering::Less | Ordering::Equal)),
                    Compare::More => order == Some(Ordering::Greater),
                    Compare::AtLeast => matches!(order, Some(Ordering::Greater | Ordering::Equal)),
                }
            }
        }
    }
}

/// How what was found compares with what is wanted; `None` if it does not.
fn order(found: &Value, wanted: &str) -> Option<Ordering> {
    match found {
        Value::String(text) => Some(text.as_str().cmp(wanted)),
        Value::Number(number) => number.as_f64()?.partial_cmp(&wanted.parse::<f64>().ok()?),
        Value::Bool(truth) => Some(truth.cmp(&wanted.to_ascii_lowercase().parse::<bool>().ok()?)),
        Value::Null => (wanted == "null").then_some(Ordering::Equal),
        Value::Array(_) | Value::Object(_) => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn holds(filter: &str, item: &Value) -> Option<bool> {
        Filter::parse(filter).ok().map(|filter| filter.holds(item))
    }

    #[test]
    fn conditions_are_read_as_clients_write_them() {
        let item = json!({
            "_id": "a", "label": "x, y", "revision": 7, "in_use": true, "nothing": null,
            "permissions": [{"_id": "ann"}, {"_id": "bob"}],
        });
        for filter in [
            "",
            "_id=a",
            "label=x\\, y",
            "label=\"x\\, y\"",
            "revision=7",
            "revision>6",
            "revision>=7",
            "revision<8,revision<=7",
            "revision!=6",
            "in_use=true",
            "in_use=True",
            "nothing=null",
            "permissions._id=bob",
            "label=~^x",
            "_id!=b",
            "missing=null",
        ] {
            assert_eq!(holds(filter, &item), Some(true), "{filter}");
        }
        for filter in [
            "_id=b",
            "revision>7",
            "revision=x",
            "permissions._id=cat",
            "permissions._id!=bob",
            "label=~^y",
            "_id=a,_id=b",
        ] {
            assert_eq!(holds(filter, &item), Some(false), "{filter}");
        }
        let many = vec!["a=b"; MOST + 1].join(",");
        for filter in ["label", "=x", "!x", "label=~(", &many, "a=~(((((a{50}){50}){50}){50}){50})"] {
            assert_eq!(holds(filter, &item), None, "{filter}");
        }
    }
}
