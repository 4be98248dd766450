//! Durations and points in time as people write them.

use jiff::{SignedDuration, Span, SpanRelativeTo, Timestamp};
use std::time::Duration;

/// The longest duration accepted: longer ones are mistakes, and clocks overflow on them.
const LONGEST: SignedDuration = SignedDuration::from_hours(100 * 366 * 24);

/// Reads a positive duration such as `500ms`, `2m` or `90d`; a day has 24 hours.
///
/// # Errors
/// Says what is wrong with it.
pub(crate) fn parse_duration(text: &str) -> Result<Duration, String> {
    let span: Span = text.parse().map_err(|_| "write it as 500ms, 5s, 2m, 12h or 90d".to_owned())?;
    let duration = span
        .to_duration(SpanRelativeTo::days_are_24_hours())
        .map_err(|_| "use units of at most weeks".to_owned())?;
    if duration <= SignedDuration::ZERO || duration > LONGEST {
        return Err("must lie between nothing and a hundred years".to_owned());
    }
    Duration::try_from(duration).map_err(|error| error.to_string())
}

/// Reads a point in time such as `2030-01-31T12:00:00Z`.
///
/// # Errors
/// Says what is wrong with it.
pub(crate) fn parse_timestamp(text: &str) -> Result<Timestamp, String> {
    text.parse().map_err(|_| "write it as 2030-01-31T12:00:00Z".to_owned())
}

/// The point in time as the protocol writes it.
pub(crate) fn to_proto(time: Timestamp) -> prost_types::Timestamp {
    prost_types::Timestamp { seconds: time.as_second(), nanos: time.subsec_nanosecond() }
}

/// The protocol's point in time as RFC 3339.
pub(crate) fn rfc3339(time: prost_types::Timestamp) -> String {
    Timestamp::new(time.seconds, time.nanos)
        .map_or_else(|_| "outside all calendars".to_owned(), |time| time.to_string())
}

/// The protocol's duration in whole milliseconds.
pub(crate) fn millis(duration: prost_types::Duration) -> Option<u64> {
    let millis = duration.seconds.checked_mul(1000)?.checked_add(i64::from(duration.nanos / 1_000_000))?;
    u64::try_from(millis).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_are_read_with_their_units() {
        assert_eq!(parse_duration("500ms"), Ok(Duration::from_millis(500)));
        assert_eq!(parse_duration("90d"), Ok(Duration::from_secs(90 * 24 * 3600)));
        assert_eq!(parse_duration("1h 30m"), Ok(Duration::from_secs(5400)));
    }

    #[test]
    fn durations_without_unit_or_sense_are_refused() {
        for text in ["", "5", "0s", "-5s", "5s ago", "1y", "1000000w"] {
            assert!(parse_duration(text).is_err(), "{text}");
        }
    }

    #[test]
    fn timestamps_survive_the_round_trip() {
        let time = parse_timestamp("2030-01-31T12:00:00.25Z").map(to_proto);
        assert_eq!(time.map(rfc3339), Ok("2030-01-31T12:00:00.25Z".to_owned()));
        assert!(parse_timestamp("tomorrow").is_err());
    }

    #[test]
    fn ages_are_whole_milliseconds() {
        assert_eq!(millis(prost_types::Duration { seconds: 2, nanos: 34_900_000 }), Some(2034));
        assert_eq!(millis(prost_types::Duration { seconds: -2, nanos: 0 }), None);
    }
}
