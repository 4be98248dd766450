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
/// Connections, and batches under way on each.
const FEW: (usize, usize) = (2, 4);
/// The same where they share their turns.
const MANY: (usize, usize) = (64, 64);
/// What Cerbos answers at most, unless it is configured otherwise.
const CERBOS: usize = 50;

pub(super) fn run(bench: &mut Bench) {
    let works = works(bench);
    let yes: Vec<Work> = works.iter().map(|(_, work, _)| noop::same(work)).collect();
    let (current, rolegate) = (bench.noop("current"), bench.rolegate());
    let mut trials = Vec::new();
    for ((load, work, (connections, flight)), yes) in works.iter().zip(&yes) {
        for (server, work) in [(&rolegate, work), (&current, yes)] {
            trials.push(Trial::new(SECTION, load, server, work, *connections, Pace::Closed(*flight)));
        }
    }
    let peers = [cerbos::Setup::Documented, cerbos::Setup::Tuned].map(|setup| {
        let batches = batches_of_one(&bench.site, DIFFERENT, CERBOS);
        (bench.cerbos(setup), cerbos::batches(setup, &bench.site, &batches))
    });
    for (server, work) in &peers {
        let Some(server) = server else { continue };
        let load = format!("{CERBOS} one user");
        trials.push(Trial::new(SECTION, &load, server, work, FEW.0, Pace::Closed(FEW.1)));
    }
    let times = bench.times();
    take_turns(&mut bench.report, &trials, bench.args.rounds(), times);
}

/// What is asked, and by how many.
fn works(bench: &Bench) -> Vec<(String, Work, (usize, usize))> {
    let site = &bench.site;
    let one = |items| rolegate::batches(site, &batches_of_one(site, DIFFERENT, items), Shape::OneUser);
    let mut works = Vec::new();
    for items in [1_000, 100, CERBOS, 10] {
        let many = batches_of_many(site, DIFFERENT, items);
        works.push((format!("{items} one user"), one(items), FEW));
        works.push((format!("{items} many users"), rolegate::batches(site, &many, Shape::ManyUsers), FEW));
        if items == 1_000 {
            works.push((format!("{items} spelled out"), rolegate::batches(site, &many, Shape::Spelled), FEW));
        }
    }
    works.push((format!("10 {}x{}", MANY.0, MANY.1), one(10), MANY));
    works
}
