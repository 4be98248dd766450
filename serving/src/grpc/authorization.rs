//! `rolegate.v1.AuthorizationService`: decode, ask the engine, encode.

use super::{
    batch::{self, Batch, Parts},
    convert::{self, BadField, answer, batch::Questions, question, text},
    deadline,
    journal::Journal,
    notes, proto,
    served::authorization_service_server::AuthorizationService,
    size::{fits, too_large},
    status::undecided,
    turns::{Turn, Turns},
};
use crate::{
    engine::{
        Engine,
        answer::{Answer, Query, Stamped, Wish},
        decisions::Untold,
        error::EngineError,
    },
    rbac::{explain::EffectiveActions, text::UserId},
    store::revision::Token,
};
use http::{Extensions, HeaderMap};
use std::{
    sync::Arc,
    time::{Duration, Instant},
};
use tonic::{Request, Response, Status};

/// The most items in a batch that any server can be configured to take.
pub const MOST_BATCH_ITEMS: usize = 10_000;
/// What to do about an answer that is too large for one message.
const ASK_LESS: &str = "ask about fewer items at once, or without `explain`";

/// What a caller may ask for at once, and how long it may take.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    /// The most items in a batch.
    pub batch_items: usize,
    /// The largest reply, in bytes.
    pub reply_bytes: usize,
    /// The longest a call may take; a caller's shorter deadline wins.
    pub time: Duration,
}

/// Answers questions from the engine.
pub struct Authorization {
    engine: Engine,
    limits: Limits,
    turns: Turns,
    /// What decisions are logged with, if they are.
    journal: Option<Arc<Journal>>,
}

impl Authorization {
    /// The service over an engine.
    #[must_use]
    pub fn new(engine: Engine, limits: Limits) -> Self {
        Self { engine, limits, turns: Turns::default(), journal: None }
    }

    /// The same, with these turns at batches.
    #[must_use]
    pub fn taking(self, turns: Turns) -> Self {
        Self { turns, ..self }
    }

    /// The same, and every decision is logged.
    #[must_use]
    pub fn logged(self, journal: Option<Arc<Journal>>) -> Self {
        Self { journal, ..self }
    }

    /// What the caller wants beside the answer, and how long it can wait for it: the edge sees to the end.
    fn wish(
        &self,
        headers: &HeaderMap,
        freshness: Option<&proto::Freshness>,
        explain: bool,
    ) -> Result<Wish, BadField> {
        let wait = deadline::wait(headers, self.limits.time);
        Ok(Wish { freshness: convert::freshness::freshness(freshness)?, explain, wait })
    }

