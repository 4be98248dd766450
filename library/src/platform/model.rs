//! What travels over the platform's HTTP contract, named as it names things.
//!
//! Ids are `_id` there. Whatever a message holds beside what is read here is let pass: clients send whole objects back.

mod about;
mod gears;
mod groups;
mod keys;
mod outcomes;
mod projects;
mod refusals;
mod roles;
mod users;

pub use about::{Features, Site, SiteConfig, Version};
pub use gears::{GearDoc, GearItem, GearName, GearPermissions, GearSeries};
pub use groups::{Access, AccessLevel, AccessPermission, Group, LabelUpdate, NewGroup};
pub use keys::{KeyInfo, MadeKey, NewKey};
pub use outcomes::{Deleted, Id, Modified};
pub use projects::{NewProject, Node, Parents, Path, Project, Resolved};
pub use refusals::{Detail, Failure};
pub use roles::{NewRole, Role, RoleIds, RolePermission, RoleReference, RoleUpdate};
pub use users::{AuthStatus, CurrentUser, NewUser, Origin, User, UserUpdate};

use serde::{Deserialize, Deserializer};

/// Null stands for nothing, where platforms leave a list out.
fn or_nothing<'de, D: Deserializer<'de>, T: Default + Deserialize<'de>>(value: D) -> Result<T, D::Error> {
    Ok(Option::deserialize(value)?.unwrap_or_default())
}
