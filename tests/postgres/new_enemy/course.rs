//! What the one who writes and those who ask know of each other.

use super::{
    history::{Allowed, Answer, History},
    writer,
};
use crate::{
    ask::{may, project},
    server::Questions,
};
use rolegate::store::revision::{Epoch, Token};
use std::sync::{
    Arc, Mutex,
    atomic::{AtomicBool, AtomicU64, Ordering::SeqCst},
};

pub(super) struct Course {
    epoch: Epoch,
    first: u64,
    history: Mutex<History>,
    /// The newest revision that the writer has been told of.
    acknowledged: AtomicU64,
    is_over: AtomicBool,
}

impl Course {
    /// Begins where the store stands.
    pub(super) async fn begin(questions: &mut Questions) -> Arc<Self> {
        let asked = may("u0", project("p0"), "files_download");
        let answer = questions.check(asked).await.unwrap().into_inner();
        let Token { epoch, revision } = Token::parse(&answer.revision_token).unwrap();
        let history = Mutex::new(History::new(revision, writer::Site::default().allowed()));
        let (acknowledged, is_over) = (AtomicU64::new(revision), AtomicBool::new(false));
        Arc::new(Self { epoch, first: revision, history, acknowledged, is_over })
    }

    pub(super) fn end(&self) {
        self.is_over.store(true, SeqCst);
    }

    pub(super) fn is_over(&self) -> bool {
        self.is_over.load(SeqCst)
    }

    /// Says what is going to be written; the revision that it will have.
    pub(super) fn will_write(&self, state: Allowed) -> u64 {
        let mut history = self.history.lock().unwrap();
        history.push(state);
        history.newest()
    }

    pub(super) fn has_written(&self, revision: u64) {
        self.acknowledged.store(revision, SeqCst);
    }

    /// The newest revision that somebody can know of.
    pub(super) fn acknowledged(&self) -> u64 {
        self.acknowledged.load(SeqCst)
    }

    pub(super) fn writes(&self) -> u64 {
        self.acknowledged() - self.first
    }

    /// The newest revision that can have been committed.
    pub(super) fn newest(&self) -> u64 {
        self.history.lock().unwrap().newest()
    }

    pub(super) fn token(&self, revision: u64) -> String {
        Token { epoch: self.epoch, revision }.to_string()
    }

    /// The revision of a token; there is one epoch, whatever happens.
    pub(super) fn revision(&self, token: &str) -> u64 {
        let token = Token::parse(token).unwrap();
        assert_eq!(token.epoch, self.epoch, "nothing here begins a new epoch");
        token.revision
    }

    pub(super) fn judge(&self, answer: &Answer) {
        let judged = self.history.lock().unwrap().judge(answer);
        assert_eq!(judged, Ok(()));
    }
}
