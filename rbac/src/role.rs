//! Project roles and the table of them.

use super::{
    action::{Action, ActionName, Tier},
    mark,
    mask::ActionMask,
    text::{Label, ProjectId, RoleId},
};
use std::{
    collections::{BTreeMap, BTreeSet},
    fmt,
};

/// The three roles that every site has. They cannot be changed and need no offering.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum BuiltIn {
    /// Holds every project action.
    Admin,
    /// Reads and writes data.
    ReadWrite,
    /// Reads data.
    ReadOnly,
}

impl BuiltIn {
    /// All three.
    pub const ALL: [Self; 3] = [Self::Admin, Self::ReadWrite, Self::ReadOnly];

    /// The role's id, which is its label too.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Admin => "admin",
            Self::ReadWrite => "rw",
            Self::ReadOnly => "ro",
        }
    }

    /// The built-in role of that id.
    #[must_use]
    pub fn from_id(id: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|role| role.name() == id)
    }

    /// What the role may do.
    ///
    /// Where the platform's matrix and its text disagree (who manages permissions), and for rows without any mark, the
    /// project admin alone holds the action.
    #[must_use]
    pub fn mask(self) -> ActionMask {
        let highest = match self {
            Self::Admin => Tier::Admin,
            Self::ReadWrite => Tier::ReadWrite,
            Self::ReadOnly => Tier::ReadOnly,
        };
        Action::ALL.into_iter().filter(|action| action.tier() <= highest).collect()
    }
}

/// The action names a role was given, in catalogue order and without duplicates, and what they come to.
///
/// The default holds nothing and allows nothing.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct RoleActions {
    known: BTreeSet<ActionName>,
    /// Names this binary does not know, kept because a newer one may. They grant nothing.
    unknown: BTreeSet<String>,
    mask: ActionMask,
}

impl RoleActions {
    /// Sorts names into known and unknown ones.
    pub fn from_names<'a>(names: impl IntoIterator<Item = &'a str>) -> Self {
        let mut actions = Self::default();
        for name in names {
            match ActionName::parse(name) {
                Some(known) => {
                    actions.mask |= known.mask();
                    actions.known.insert(known);
                }
                None => {
                    actions.unknown.insert(name.to_owned());
                }
            }
        }
        actions
    }

    /// The current actions that the names stand for.
    #[must_use]
    pub const fn mask(&self) -> ActionMask {
        self.mask
    }

    /// The names as given: known ones in catalogue order, then unknown ones.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.known.iter().map(|name| name.name()).chain(self.unknown())
    }

    /// The names that this binary does not know.
    pub fn unknown(&self) -> impl Iterator<Item = &str> {
        self.unknown.iter().map(String::as_str)
    }
}

/// A project role.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Role {
    /// Opaque; a built-in role's is its name.
    pub id: RoleId,
    /// Unique on the site.
    pub label: Label,
    /// What it may do.
    pub actions: RoleActions,
    /// Whether it is one of the three that every site has.
    pub built_in: bool,
}

impl Role {
    /// A built-in role, as the table of roles holds it.
    #[must_use]
    pub fn built_in(role: BuiltIn) -> Option<Self> {
        Some(Self {
            id: RoleId::parse(role.name()).ok()?,
            label: Label::parse(role.name()).ok()?,
            actions: RoleActions::from_names(role.mask().iter().map(Action::name)),
            built_in: true,
        })
    }
}

/// Every project role of the site, by id.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct RoleTable {
    // INVARIANT: sorted by id, each once.
    roles: Vec<Role>,
    /// Where roles are, each from the place on that its mark says: a power of two of places, of which no more than half are
    /// taken. Decisions look here, and find what they look for at once.
    places: Vec<Option<u32>>,
}

impl RoleTable {
    /// The built-in roles and these custom ones. A custom role under a built-in's id is not taken in: the built-in
    /// tables come from this binary alone. Of several under one id, the last counts.
    #[must_use]
    pub fn with_custom(custom: impl IntoIterator<Item = Role>) -> Self {
        let custom = custom.into_iter().filter(|role| BuiltIn::from_id(role.id.as_str()).is_none());
        let built_in = BuiltIn::ALL.into_iter().filter_map(Role::built_in);
        let roles: BTreeMap<_, _> = custom.chain(built_in).map(|role| (role.id.clone(), role)).collect();
        let roles: Vec<_> = roles.into_values().collect();
        let mut places = vec![None; (2 * roles.len()).next_power_of_two()];
        for (number, role) in (0..).zip(&roles) {
            let from = mark::of(role.id.as_str()) as usize & (places.len() - 1);
            let (before, after) = places.split_at_mut(from);
            if let Some(free) = after.iter_mut().chain(before).find(|place| place.is_none()) {
                *free = Some(number);
            }
        }
        Self { roles, places }
    }

    /// The role of that id.
    #[must_use]
    pub fn get(&self, id: &RoleId) -> Option<&Role> {
        self.marked(mark::of(id.as_str()), id)
    }

    /// The same where the id's mark is known already.
    pub(super) fn marked(&self, mark: u32, id: &RoleId) -> Option<&Role> {
        let mut place = mark as usize;
        loop {
            // Half of the places are free, and there is none where there are no roles: it comes to an end.
            let number = (*self.places.get(place & self.places.len().wrapping_sub(1))?)?;
            let role = self.roles.get(number as usize)?;
            if role.id == *id {
                return Some(role);
            }
            place = place.wrapping_add(1);
        }
    }

    /// What the role of that id may do; a role that is not in the table may do nothing.
    #[must_use]
    pub fn mask(&self, id: &RoleId) -> ActionMask {
        self.get(id).map(|role| role.actions.mask()).unwrap_or_default()
    }

    /// All roles, in no particular order.
    pub fn iter(&self) -> impl Iterator<Item = &Role> {
        self.roles.iter()
    }
}

impl fmt::Debug for RoleTable {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_set().entries(self.iter().map(|role| &role.id)).finish()
    }
}

/// One role that a user holds on one project. A user on a project holds one or more.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct ProjectGrant {
    /// The project.
    pub project: ProjectId,
    /// The role held there.
    pub role: RoleId,
}
