//! `rolegate.v1.AuthorizationService`: decode, ask the engine, encode.

use super::{
    convert::{BadField, answer, batch, freshness::freshness, question, text},
    deadline::Deadline,
    proto::{self, authorization_service_server::AuthorizationService},
    size::{fits, too_large},
};
use crate::{
    engine::{Engine, answer::Wish, error::EngineError},
    rbac::text::UserId,
};
use http::HeaderMap;
use std::time::Duration;
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
}

impl Authorization {
    /// The service over an engine.
    #[must_use]
    pub const fn new(engine: Engine, limits: Limits) -> Self {
        Self { engine, limits }
    }

    /// The deadline that the call got at the edge; a call that came another way gets ours.
    fn deadline<T>(&self, request: &Request<T>) -> Deadline {
        let at_the_edge = request.extensions().get().copied();
        at_the_edge.unwrap_or_else(|| Deadline::of(&HeaderMap::new(), self.limits.time))
    }
}

/// Lets the engine work until the deadline, and no longer.
async fn until<T>(
    deadline: Deadline,
    work: impl Future<Output = Result<T, EngineError>>,
) -> Result<T, EngineError> {
    tokio::time::timeout_at(deadline.end, work).await.unwrap_or(Err(EngineError::Deadline))
}

#[tonic::async_trait]
impl AuthorizationService for Authorization {
    async fn check(
        &self,
        request: Request<proto::CheckRequest>,
    ) -> Result<Response<proto::CheckResponse>, Status> {
        let deadline = self.deadline(&request);
        let request = request.into_inner();
        let query = question::query(&request)?;
        let freshness = freshness(request.freshness.as_ref())?;
        let wish = Wish { freshness, explain: request.explain, deadline: deadline.wait_until };
        let answered = until(deadline, self.engine.check(&query, wish)).await?;
        fits(answer::check(answered), self.limits.reply_bytes, ASK_LESS).map(Response::new)
    }

    async fn batch_check(
        &self,
        request: Request<proto::BatchCheckRequest>,
    ) -> Result<Response<proto::BatchCheckResponse>, Status> {
        let deadline = self.deadline(&request);
        let request = request.into_inner();
        let (items, most) = (request.items.len(), self.limits.batch_items);
        if items > most {
            let problem = format!("holds {items} questions, and {most} is the most this server takes");
            return Err(BadField::malformed("items", problem).into());
        }
        let freshness = freshness(request.freshness.as_ref())?;
        let wish = Wish { freshness, explain: request.explain, deadline: deadline.wait_until };
        let questions = batch::queries(&request);
        let good: Vec<_> = questions.iter().filter_map(|question| question.as_ref().ok().cloned()).collect();
        let answered = until(deadline, self.engine.check_many(&good, wish)).await;
        let all_are_good = good.len() == questions.len();
        let (answers, stamp) = match answered {
            Ok(answered) => (answered.value, Some((answered.token, answered.age))),
            Err(error) if all_are_good => return Err(error.into()),
            // Malformed items are told so even when nothing can be decided.
            Err(error) => (vec![Err(error); good.len()], None),
        };
        let most = self.limits.reply_bytes;
        let reply = answer::batch(questions, answers, stamp, most);
        reply.map(Response::new).ok_or_else(|| too_large(most, ASK_LESS))
    }

    async fn get_effective_actions(
        &self,
        request: Request<proto::GetEffectiveActionsRequest>,
    ) -> Result<Response<proto::GetEffectiveActionsResponse>, Status> {
        let deadline = self.deadline(&request);
        let request = request.into_inner();
        let user = text("user", &request.user, UserId::parse)?;
        let resource = question::resource(request.resource.as_ref())?;
        let freshness = freshness(request.freshness.as_ref())?;
        let wish = Wish { freshness, explain: false, deadline: deadline.wait_until };
        let answered = until(deadline, self.engine.effective(&user, &resource, wish)).await?;
        Ok(Response::new(answer::effective(answered)))
    }
}
