//! How soon a server is there, and how much it takes while nobody asks.

use super::bench::{Bench, ROLEGATE};
use crate::{
    load::{Pace, Target},
    peers::rolegate,
    report::Row,
    site::{Site, mixed},
};
use std::{fs, thread, time::Duration};

const SECTION: &str = "start";
const SMALL: Site =
    Site { users: 100, projects: 50, projects_of_a_user: 10, custom_roles: 4, staffed: false };
/// How long until a server has calmed down.
const CALM: Duration = Duration::from_secs(2);
const MIB: f64 = (1 << 20) as f64;

#[derive(Default)]
struct Seen {
    serving: Vec<f64>,
    answer: Vec<f64>,
    idle: Vec<f64>,
    loaded: Vec<f64>,
    most: Vec<f64>,
}

pub(super) fn run(bench: &mut Bench) {
    let mut seen = Seen::default();
    for _ in 0..2 * bench.args.rounds() {
        observe(bench, &mut seen);
    }
    let size = fs::metadata(&bench.args.rolegate).unwrap().len() as f64 / MIB;
    let row = Row::plain(SECTION, ROLEGATE, "small site")
        .with("serving_ms", seen.serving)
        .with("first_answer_ms", seen.answer)
        .with("idle_rss_mib", seen.idle)
        .with("loaded_rss_mib", seen.loaded)
        .with("most_rss_mib", seen.most)
        .with("binary_mib", vec![size]);
    bench.report.rows.push(row);
}

fn observe(bench: &mut Bench, seen: &mut Seen) {
    let args = &bench.args;
    let work = rolegate::checks(&SMALL, &mixed(&SMALL, args.questions));
    let launch = || rolegate::launch(ROLEGATE, &args.rolegate, &SMALL, &args.folder, &args.rolegate_arg);
    // One start for each moment: asking for one must not hold up the other.
    seen.serving.push(launch().start().wait_for(&rolegate::health()).as_secs_f64() * 1e3);
    let mut server = launch().start();
    seen.answer.push(server.wait_for(&work).as_secs_f64() * 1e3);
    thread::sleep(CALM);
    seen.idle.push(server.memory().0 / MIB);
    let (address, pid) = (server.tcp.clone(), server.pid());
    let target = Target { address, work: &work, pid, connections: 16, times: bench.times() };
    let slice = target.load(Pace::Closed(8)).unwrap();
    bench.report.wrong += slice.wrong;
    seen.loaded.push(slice.memory / MIB);
    seen.most.push(server.memory().1 / MIB);
}
