//! Timing subjects beside each other.

use crate::report::Figure;
use criterion::Criterion;
use std::{
    hint::black_box,
    time::{Duration, Instant},
};

/// Does an operation so many times, and tells how long that took.
type Run<'a> = Box<dyn FnMut(u64) -> Duration + 'a>;

/// Something to be timed.
pub struct Subject<'a> {
    name: String,
    /// How many answers one operation gives: times are told for one.
    answers: u64,
    run: Run<'a>,
}

impl<'a> Subject<'a> {
    /// A subject that is asked one thing after another, over and over.
    pub fn asking<T, R>(name: &str, items: &'a [T], mut ask: impl FnMut(&'a T) -> R + 'a) -> Self {
        let mut turn = items.iter().cycle();
        let run = move |times: u64| {
            let started = Instant::now();
            for _ in 0..times {
                if let Some(item) = turn.next() {
                    black_box(ask(black_box(item)));
                }
            }
            started.elapsed()
        };
        Self::timed(name, 1, run)
    }

    /// A subject that times itself, for what cannot be called as a plain function.
    pub fn timed(name: &str, answers: u64, run: impl FnMut(u64) -> Duration + 'a) -> Self {
        Self { name: name.to_owned(), answers, run: Box::new(run) }
    }
}

/// How long a subject's turn in a round is: short, so that on a busy machine most turns are over before the scheduler
/// takes the processor away, and the median is one of theirs.
const TURN: Duration = Duration::from_millis(4);

/// How much is taken to find out.
#[derive(Clone, Copy, Debug)]
pub struct Effort {
    rounds: usize,
    turn: Duration,
    /// Whether criterion samples the subjects as well.
    criterion: bool,
}

impl Effort {
    /// What a run takes.
    pub const fn new(quick: bool, criterion: bool) -> Self {
        if quick {
            Self { rounds: 25, turn: TURN, criterion }
        } else {
            Self { rounds: 101, turn: TURN, criterion }
        }
    }
}

/// Times subjects beside each other: in every round each has its turn, beginning with another one every time, and the
/// median of the rounds counts.
pub fn compare(group: &str, effort: Effort, mut subjects: Vec<Subject<'_>>) -> Vec<Figure> {
    if effort.criterion {
        sample(group, &mut subjects);
    }
    let times: Vec<u64> = subjects.iter_mut().map(|subject| calibrate(subject, effort.turn)).collect();
    let mut rounds: Vec<Vec<f64>> = vec![Vec::with_capacity(effort.rounds); subjects.len()];
    for round in 0..effort.rounds {
        eprint!("\r{group}: round {} of {} ", round + 1, effort.rounds);
        for turn in 0..subjects.len() {
            let at = (round + turn) % subjects.len();
            let took = (subjects[at].run)(times[at]);
            rounds[at].push(took.as_secs_f64() * 1e9 / (times[at] * subjects[at].answers) as f64);
        }
    }
    eprintln!();
    let figure = |(subject, rounds)| Figure::new(group, subject, rounds);
    subjects.into_iter().map(|subject| subject.name).zip(rounds).map(figure).collect()
}

/// How many operations make a turn. Warms the subject up on the way.
fn calibrate(subject: &mut Subject<'_>, turn: Duration) -> u64 {
    let mut times = 1;
    loop {
        let took = (subject.run)(times);
        if took >= turn {
            return times;
        }
        // Short runs say little about long ones: never more than tenfold at once.
        let wanted = turn.as_secs_f64() / took.as_secs_f64().max(1e-9) * 1.1;
        times = ((times as f64 * wanted.min(10.0)) as u64).max(times + 1);
    }
}

/// Criterion's own way: one subject after the other, with its statistics and its memory of the last run.
fn sample(group: &str, subjects: &mut [Subject<'_>]) {
    let mut criterion = Criterion::default()
        .warm_up_time(Duration::from_secs(1))
        .measurement_time(Duration::from_secs(3))
        .without_plots();
    let mut group = criterion.benchmark_group(group.replace(',', ""));
    for subject in subjects {
        group.bench_function(subject.name.as_str(), |bencher| {
            bencher.iter_custom(|times| (subject.run)(times))
        });
    }
    group.finish();
}
