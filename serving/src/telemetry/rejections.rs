//! Calls that are turned away, and what for.

use crate::engine::stats::Count;
use http::HeaderMap;
use tonic::{Code, Status};
use tonic_types::StatusExt as _;

/// What a call was turned away for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Cause {
    /// Too many calls were in flight.
    Load,
    /// The request or its answer is larger than a message may be.
    Size,
    /// The time for the answer was over.
    Deadline,
    /// Too many ids were asked about that do not exist.
    UnknownIds,
    /// There was no key, or none that holds.
    Credentials,
}

impl Cause {
    /// All of them, in their order.
    pub const ALL: [Self; 5] = [Self::Load, Self::Size, Self::Deadline, Self::UnknownIds, Self::Credentials];

    /// Its name.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Load => "load",
            Self::Size => "size",
            Self::Deadline => "deadline",
            Self::UnknownIds => "unknown_ids",
            Self::Credentials => "credentials",
        }
    }

    /// What a call that ended with this code was turned away for, if it was.
    fn of(code: Code, headers: &HeaderMap) -> Option<Self> {
        match code {
            Code::DeadlineExceeded => Some(Self::Deadline),
            Code::Unauthenticated => Some(Self::Credentials),
            Code::ResourceExhausted => {
                let details =
                    Status::from_header_map(headers).and_then(|status| status.get_details_error_info());
                Some(match details.map(|details| details.reason).as_deref() {
                    Some("TOO_LARGE") => Self::Size,
                    Some("TOO_MANY_UNKNOWN") => Self::UnknownIds,
                    _ => Self::Load,
                })
            }
            _ => None,
        }
    }
}

/// How many calls were turned away, for each cause.
#[derive(Debug, Default)]
pub(super) struct Rejections([Count; Cause::ALL.len()]);

impl Rejections {
    /// Counts a call that has ended, if it was turned away.
    pub(super) fn note(&self, code: Code, headers: &HeaderMap) {
        if let Some(count) = Cause::of(code, headers).and_then(|cause| self.0.get(cause as usize)) {
            count.bump();
        }
    }

    pub(super) fn of(&self, cause: Cause) -> u64 {
        self.0.get(cause as usize).map_or(0, Count::get)
    }
}
