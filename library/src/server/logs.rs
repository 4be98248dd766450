//! Log lines of a server, on standard error.

use crate::{
    config::{ConfigError, LogFormat},
    telemetry::lines::{LastLines, Lines},
};
use std::{
    backtrace::{Backtrace, BacktraceStatus},
    io::{self, IsTerminal as _},
    panic,
};
use tracing_subscriber::{
    Layer as _, filter::Targets, fmt, layer::SubscriberExt as _, registry, util::SubscriberInitExt as _,
};

/// Starts writing log lines to standard error, panics among them.
///
/// # Errors
/// There is no thread that could write.
pub fn start(filter: &Targets, format: LogFormat) -> Result<LastLines, ConfigError> {
    let lines = Lines::start(io::stderr())
        .map_err(|error| ConfigError::new("log", format!("there is no thread to write it: {error}")))?;
    // What goes wrong in here would be told on standard error itself, which may be what nobody takes in.
    let log = fmt::layer().log_internal_errors(false).with_writer(lines.clone());
    let log = match format {
        LogFormat::Text => log.with_ansi(io::stderr().is_terminal()).boxed(),
        LogFormat::Json => log.json().boxed(),
    };
    // Started twice in one process (tests do), the first start stands.
    let _ = registry().with(filter.clone()).with(log).try_init();
    panic::set_hook(Box::new(tell_of_panic));
    Ok(LastLines::of(lines))
}

/// The standard library's own hook writes to standard error, and waits until that is taken in.
fn tell_of_panic(panicked: &panic::PanicHookInfo<'_>) {
    let place = panicked.location().map(ToString::to_string);
    let said = panicked.payload_as_str();
    // There only if `RUST_BACKTRACE` asks for it.
    let backtrace = Backtrace::capture();
    let backtrace = (backtrace.status() == BacktraceStatus::Captured).then(|| backtrace.to_string());
    tracing::error!(place, said, backtrace, "a thread panicked");
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::{
        io::{BufRead as _, BufReader},
        sync::Arc,
        thread,
    };

    #[test]
    fn a_panic_is_a_line_of_the_log_that_says_where_and_why() {
        let (read, write) = io::pipe().unwrap();
        let log = tracing_subscriber::fmt().json().with_writer(move || write.try_clone().unwrap()).finish();
        // Other tests panic on purpose meanwhile: told from a thread that has no log, the line would be taken for one that nobody
        // wants, here too.
        let usual = Arc::new(panic::take_hook());
        let (others, here) = (Arc::clone(&usual), thread::current().id());
        panic::set_hook(Box::new(move |panicked| {
            if thread::current().id() == here { tell_of_panic(panicked) } else { others(panicked) }
        }));
        tracing::subscriber::with_default(log, || {
            let ended = panic::catch_unwind(|| assert_eq!(1, 2, "on purpose"));
            assert!(ended.is_err());
        });
        panic::set_hook(Box::new(move |panicked| usual(panicked)));
        let mut said = String::new();
        BufReader::new(read).read_line(&mut said).unwrap();
        let line: serde_json::Value = serde_json::from_str(&said).unwrap();
        let (fields, why) = (&line["fields"], "on purpose");
        assert!(fields["message"] == "a thread panicked" && line["level"] == "ERROR", "{said}");
        assert!(
            fields["place"].as_str().is_some_and(|place| place.starts_with("library/src/server/logs.rs:")),
            "{said}"
        );
        assert!(fields["said"].as_str().is_some_and(|said| said.contains(why)), "{said}");
    }
}
