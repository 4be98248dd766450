//! The seed's hand: decides what happens next, and waits until it has happened.

use super::{
    askers::{Asked, Pasts, ask},
    door::Door,
};
use crate::{
    history::{Past, random_edit, start},
    kit::Running,
    random::Random,
    support::{Made, context, head, snapshot, sqlite, write_with},
};
use rolegate::{
    engine::{Engine, Settings},
    store::{Store, auth::Actor, error::Error},
};
use std::{sync::Arc, time::Duration};

/// Longer than any pause of the follower's: whatever it waits for comes true.
const LONG_ENOUGH: Duration = Duration::from_secs(3);
/// What passes with every step, so that no two happen at once: shorter than any pause, however many steps are taken.
const INSTANT: Duration = Duration::from_micros(1);
/// How many revisions back the store tells what changed: a follower that is held up must rebuild now and then.
const HISTORY: u64 = 3;

pub(super) struct Driver {
    made: Made,
    door: Arc<Door>,
    engine: Running,
    random: Random,
    pasts: Pasts,
    asked: Vec<Asked>,
    /// How many may ask at a time.
    most_askers: usize,
    /// Hints that are on their way.
    late_hints: usize,
    /// The newest token that was given.
    given: u64,
    counts: Counts,
    trace: Vec<String>,
}

#[derive(Default, Debug)]
struct Counts {
    writes: usize,
    answers: usize,
    refusals: usize,
    failures: usize,
}

impl Driver {
    pub(super) async fn begin(seed: u64, settings: Settings, most_askers: usize) -> Self {
        let made = sqlite().await;
        start(&*made.store).await;
        let now = head(&*made.store).await;
        let pasts = Pasts::from(now.epoch, now.revision, Past::of(snapshot(&*made.store).await));
        let door = Door::before(made.path.clone());
        let engine = Running::over(Engine::new(Arc::clone(&door) as Arc<dyn Store>, settings));
        let mut driver = Self {
            made,
            door,
            engine,
            random: Random(seed),
            pasts,
            asked: Vec::new(),
            most_askers,
            late_hints: 0,
            given: 0,
            counts: Counts::default(),
            trace: Vec::new(),
        };
        while !driver.engine.is_serving() {
            driver.settle().await;
            driver.read(false).await;
        }
        driver
    }

    /// One thing happens, and what comes of it is judged.
    pub(super) async fn step(&mut self) {
        tokio::time::advance(INSTANT).await;
        match self.random.below(20) {
            0..=2 => self.write().await,
            3 | 4 => self.late_hint(),
            5..=9 => self.ask(),
            10 => {
                self.trace.push("time passes".to_owned());
                tokio::time::advance(LONG_ENOUGH).await;
            }
            _ => {
                let fails = self.random.below(16) == 0;
                self.read(fails).await;
            }
        }
        self.settle().await;
        self.judge().await;
    }

    async fn write(&mut self) {
        let edit = random_edit(&mut self.random);
        let before = self.pasts.newest();
        let context = context(&Actor::Operator, None, HISTORY);
        match write_with(&*self.made.store, context, std::slice::from_ref(&edit)).await {
            Ok(head) if head.revision > before => {
                self.pasts.push(Past::of(snapshot(&*self.made.store).await));
                assert_eq!(self.pasts.newest(), head.revision);
                self.counts.writes += 1;
                // Lost, once, or twice; at once, or later.
                for _ in 0..self.random.below(3) {
                    if self.random.below(2) == 0 { self.door.hint() } else { self.late_hints += 1 }
                }
            }
            Ok(_) | Err(Error::Refused(_)) => {}
            Err(Error::Store(error)) => panic!("{edit:?}: {error}"),
        }
        self.trace.push(format!("{edit:?}"));
    }

    fn late_hint(&mut self) {
        if self.late_hints > 0 {
            self.late_hints -= 1;
            self.door.hint();
            self.trace.push("a late hint".to_owned());
        }
    }

    fn ask(&mut self) {
        if self.asked.len() < self.most_askers {
            let asked = ask(&self.engine, &mut self.random, &self.pasts, self.given);
            self.asked.push(asked);
            self.trace.push("a question".to_owned());
        }
    }

    async fn read(&mut self, fails: bool) {
        let waiting = self.door.how_many_wait();
        if waiting > 0 {
            let nth = self.random.below(waiting);
            let did = self.door.let_pass(nth, fails).await;
            self.counts.failures += usize::from(fails);
            self.trace.push(format!("the {nth}th of {waiting} {did}"));
        }
    }

    /// Lets everybody come to where they wait for something. No read is in motion, so nothing else holds them up.
    async fn settle(&self) {
        for _ in 0..200 {
            tokio::task::yield_now().await;
        }
    }

    async fn judge(&mut self) {
        let (ended, going_on) = std::mem::take(&mut self.asked)
            .into_iter()
            .partition::<Vec<_>, _>(|asked| asked.answer.is_finished());
        self.asked = going_on;
        for asked in ended {
            let (revision, said) = asked.judge(&self.pasts).await;
            self.given = self.given.max(revision.unwrap_or(0));
            if revision.is_some() {
                self.counts.answers += 1
            } else {
                self.counts.refusals += 1
            }
            self.trace.push(said);
        }
    }

    /// Lets everything come to its end; what was done and answered.
    pub(super) async fn end(mut self) -> Vec<String> {
        while !self.asked.is_empty() || self.door.how_many_wait() > 0 {
            if self.door.how_many_wait() == 0 {
                tokio::time::advance(LONG_ENOUGH).await;
            }
            self.read(false).await;
            self.settle().await;
            self.judge().await;
        }
        assert!(self.counts.answers > 0 && self.counts.writes > 0, "{:?}", self.counts);
        let stats = self.engine.stats();
        self.trace.push(format!(
            "{:?}; {} loads, {} rebuilds",
            self.counts,
            stats.loads.get(),
            stats.rebuilds.get()
        ));
        self.trace
    }
}
