//! From a commit at the control plane to the first answer of a sidecar that shows it.
//!
//! Two ways to see it. *Told*: whoever wrote hands its token to a check, which the sidecar answers once it is there; one
//! call, so nothing is polled for, yet such a check also makes the sidecar look at once. *Watched*: checks that ask for
//! nothing, one after the other, until one shows it; what the sidecar learns by itself, to the accuracy of a check and
//! the pause between two.

use crate::{
    ask::at_least,
    report::{Report, progress},
    server::{Admin, Questions},
    site::{Site, may_write, set},
};
use rolegate::grpc::proto::{CheckRequest, Decision};
use std::{
    ops::RangeFrom,
    time::{Duration, Instant},
};
use tokio::{task::JoinSet, time::MissedTickBehavior};

const PART: &str = "visible";
const TARGET: Duration = Duration::from_millis(50);
const GRANTS: u64 = 10_000;
/// The pause between two checks that watch for a change: a machine with few cores has other things to do as well.
const GLANCE: Duration = Duration::from_millis(1);
/// Writes in flight: a server that cannot keep up must not be buried, and nobody must be written to twice at once.
const IN_FLIGHT: usize = 32;

/// How often is written, and how many of the writes are watched: many watchers at once would be the load themselves.
struct Pace {
    name: &'static str,
    pause: Duration,
    watched_of: u64,
}

const PACES: [Pace; 3] = [
    Pace { name: "idle", pause: Duration::from_millis(50), watched_of: 1 },
    Pace { name: "steady", pause: Duration::from_millis(20), watched_of: 4 },
    Pace { name: "busy", pause: Duration::from_millis(5), watched_of: 10 },
];

pub(crate) async fn measure(report: &mut Report, time: Duration) {
    let site = Site::new(GRANTS);
    let control = site.control().await;
    let sidecar = site.sidecar(&[]).await;
    let (admin, questions) = (site.administrator(&control).await, sidecar.questions().await);
    let writer = Writer { admin, questions, users: site.users };
    let bare = writer.clone().check_alone(time).await;
    report.add_times(PART, "a check that waits for nothing", bare, None);
    let mut numbers = 0..;
    for pace in &PACES {
        for how in [Sight::Told, Sight::Watched] {
            let name = format!("{}, {how:?}", pace.name).to_lowercase();
            progress(&format!("{PART}: {name}: a write every {} ms", pace.pause.as_millis()));
            let started = Instant::now();
            let seen = writer.write(pace, time, how, &mut numbers).await;
            add(report, &name, &seen, started.elapsed());
        }
    }
}

fn add(report: &mut Report, name: &str, seen: &[Seen], time: Duration) {
    #[expect(clippy::cast_precision_loss, reason = "a rate is read by people")]
    let rate = seen.len() as f64 / time.as_secs_f64();
    report.add(PART, format!("{name}: writes reached"), (rate, "/s"), None);
    let after = seen.iter().filter_map(|seen| seen.after_reply).collect();
    report.add_times(PART, &format!("{name}: from the reply"), after, Some(TARGET));
    let whole = seen.iter().filter_map(|seen| Some(seen.after_reply? + seen.call)).collect();
    report.add_times(PART, &format!("{name}: from before the call"), whole, None);
}

/// How a change is seen.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Sight {
    Told,
    Watched,
}

/// One write.
struct Seen {
    /// How long the write took its caller.
    call: Duration,
    /// How much later the sidecar showed it, if that was looked for.
    after_reply: Option<Duration>,
}

/// Writes, and looks for what was written.
#[derive(Clone)]
struct Writer {
    admin: Admin,
    questions: Questions,
    users: u64,
}

impl Writer {
    /// Asks without any writes: what is slow here as well is the machine's.
    async fn check_alone(mut self, time: Duration) -> Vec<Duration> {
        let (start, mut took) = (Instant::now(), Vec::new());
        for n in (0..self.users).cycle().take_while(|_| start.elapsed() < time) {
            let before = Instant::now();
            self.may(may_write(n, self.users)).await;
            took.push(before.elapsed());
            tokio::time::sleep(GLANCE * 10).await;
        }
        took
    }

    /// Writes at a steady rate, or as fast as the server goes.
    async fn write(
        &self,
        pace: &Pace,
        time: Duration,
        how: Sight,
        numbers: &mut RangeFrom<u64>,
    ) -> Vec<Seen> {
        let mut ticks = tokio::time::interval(pace.pause);
        ticks.set_missed_tick_behavior(MissedTickBehavior::Burst);
        let (start, mut running, mut seen) = (Instant::now(), JoinSet::new(), Vec::new());
        while start.elapsed() < time {
            ticks.tick().await;
            if running.len() >= IN_FLIGHT {
                seen.extend(running.join_next().await.map(Result::unwrap));
            }
            let n = numbers.next().unwrap();
            let how = (how == Sight::Told || n.is_multiple_of(pace.watched_of)).then_some(how);
            running.spawn(self.clone().write_one(n, how));
        }
        seen.extend(running.join_all().await);
        seen
    }

    /// Writes something that changes an answer, and waits for the answer that shows it.
    async fn write_one(mut self, n: u64, how: Option<Sight>) -> Seen {
        // In turns: the site was made with everyone let in.
        let (user, lets) = (n % self.users, n / self.users % 2 == 1);
        let before = Instant::now();
        let token = set(&mut self.admin, user, self.users, lets).await;
        let (call, replied) = (before.elapsed(), Instant::now());
        let question = may_write(user, self.users);
        match how {
            Some(Sight::Told) => {
                let asked = CheckRequest { freshness: at_least(&token), ..question };
                assert_eq!(self.may(asked).await, lets, "an answer as new as the token shows it");
            }
            Some(Sight::Watched) => {
                while self.may(question.clone()).await != lets {
                    tokio::time::sleep(GLANCE).await;
                }
            }
            None => return Seen { call, after_reply: None },
        }
        Seen { call, after_reply: Some(replied.elapsed()) }
    }

    async fn may(&mut self, question: CheckRequest) -> bool {
        self.questions.check(question).await.unwrap().into_inner().decision() == Decision::Allow
    }
}
