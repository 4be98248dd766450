//! What all parts share.

use crate::{
    args::Args,
    load::Times,
    peers::{Launch, Server, cerbos, noop, rolegate},
    report::Report,
    site::{Question, Site, mixed},
    work::Work,
};
use std::path::PathBuf;

/// The names in the report.
pub(super) const ROLEGATE: &str = "rolegate";

pub(super) struct Bench {
    pub(super) args: Args,
    pub(super) site: Site,
    pub(super) questions: Vec<Question>,
    pub(super) report: Report,
}

impl Bench {
    pub(super) fn new(args: Args) -> Self {
        std::fs::create_dir_all(&args.folder).unwrap();
        let site = args.site();
        eprintln!("a site of {} users, {} projects, {} grants", site.users, site.projects, site.grants());
        let questions = mixed(&site, args.questions);
        Self { args, site, questions, report: Report::default() }
    }

    pub(super) fn times(&self) -> Times {
        self.args.times()
    }

    /// rolegate's questions over the usual site.
    pub(super) fn checks(&self) -> Work {
        rolegate::checks(&self.site, &self.questions)
    }

    pub(super) fn rolegate_launch(&self) -> Launch {
        let Args { rolegate, folder, rolegate_arg, .. } = &self.args;
        match &self.args.store {
            Some(store) => rolegate::over(ROLEGATE, rolegate, store, folder, rolegate_arg),
            None => rolegate::launch(ROLEGATE, rolegate, &self.site, folder, rolegate_arg),
        }
    }

    pub(super) fn rolegate(&self) -> Server {
        self.rolegate_launch().start_for(&self.checks())
    }

    pub(super) fn noop(&self, runtime: &str) -> Server {
        let work = noop::same(&self.checks());
        noop::launch(&self.args.noop(), runtime, &self.args.folder).start_for(&work)
    }

    /// `None` when Cerbos was not wanted.
    pub(super) fn cerbos(&self, setup: cerbos::Setup) -> Option<Server> {
        let program: PathBuf = (!self.args.without_cerbos).then(|| cerbos::program(&self.args.tools))?;
        let work = cerbos::checks(setup, &self.site, &self.questions);
        Some(cerbos::launch(setup, &program, &self.args.folder).start_for(&work))
    }
}
