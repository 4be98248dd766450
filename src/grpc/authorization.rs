//! `rolegate.v1.AuthorizationService`: decode, ask the engine, encode.

use super::{
    batch::{self, Parts},
    convert::{self, BadField, answer, batch::Questions, question, text},
    deadline,
    journal::Journal,
    notes, proto,
    served::authorization_service_server::AuthorizationService,
    size::{fits, too_large},
};
use crate::{
    engine::{
        Engine,
        answer::{Answer, Query, Stamped, Wish},
        error::EngineError,
    },
    rbac::{explain::EffectiveActions, text::UserId},
    store::revision::Token,
};
use http::{Extensions, HeaderMap};
use std::{sync::Arc, time::Duration};
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
    /// What decisions are logged with, if they are.
    journal: Option<Arc<Journal>>,
}

impl Authorization {
    /// The service over an engine.
    #[must_use]
    pub const fn new(engine: Engine, limits: Limits) -> Self {
        Self { engine, limits, journal: None }
    }

    /// The same, and every decision is logged.
    #[must_use]
    pub fn logged(self, journal: Option<Arc<Journal>>) -> Self {
        Self { journal, ..self }
    }

    /// Whether decisions are logged: then every question must be there as it came.
    pub(super) const fn logs_decisions(&self) -> bool {
        self.journal.is_some()
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

    /// Reads the questions of a batch, if they are not too many for this server.
    fn read_batch(&self, request: &Request<batch::Unread>) -> Result<(Questions, Wish), Status> {
        let batch = request.get_ref().read()?;
        let (items, most) = (batch.items.len(), self.limits.batch_items);
        if items > most {
            let problem = format!("holds {items} questions, and {most} is the most this server takes");
            return Err(BadField::malformed("items", problem).into());
        }
        let wish =
            self.wish(request.metadata().as_ref(), batch.beside.freshness.as_ref(), batch.beside.explain)?;
        Ok((convert::batch::questions(&batch), wish))
    }

    async fn answer(&self, request: &Request<proto::CheckRequest>) -> Result<Stamped<Answer>, Status> {
        let asked = request.get_ref();
        let query = question::query(asked)?;
        let wish = self.wish(request.metadata().as_ref(), asked.freshness.as_ref(), asked.explain)?;
        self.decide(&query, wish, request.extensions()).await
    }

    /// The reply to a plain question, which came with these headers.
    pub(super) async fn answer_plain(
        &self,
        question: Parts<'_>,
        headers: &HeaderMap,
        extensions: &Extensions,
    ) -> Result<proto::CheckResponse, Status> {
        let query = question::plain(question)?;
        let wish = self.wish(headers, None, false)?;
        self.reply(self.decide(&query, wish, extensions).await?)
    }

    async fn decide(
        &self,
        query: &Query,
        wish: Wish,
        extensions: &Extensions,
    ) -> Result<Stamped<Answer>, Status> {
        let answered = self.engine.check(query, wish).await?;
        notes::note(extensions, &answered, notes::decided);
        Ok(answered)
    }

    fn reply(&self, answered: Stamped<Answer>) -> Result<proto::CheckResponse, Status> {
        fits(answer::check(answered), self.limits.reply_bytes, ASK_LESS)
    }

    async fn answer_batch(&self, request: &Request<batch::Unread>) -> Result<Answered, Status> {
        let (Questions { good, bad }, wish) = self.read_batch(request)?;
        match self.engine.check_many(&good, wish).await {
            Ok(answered) => {
                notes::note(request.extensions(), &answered, notes::batch);
                Ok(Answered { bad, answers: answered.value, stamp: Some((answered.token, answered.age)) })
            }
            Err(error) if bad.is_empty() => Err(error.into()),
            // Malformed items are told so even when nothing can be decided.
            Err(error) => Ok(Answered { bad, answers: vec![Err(error); good.len()], stamp: None }),
        }
    }

    fn reply_batch(&self, answered: Answered) -> Result<Response<batch::Reply>, Status> {
        let most = self.limits.reply_bytes;
        let reply = answer::batch(answered.bad, answered.answers, answered.stamp, most);
        reply.map(Response::new).ok_or_else(|| too_large(most, ASK_LESS))
    }

    /// Logs what a batch came to, and answers it only then.
    async fn log_batch(
        &self,
        journal: &Journal,
        request: Request<batch::Unread>,
    ) -> Result<Response<batch::Reply>, Status> {
        let call = journal.begin("BatchCheck", request.metadata().as_ref());
        let answered = match self.answer_batch(&request).await {
            Ok(answered) => answered,
            Err(status) => {
                call.refused_batch(&status).await?;
                return Err(status);
            }
        };
        let batch = request.get_ref().read()?;
        call.batch(&batch, &answered.bad, &answered.answers, answered.stamp).await?;
        self.reply_batch(answered)
    }

    async fn list(
        &self,
        request: &Request<proto::GetEffectiveActionsRequest>,
    ) -> Result<Stamped<EffectiveActions>, Status> {
        let asked = request.get_ref();
        let user = text("user", &asked.user, UserId::parse)?;
        let resource = question::resource(asked.resource.as_ref())?;
        let wish = self.wish(request.metadata().as_ref(), asked.freshness.as_ref(), false)?;
        let answered = self.engine.effective(&user, &resource, wish).await?;
        notes::note(request.extensions(), &answered, |_| notes::Came::Listed);
        Ok(answered)
    }
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
            return self.reply(self.answer(&request).await?).map(Response::new);
        };
        // Boxed, here and below: what is off by default must not make every call's state larger to move about.
        let logged = Box::pin(async {
            let call = journal.begin("Check", request.metadata().as_ref());
            let answered = self.answer(&request).await;
            call.check(request.get_ref(), &answered).await?;
            self.reply(answered?).map(Response::new)
        });
        logged.await
    }

    async fn batch_check(&self, request: Request<batch::Unread>) -> Result<Response<batch::Reply>, Status> {
        let Some(journal) = &self.journal else {
            return self.reply_batch(self.answer_batch(&request).await?);
        };
        Box::pin(self.log_batch(journal, request)).await
    }

    async fn get_effective_actions(
        &self,
        request: Request<proto::GetEffectiveActionsRequest>,
    ) -> Result<Response<proto::GetEffectiveActionsResponse>, Status> {
        let Some(journal) = &self.journal else {
            return Ok(Response::new(answer::effective(self.list(&request).await?)));
        };
        let logged = Box::pin(async {
            let call = journal.begin("GetEffectiveActions", request.metadata().as_ref());
            let answered = self.list(&request).await;
            call.effective(request.get_ref(), &answered).await?;
            Ok(Response::new(answer::effective(answered?)))
        });
        logged.await
    }
}
