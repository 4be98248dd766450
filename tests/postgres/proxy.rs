//! An address that stands for a server: what is behind it can change, fall silent, or cut everybody off.

use std::sync::{
    Arc,
    atomic::{AtomicBool, AtomicU16, Ordering::SeqCst},
};
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _, copy_bidirectional},
    net::{TcpListener, TcpStream},
    sync::Notify,
    task::AbortHandle,
};

pub(crate) struct Proxy {
    pub(crate) port: u16,
    state: Arc<State>,
    task: AbortHandle,
}

#[derive(Default)]
struct State {
    target: AtomicU16,
    /// Connections stay open, and nothing comes through any more.
    silent: AtomicBool,
    changed: Notify,
}

impl Proxy {
    pub(crate) async fn to(port: u16) -> Self {
        let state = Arc::new(State::default());
        state.target.store(port, SeqCst);
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let shared = Arc::clone(&state);
        let task = tokio::spawn(async move {
            while let Ok((client, _)) = listener.accept().await {
                tokio::spawn(forward(client, Arc::clone(&shared)));
            }
        });
        Self { port, state, task: task.abort_handle() }
    }

    /// From now on stands for another server; whoever is connected is cut off.
    pub(crate) fn stand_for(&self, port: u16) {
        self.state.target.store(port, SeqCst);
        self.state.changed.notify_waiters();
    }

    /// Cuts everybody off.
    pub(crate) fn cut(&self) {
        self.state.changed.notify_waiters();
    }

    /// Falls silent: connections are taken and kept, and half-open.
    pub(crate) fn fall_silent(&self) {
        self.state.silent.store(true, SeqCst);
        self.state.changed.notify_waiters();
    }

    /// Speaks again; what was connected while it was silent is cut off.
    pub(crate) fn speak(&self) {
        self.state.silent.store(false, SeqCst);
        self.state.changed.notify_waiters();
    }
}

impl Drop for Proxy {
    fn drop(&mut self) {
        self.task.abort();
        self.state.changed.notify_waiters();
    }
}

async fn forward(mut client: TcpStream, state: Arc<State>) {
    let changed = state.changed.notified();
    tokio::pin!(changed);
    changed.as_mut().enable();
    if !state.silent.load(SeqCst) {
        let target = ("127.0.0.1", state.target.load(SeqCst));
        let Ok(mut server) = TcpStream::connect(target).await else { return };
        tokio::select! {
            _ = copy_bidirectional(&mut client, &mut server) => return,
            () = changed => {}
        }
        if !state.silent.load(SeqCst) {
            return;
        }
        // To the server it looks as if the client were gone; to the client as if the network were.
        let _ = server.shutdown().await;
    }
    let spoken = state.changed.notified();
    let swallowed = async {
        let mut buffer = [0; 4096];
        while client.read(&mut buffer).await.is_ok_and(|read| read > 0) {}
        // Even a client that gives up gets no answer.
    };
    tokio::select! {
        () = swallowed => {}
        () = spoken => {}
    }
}
