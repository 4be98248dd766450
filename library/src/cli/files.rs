//! Files that commands read; `-` is standard input.

use super::exit::Failure;
use std::{fs, io};

/// Reads a whole text file.
///
/// # Errors
/// When it cannot be read, or is not UTF-8.
pub(crate) fn read_text(file: &str) -> Result<String, Failure> {
    let text = if file == "-" { io::read_to_string(io::stdin().lock()) } else { fs::read_to_string(file) };
    text.map_err(|error| Failure::local(format!("cannot read {}: {error}", name(file))))
}

/// What messages call the file.
pub(crate) fn name(file: &str) -> String {
    if file == "-" { "standard input".to_owned() } else { format!("`{file}`") }
}