    /// Reads a batch.
    fn read_batch<'a>(&self, request: &'a Request<batch::Unread>) -> Result<(Batch<'a>, Wish), Status> {
        let batch = request.get_ref().read()?;
        let wish =
            self.wish(request.metadata().as_ref(), batch.beside.freshness.as_ref(), batch.beside.explain)?;
        Ok((batch, wish))
    }

    fn read(&self, request: &Request<proto::CheckRequest>) -> Result<(Query, Wish), Status> {
        let asked = request.get_ref();
        let query = question::query(asked)?;
        let wish = self.wish(request.metadata().as_ref(), asked.freshness.as_ref(), asked.explain)?;
        Ok((query, wish))
    }

    async fn answer(&self, request: &Request<proto::CheckRequest>) -> Result<Stamped<Answer>, Status> {
        let (query, wish) = self.read(request)?;
        let answered = self.engine.check(&query, wish).await.map_err(undecided)?;
        note(request.extensions(), &answered);
        Ok(answered)
    }

    /// The same where the answer is to be logged first.
    async fn answer_untold(&self, request: &Request<proto::CheckRequest>) -> Result<Stamped<Answer>, Status> {
        let (query, wish) = self.read(request)?;
        self.engine.check_untold(&query, wish).await.map_err(undecided)
    }

    /// The reply to a `CheckRequest` as it came, with these extensions, if memory tells and nothing else is asked.
    pub(super) fn at_sight(
        &self,
        message: &[u8],
        extensions: &Extensions,
    ) -> Option<Result<proto::CheckResponse, Status>> {
        // Where decisions are logged, questions must be there as they came.
        if self.journal.is_some() {
            return None;
        }
        // What questions of a batch say has the same numbers there.
        let question = Parts::read(message).filter(Parts::is_complete)?;
        let seen = self.engine.at_sight(question::at_sight(question)?)?;
        self.engine.stats().decisions.count(Ok(&seen.value));
        note(extensions, &seen);
        Some(self.reply(&seen))
    }

    fn reply(&self, answered: &Stamped<Answer>) -> Result<proto::CheckResponse, Status> {
        fits(answer::check(answered), self.limits.reply_bytes, ASK_LESS)
    }

    /// What a batch comes to, and the turn in which its reply is to be made: the one that it was decided in, for what has been
    /// decided must not grow old in a queue. Where the store was waited for, there is none.
    async fn answer_batch(
        &self,
        request: &Request<batch::Unread>,
    ) -> Result<(Answered, Option<Turn<'_>>), Status> {
        batch::refuse_more_than(self.limits.batch_items, "this server takes", request.get_ref().items())?;
        let asked_at = Instant::now();
        let turn = self.turns.take().await;
        let (batch, mut wish) = self.read_batch(request)?;
        wish.wait = wish.wait.saturating_sub(asked_at.elapsed());
        if wish.takes_sight()
            && let Some(asked) = convert::batch::at_sight(&batch)
            && let Some(seen) = self.engine.all_at_sight(&asked).await
        {
            let stamp = Some((seen.token, seen.age));
            return Ok((Answered { bad: Vec::new(), answers: seen.value, stamp }, Some(turn)));
        }
        let Questions { good, bad } = convert::batch::questions(&batch).await;
        let mut turn = Some(turn);
        // Others have theirs while the store is waited for.
        let answered = self.engine.check_many_untold(&good, wish, || drop(turn.take())).await;
        let answered = match answered {
            Ok(answered) => {
                Answered { bad, answers: answered.value, stamp: Some((answered.token, answered.age)) }
            }
            Err(error) if bad.is_empty() => return Err(undecided(error)),
            // Malformed items are told so even when nothing can be decided.
            Err(error) => Answered { bad, answers: vec![Err(error); good.len()], stamp: None },
        };
        Ok((answered, turn))
    }

    fn reply_batch(&self, answered: &Answered) -> Result<Response<batch::Reply>, Status> {
        let most = self.limits.reply_bytes;
        let reply = answer::batch(&answered.bad, &answered.answers, answered.stamp, most);
        reply.map(Response::new).ok_or_else(|| too_large(most, ASK_LESS))
    }

    /// Counts what a batch has come to, and notes it if the caller is told.
    fn count_batch(&self, answered: &Answered, extensions: &Extensions, untold: Option<Untold>) {
        // That nothing could be decided is counted already.
        let Some(stamp) = answered.stamp else { return };
        let (answers, decisions) = (&answered.answers, &self.engine.stats().decisions);
        match untold {
            Some(why) => decisions.count_untold(answers.len(), why),
            None => {
                decisions.count_all(answers);
                notes::note(extensions, stamp, || notes::batch(answers));
            }
        }
    }

    /// Logs what a question came to, and answers it only then.
    async fn log_check(
        &self,
        journal: &Journal,
        request: &Request<proto::CheckRequest>,
    ) -> Result<Response<proto::CheckResponse>, Status> {
        let call = journal.begin("Check", request.metadata().as_ref(), request.extensions());
        let answered = self.answer_untold(request).await;
        // Made first: what is too large to be told must not be logged as if it were.
        let reply = answered.as_ref().map_err(Status::clone).and_then(|answered| self.reply(answered));
        let told = reply.as_ref().and(answered.as_ref());
        let logged = call.check(request.get_ref(), told).await;
        if let Ok(answered) = &answered {
            let decisions = &self.engine.stats().decisions;
            match untold(&logged, &reply) {
                Some(why) => decisions.count_untold(1, why),
                None => {
                    decisions.count(Ok(&answered.value));
                    note(request.extensions(), answered);
                }
            }
        }
        logged.and(reply).map(Response::new)
    }

    /// Logs what a batch came to, and answers it only then.
    async fn log_batch(
        &self,
        journal: &Journal,
        request: Request<batch::Unread>,
    ) -> Result<Response<batch::Reply>, Status> {
        let call = journal.begin("BatchCheck", request.metadata().as_ref(), request.extensions());
        let (answered, turn) = match self.answer_batch(&request).await {
            Ok(answered) => answered,
            Err(status) => {
                call.refused_batch(&status).await?;
                return Err(status);
            }
        };
        let reply = self.reply_batch(&answered);
        drop(turn);
        let logged = match &reply {
            Ok(_) => {
                let batch = request.get_ref().read()?;
                call.batch(&batch, &answered.bad, &answered.answers, answered.stamp).await
            }
            Err(status) => call.refused_batch(status).await,
        };
        self.count_batch(&answered, request.extensions(), untold(&logged, &reply));
        logged.and(reply)
    }

    /// Logs that a caller is told all that a user may do, and tells it only then.
    async fn log_list(
        &self,
        journal: &Journal,
        request: &Request<proto::GetEffectiveActionsRequest>,
    ) -> Result<Response<proto::GetEffectiveActionsResponse>, Status> {
        let call = journal.begin("GetEffectiveActions", request.metadata().as_ref(), request.extensions());
        let answered = self.list(request).await;
        call.effective(request.get_ref(), &answered).await?;
        Ok(told_list(request.extensions(), answered?))
    }

    async fn list(
        &self,
        request: &Request<proto::GetEffectiveActionsRequest>,
    ) -> Result<Stamped<EffectiveActions>, Status> {
        let asked = request.get_ref();
        let user = text("user", &asked.user, UserId::parse)?;
        let resource = question::resource(asked.resource.as_ref())?;
        let wish = self.wish(request.metadata().as_ref(), asked.freshness.as_ref(), false)?;
        self.engine.effective(&user, &resource, wish).await.map_err(undecided)
    }
}

