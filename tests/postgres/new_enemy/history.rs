//! What was allowed at which revision, and which answers that makes wrong.

pub(super) const USERS: usize = 4;
pub(super) const PROJECTS: usize = 3;
/// Pairs of a user and a project, numbered.
pub(super) const PAIRS: usize = USERS * PROJECTS;

/// Who may download where at one revision: a bit for each pair.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Allowed(pub(super) u32);

impl Allowed {
    pub(super) fn at(self, pair: usize) -> bool {
        self.0 >> pair & 1 == 1
    }
}

/// Every revision from the first on, up to the one that is being written.
pub(super) struct History {
    first: u64,
    states: Vec<Allowed>,
}

/// An answer, and what it must be held against.
#[derive(Clone, Debug)]
pub(super) struct Answer {
    /// What it must be at least as new as: the token that came with the question, and what the same server had
    /// answered before.
    pub(super) floor: u64,
    /// The revision of the token that came with it.
    pub(super) token: u64,
    /// The newest revision that can have been committed when it came.
    pub(super) until: u64,
    /// Whether the token is promised to be of the very revision of the answer, and not only of one no newer.
    pub(super) exact: bool,
    /// What was told of which pairs.
    pub(super) outcomes: Vec<(usize, bool)>,
}

impl History {
    pub(super) fn new(first: u64, state: Allowed) -> Self {
        Self { first, states: vec![state] }
    }

    /// Adds what the next revision allows; before it is written, so that no answer can come from beyond the end.
    pub(super) fn push(&mut self, state: Allowed) {
        self.states.push(state);
    }

    pub(super) fn newest(&self) -> u64 {
        self.first + self.states.len() as u64 - 1
    }

    /// An answer must be true at one revision, no older than its token and no newer than the store was.
    pub(super) fn judge(&self, answer: &Answer) -> Result<(), String> {
        let Answer { floor, token, until, .. } = *answer;
        if token < floor || token > until {
            return Err(format!("the token is of {token}, and not from {floor} to {until}: {answer:?}"));
        }
        let last = if answer.exact { token } else { until };
        let is_true = |state: &Allowed| answer.outcomes.iter().all(|(pair, told)| state.at(*pair) == *told);
        let at = |revision: u64| usize::try_from(revision - self.first).unwrap();
        if self.states[at(token)..=at(last)].iter().any(is_true) {
            return Ok(());
        }
        let states = &self.states[at(token)..=at(last)];
        Err(format!("true at no revision from {token} to {last}: {answer:?}; it was {states:?}"))
    }
}

/// At 10 pair 0 is allowed, at 11 nothing, at 12 pairs 0 and 1.
fn short_history() -> History {
    let mut history = History::new(10, Allowed(0b01));
    history.push(Allowed(0b00));
    history.push(Allowed(0b11));
    history
}

fn told(token: u64, until: u64, outcomes: &[(usize, bool)]) -> Answer {
    Answer { floor: 10, token, until, exact: false, outcomes: outcomes.to_vec() }
}

#[test]
fn an_answer_that_was_true_between_its_token_and_now_is_right() {
    let history = short_history();
    assert_eq!(history.newest(), 12);
    for right in [
        told(10, 10, &[(0, true), (1, false)]),
        told(10, 11, &[(0, false)]),
        told(10, 12, &[(1, true)]),
        told(12, 12, &[(0, true), (1, true)]),
        Answer { exact: true, ..told(11, 12, &[(0, false)]) },
    ] {
        history.judge(&right).unwrap();
    }
}

#[test]
fn an_answer_from_before_its_token_or_of_no_one_revision_is_wrong() {
    let history = short_history();
    for wrong in [
        // The new enemy: a yes from before the revocation, with the revocation's token.
        told(11, 11, &[(0, true)]),
        // A no that was overtaken by a grant.
        told(12, 12, &[(0, false)]),
        // Each is true at some time, and both at none.
        told(10, 11, &[(0, false), (1, true)]),
        // True only later than the token says, where that is promised.
        Answer { exact: true, ..told(11, 12, &[(0, true)]) },
    ] {
        assert!(history.judge(&wrong).unwrap_err().starts_with("true at no revision"), "{wrong:?}");
    }
}

#[test]
fn a_token_that_goes_back_or_comes_from_the_future_is_wrong() {
    let history = short_history();
    let gone_back = Answer { floor: 11, ..told(10, 12, &[(0, true)]) };
    for wrong in [gone_back, told(12, 11, &[(0, true)])] {
        assert!(history.judge(&wrong).unwrap_err().starts_with("the token is of"), "{wrong:?}");
    }
}
