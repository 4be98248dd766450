//! Those who ask: with the newest token there is, for what is current, or for what is at hand.

use super::{
    course::Course,
    history::{Answer, PAIRS, PROJECTS},
    writer::is_no_answer,
};
use crate::{
    ask::{at_least, item, may, project},
    random::Random,
    server::{Questions, Server},
};
use rolegate::grpc::proto::{
    BatchCheckOutcome, BatchCheckRequest, CheckRequest, Decision, Freshness, FullyCurrent,
    batch_check_outcome::Outcome, freshness::Want,
};
use std::{
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering::SeqCst},
    },
    time::Duration,
};
use tonic::Status;

/// What has come of asking.
#[derive(Default)]
pub(super) struct Tally {
    pub(super) answers: usize,
    pub(super) allows: usize,
    pub(super) refusals: usize,
}

#[derive(Clone)]
pub(super) struct Asker {
    questions: Questions,
    course: Arc<Course>,
    /// The newest token that this server has given to anybody.
    given: Arc<AtomicU64>,
}

/// A token, and what was told of which pairs.
type Told = (String, Vec<(usize, bool)>);

impl Asker {
    pub(super) async fn of(server: &Server, course: &Arc<Course>) -> Self {
        let given = Arc::new(AtomicU64::new(0));
        Self { questions: server.questions().await, course: Arc::clone(course), given }
    }

    pub(super) async fn keep_asking(mut self, mut random: Random) -> Tally {
        let mut tally = Tally::default();
        while !self.course.is_over() {
            let known = self.course.acknowledged();
            let (freshness, wanted) = match random.below(3) {
                0 => (None, 0),
                1 => (at_least(&self.course.token(known)), known),
                _ => (Some(Freshness { want: Some(Want::FullyCurrent(FullyCurrent {})) }), known),
            };
            let pair = (random.below(3) > 0).then(|| random.below(PAIRS));
            match self.ask(pair, freshness, wanted).await {
                Some(answer) => {
                    tally.answers += answer.outcomes.len();
                    tally.allows += answer.outcomes.iter().filter(|(_, allowed)| *allowed).count();
                }
                None => {
                    tally.refusals += 1;
                    tokio::time::sleep(Duration::from_millis(5)).await;
                }
            }
            // Whoever writes must get a turn on a small machine, too.
            tokio::time::sleep(Duration::from_millis([0, 1, 5][random.below(3)])).await;
        }
        tally
    }

    /// Whether everything is answered with the newest token there is.
    pub(super) async fn asks_for_everything(&mut self) -> bool {
        let known = self.course.acknowledged();
        let answer = self.ask(None, at_least(&self.course.token(known)), known).await;
        answer.is_some_and(|answer| answer.outcomes.len() == PAIRS)
    }

    /// Asks of one pair, or of all in one batch, and judges the answer, if there is one.
    async fn ask(
        &mut self,
        pair: Option<usize>,
        freshness: Option<Freshness>,
        wanted: u64,
    ) -> Option<Answer> {
        let floor = self.given.load(SeqCst).max(wanted);
        let told = match pair {
            Some(pair) => self.check(pair, freshness).await,
            None => self.batch(freshness).await,
        };
        let until = self.course.newest();
        let (token, outcomes) = match told {
            Ok(told) => told,
            Err(status) => {
                assert!(is_no_answer(status.code()), "{status:?}");
                return None;
            }
        };
        let token = self.course.revision(&token);
        self.given.fetch_max(token, SeqCst);
        // The token of a batch is that of the one revision at which all of it was decided.
        let answer = Answer { floor, token, until, exact: pair.is_none(), outcomes };
        self.course.judge(&answer);
        Some(answer)
    }

    async fn check(&mut self, pair: usize, freshness: Option<Freshness>) -> Result<Told, Status> {
        let asked = CheckRequest { freshness, ..download(pair) };
        let answer = self.questions.check(asked).await?.into_inner();
        let allowed = answer.decision() == Decision::Allow;
        Ok((answer.revision_token, vec![(pair, allowed)]))
    }

    async fn batch(&mut self, freshness: Option<Freshness>) -> Result<Told, Status> {
        let items = (0..PAIRS).map(|pair| item(download(pair))).collect();
        let asked = BatchCheckRequest { items, freshness, ..BatchCheckRequest::default() };
        let answer = self.questions.batch_check(asked).await?.into_inner();
        assert_eq!(answer.outcomes.len(), PAIRS);
        let decided = answer.outcomes.iter().enumerate();
        let decided = decided.filter_map(|(pair, outcome)| Some((pair, decided_as(outcome)?))).collect();
        Ok((answer.revision_token, decided))
    }
}

fn download(pair: usize) -> CheckRequest {
    may(&format!("u{}", pair / PROJECTS), project(&format!("p{}", pair % PROJECTS)), "files_download")
}

/// What was decided of an item, if anything was.
fn decided_as(outcome: &BatchCheckOutcome) -> Option<bool> {
    match outcome.outcome.as_ref().unwrap() {
        Outcome::Answer(answer) => Some(answer.decision() == Decision::Allow),
        Outcome::Error(error) => {
            assert!(is_no_answer(error.code.into()), "{error:?}");
            None
        }
    }
}