/// Why the caller is not told of what was decided, if so.
const fn untold<T>(logged: &Result<(), Status>, reply: &Result<T, Status>) -> Option<Untold> {
    match (logged, reply) {
        (Ok(()), Ok(_)) => None,
        (Ok(()), Err(_)) => Some(Untold::TooLarge),
        (Err(_), _) => Some(Untold::NotLogged),
    }
}

/// Notes what a question came to.
fn note(extensions: &Extensions, answered: &Stamped<Answer>) {
    notes::note(extensions, (answered.token, answered.age), || notes::decided(&answered.value));
}

/// Tells all that a user may do.
fn told_list(
    extensions: &Extensions,
    answered: Stamped<EffectiveActions>,
) -> Response<proto::GetEffectiveActionsResponse> {
    notes::note(extensions, (answered.token, answered.age), || notes::Came::Listed);
    Response::new(answer::effective(answered))
}

/// What a batch has come to.
struct Answered {
    bad: Vec<(usize, BadField)>,
    answers: Vec<Result<Answer, EngineError>>,
    /// What the answers go by; `None` if there are none.
    stamp: Option<(Token, Duration)>,
}

#[tonic::async_trait]
impl AuthorizationService for Authorization {
    async fn check(
        &self,
        request: Request<proto::CheckRequest>,
    ) -> Result<Response<proto::CheckResponse>, Status> {
        let Some(journal) = &self.journal else {
            return self.reply(&self.answer(&request).await?).map(Response::new);
        };
        // Boxed, here and below: what is off by default must not make every call's state larger to move about.
        Box::pin(self.log_check(journal, &request)).await
    }

    async fn batch_check(&self, request: Request<batch::Unread>) -> Result<Response<batch::Reply>, Status> {
        let Some(journal) = &self.journal else {
            let (answered, _turn) = self.answer_batch(&request).await?;
            let reply = self.reply_batch(&answered);
            self.count_batch(&answered, request.extensions(), untold(&Ok(()), &reply));
            return reply;
        };
        Box::pin(self.log_batch(journal, request)).await
    }

    async fn get_effective_actions(
        &self,
        request: Request<proto::GetEffectiveActionsRequest>,
    ) -> Result<Response<proto::GetEffectiveActionsResponse>, Status> {
        let Some(journal) = &self.journal else {
            return Ok(told_list(request.extensions(), self.list(&request).await?));
        };
        Box::pin(self.log_list(journal, &request)).await
    }
}
