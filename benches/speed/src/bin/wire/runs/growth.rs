//! What becomes of rolegate as sites grow.

use super::{
    bench::Bench,
    rounds::{Trial, run as take_turns},
};
use crate::{
    load::Pace,
    peers::{Server, rolegate},
    site::{Site, mixed},
    work::Work,
};

const SECTION: &str = "growth";
const RATE: f64 = 20_000.0;

/// What grows, and how much of the cache it gets.
struct Step {
    name: &'static str,
    site: Site,
    cache: Option<&'static str>,
}

const fn site(users: u32, projects: u32, projects_of_a_user: u32, custom_roles: u32) -> Site {
    Site { users, projects, projects_of_a_user, custom_roles, staffed: false }
}

const fn step(name: &'static str, site: Site) -> Step {
    Step { name, site, cache: Some("4GiB") }
}

const SMALL: Step = step("1k grants", site(100, 50, 10, 4));
const MIDDLE: Step = step("100k grants", site(10_000, 1_000, 10, 4));
const LARGE: Site = site(200_000, 20_000, 50, 4);

const GRANTS: [Step; 4] = [
    SMALL,
    MIDDLE,
    step("10M grants", LARGE),
    Step { name: "10M grants usual cache", site: LARGE, cache: None },
];

/// One thing at a time, from a site of ten thousand grants.
const DIMENSIONS: [Step; 7] = [
    step("base", site(1_000, 200, 10, 4)),
    step("users x10", site(10_000, 200, 10, 4)),
    step("users x100", site(100_000, 200, 10, 4)),
    step("projects x10", site(1_000, 2_000, 10, 4)),
    step("projects x100", site(1_000, 20_000, 10, 4)),
    step("roles x10", site(1_000, 200, 10, 40)),
    step("roles x100", site(1_000, 200, 10, 400)),
];

pub(super) fn run(bench: &mut Bench) {
    if bench.args.quick {
        measure(bench, &[SMALL, MIDDLE]);
    } else {
        measure(bench, &GRANTS);
        measure(bench, &DIMENSIONS);
    }
}

/// All of them side by side, so that they can take turns.
fn measure(bench: &mut Bench, steps: &[Step]) {
    let servers: Vec<(Server, Work)> = steps.iter().map(|step| serve(bench, step)).collect();
    let mut trials = Vec::new();
    for (server, work) in &servers {
        trials.push(Trial::new(SECTION, "closed 16x8", server, work, 16, Pace::Closed(8)));
        let load = format!("open {RATE:.0}/s");
        trials.push(Trial::new(SECTION, &load, server, work, 16, Pace::Open(RATE)));
    }
    let times = bench.times();
    take_turns(&mut bench.report, &trials, bench.args.rounds(), times);
}

fn serve(bench: &Bench, step: &Step) -> (Server, Work) {
    let args = &bench.args;
    let mut more = args.rolegate_arg.clone();
    more.extend(step.cache.map(|cache| format!("--cache-bytes={cache}")));
    let work = rolegate::checks(&step.site, &mixed(&step.site, args.growth_questions));
    let launch = rolegate::launch(step.name, &args.rolegate, &step.site, &args.folder, &more);
    (launch.start_for(&work), work)
}
