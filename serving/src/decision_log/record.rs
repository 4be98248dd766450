//! What a line says. Everything that callers sent is escaped as JSON demands, and cut where it is longer than any id.

use serde::{Serialize, Serializer};

/// No id is longer than this, in bytes; what is longer was refused, and is cut.
const LONGEST_TEXT: usize = 512;

/// One decision, or one question on which none was reached.
#[derive(Clone, Debug, Serialize)]
pub struct Record<'a> {
    /// When, as RFC 3339 has it.
    pub time: &'a str,
    /// The number of the call: a batch has a line for each item, all of the same call.
    pub call: u64,
    /// The place of the question in its batch, from 0.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub item: Option<usize>,
    /// The method that was called.
    pub method: &'static str,
    /// What the caller is known by.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub caller: Option<Caller>,
    /// How the caller is connected.
    pub peer: Peer,
    /// The trace that the call belongs to, by its span or by the caller's `traceparent`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub trace: Option<&'a str>,
    /// Who was asked about.
    pub user: Text<'a>,
    /// Where.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub resource: Option<Place<'a>>,
    /// Which action, if an action was asked about.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub action: Option<Text<'a>>,
    /// Which operation, if an operation was asked about.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub operation: Option<Text<'a>>,
    /// What the operation was said to be about.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub attributes: Option<Attributes<'a>>,
    /// What came of it.
    #[serde(flatten)]
    pub outcome: Outcome,
    /// Which state of the store it goes by.
    #[serde(flatten)]
    pub basis: Option<Basis>,
    /// How long it took, in microseconds.
    pub latency_us: u64,
    /// In a log of a sample: the share of all records that are in it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub sample: Option<f64>,
}

/// The last line of a call that did not end with what its other lines say.
#[derive(Clone, Debug, Serialize)]
pub struct Last<'a> {
    /// When, as RFC 3339 has it.
    pub time: &'a str,
    /// The number of the call.
    pub call: u64,
    /// The method that was called.
    pub method: &'static str,
    /// How it ended.
    pub ended: Ended,
}

/// How a call ended that was not answered.
#[derive(Clone, Debug, Serialize)]
pub struct Ended {
    /// The code, by gRPC's name for it.
    pub code: String,
    /// The stable reason beside it, if it has one.
    #[serde(skip_serializing_if = "str::is_empty")]
    pub reason: &'static str,
}

/// What came of a question.
#[derive(Clone, Debug, Serialize)]
#[serde(tag = "outcome", rename_all = "snake_case")]
pub enum Outcome {
    /// The user may.
    Allow {
        /// Why, by the name that it has on the wire.
        reason: &'static str,
    },
    /// The user may not.
    Deny {
        /// Why, by the name that it has on the wire.
        reason: &'static str,
        /// The actions that are lacking.
        missing: Vec<&'static str>,
    },
    /// The caller was told all that the user may do.
    Actions {
        /// How many actions.
        count: usize,
    },
    /// No decision was reached.
    Error {
        /// The code, by gRPC's name for it.
        code: String,
        /// The stable reason beside it.
        reason: String,
    },
}

/// The state of the store that a decision goes by.
#[derive(Clone, Debug, Serialize)]
pub struct Basis {
    /// Its revision.
    pub revision: u64,
    /// The history that the revision is one of.
    pub epoch: String,
    /// How long ago the store's head had been confirmed, in microseconds.
    pub age_us: u64,
}

/// Whom the caller has shown to be.
#[derive(Clone, Copy, Debug, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Caller {
    /// The holder of a caller key: its place among the keys of `caller_key_file`, from 1.
    CallerKey(usize),
}

/// How a caller is connected.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Peer {
    /// Over TCP.
    Tcp,
    /// Over a Unix socket.
    Unix,
}

/// Where a question is asked.
#[derive(Clone, Copy, Debug, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Place<'a> {
    /// The site; always true.
    Site(bool),
    /// A group.
    Group(Text<'a>),
    /// A project.
    Project(Text<'a>),
}

/// An operation's attributes.
#[derive(Clone, Copy, Debug, Default, Serialize)]
#[expect(missing_docs, reason = "each is described where it is asked for, in the protos")]
pub struct Attributes<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub bulk: Option<bool>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub origin: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub destination_project: Option<Text<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub destination_group: Option<Text<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub has_device_data: Option<bool>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub gear: Option<Text<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub analysis: Option<bool>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub owner: Option<Text<'a>>,
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub owner_is_system: bool,
}

/// What a caller sent, cut to a length that cannot flood a log.
#[derive(Clone, Copy, Debug)]
pub struct Text<'a>(pub &'a str);

impl Serialize for Text<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        if self.0.len() <= LONGEST_TEXT {
            return serializer.serialize_str(self.0);
        }
        let end = self.0.floor_char_boundary(LONGEST_TEXT);
        serializer.collect_str(&format_args!("{}...", self.0.get(..end).unwrap_or_default()))
    }
}

impl Record<'_> {
    /// Whether it lets somebody do something.
    pub(super) const fn is_grant(&self) -> bool {
        matches!(self.outcome, Outcome::Allow { .. } | Outcome::Actions { .. })
    }
}

/// A line without its number and its beginning, up to its end.
pub(super) fn body(line: &impl Serialize) -> Vec<u8> {
    let mut body = Vec::with_capacity(512);
    // Writing to memory does not fail, and every value here is one that JSON has.
    let _ = serde_json::to_writer(&mut body, line);
    body.push(b'\n');
    // The brace gives way to the number.
    body.drain(..1);
    body
}
