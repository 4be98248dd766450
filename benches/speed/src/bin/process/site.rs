//! The sites that are measured: who holds which role where, by a formula that needs no memory.

use crate::dice::{Dice, scramble};
use rolegate::rbac::{action::Action, role::BuiltIn};
use std::fmt;

/// The action that every question asks for. All three built-in roles hold it.
pub const ACTION: Action = Action::FilesDownload;
/// An action that of the built-in roles `admin` alone holds: what others are denied for want of it.
pub const ADMIN_ACTION: Action = Action::ContainersDeleteProject;

/// A site in which every user holds one role on equally many projects.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Site {
    pub users: usize,
    pub projects: usize,
    pub grants_of_a_user: usize,
}

/// "May this user do this on this project?", by numbers.
#[derive(Clone, Copy, Debug)]
pub struct Ask {
    pub user: usize,
    pub project: usize,
    pub action: Action,
}

impl Site {
    /// How many grants there are.
    pub const fn grants(self) -> usize {
        self.users * self.grants_of_a_user
    }

    /// The first of the user's projects; the others follow it.
    const fn first(self, user: usize) -> usize {
        user * 7_919 % self.projects
    }

    /// What the user holds.
    pub fn held(self, user: usize) -> impl Iterator<Item = (usize, BuiltIn)> {
        let first = self.first(user);
        (0..self.grants_of_a_user).map(move |nth| ((first + nth) % self.projects, role_of(user, nth)))
    }

    /// The role that the user holds on the project.
    pub fn role(self, user: usize, project: usize) -> Option<BuiltIn> {
        let nth = (project + self.projects - self.first(user)) % self.projects;
        (nth < self.grants_of_a_user).then(|| role_of(user, nth))
    }

    /// Whether the answer must be an allow.
    pub fn allows(self, ask: Ask) -> bool {
        self.role(ask.user, ask.project).is_some_and(|role| role.mask().contains(ask.action))
    }

    /// Questions whose answer is an allow, all users in random order, over and over until there are enough.
    pub fn hits(self, least: usize) -> Vec<Ask> {
        let mut dice = Dice::new();
        let mut asks = Vec::new();
        while asks.len() < least {
            for user in dice.order(self.users) {
                let project = (self.first(user) + dice.below(self.grants_of_a_user)) % self.projects;
                asks.push(Ask { user, project, action: ACTION });
            }
        }
        asks
    }

    /// Questions of all kinds: roles that hold the action, roles that lack it, and no role at all.
    pub fn mixed(self, many: usize) -> Vec<Ask> {
        let mut asks = self.hits(many);
        asks.truncate(many);
        for (at, ask) in asks.iter_mut().enumerate() {
            match at % 3 {
                0 => {}
                1 => ask.action = ADMIN_ACTION,
                // The one after the user's last: nobody holds all projects of a site.
                _ => ask.project = (self.first(ask.user) + self.grants_of_a_user) % self.projects,
            }
        }
        asks
    }
}

impl fmt::Display for Site {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (grants, users) = (spaced(self.grants()), spaced(self.users));
        write!(f, "{grants} grants: {users} users, {} each", spaced(self.grants_of_a_user))
    }
}

const fn role_of(user: usize, nth: usize) -> BuiltIn {
    match (user + nth) % 3 {
        0 => BuiltIn::ReadOnly,
        1 => BuiltIn::ReadWrite,
        _ => BuiltIn::Admin,
    }
}

/// A user's id, as long as e-mail addresses are.
pub fn user_id(user: usize) -> String {
    format!("user{user:06}@bench.example")
}

/// A project's id, of the platform's form: a time, which they have in common at the start, and what is random.
pub fn project_id(project: usize) -> String {
    format!("{:08x}{:016x}", 0x6500_0000 + project, scramble(project as u64 + 1))
}

/// A number with its thousands apart.
pub fn spaced(number: usize) -> String {
    let digits = number.to_string();
    let mut text = String::new();
    for (at, digit) in digits.chars().enumerate() {
        if at > 0 && (digits.len() - at).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}
