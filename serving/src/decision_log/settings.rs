//! What is logged, where, and what becomes of what does not fit.

use std::{fmt, path::PathBuf};

/// How a decision log is kept.
#[derive(Clone, Debug, PartialEq)]
pub struct DecisionLogSettings {
    /// Where it goes.
    pub destination: Destination,
    /// Which decisions are in it.
    pub which: Which,
    /// How many bytes may wait to be written.
    pub queue_bytes: usize,
    /// What becomes of a record for which there is no room.
    pub when_full: WhenFull,
}

/// Where a decision log goes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Destination {
    /// To the end of a file.
    File(PathBuf),
    /// To standard output.
    Stdout,
}

/// Which decisions are logged.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Which {
    /// All of them.
    All,
    /// Those that are no allow: denials and errors.
    Denials,
    /// By chance, this share of all, above 0 and up to 1.
    Sampled(f64),
}

/// What becomes of a record for which the queue has no room.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, clap::ValueEnum, serde::Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum WhenFull {
    /// It is left out, and the log says that it was.
    #[default]
    Drop,
    /// The caller waits until it is written, and gets an error in place of an answer if that takes too long.
    Block,
}

impl fmt::Display for DecisionLogSettings {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let which = match self.which {
            Which::All => "all decisions".to_owned(),
            Which::Denials => "denials and errors".to_owned(),
            Which::Sampled(ratio) => format!("a sample of {ratio}"),
        };
        let when_full = match self.when_full {
            WhenFull::Drop => "drops",
            WhenFull::Block => "blocks",
        };
        match &self.destination {
            Destination::File(path) => write!(f, "{which} to {}, {when_full} when full", path.display()),
            Destination::Stdout => write!(f, "{which} to stdout, {when_full} when full"),
        }
    }
}

impl Which {
    /// Reads `all`, `denials` or `sampled:RATIO`.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        match text {
            "all" => Some(Self::All),
            "denials" => Some(Self::Denials),
            text => {
                let ratio: f64 = text.strip_prefix("sampled:")?.parse().ok()?;
                (ratio > 0.0 && ratio <= 1.0).then_some(Self::Sampled(ratio))
            }
        }
    }
}

impl Destination {
    /// Reads `stdout` or the path of a file.
    #[must_use]
    pub fn parse(text: &str) -> Self {
        match text {
            "stdout" => Self::Stdout,
            path => Self::File(PathBuf::from(path)),
        }
    }
}
