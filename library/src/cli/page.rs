//! Lists, which servers hand out in pages.

use super::{
    connect::Link,
    exit::Failure,
    output::{Report, Show},
};
use crate::grpc::{proto, rpc::Rpc};
use clap::Args;

/// How many objects to ask for at a time.
const PAGE_SIZE: u32 = 500;

/// How much of a list is wanted.
#[derive(Args, Clone, Copy, Debug, Default)]
pub(crate) struct LimitArgs {
    /// Stop after this many
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..))]
    limit: Option<u32>,
}

/// A page of a list.
pub(crate) trait Page {
    /// What is listed.
    type Item;

    /// The items, and where the next page starts.
    fn split(self) -> (Vec<Self::Item>, String);
}

macro_rules! pages {
    ($($page:ident of $field:ident: $item:ident;)*) => {$(
        impl Page for proto::$page {
            type Item = proto::$item;

            fn split(self) -> (Vec<Self::Item>, String) {
                (self.$field, self.next_page_token)
            }
        }
    )*};
}

pages! {
    ListRolesResponse of roles: Role;
    ListOfferedRolesResponse of roles: Role;
    ListGroupsResponse of groups: Group;
    ListGroupMembersResponse of members: GroupMember;
    ListTemplateEntriesResponse of entries: TemplateEntry;
    ListProjectsResponse of projects: Project;
    ListProjectPermissionsResponse of permissions: ProjectPermission;
    ListUsersResponse of users: User;
    ListGearsResponse of gears: Gear;
    ListApiKeysResponse of keys: ApiKey;
}

/// A list as far as it was wanted.
pub(crate) struct Listing<T> {
    /// The items.
    pub(crate) items: Vec<T>,
    more: bool,
}

impl<T> Listing<T> {
    /// The list with each item turned into another.
    pub(crate) fn map<U>(self, turn: impl FnMut(T) -> U) -> Listing<U> {
        Listing { items: self.items.into_iter().map(turn).collect(), more: self.more }
    }
}

impl<T: Show> Listing<T> {
    /// The list as printed.
    pub(crate) fn report(&self) -> Report {
        let report = Report::list(&self.items);
        if self.more { report.with_note("there are more; raise --limit to see them") } else { report }
    }
}

/// Follows a list page by page. `ask` is given a page's size and the token that it starts at.
///
/// # Errors
/// When a page cannot be had.
pub(crate) async fn all<R: Rpc<Reply: Page>>(
    admin: &Link,
    limit: LimitArgs,
    ask: impl Fn(i32, String) -> R,
) -> Result<Listing<<R::Reply as Page>::Item>, Failure> {
    let limit = limit.limit.map_or(usize::MAX, |limit| usize::try_from(limit).unwrap_or(usize::MAX));
    let (mut items, mut token) = (Vec::new(), String::new());
    loop {
        let size = page_size(limit.saturating_sub(items.len()));
        let (more, next) = admin.call(ask(size, token.clone())).await?.split();
        items.extend(more);
        if next.is_empty() || items.len() >= limit {
            let more = !next.is_empty() || items.len() > limit;
            items.truncate(limit);
            return Ok(Listing { items, more });
        }
        if next == token {
            return Err(Failure::malformed_answer("a page names itself as the next one"));
        }
        token = next;
    }
}

fn page_size(wanted: usize) -> i32 {
    u32::try_from(wanted).map_or(PAGE_SIZE, |wanted| wanted.min(PAGE_SIZE)).cast_signed()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pages_are_no_larger_than_wanted() {
        assert_eq!(page_size(usize::MAX), 500);
        assert_eq!(page_size(501), 500);
        assert_eq!(page_size(3), 3);
    }
}
