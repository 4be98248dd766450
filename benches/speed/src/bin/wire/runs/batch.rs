//! Batches: what an item costs, by the shape of the batch and by its size.

use super::{
    bench::Bench,
    rounds::{Trial, run as take_turns},
};
use crate::{
    load::Pace,
    peers::{
        cerbos, noop,
        rolegate::{self, Shape},
    },
    site::{batches_of_many, batches_of_one},
    work::Work,
};

const SECTION: &str = "batch";
/// Different batches of each kind.
const DIFFERENT: usize = 64;
const CONNECTIONS: usize = 2;
const FLIGHT: usize = 4;
/// Many connections, with many batches under way on each: they share their turns.
const CROWD: usize = 64;
/// How many items their batches have.
const SHORT: usize = 10;
/// What Cerbos answers at most, unless it is configured otherwise.
const CERBOS: usize = 50;

pub(super) fn run(bench: &mut Bench) {
    let works = works(bench);
    let yes: Vec<(String, Work)> =
        works.iter().map(|(load, work)| (load.clone(), noop::same(work))).collect();
    let (current, rolegate) = (bench.noop("current"), bench.rolegate());
    let mut trials = Vec::new();
    for ((load, work), (_, yes)) in works.iter().zip(&yes) {
        trials.push(Trial::new(SECTION, load, &rolegate, work, CONNECTIONS, Pace::Closed(FLIGHT)));
        trials.push(Trial::new(SECTION, load, &current, yes, CONNECTIONS, Pace::Closed(FLIGHT)));
    }
    let short = batches_of_one(&bench.site, DIFFERENT, SHORT);
    let crowd = rolegate::batches(&bench.site, &short, Shape::OneUser);
    let crowd = [(&rolegate, &crowd), (&current, &noop::same(&crowd))];
    for (server, work) in crowd {
        let load = format!("{SHORT} {CROWD}x{CROWD}");
        trials.push(Trial::new(SECTION, &load, server, work, CROWD, Pace::Closed(CROWD)));
    }
    let peers = [cerbos::Setup::Documented, cerbos::Setup::Tuned].map(|setup| {
        let batches = batches_of_one(&bench.site, DIFFERENT, CERBOS);
        (bench.cerbos(setup), cerbos::batches(setup, &bench.site, &batches))
    });
    for (server, work) in &peers {
        let Some(server) = server else { continue };
        let load = format!("{CERBOS} one user");
        trials.push(Trial::new(SECTION, &load, server, work, CONNECTIONS, Pace::Closed(FLIGHT)));
    }
    let times = bench.times();
    take_turns(&mut bench.report, &trials, bench.args.rounds(), times);
}

fn works(bench: &Bench) -> Vec<(String, Work)> {
    let site = &bench.site;
    let mut works = Vec::new();
    for items in [1_000, 100, CERBOS, SHORT] {
        let (one, many) = (batches_of_one(site, DIFFERENT, items), batches_of_many(site, DIFFERENT, items));
        let one = rolegate::batches(site, &one, Shape::OneUser);
        works.push((format!("{items} one user"), one));
        works.push((format!("{items} many users"), rolegate::batches(site, &many, Shape::ManyUsers)));
        if items == 1_000 {
            works.push((format!("{items} spelled out"), rolegate::batches(site, &many, Shape::Spelled)));
        }
    }
    works
}
