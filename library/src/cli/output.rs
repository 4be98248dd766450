//! What commands print: aligned tables for people, JSON for programs.

use super::exit::{Exit, Failure};
use serde_json::{Value, json};
use std::{
    borrow::Cow,
    fmt::{self, Write as _},
    io::{self, Write},
};

/// The variable that says how results are printed.
pub(crate) const VARIABLE: &str = "ROLEGATE_OUTPUT";

/// How results are printed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, clap::ValueEnum)]
pub(crate) enum Format {
    /// Aligned columns, for people
    #[default]
    Table,
    /// JSON with stable keys, for programs
    Json,
}

/// A kind of object that commands print.
pub(crate) trait Show {
    /// What one is called; the key of a written object in JSON.
    const NOUN: &'static str;
    /// The columns of a list.
    const COLUMNS: &'static [&'static str];

    /// The cells of its line in a list, one a column.
    fn cells(&self) -> Vec<String>;

    /// All of it, for programs.
    fn json(&self) -> Value;

    /// What is shown of one alone; a value may have many lines.
    fn details(&self) -> Vec<(&'static str, String)> {
        Self::COLUMNS.iter().copied().zip(self.cells()).collect()
    }
}

/// Aligned columns without a frame.
pub(crate) struct Table {
    rows: Vec<Vec<String>>,
}

impl Table {
    /// A table under this header.
    pub(crate) fn new(header: &[&str]) -> Self {
        Self { rows: vec![header.iter().map(ToString::to_string).collect()] }
    }

    /// A table of names and values, without a header. Values may have many lines.
    pub(crate) fn of_details(details: Vec<(&'static str, String)>) -> Self {
        let lines = |(name, value): (&str, String)| -> Vec<Vec<String>> {
            let name = |nth| if nth == 0 { name.to_owned() } else { String::new() };
            let line = |(nth, line): (usize, &str)| vec![name(nth), line.to_owned()];
            value.split('\n').enumerate().map(line).collect()
        };
        Self { rows: details.into_iter().flat_map(lines).collect() }
    }

    /// Adds a line.
    pub(crate) fn push(&mut self, cells: Vec<String>) {
        self.rows.push(cells);
    }

    fn widths(&self) -> Vec<usize> {
        let mut widths = Vec::new();
        for row in &self.rows {
            widths.resize(widths.len().max(row.len()), 0);
            for (width, cell) in widths.iter_mut().zip(row) {
                *width = (*width).max(printable(cell).chars().count());
            }
        }
        widths
    }
}

impl fmt::Display for Table {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let widths = self.widths();
        for row in &self.rows {
            let mut line = String::new();
            for (cell, width) in row.iter().zip(&widths) {
                let cell = printable(cell);
                // Not by a format's own width, which ends at 65,535.
                let gap = width.saturating_sub(cell.chars().count()) + 2;
                write!(line, "{cell}")?;
                line.extend(std::iter::repeat_n(' ', gap));
            }
            writeln!(f, "{}", line.trim_end())?;
        }
        Ok(())
    }
}

/// The text with its control characters escaped, so that what a server sends cannot steer a terminal.
pub(crate) fn printable(text: &str) -> Cow<'_, str> {
    if !text.chars().any(char::is_control) {
        return Cow::Borrowed(text);
    }
    let escape = |c: char| {
        if c.is_control() { c.escape_default().to_string() } else { c.to_string() }
    };
    Cow::Owned(text.chars().map(escape).collect())
}

/// The text, or a dash where there is none.
pub(crate) fn or_dash(text: String) -> String {
    if text.is_empty() { "-".to_owned() } else { text }
}

/// The object that an answer must hold.
///
/// # Errors
/// When it does not.
pub(crate) fn present<T: Show>(item: Option<T>) -> Result<T, Failure> {
    item.ok_or_else(|| Failure::malformed_answer(&format!("it holds no {}", T::NOUN)))
}

/// `yes` or `no`.
pub(crate) fn yes_no(yes: bool) -> String {
    if yes { "yes" } else { "no" }.to_owned()
}

/// What a command that reached its end has to say.
#[derive(Debug)]
pub(crate) struct Report {
    text: String,
    json: Option<Value>,
    notes: Vec<String>,
    exit: Exit,
}

impl Report {
    /// A result in both forms.
    pub(crate) fn new(text: impl Into<String>, json: Value) -> Self {
        Self { text: text.into(), json: Some(json), notes: Vec::new(), exit: Exit::Success }
    }

    /// A text that is the same in every format.
    pub(crate) fn raw(text: impl Into<String>) -> Self {
        Self { text: text.into(), json: None, notes: Vec::new(), exit: Exit::Success }
    }

    /// A list of objects.
    pub(crate) fn list<T: Show>(items: &[T]) -> Self {
        let mut table = Table::new(T::COLUMNS);
        items.iter().for_each(|item| table.push(item.cells()));
        Self::new(table.to_string(), items.iter().map(Show::json).collect())
    }

