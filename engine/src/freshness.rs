//! How fresh an answer must be, and how fresh the engine is.

use super::{
    Engine,
    clock::{Clock, Running},
    error::EngineError,
    view::View,
};
use rolegate_store::revision::Token;
use std::{
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};
use tokio::{sync::watch, time::Instant};

/// How fresh a caller wants an answer to be.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Freshness {
    /// From the cache as it stands.
    #[default]
    Fast,
    /// At least as new as this.
    AtLeast(Token),
    /// At least as new as the store is now.
    FullyCurrent,
}

/// How following the store goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Feed {
    /// The store has not been read yet.
    Unread,
    /// The last look at the store went well, not long ago.
    Following,
    /// The last look at the store failed.
    Failing,
    /// No look has ended for longer than the log is patient: the store neither answers nor refuses.
    Stalled,
}

impl Feed {
    /// All of them.
    pub const ALL: [Self; 4] = [Self::Unread, Self::Following, Self::Failing, Self::Stalled];

    /// Its name.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Unread => "unread",
            Self::Following => "following",
            Self::Failing => "failing",
            Self::Stalled => "stalled",
        }
    }
}

/// The follower's heartbeat: what its looks at the store have come to.
pub(super) struct Pulse {
    clock: Running,
    /// When the look began that last confirmed that the view is the store's head, in nanoseconds of the clock and one more; 0 is
    /// never.
    confirmed: AtomicU64,
    /// The last look that has ended.
    looks: watch::Sender<Look>,
}

/// The moment at which a look begins: for ages, and among moments at which callers ask.
#[derive(Clone, Copy)]
pub(super) struct Beginning {
    tick: Duration,
    at: Instant,
}

/// A look at the store that has ended.
#[derive(Clone, Copy)]
struct Look {
    began: Instant,
    found_the_store: bool,
}

impl Pulse {
    pub(super) fn new(clock: Clock) -> Self {
        let none = Look { began: Instant::now(), found_the_store: false };
        Self { clock: Running::new(clock), confirmed: AtomicU64::new(0), looks: watch::Sender::new(none) }
    }

    /// A look begins.
    pub(super) fn begin(&self) -> Beginning {
        Beginning { tick: self.clock.now(), at: Instant::now() }
    }

    /// A look has brought the view to what the store's head was when it began.
    pub(super) fn confirm(&self, began: Beginning) {
        // Nanoseconds fit for five hundred years.
        let began = u64::try_from(began.tick.as_nanos()).unwrap_or(u64::MAX - 1);
        // Released after the view was published: whoever reads this finds that view, or a later one.
        self.confirmed.store(1 + began, Ordering::Release);
    }

    /// A look has ended, whatever it came to.
    pub(super) fn beat(&self, began: Beginning, found_the_store: bool) {
        self.looks.send_replace(Look { began: began.at, found_the_store });
    }

    fn age(&self) -> Option<Duration> {
        let confirmed = self.confirmed.load(Ordering::Acquire).checked_sub(1)?;
        Some(self.clock.since(Duration::from_nanos(confirmed)))
    }
}

/// The follower's looks at the store, as they end.
pub struct Looks(watch::Receiver<Look>);

impl Looks {
    /// Waits for the end of a look, if none has ended since the last time.
    pub async fn next(&mut self) {
        // An error means that the engine is gone, and there is nothing to wait for any more.
        let _ = self.0.changed().await;
    }
}

impl Engine {
    /// Looks at the store that end from now on.
    #[must_use]
    pub fn looks(&self) -> Looks {
        Looks(self.shared.pulse.looks.subscribe())
    }

    /// How long ago the view was last confirmed to be the store's head; `None` if the store was never read.
    #[must_use]
    pub fn age(&self) -> Option<Duration> {
        self.shared.pulse.age()
    }

