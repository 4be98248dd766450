//! How long a call may take: the caller's own deadline, or ours if it is sooner.

use http::{HeaderMap, HeaderName};
use std::time::Duration;

/// Where callers say how long they wait.
static GRPC_TIMEOUT: HeaderName = HeaderName::from_static("grpc-timeout");
/// What a reply needs to get out before the caller has given up.
const MARGIN: Duration = Duration::from_millis(50);
/// What "too late" needs to get out before a caller nearby has given up.
const LAST_WORD: Duration = Duration::from_millis(2);

/// In less time nobody's answer gets there: a call that has no more is over when it comes.
pub(super) const LEAST: Duration = Duration::from_micros(20);

/// How long a call may wait for news: a little less, so that "did not arrive in time" still reaches the caller.
pub(super) fn wait(headers: &HeaderMap, ours: Duration) -> Duration {
    let limit = limit(headers, ours);
    limit - MARGIN.min(limit / 10)
}

/// How long a call may take: the caller's time limit, unless ours is shorter.
pub(super) fn limit(headers: &HeaderMap, ours: Duration) -> Duration {
    let limit = requested(headers).map_or(ours, |theirs| theirs.min(ours));
    limit - LAST_WORD.min(limit / 10)
}

/// Reads `grpc-timeout`: up to eight digits and a unit. What cannot be read is no limit, as everywhere in gRPC.
fn requested(headers: &HeaderMap) -> Option<Duration> {
    let text = headers.get(&GRPC_TIMEOUT)?.to_str().ok()?;
    let (digits, unit) = text.split_at_checked(text.len().checked_sub(1)?)?;
    if digits.len() > 8 || !digits.bytes().all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    let number: u64 = digits.parse().ok()?;
    match unit {
        "H" => Some(Duration::from_secs(number * 3_600)),
        "M" => Some(Duration::from_secs(number * 60)),
        "S" => Some(Duration::from_secs(number)),
        "m" => Some(Duration::from_millis(number)),
        "u" => Some(Duration::from_micros(number)),
        "n" => Some(Duration::from_nanos(number)),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &'static str) -> Option<Duration> {
        let mut headers = HeaderMap::new();
        headers.insert("grpc-timeout", http::HeaderValue::from_static(text));
        requested(&headers)
    }

    #[test]
    fn every_unit_is_read() {
        assert_eq!(read("2H"), Some(Duration::from_secs(7_200)));
        assert_eq!(read("2M"), Some(Duration::from_secs(120)));
        assert_eq!(read("2S"), Some(Duration::from_secs(2)));
        assert_eq!(read("2m"), Some(Duration::from_millis(2)));
        assert_eq!(read("2u"), Some(Duration::from_micros(2)));
        assert_eq!(read("2n"), Some(Duration::from_nanos(2)));
    }

    #[test]
    fn what_is_no_timeout_is_no_limit() {
        for text in ["", "S", "2", "2x", "-2S", "123456789S", " 2S"] {
            assert_eq!(read(text), None, "{text}");
        }
    }
}
