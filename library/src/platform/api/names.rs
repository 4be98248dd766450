//! Which names of actions a client can read.
//!
//! Clients check names against the list of their own version. Most pass unknown ones on; versions 17 to 19.3 refuse the
//! whole reply. Those are told what they know, so that one new action does not hide all roles from them.

use super::failure::Failure;
use crate::rbac::{level::SiteRole, role::RoleActions};
use axum::{
    extract::FromRequestParts,
    http::{header::USER_AGENT, request::Parts},
};
use std::convert::Infallible;

/// What a client of the platform calls itself, before its version.
const CLIENT: &str = "Flywheel SDK/";

/// What came after version 17.
const SINCE_18: [&str; 5] = [
    "jupyterlab_servers_create",
    "jupyterlab_servers_delete",
    "jupyterlab_servers_launch",
    "jupyterlab_servers_modify",
    "jupyterlab_servers_read",
];
/// What came later than that.
const SINCE_19_4: [&str; 11] = [
    "annotations_delete_others",
    "files_create_bulk",
    "files_create_single",
    "malware_findings_view",
    "tasks_assign",
    "tasks_create",
    "tasks_modify",
    "tasks_report_create",
    "tasks_report_delete",
    "tasks_report_read",
    "tasks_view",
];
/// What the older clients call the two ways of uploading.
const BOTH_UPLOADS: [&str; 2] = ["files_create_bulk", "files_create_single"];
const UPLOAD: &str = "files_create_upload";

/// How a client reads names.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Vocabulary {
    /// Names that it does not know are as good as others.
    Open,
    /// Those of version 18 and up to 19.3, and no others.
    Of18,
    /// Those of version 17, and no others.
    Of17,
}

impl<S: Sync> FromRequestParts<S> for Vocabulary {
    type Rejection = Infallible;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Infallible> {
        let agent = parts.headers.get(USER_AGENT).and_then(|agent| agent.to_str().ok());
        Ok(agent.and_then(Self::of).unwrap_or(Self::Open))
    }
}

impl From<Infallible> for Failure {
    fn from(never: Infallible) -> Self {
        match never {}
    }
}

impl Vocabulary {
    fn of(agent: &str) -> Option<Self> {
        let mut version = agent.strip_prefix(CLIENT)?.split(['.', ' ']);
        let major: u32 = version.next()?.parse().ok()?;
        let minor: u32 = version.next()?.parse().ok()?;
        Some(match (major, minor) {
            (17, _) => Self::Of17,
            (18, _) | (19, ..=3) => Self::Of18,
            _ => Self::Open,
        })
    }

    fn knows(self, name: &str) -> bool {
        match self {
            Self::Open => true,
            Self::Of18 => !SINCE_19_4.contains(&name),
            Self::Of17 => !SINCE_19_4.contains(&name) && !SINCE_18.contains(&name),
        }
    }

    /// A site role's name. Those who refuse names that they do not know get `user` for what came later, which grants as much.
    pub(super) const fn site_role(self, role: SiteRole) -> &'static str {
        match (self, role) {
            (Self::Of17 | Self::Of18, SiteRole::SecurityChampion) => SiteRole::User.name(),
            _ => role.name(),
        }
    }

    /// A role's actions by current names, and names that this binary does not know, as far as the client can read them.
    pub(super) fn names(self, actions: &RoleActions) -> Vec<String> {
        let current: Vec<&str> = actions.mask().iter().map(|action| action.name()).collect();
        if self == Self::Open {
            return current.into_iter().chain(actions.unknown()).map(str::to_owned).collect();
        }
        let both = BOTH_UPLOADS.iter().all(|name| current.contains(name)).then_some(UPLOAD);
        let known = current.into_iter().filter(|name| self.knows(name)).chain(both);
        known.map(str::to_owned).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn clients_that_refuse_new_names_get_none() {
        let actions = RoleActions::from_names([
            "tags_view",
            "files_create_upload",
            "tasks_view",
            "jupyterlab_servers_read",
            "from_the_future",
        ]);
        let names = |version: &str| {
            let agent = format!("Flywheel SDK/{version} (Python 3.11; Linux)");
            Vocabulary::of(&agent).unwrap_or(Vocabulary::Open).names(&actions).join(" ")
        };
        let all = "files_create_bulk files_create_single tags_view jupyterlab_servers_read tasks_view from_the_future";
        for version in ["23.0.0", "19.4.0", "16.19.2", "12.4.8", "x"] {
            assert_eq!(names(version), all, "{version}");
        }
        for version in ["18.5.0", "19.0.0", "19.3.9"] {
            assert_eq!(names(version), "tags_view jupyterlab_servers_read files_create_upload", "{version}");
        }
        assert_eq!(names("17.8.0"), "tags_view files_create_upload");
    }
}
