//! Mistakes on the command line and in the environment, each in one line, and as JSON where JSON was asked for.

use super::{
    Cli, environment,
    exit::Failure,
    output::{self, Format},
};
use clap::{
    CommandFactory as _, ValueEnum as _,
    error::{ContextKind, ContextValue, ErrorKind},
};
use std::{error::Error as _, ffi::OsString, num::ParseIntError};

/// The parser's error as a failure like any other; `None` if it is no mistake, but help that was asked for.
pub(super) fn failure(error: &clap::Error, arguments: &[OsString]) -> Option<Failure> {
    let message = match error.kind() {
        ErrorKind::DisplayHelp
        | ErrorKind::DisplayVersion
        | ErrorKind::DisplayHelpOnMissingArgumentOrSubcommand => return None,
        _ => [Some(problem(error, arguments)), advice(error)],
    };
    let message: Vec<_> = message.into_iter().flatten().collect();
    let failure = Failure::usage(message.join("; "));
    Some(match words(error, ContextKind::InvalidArg).first() {
        Some(argument) => failure.with_field(name(argument)),
        None => failure,
    })
}

/// The format that a command line asks for, although it could not be read as a whole.
pub(super) fn format(arguments: &[OsString]) -> Format {
    let mut rest =
        arguments.iter().map(|argument| argument.to_string_lossy()).take_while(|word| word != "--");
    let mut asked = None;
    while let Some(word) = rest.next() {
        asked = match word.strip_prefix("--output") {
            Some("") => rest.next().map(|value| value.into_owned()),
            Some(value) if value.starts_with('=') => Some(value.trim_start_matches('=').to_owned()),
            _ => continue,
        };
    }
    let asked = asked.or_else(|| std::env::var(output::VARIABLE).ok());
    asked.and_then(|format| Format::from_str(&format, false).ok()).unwrap_or_default()
}

fn problem(error: &clap::Error, arguments: &[OsString]) -> String {
    let quoted = |kind| quoted(&words(error, kind));
    let argument = quoted(ContextKind::InvalidArg);
    match error.kind() {
        ErrorKind::InvalidValue | ErrorKind::ValueValidation => bad_value(error, arguments),
        ErrorKind::UnknownArgument => format!("unexpected argument {argument}"),
        ErrorKind::InvalidSubcommand => {
            format!("unknown command {}", quoted(ContextKind::InvalidSubcommand))
        }
        ErrorKind::MissingSubcommand => {
            format!("{} needs a command", quoted(ContextKind::InvalidSubcommand))
        }
        ErrorKind::MissingRequiredArgument => format!("missing {argument}"),
        ErrorKind::ArgumentConflict => match quoted(ContextKind::PriorArg) {
            prior if prior == argument => format!("{argument} cannot be given twice"),
            prior => format!("{argument} cannot be used with {prior}"),
        },
        _ => in_the_parsers_words(error),
    }
}

fn bad_value(error: &clap::Error, arguments: &[OsString]) -> String {
    let text = |kind| words(error, kind).concat();
    let (argument, value) = (text(ContextKind::InvalidArg), text(ContextKind::InvalidValue));
    let origin = variable(&argument, &value, arguments).map_or_else(String::new, |name| format!(" ({name})"));
    let problem = if value.is_empty() {
        format!("`{argument}`{origin} needs a value")
    } else {
        format!("invalid value `{value}` for `{argument}`{origin}")
    };
    match error.source() {
        // Its own words speak of digits and strings.
        Some(source) if source.is::<ParseIntError>() => format!("{problem}: not a whole number that fits"),
        Some(source) => format!("{problem}: {source}"),
        None => problem,
    }
}

/// The environment variable that a bad value came from. The parser does not tell, but blames the flag.
fn variable(argument: &str, value: &str, arguments: &[OsString]) -> Option<String> {
    let flag = name(argument);
    let is_given = |word: &OsString| name(&word.to_string_lossy()) == flag;
    if arguments.iter().any(is_given) {
        return None;
    }
    let holds = |variable: &String| std::env::var_os(variable).is_some_and(|held| held == value);
    environment::variables_of(&Cli::command(), Some(flag)).into_iter().find(holds)
}

/// What to do next.
fn advice(error: &clap::Error) -> Option<String> {
    let near = [ContextKind::SuggestedArg, ContextKind::SuggestedValue, ContextKind::SuggestedSubcommand];
    // The parser names the likeliest last.
    let near = near.into_iter().flat_map(|kind| words(error, kind)).next_back();
    let valid =
        [ContextKind::ValidValue, ContextKind::ValidSubcommand].map(|kind| words(error, kind)).concat();
    match near {
        Some(near) => Some(format!("did you mean `{near}`?")),
        None if !valid.is_empty() => Some(format!("expected one of {}", valid.join(", "))),
        // What is wrong with a value says what a right one looks like.
        None if matches!(error.kind(), ErrorKind::InvalidValue | ErrorKind::ValueValidation) => None,
        None => Some("see `--help`".to_owned()),
    }
}

/// For the mistakes that need no more than the parser's first line.
fn in_the_parsers_words(error: &clap::Error) -> String {
    let text = error.to_string();
    let line = text.lines().next().unwrap_or_default();
    line.trim_start_matches("error: ").to_owned()
}

/// The flag of an argument that is shown with its value.
fn name(argument: &str) -> &str {
    argument.split([' ', '=', '[']).next().unwrap_or_default()
}

fn quoted(words: &[String]) -> String {
    let words: Vec<_> = words.iter().map(|word| format!("`{word}`")).collect();
    words.join(", ")
}

fn words(error: &clap::Error, kind: ContextKind) -> Vec<String> {
    match error.get(kind) {
        Some(ContextValue::String(word)) => vec![word.clone()],
        Some(ContextValue::Strings(words)) => words.clone(),
        _ => Vec::new(),
    }
}