    /// One object.
    ///
    /// # Errors
    /// When the answer lacks it.
    pub(crate) fn one<T: Show>(item: Option<T>) -> Result<Self, Failure> {
        let item = present(item)?;
        Ok(Self::new(Table::of_details(item.details()).to_string(), item.json()))
    }

    /// An object that was written, and the token of a revision that contains the write.
    ///
    /// # Errors
    /// When the answer lacks it.
    pub(crate) fn written<T: Show>(item: Option<T>, revision_token: &str) -> Result<Self, Failure> {
        let item = present(item)?;
        let mut details = item.details();
        details.push(("REVISION TOKEN", revision_token.to_owned()));
        let json = json!({ T::NOUN: item.json(), "revision_token": revision_token });
        Ok(Self::new(Table::of_details(details).to_string(), json))
    }

    /// A write that leaves no object to show.
    pub(crate) fn done(what: &str, revision_token: &str) -> Self {
        let text = format!("{}\nrevision token: {}\n", printable(what), printable(revision_token));
        Self::new(text, json!({ "revision_token": revision_token }))
    }

    /// Ends the command with this code instead of success.
    pub(crate) fn with_exit(self, exit: Exit) -> Self {
        Self { exit, ..self }
    }

    /// How the command ends, if its output can be written.
    pub(crate) const fn exit(&self) -> Exit {
        self.exit
    }

    /// Adds a word to the person at the terminal, on stderr; programs do not get it.
    pub(crate) fn with_note(mut self, note: impl Into<String>) -> Self {
        self.notes.push(note.into());
        self
    }

    /// What stdout gets.
    pub(crate) fn render(&self, format: Format) -> String {
        match (format, &self.json) {
            (Format::Json, Some(json)) => format!("{json:#}\n"),
            (Format::Json, None) | (Format::Table, _) => self.text.clone(),
        }
    }

    /// Prints the report.
    ///
    /// # Errors
    /// When the output cannot be written; a reader that has gone away is not an error.
    pub(crate) fn print(&self, format: Format) -> Result<Exit, Failure> {
        let mut stdout = io::stdout().lock();
        let written = stdout.write_all(self.render(format).as_bytes()).and_then(|()| stdout.flush());
        match written {
            Err(error) if error.kind() != io::ErrorKind::BrokenPipe => {
                return Err(Failure::local(format!("cannot write the output: {error}")));
            }
            _ => {}
        }
        if format == Format::Table {
            self.notes.iter().for_each(|note| print_error(&format!("note: {note}\n")));
        }
        Ok(self.exit())
    }
}

/// Writes to stderr; when even that fails there is nobody left to tell.
pub(crate) fn print_error(text: &str) {
    let _ = io::stderr().lock().write_all(text.as_bytes());
}

#[cfg(test)]
mod tests {
    use super::*;

    struct Pet(&'static str, &'static str);

    impl Show for Pet {
        const NOUN: &'static str = "pet";
        const COLUMNS: &'static [&'static str] = &["NAME", "KIND"];

        fn cells(&self) -> Vec<String> {
            vec![self.0.to_owned(), self.1.to_owned()]
        }

        fn json(&self) -> Value {
            json!({ "name": self.0 })
        }
    }

    #[test]
    fn columns_are_aligned_and_lines_have_no_trailing_space() {
        let report = Report::list(&[Pet("Élodie", "cat"), Pet("Bo", "")]);
        assert_eq!(report.render(Format::Table), "NAME    KIND\nÉlodie  cat\nBo\n");
    }

    #[test]
    fn an_empty_list_is_a_header_and_an_empty_array() {
        let report = Report::list::<Pet>(&[]);
        assert_eq!(report.render(Format::Table), "NAME  KIND\n");
        assert_eq!(report.render(Format::Json), "[]\n");
    }

    #[test]
    fn one_object_is_shown_downwards() -> Result<(), Failure> {
        let report = Report::one(Some(Pet("Bo", "dog\nbrown")))?;
        assert_eq!(report.render(Format::Table), "NAME  Bo\nKIND  dog\n      brown\n");
        Ok(())
    }

    #[test]
    fn a_written_object_is_keyed_by_its_noun_and_carries_the_token() -> Result<(), Failure> {
        let report = Report::written(Some(Pet("Bo", "dog")), "t1")?;
        let expected = json!({"pet": {"name": "Bo"}, "revision_token": "t1"});
        assert_eq!(report.json, Some(expected));
        assert!(report.text.ends_with("REVISION TOKEN  t1\n"), "{}", report.text);
        Ok(())
    }

    #[test]
    fn an_answer_without_its_object_is_a_failure() {
        assert!(Report::one::<Pet>(None).is_err());
        assert!(Report::written::<Pet>(None, "t1").is_err());
    }

    #[test]
    fn control_characters_cannot_reach_the_terminal() {
        let report = Report::list(&[Pet("a\u{1b}[2Jb", "x\ny")]);
        assert!(!report.text.contains('\u{1b}'));
        assert_eq!(report.text.lines().count(), 2);
    }
}