    /// How following the store goes.
    #[must_use]
    pub fn feed(&self) -> Feed {
        let found_the_store = self.shared.pulse.looks.borrow().found_the_store;
        match self.age() {
            None => Feed::Unread,
            Some(_) if !found_the_store => Feed::Failing,
            Some(age) if age > self.shared.settings.warn_staleness => Feed::Stalled,
            Some(_) => Feed::Following,
        }
    }

    /// Whether questions are being answered.
    #[must_use]
    pub fn is_serving(&self) -> bool {
        self.current_view().is_ok()
    }

    /// The view to decide from, if it is not too old, and the age of its confirmation.
    pub(super) fn current_view(&self) -> Result<(Arc<View>, Duration), EngineError> {
        self.with_view(|view, age| (Arc::clone(view), age))
    }

    /// The same for a moment: cheaper than a share in the view, for what does not wait.
    pub(super) fn with_view<T>(
        &self,
        use_it: impl FnOnce(&Arc<View>, Duration) -> T,
    ) -> Result<T, EngineError> {
        // INVARIANT: the age is taken before the view. A view is published before it is confirmed, so the age is never
        // that of a newer view than the one taken.
        let age = self.age();
        let view = self.shared.published.glance();
        let (view, age) = view.as_ref().zip(age).ok_or(EngineError::NotReady)?;
        let most = self.shared.settings.max_staleness;
        if age > most { Err(EngineError::Stale { age, most }) } else { Ok(use_it(view, age)) }
    }

    /// Waits until the view is as fresh as wanted.
    pub(super) async fn wait_for(&self, wanted: Freshness, deadline: Instant) -> Result<(), EngineError> {
        self.current_view()?;
        match wanted {
            Freshness::Fast => Ok(()),
            Freshness::AtLeast(token) => self.wait_for_token(token, deadline).await,
            Freshness::FullyCurrent => self.wait_for_look(Instant::now(), deadline).await,
        }
    }

    /// Waits for the end of a look that began after this moment. However many callers wait, one look serves them all:
    /// wanting current answers must not drive the store.
    async fn wait_for_look(&self, since: Instant, deadline: Instant) -> Result<(), EngineError> {
        let mut looks = self.shared.pulse.looks.subscribe();
        self.shared.nudge.notify_one();
        let look = tokio::time::timeout_at(deadline, looks.wait_for(|look| look.began >= since)).await;
        let look = *look.map_err(|_| EngineError::StoreUnavailable)?.map_err(|_| EngineError::NotReady)?;
        if look.found_the_store { Ok(()) } else { Err(EngineError::StoreUnavailable) }
    }

    /// Waits until the view contains a token's revision.
    ///
    /// # Errors
    /// The token is of another epoch, or the revision did not arrive before the deadline.
    pub(super) async fn wait_for_token(&self, token: Token, deadline: Instant) -> Result<(), EngineError> {
        let (mut looks, asked) = (self.shared.pulse.looks.subscribe(), Instant::now());
        // Another epoch may be one that this server is about to learn of: only a look that has found the store, and began
        // after the token came, can tell. Whoever is told to drop a token that is newer than the view gets an old answer.
        let mut has_looked = false;
        let mut is_first_look = true;
        loop {
            let head = self.shared.published.require()?.head;
            if head.epoch == token.epoch && head.revision >= token.revision {
                return Ok(());
            }
            if head.epoch != token.epoch && has_looked {
                return Err(EngineError::OtherEpoch);
            }
            // Once is enough: what is committed later announces itself, and waiting must not keep the follower busy.
            if is_first_look || head.epoch != token.epoch {
                self.shared.nudge.notify_one();
            }
            is_first_look = false;
            let in_vain = if head.epoch == token.epoch {
                EngineError::Behind { wanted: token.revision, applied: head.revision }
            } else {
                EngineError::StoreUnavailable
            };
            let looked = tokio::time::timeout_at(deadline, looks.changed()).await;
            looked.map_err(|_| in_vain)?.map_err(|_| EngineError::NotReady)?;
            let look = *looks.borrow_and_update();
            has_looked |= look.found_the_store && look.began >= asked;
        }
    }
}
