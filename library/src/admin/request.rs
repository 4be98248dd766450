//! Fields of administrators' requests.

use crate::{
    grpc::{
        convert::{BadField, text},
        proto,
    },
    rbac::{
        gear::GearAccess,
        level::{GroupRole, SiteRole},
        role::RoleActions,
        text::{ProjectId, RoleId, UserId},
    },
    store::read::PageRequest,
};
use std::collections::BTreeSet;

/// How many items a page holds when the caller does not say.
const USUAL_PAGE: usize = 100;
/// The most that a page holds, whatever the caller says.
const LARGEST_PAGE: usize = 1_000;

/// Reads which page is wanted. A page token is the id that the page before ended with, in hexadecimal.
pub(super) fn page(size: i32, token: &str) -> Result<PageRequest, BadField> {
    let size = usize::try_from(size).map_err(|_| BadField::malformed("page_size", "must not be negative"))?;
    let size = if size == 0 { USUAL_PAGE } else { size.min(LARGEST_PAGE) };
    let after = match token {
        "" => None,
        token => {
            Some(read_token(token).ok_or_else(|| BadField::malformed("page_token", "is not of this list"))?)
        }
    };
    Ok(PageRequest { size, after })
}

/// The token of the page that starts after an id.
pub(super) fn page_token(after: Option<&str>) -> String {
    after.unwrap_or_default().bytes().map(|byte| format!("{byte:02x}")).collect()
}

fn read_token(token: &str) -> Option<String> {
    // Digits alone: reading a number would take a sign as well.
    if !token.bytes().all(|byte| byte.is_ascii_hexdigit()) || !token.len().is_multiple_of(2) {
        return None;
    }
    let byte = |at: usize| u8::from_str_radix(token.get(at..at + 2)?, 16).ok();
    let bytes: Option<Vec<u8>> = (0..token.len()).step_by(2).map(byte).collect();
    String::from_utf8(bytes?).ok()
}

pub(super) fn role_ids(names: &[String]) -> Result<BTreeSet<RoleId>, BadField> {
    names.iter().map(|name| text("roles", name, RoleId::parse)).collect()
}

/// Reads a role's actions. Names are judged by the rules on roles, which name every fault at once; here they only have
/// to be text.
pub(super) fn role_actions(names: &[String]) -> Result<RoleActions, BadField> {
    for name in names {
        text("actions", name, crate::rbac::text::Label::parse)?;
    }
    Ok(RoleActions::from_names(names.iter().map(String::as_str)))
}

pub(super) fn site_role(name: &str) -> Result<SiteRole, BadField> {
    SiteRole::from_name(name).ok_or_else(|| {
        let known: Vec<_> = SiteRole::ALL.iter().map(|role| role.name()).collect();
        BadField::malformed("site_role", format!("must be one of {}", known.join(", ")))
    })
}

pub(super) fn group_role(number: i32) -> Result<GroupRole, BadField> {
    match proto::GroupRole::try_from(number) {
        Ok(proto::GroupRole::Admin) => Ok(GroupRole::Admin),
        Ok(proto::GroupRole::Rw) => Ok(GroupRole::ReadWrite),
        Ok(proto::GroupRole::Ro) => Ok(GroupRole::ReadOnly),
        Ok(proto::GroupRole::Unspecified) | Err(_) => {
            Err(BadField::malformed("role", "must be one of GROUP_ROLE_ADMIN, GROUP_ROLE_RW, GROUP_ROLE_RO"))
        }
    }
}

pub(super) fn gear_access(
    access: Option<&proto::set_gear_access_request::Access>,
) -> Result<GearAccess, BadField> {
    use proto::set_gear_access_request::Access;
    match access {
        None => Err(BadField::malformed("access", "one of open_to_all and restricted must be given")),
        Some(Access::OpenToAll(_)) => Ok(GearAccess::Open),
        Some(Access::Restricted(restriction)) => {
            let projects =
                restriction.projects.iter().map(|id| text("restricted.projects", id, ProjectId::parse));
            let users = restriction.users.iter().map(|id| text("restricted.users", id, UserId::parse));
            Ok(GearAccess::Restricted {
                projects: projects.collect::<Result<_, _>>()?,
                users: users.collect::<Result<_, _>>()?,
            })
        }
    }
}

/// Reads the end of a key's life, in seconds since 1970.
pub(super) fn expiry(at: Option<prost_types::Timestamp>) -> Result<Option<i64>, BadField> {
    match at {
        None => Ok(None),
        Some(at) if (0..1_000_000_000).contains(&at.nanos) && at.seconds > 0 => Ok(Some(at.seconds)),
        Some(_) => Err(BadField::malformed("expires_at", "is not a time after 1970")),
    }
}
