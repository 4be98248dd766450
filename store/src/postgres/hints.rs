//! Hints that something was committed: LISTEN and NOTIFY, on a connection of their own.
//!
//! A hint may be lost, and nothing but speed rests on it: the follower looks for itself as well.

use super::{lease::within, session::Mark};
use crate::error::StoreError;
use sqlx::postgres::{PgConnectOptions, PgListener, PgPoolOptions};
use std::{sync::Arc, time::Duration};
use tokio::{sync::Notify, task::JoinHandle, time::Instant};

/// What a write announces itself on.
const CHANGES: &str = "rolegate_changes";
/// How often the connection is tried out, and how long its answer may take.
const HEARTBEAT: Duration = Duration::from_secs(2);
/// How many heartbeats there are to an announcement to ourselves, which wakes everyone who listens in the database: many
/// sidecars that did so often would keep the server busy for nothing.
const BEATS_TO_AN_ECHO: u32 = 30;
/// The pause before the connection is made anew.
const PAUSE: Duration = Duration::from_secs(1);
/// The same where hints do not get through, as with a pooler between: they may once the pooler is gone.
const LONG_PAUSE: Duration = Duration::from_secs(60);

/// Listens for as long as it lives.
pub(super) struct Hints {
    heard: Arc<Notify>,
    task: JoinHandle<()>,
}

impl Hints {
    pub(super) fn start(options: PgConnectOptions) -> Self {
        let heard = Arc::new(Notify::new());
        let task = tokio::spawn(listen_for_ever(options, Arc::clone(&heard)));
        Self { heard, task }
    }

    /// Returns when something was announced since the last call.
    pub(super) async fn heard(&self) {
        self.heard.notified().await;
    }
}

impl Drop for Hints {
    fn drop(&mut self) {
        self.task.abort();
    }
}

/// Why listening has ended.
enum Ended {
    /// The connection broke, or could not be made.
    Broken(StoreError),
    /// The server or something before it does not pass notifications on.
    Deaf(String),
}

impl From<StoreError> for Ended {
    fn from(error: StoreError) -> Self {
        Self::Broken(error)
    }
}

impl From<sqlx::Error> for Ended {
    fn from(error: sqlx::Error) -> Self {
        match error {
            // Said of the mark, of LISTEN or of NOTIFY: a pooler, a standby, or another kind of server.
            sqlx::Error::Database(error) if error.code().is_some_and(|code| !code.starts_with("57")) => {
                Self::Deaf(error.to_string())
            }
            error => Self::Broken(error.into()),
        }
    }
}

async fn listen_for_ever(options: PgConnectOptions, heard: Arc<Notify>) {
    let mut told = None;
    loop {
        let Err(ended) = listen(&options, &heard, &mut told).await;
        // Whatever was announced meanwhile was not heard.
        heard.notify_one();
        let (state, why, pause) = match ended {
            Ended::Broken(error) => (State::Broken, error.to_string(), PAUSE),
            Ended::Deaf(why) => (State::Deaf, why, LONG_PAUSE),
        };
        if told.replace(state) != Some(state) {
            tell(state, &why);
        }
        tokio::time::sleep(pause).await;
    }
}

/// What the log has been told last.
#[derive(Clone, Copy, PartialEq, Eq)]
enum State {
    Hearing,
    Broken,
    Deaf,
}

fn tell(state: State, why: &str) {
    match state {
        State::Hearing => tracing::info!("the role store announces its changes"),
        State::Broken => tracing::warn!(why, "not told of changes for now: looking for them every second"),
        State::Deaf => tracing::warn!(
            why,
            "notifications do not get through, as with a pooler in transaction mode: following by polling alone"
        ),
    }
}

async fn listen(
    options: &PgConnectOptions,
    heard: &Notify,
    told: &mut Option<State>,
) -> Result<std::convert::Infallible, Ended> {
    let mark = Mark::new()?;
    let mut listener = connect(mark.ask(options.clone())).await?;
    // LISTEN would stay behind on a pooler's session, and notifications break in on whoever gets it next.
    if !within(HEARTBEAT, "no answer to a question", mark.is_on(&mut listener)).await?? {
        return Err(Ended::Deaf("a pooler hands sessions around".to_owned()));
    }
    let echo = format!("rolegate_echo_{}", mark.as_ref());
    within(HEARTBEAT, "no answer to LISTEN", listener.listen_all([CHANGES, &echo])).await??;
    loop {
        hear_ourselves(&mut listener, &echo, heard).await?;
        if told.replace(State::Hearing) != Some(State::Hearing) {
            tell(State::Hearing, "");
        }
        for _ in 0..BEATS_TO_AN_ECHO {
            hear(&mut listener, &echo, heard, Instant::now() + HEARTBEAT).await?;
            let answered = sqlx::raw_sql("SELECT 1").execute(&mut listener);
            within(HEARTBEAT, "no answer to a heartbeat", answered).await??;
        }
    }
}

async fn connect(options: PgConnectOptions) -> Result<PgListener, Ended> {
    // A pool of one is what the listener asks for.
    let pool = PgPoolOptions::new().max_connections(1).max_lifetime(None).idle_timeout(None);
    let pool = pool.acquire_timeout(HEARTBEAT).connect_lazy_with(options);
    let mut listener =
        within(HEARTBEAT * 2, "no connection to listen on", PgListener::connect_with(&pool)).await??;
    listener.ignore_pool_close_event(true);
    listener.eager_reconnect(false);
    // The server finds out by itself when we are gone without a word.
    let keepalive =
        "SET tcp_keepalives_idle = 30; SET tcp_keepalives_interval = 10; SET tcp_keepalives_count = 3";
    let kept = sqlx::raw_sql(keepalive).execute(&mut listener);
    within(HEARTBEAT, "no answer to SET", kept).await??;
    Ok(listener)
}

/// Announces something to ourselves and waits until it is back.
async fn hear_ourselves(listener: &mut PgListener, echo: &str, heard: &Notify) -> Result<(), Ended> {
    let announce =
        sqlx::query("SELECT pg_notify($1, '')").persistent(false).bind(echo).execute(&mut *listener);
    within(HEARTBEAT, "no answer to an announcement", announce).await??;
    if hear(listener, echo, heard, Instant::now() + HEARTBEAT).await? {
        return Ok(());
    }
    Err(Ended::Deaf("an announcement to ourselves did not come back".to_owned()))
}

/// Passes hints on until the deadline, or until the echo of a heartbeat; tells whether that came.
async fn hear(
    listener: &mut PgListener,
    echo: &str,
    heard: &Notify,
    deadline: Instant,
) -> Result<bool, Ended> {
    loop {
        let Ok(received) = tokio::time::timeout_at(deadline, listener.try_recv()).await else {
            return Ok(false);
        };
        match received? {
            Some(notification) if notification.channel() == echo => return Ok(true),
            Some(_) => heard.notify_one(),
            None => return Err(StoreError::Unavailable("the connection ended".to_owned()).into()),
        }
    }
}
