//! The engine's answers, from small sites to large ones.

mod questions;
mod serving;

pub use serving::{Memory, Served, runtime};

use crate::{
    Result,
    args::Args,
    measure::{Effort, Subject, compare},
    report::{Ratio, Report},
    site::{Site, spaced},
    store::Stores,
};
use questions::{BATCH, Questions, wish};
use rolegate::engine::{Engine, answer::Query};
use std::{
    hint::black_box,
    time::{Duration, Instant},
};
use tokio::runtime::Runtime;

/// A thousand grants.
pub const SMALLEST: Site = Site { users: 100, projects: 100, grants_of_a_user: 10 };
/// A hundred thousand users, each of whom has an entry of the cache.
pub const HEADLINE: Site = Site { users: 100_000, projects: 10_000, grants_of_a_user: 10 };
/// Ten million grants.
pub const LARGEST: Site = Site { users: 100_000, projects: 20_000, grants_of_a_user: 100 };
const SITES: [Site; 4] =
    [SMALLEST, Site { users: 10_000, projects: 1_000, grants_of_a_user: 10 }, HEADLINE, LARGEST];

/// The group of figures that targets speak of.
pub const HIT: &str = "engine.check, a hit: everything cached, all users in random order";

/// Measures each kind of question at all sites beside each other.
pub fn measure(args: &Args, stores: &Stores, report: &mut Report) -> Result<()> {
    let runtime = runtime()?;
    // One after the other: engines that are not asked follow their stores all the same, and would take time from those
    // that are.
    measure_from(Memory::Everything, &runtime, args, stores, report)?;
    note_growth(report);
    measure_from(Memory::Nothing, &runtime, args, stores, report)?;
    // A follower never ends by itself.
    runtime.shutdown_background();
    Ok(())
}

fn measure_from(
    memory: Memory,
    runtime: &Runtime,
    args: &Args,
    stores: &Stores,
    report: &mut Report,
) -> Result<()> {
    let sites = SITES.into_iter().filter(|site| !args.quick || *site != LARGEST);
    let prepare = |site| runtime.block_on(Prepared::new(stores, site, memory));
    let sites: Vec<Prepared> = sites.map(prepare).collect::<Result<_>>()?;
    let effort = Effort::new(args.quick, args.criterion);
    for (group, kind) in memory.kinds() {
        let subjects = sites.iter().map(|site| site.subject(runtime, *kind)).collect();
        report.figures.extend(compare(group, effort, subjects));
    }
    if memory == Memory::Nothing {
        for Prepared { site, loads, .. } in &sites {
            report
                .notes
                .push(format!("engine.check, a miss: {loads:.2} look-ups at the store each ({site})"));
        }
    }
    Ok(())
}

/// How the time of a hit grows with the site.
fn note_growth(report: &mut Report) {
    let Some(smallest) = report.time(HIT, &SMALLEST.to_string()) else { return };
    for site in SITES.into_iter().filter(|site| *site != SMALLEST) {
        if let Some(time) = report.time(HIT, &site.to_string()) {
            let (large, small) = (spaced(site.grants()), spaced(SMALLEST.grants()));
            let name = format!("engine.check, a hit: {large} grants by {small}");
            report.ratios.push(Ratio { name, times: time / smallest });
        }
    }
}

/// A kind of question.
#[derive(Clone, Copy, Debug)]
enum Kind {
    Known,
    UnknownUser,
    UnknownProject,
    ManyOfOneUser,
    ManyUsers,
}

impl Memory {
    /// What is asked, and what its figures are called.
    const fn kinds(self) -> &'static [(&'static str, Kind)] {
        match self {
            Self::Everything => &[
                (HIT, Kind::Known),
                ("engine.check, a user that is not there: everything cached", Kind::UnknownUser),
                ("engine.check, a project that is not there: everything cached", Kind::UnknownProject),
                ("engine.check_many of 1,000, one of them: one user, many projects", Kind::ManyOfOneUser),
                ("engine.check_many of 1,000, one of them: many users", Kind::ManyUsers),
            ],
            Self::Nothing => &[("engine.check, a miss: read from SQLite", Kind::Known)],
        }
    }
}

/// A site, the engine over it, and what it is asked.
struct Prepared {
    site: Site,
    served: Served,
    questions: Questions,
    /// How many look-ups at the store a question takes.
    loads: f64,
}

impl Prepared {
    async fn new(stores: &Stores, site: Site, memory: Memory) -> Result<Self> {
        let path = stores.of(site).await?;
        eprintln!("loading {site}");
        let served = Served::new(&path, memory).await?;
        let questions = Questions::new(site)?;
        let loads = questions.verify(&served.engine).await?;
        if memory == Memory::Everything && loads > 0.0 {
            return Err(format!("not everything was loaded at the start: {site}").into());
        }
        Ok(Self { site, served, questions, loads })
    }

    fn subject<'a>(&'a self, runtime: &'a Runtime, kind: Kind) -> Subject<'a> {
        let (name, engine, questions) = (self.site.to_string(), &self.served.engine, &self.questions);
        match kind {
            Kind::Known => single(runtime, &name, engine, &questions.hits),
            Kind::UnknownUser => single(runtime, &name, engine, &questions.unknown_users),
            Kind::UnknownProject => single(runtime, &name, engine, &questions.unknown_projects),
            Kind::ManyOfOneUser => batched(runtime, &name, engine, &questions.of_one_user),
            Kind::ManyUsers => batched(runtime, &name, engine, &questions.hits),
        }
    }
}

/// How many questions are made at a time before they are asked.
const FRESH: usize = 16;

/// Asks questions that have just been made, as those that come over the wire have just been read. To make them is not timed.
fn single<'a>(runtime: &'a Runtime, name: &str, engine: &'a Engine, queries: &'a [Query]) -> Subject<'a> {
    let mut turn = queries.chunks(FRESH).cycle();
    let run = move |times: u64| {
        runtime.block_on(async {
            let (wish, mut took, mut left) =
                (wish(), Duration::ZERO, usize::try_from(times).unwrap_or(usize::MAX));
            while left > 0 {
                let Some(queries) = turn.next() else { break };
                let fresh: Vec<_> = queries.iter().take(left).map(questions::anew).collect();
                let started = Instant::now();
                for query in &fresh {
                    let answer = engine.check(black_box(query), wish).await;
                    black_box(answer.expect("what was answered before is answered again"));
                }
                took += started.elapsed();
                left -= fresh.len();
            }
            took
        })
    };
    Subject::timed(name, 1, run)
}

fn batched<'a>(runtime: &'a Runtime, name: &str, engine: &'a Engine, queries: &'a [Query]) -> Subject<'a> {
    let mut turn = queries.chunks_exact(BATCH).cycle();
    let run = move |times: u64| {
        runtime.block_on(async {
            let (wish, started) = (wish(), Instant::now());
            for _ in 0..times {
                let Some(queries) = turn.next() else { break };
                let answers = engine.check_many(black_box(queries), wish).await;
                black_box(answers.expect("what was answered before is answered again"));
            }
            started.elapsed()
        })
    };
    Subject::timed(name, BATCH as u64, run)
}
