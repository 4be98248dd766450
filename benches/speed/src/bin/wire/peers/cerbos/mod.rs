//! Cerbos, asked the same questions in its own way.

mod messages;
mod policies;

use super::Launch;
use crate::{
    site::{ACTION, Question, Role, Site, project_id, user_id},
    verdict::Expected,
    work::{Call, Work},
};
use messages::{Answer, Principal, Request, Resource, ResourceEntry, Value};
use policies::{KIND, SITE_ADMIN, USER};
use prost::Message;
use std::{
    collections::BTreeMap,
    fs,
    path::{Path, PathBuf},
    process::Command,
};

const PATH: &str = "/cerbos.svc.v1.CerbosService/CheckResources";
const PACKAGE: &str = "@cerbos/cerbos-linux-x64@0.55.0";
const ARCHIVE: &str = "cerbos-cerbos-linux-x64-0.55.0.tgz";
const ALLOW: i32 = 1;

/// How it is set up and asked.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Setup {
    /// As its documentation tells one to say "this user has that role on this project": the caller sends who is on
    /// what along, and derived roles look it up. Logging is left as it is.
    Documented,
    /// Nothing is logged, and the question is the cheapest that there is: one role, which a rule without conditions
    /// names.
    Tuned,
}

impl Setup {
    const fn name(self) -> &'static str {
        match self {
            Self::Documented => "cerbos documented",
            Self::Tuned => "cerbos tuned",
        }
    }
}

/// The program, fetched once into the folder.
pub(crate) fn program(folder: &Path) -> PathBuf {
    let program = folder.join("package/cerbos-linux-x64");
    if !program.exists() {
        fs::create_dir_all(folder).unwrap();
        if !folder.join(ARCHIVE).exists() {
            eprintln!("  fetching {PACKAGE}");
            run(Command::new("npm").args(["pack", "--silent", PACKAGE]).current_dir(folder));
        }
        run(Command::new("tar").args(["-xzf", ARCHIVE]).current_dir(folder));
    }
    program
}

fn run(command: &mut Command) {
    assert!(command.status().unwrap().success(), "{command:?} has failed");
}

pub(crate) fn launch(setup: Setup, program: &Path, folder: &Path) -> Launch {
    let launch = Launch::new(setup.name(), program, folder).without_log();
    let config = policies::write(setup, &launch.tcp(), folder);
    let launch = launch.arguments(["server", "--config", &config]);
    match setup {
        Setup::Documented => launch,
        Setup::Tuned => launch.arguments(["--log-level=error"]),
    }
}

/// Single questions.
pub(crate) fn checks(setup: Setup, site: &Site, questions: &[Question]) -> Work {
    batches(setup, site, &questions.iter().map(|question| vec![*question]).collect::<Vec<_>>())
}

/// Batches, each about one user: there is no other way to ask it many things.
pub(crate) fn batches(setup: Setup, site: &Site, batches: &[Vec<Question>]) -> Work {
    let call = |questions: &Vec<Question>| {
        let allowed = questions.iter().map(|question| match setup {
            Setup::Documented => question.answer(site).is_allow(),
            Setup::Tuned => true,
        });
        Call::new(&request(setup, site, questions), Expected::Cerbos(allowed.collect()))
    };
    Work { path: PATH, calls: batches.iter().map(call).collect(), items: batches[0].len() }
}

fn request(setup: Setup, site: &Site, questions: &[Question]) -> Request {
    let entry = |question: &Question| ResourceEntry {
        actions: vec![ACTION.to_owned()],
        resource: Some(Resource { kind: KIND.to_owned(), id: project_id(question.project) }),
    };
    let user = questions[0].user;
    let (role, attr) = match setup {
        Setup::Documented if site.is_site_admin(user) => (SITE_ADMIN, grants(site, user)),
        Setup::Documented => (USER, grants(site, user)),
        Setup::Tuned => (USER, BTreeMap::new()),
    };
    Request {
        principal: Some(Principal { id: user_id(user), roles: vec![role.to_owned()], attr }),
        resources: questions.iter().map(entry).collect(),
    }
}

/// The projects of the user, by role.
fn grants(site: &Site, user: u32) -> BTreeMap<String, Value> {
    let mut projects: BTreeMap<&str, Vec<String>> =
        ["ro", "rw", "admin", "viewer"].into_iter().map(|role| (role, Vec::new())).collect();
    for nth in 0..site.grants_of(user) {
        let role = match site.role_of(user, nth) {
            Role::Ro => "ro",
            Role::Rw => "rw",
            Role::Admin => "admin",
            Role::Viewer(_) => "viewer",
        };
        projects.entry(role).or_default().push(project_id(site.project_of(user, nth)));
    }
    projects.into_iter().map(|(role, ids)| (role.to_owned(), Value::list(ids))).collect()
}

/// Whether an answer allows exactly what it should.
pub(crate) fn answers(message: &[u8], allowed: &[bool]) -> bool {
    let Ok(answer) = Answer::decode(message) else { return false };
    let is = |(result, allowed): (&messages::Result, &bool)| {
        result.actions.get(ACTION).is_some_and(|effect| (*effect == ALLOW) == *allowed)
    };
    answer.results.len() == allowed.len() && answer.results.iter().zip(allowed).all(is)
}
