//! What is asked, and what the answer must be, worked out from the site's description alone.

use super::{LEADS, Role, STAFF, Site, random::Random};
use crate::verdict::Verdict;

const ALLOW: u8 = 1;
const DENY: u8 = 2;
const GRANTED_BY_ROLE: u8 = 1;
const SITE_ADMIN: u8 = 2;
const NO_ROLE: u8 = 9;
const LACKING_ACTION: u8 = 10;

/// May this user download files of this project?
#[derive(Clone, Copy, Debug)]
pub(crate) struct Question {
    pub(crate) user: u32,
    pub(crate) project: u32,
}

impl Question {
    pub(crate) fn answer(self, site: &Site) -> Verdict {
        if site.is_site_admin(self.user) {
            return Verdict { decision: ALLOW, reason: SITE_ADMIN };
        }
        match site.role_on(self.user, self.project) {
            Some(role) if role.may() => Verdict { decision: ALLOW, reason: GRANTED_BY_ROLE },
            Some(_) => Verdict { decision: DENY, reason: LACKING_ACTION },
            None => Verdict { decision: DENY, reason: NO_ROLE },
        }
    }
}

/// Single questions in random order: of a hundred, 88 are allowed by a role and 2 by being site admin, 5 are about
/// projects that the user is not on, and 5 about projects where the role does not do.
pub(crate) fn mixed(site: &Site, count: usize) -> Vec<Question> {
    let mut random = Random::new(1);
    (0..count)
        .map(|_| match random.below(100) {
            0..88 => on_own(site, &mut random, Role::may),
            88..90 => by_site_admin(site, &mut random),
            90..95 => elsewhere(site, &mut random),
            _ => on_own(site, &mut random, |role| !role.may()),
        })
        .collect()
}

/// Someone who is neither staff nor site admin.
fn anyone(site: &Site, random: &mut Random) -> u32 {
    let special = if site.staffed { STAFF + LEADS } else { 0 };
    loop {
        let user = special + random.below(site.users - special);
        if !site.is_site_admin(user) {
            return user;
        }
    }
}

fn on_own(site: &Site, random: &mut Random, wanted: impl Fn(Role) -> bool) -> Question {
    loop {
        let user = anyone(site, random);
        let nth = random.below(site.grants_of(user));
        if wanted(site.role_of(user, nth)) {
            return Question { user, project: site.project_of(user, nth) };
        }
    }
}

/// Small sites may have none.
fn by_site_admin(site: &Site, random: &mut Random) -> Question {
    let user = (0..site.users).rev().find(|user| site.is_site_admin(*user));
    match user {
        Some(user) => Question { user, project: random.below(site.projects) },
        None => on_own(site, random, Role::may),
    }
}

fn elsewhere(site: &Site, random: &mut Random) -> Question {
    loop {
        let question = Question { user: anyone(site, random), project: random.below(site.projects) };
        if site.role_on(question.user, question.project).is_none() {
            return question;
        }
    }
}

/// Batches about one user each: nine in ten of the projects are the user's own, as far as there are so many.
pub(crate) fn batches_of_one(site: &Site, count: usize, items: usize) -> Vec<Vec<Question>> {
    let mut random = Random::new(2);
    let of_staff = items > 50;
    let batch = |nth: usize| {
        let user = nth as u32 % STAFF + if of_staff { 0 } else { STAFF };
        let mut own = (0..site.grants_of(user)).map(|nth| site.project_of(user, nth)).collect::<Vec<_>>();
        own.truncate(items * 9 / 10);
        let mut questions: Vec<_> = own.into_iter().map(|project| Question { user, project }).collect();
        while questions.len() < items {
            let question = Question { user, project: random.below(site.projects) };
            if site.role_on(user, question.project).is_none() {
                questions.push(question);
            }
        }
        shuffle(&mut questions, &mut random);
        questions
    };
    (0..count).map(batch).collect()
}

/// Batches of questions that have nothing to do with each other.
pub(crate) fn batches_of_many(site: &Site, count: usize, items: usize) -> Vec<Vec<Question>> {
    mixed(site, count * items).chunks(items).map(<[_]>::to_vec).collect()
}

fn shuffle(questions: &mut [Question], random: &mut Random) {
    for place in (1..questions.len()).rev() {
        questions.swap(place, random.below(place as u32 + 1) as usize);
    }
}
