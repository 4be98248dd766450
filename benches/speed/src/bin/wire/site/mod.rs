//! One site, described once: rolegate's store, Cerbos's principals and the expected answers all come from here.

mod questions;
mod random;
mod store;

pub(crate) use questions::{Question, batches_of_many, batches_of_one, mixed};
pub(crate) use store::make as make_store;

/// What every question asks.
pub(crate) const ACTION: &str = "files_download";

/// The first users are on many projects, for batches; the others on as many as the scale says.
const STAFF: u32 = 64;
const PROJECTS_OF_STAFF: u32 = 900;
const LEADS: u32 = 64;
const PROJECTS_OF_LEADS: u32 = 45;
/// One user in so many is a site admin.
const ONE_ADMIN_IN: u32 = 500;

/// Everything follows from these numbers: no grant has to be remembered.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Site {
    pub(crate) users: u32,
    pub(crate) projects: u32,
    pub(crate) projects_of_a_user: u32,
    pub(crate) custom_roles: u32,
    /// Whether the first users are on many projects.
    pub(crate) staffed: bool,
}

#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Role {
    Ro,
    Rw,
    Admin,
    /// A custom role, which may not do what is asked.
    Viewer(u32),
}

impl Role {
    pub(crate) const fn may(self) -> bool {
        !matches!(self, Self::Viewer(_))
    }
}

impl Site {
    /// Says all of it, so that a store is found again only for the site that it was made for.
    pub(crate) fn name(&self) -> String {
        let staffed = if self.staffed { "-staffed" } else { "" };
        let Self { users, projects, projects_of_a_user, custom_roles, .. } = self;
        format!("site-{users}-{projects}-{projects_of_a_user}-{custom_roles}{staffed}")
    }

    pub(crate) fn is_site_admin(&self, user: u32) -> bool {
        user % ONE_ADMIN_IN == ONE_ADMIN_IN - 1
    }

    pub(crate) fn grants_of(&self, user: u32) -> u32 {
        let wanted = match user {
            _ if !self.staffed => self.projects_of_a_user,
            user if user < STAFF => PROJECTS_OF_STAFF,
            user if user < STAFF + LEADS => PROJECTS_OF_LEADS,
            _ => self.projects_of_a_user,
        };
        wanted.min(self.projects)
    }

    pub(crate) fn grants(&self) -> u64 {
        (0..self.users).map(|user| u64::from(self.grants_of(user))).sum()
    }

    /// The project of a user's nth grant: all of a user's are different.
    pub(crate) fn project_of(&self, user: u32, nth: u32) -> u32 {
        let step = (self.projects / self.grants_of(user)).max(1);
        let first = u64::from(user) * 7_919 % u64::from(self.projects);
        ((first + u64::from(nth * step)) % u64::from(self.projects)) as u32
    }

    /// The user's role there: four in ten read, three write, two manage, one has a custom role.
    pub(crate) fn role_of(&self, user: u32, nth: u32) -> Role {
        let hash = random::mix(u64::from(user) << 32 | u64::from(nth));
        match hash % 10 {
            0..4 => Role::Ro,
            4..7 => Role::Rw,
            7..9 => Role::Admin,
            _ => Role::Viewer((hash / 10 % u64::from(self.custom_roles)) as u32),
        }
    }

    /// The user's role on a project, if there is one.
    pub(crate) fn role_on(&self, user: u32, project: u32) -> Option<Role> {
        let nth = (0..self.grants_of(user)).find(|nth| self.project_of(user, *nth) == project)?;
        Some(self.role_of(user, nth))
    }
}

pub(crate) fn user_id(user: u32) -> String {
    format!("user{user}@site.example")
}

/// 24 hex digits: a time, a machine, and a counter.
pub(crate) fn project_id(project: u32) -> String {
    format!("{:08x}a1b2c3d4e5{:06x}", 0x5f00_0000 + project / 7, project)
}

pub(crate) fn custom_role_id(role: u32) -> String {
    format!("64a0000000000000{role:08x}")
}
