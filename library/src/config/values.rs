//! The values that settings may take.

use super::{Address, ConfigError};
use std::{fmt, path::PathBuf, time::Duration};
use tracing_subscriber::filter::{LevelFilter, Targets};

/// Reads where to listen: `ADDRESS:PORT` or `unix:PATH`.
pub(super) fn address(key: &str, text: &str) -> Result<Address, ConfigError> {
    if let Some(path) = text.strip_prefix("unix:") {
        let path = PathBuf::from(path);
        let problem = || ConfigError::new(key, "`unix:` must be followed by a path");
        return if path.as_os_str().is_empty() { Err(problem()) } else { Ok(Address::Unix(path)) };
    }
    let local = text.replacen("localhost:", "127.0.0.1:", 1);
    local.parse().map(Address::Tcp).map_err(|_| {
        let examples = "such as `127.0.0.1:7700`, `[::1]:7700` or `unix:/run/rolegate.sock`";
        ConfigError::new(key, format!("`{text}` is no address to listen on, {examples}"))
    })
}

/// Reads several, with commas between them.
pub(crate) fn addresses(key: &str, text: &str) -> Result<Vec<Address>, ConfigError> {
    text.split(',').map(|one| address(key, one.trim())).collect()
}

/// Reads a length of time, such as `30s`, `500ms` or `1m 30s`.
pub(super) fn duration(key: &str, text: &str) -> Result<Duration, ConfigError> {
    let problem =
        || ConfigError::new(key, format!("`{text}` is no length of time, such as `30s` or `500ms`"));
    let span: jiff::SignedDuration = text.parse().map_err(|_| problem())?;
    Duration::try_from(span).map_err(|_| problem())
}

/// Reads a number of bytes, such as `67108864`, `64MiB` or `4KiB`.
pub(super) fn bytes(key: &str, text: &str) -> Result<u64, ConfigError> {
    let problem = || ConfigError::new(key, format!("`{text}` is no number of bytes, such as `64MiB`"));
    let digits = text.trim_end_matches(|letter: char| letter.is_ascii_alphabetic());
    let factor = match text.get(digits.len()..).unwrap_or_default() {
        "" | "B" => 1,
        "KiB" => 1 << 10,
        "MiB" => 1 << 20,
        "GiB" => 1 << 30,
        _ => return Err(problem()),
    };
    digits.trim_end().parse::<u64>().ok().and_then(|number| number.checked_mul(factor)).ok_or_else(problem)
}

/// Reads which log lines are written: a level for all, and levels for parts of the program, such as `info,rolegate=debug`.
pub(super) fn log_lines(key: &str, text: &str) -> Result<Targets, ConfigError> {
    let problem = |part: &str| {
        let said = format!("`{part}` is no filter of log lines, such as `info` or `rolegate=debug`");
        ConfigError::new(key, format!("{said}: levels are off, error, warn, info, debug and trace"))
    };
    text.split(',').map(str::trim).try_fold(Targets::new(), |filter, part| {
        let (target, level) = match part.rsplit_once('=') {
            Some((target, level)) => (Some(target.trim_end()), level.trim_start()),
            None => (None, part),
        };
        let is_part = |name: &str| {
            !name.is_empty() && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_')
        };
        let is_name = |name: &str| name.split("::").all(is_part);
        // A level may be given by its number as well, and nothing is one.
        let level = Some(level).filter(|level| level.starts_with(char::is_alphabetic));
        let level = level.and_then(|level| level.parse::<LevelFilter>().ok()).ok_or_else(|| problem(part))?;
        match target {
            None => Ok(filter.with_default(level)),
            Some(target) if is_name(target) => Ok(filter.with_target(target, level)),
            Some(_) => Err(problem(part)),
        }
    })
}

/// Refuses a value outside its range.
pub(super) fn within<T: PartialOrd + fmt::Debug>(
    key: &str,
    value: T,
    least: T,
    most: T,
) -> Result<T, ConfigError> {
    if value < least || value > most {
        return Err(ConfigError::new(
            key,
            format!("must lie between {least:?} and {most:?}, and is {value:?}"),
        ));
    }
    Ok(value)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_are_read_and_told_local_or_not() {
        let local = |text| address("listen", text).map(|address| address.is_local());
        assert_eq!(local("127.0.0.1:0"), Ok(true));
        assert_eq!(local("localhost:7700"), Ok(true));
        assert_eq!(local("[::1]:7700"), Ok(true));
        assert_eq!(local("unix:/tmp/x"), Ok(true));
        assert_eq!(local("0.0.0.0:7700"), Ok(false));
        assert_eq!(local("10.0.0.1:7700"), Ok(false));
        for bad in ["", "7700", "unix:", "http://127.0.0.1:1", "127.0.0.1"] {
            assert!(local(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn times_and_sizes_are_read_with_units() {
        assert_eq!(duration("k", "1500ms"), Ok(Duration::from_millis(1500)));
        assert_eq!(duration("k", "2m"), Ok(Duration::from_secs(120)));
        assert!(duration("k", "5").is_err() && duration("k", "-5s").is_err());
        assert_eq!(bytes("k", "64MiB"), Ok(67_108_864));
        assert_eq!(bytes("k", "12"), Ok(12));
        assert!(bytes("k", "64mb").is_err() && bytes("k", "99999999999GiB").is_err());
    }

    #[test]
    fn log_lines_are_filtered_by_level_and_by_part_of_the_program() {
        use tracing::Level;
        let some = log_lines("log", "warn, rolegate_engine = debug,h2=off").unwrap();
        assert!(some.would_enable("sqlx", &Level::WARN) && !some.would_enable("sqlx", &Level::INFO));
        assert!(some.would_enable("rolegate_engine::follow", &Level::DEBUG));
        assert!(!some.would_enable("rolegate::server", &Level::INFO));
        // The packages' own names begin with ours.
        let ours = log_lines("log", "off,rolegate=debug").unwrap();
        for target in
            ["rolegate::server", "rolegate_serving::net", "rolegate_engine::follow", "rolegate_store::retry"]
        {
            assert!(ours.would_enable(target, &Level::DEBUG), "{target}");
        }
        assert!(!some.would_enable("h2", &Level::ERROR));
        let none = log_lines("log", "off").unwrap();
        assert!(!none.would_enable("rolegate", &Level::ERROR));
        for bad in [
            "",
            "inof",
            "rolegate",
            "info,",
            "rolegate=",
            "=info",
            "rolegate=loud",
            "5",
            "a[b]=info",
            "::=info",
            "ünï=info",
        ] {
            assert!(log_lines("log", bad).unwrap_err().problem.contains("`rolegate=debug`"), "{bad}");
        }
    }
}
