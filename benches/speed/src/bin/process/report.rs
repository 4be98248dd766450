//! What was found, for people and for programs.

use crate::{Result, args::Output, targets::Target};
use serde::Serialize;
use std::{fs, io::Write as _};

/// Everything that was found.
#[derive(Debug, Serialize)]
pub struct Report {
    pub machine: Machine,
    pub quick: bool,
    pub figures: Vec<Figure>,
    /// How many times as long the slower takes as the faster.
    pub ratios: Vec<Ratio>,
    pub memory: Option<Memory>,
    /// What a reader must know to judge the figures.
    pub notes: Vec<String>,
    pub targets: Vec<Target>,
}

/// Where it was found.
#[derive(Debug, Serialize)]
pub struct Machine {
    processor: String,
    cores: usize,
}

/// How long one answer of a subject takes.
#[derive(Clone, Debug, Serialize)]
pub struct Figure {
    /// What was measured, at which site.
    pub group: String,
    pub subject: String,
    /// The median of all rounds.
    pub nanoseconds: f64,
    /// A quarter of the rounds took less than this,
    pub lower_quartile: f64,
    /// and a quarter more than this.
    pub upper_quartile: f64,
    pub rounds: usize,
}

impl Figure {
    /// The figure that rounds come to.
    pub fn new(group: &str, subject: String, mut rounds: Vec<f64>) -> Self {
        rounds.sort_by(f64::total_cmp);
        let at = |share: f64| rounds[((rounds.len() - 1) as f64 * share).round() as usize];
        Self {
            group: group.to_owned(),
            subject,
            nanoseconds: at(0.5),
            lower_quartile: at(0.25),
            upper_quartile: at(0.75),
            rounds: rounds.len(),
        }
    }
}

/// One figure by another.
#[derive(Clone, Debug, Serialize)]
pub struct Ratio {
    pub name: String,
    pub times: f64,
}

/// What memory a loaded site takes.
#[derive(Clone, Debug, Serialize)]
pub struct Memory {
    pub site: String,
    pub grants: usize,
    pub resident_before: u64,
    pub resident_after: u64,
    /// What the engine itself says that its cache takes.
    pub cached: u64,
    pub bytes_a_grant: f64,
}

impl Report {
    /// An empty report.
    pub fn of_this_machine(quick: bool) -> Self {
        let machine = Machine {
            processor: processor().unwrap_or_else(|| "unknown".to_owned()),
            cores: std::thread::available_parallelism().map_or(1, usize::from),
        };
        let (figures, ratios, notes, targets) = (Vec::new(), Vec::new(), Vec::new(), Vec::new());
        Self { machine, quick, figures, ratios, memory: None, notes, targets }
    }

    /// The time of a subject in a group.
    pub fn time(&self, group: &str, subject: &str) -> Option<f64> {
        let is_it = |figure: &&Figure| figure.group == group && figure.subject == subject;
        self.figures.iter().find(is_it).map(|figure| figure.nanoseconds)
    }

    /// Tells everything.
    pub fn print(&self, output: Output) -> Result<()> {
        let mut out = std::io::stdout().lock();
        match output {
            Output::Json => {
                serde_json::to_writer_pretty(&mut out, self)?;
                writeln!(out)?;
            }
            Output::Table => self.write_tables(&mut out)?,
        }
        Ok(())
    }

    fn write_tables(&self, out: &mut impl std::io::Write) -> Result<()> {
        writeln!(out, "On {} with {} cores.", self.machine.processor, self.machine.cores)?;
        let mut group = "";
        for figure in &self.figures {
            if figure.group != group {
                group = &figure.group;
                writeln!(out, "\n{group}\n  {:<44} {:>12}   middle half of the rounds", "", "ns an answer")?;
            }
            let (from, to) = (shown(figure.lower_quartile), shown(figure.upper_quartile));
            writeln!(out, "  {:<44} {:>12}   {from} to {to}", figure.subject, shown(figure.nanoseconds))?;
        }
        if !self.ratios.is_empty() {
            writeln!(out, "\nRatios")?;
        }
        for ratio in &self.ratios {
            writeln!(out, "  {:<70} {:>9.1}", ratio.name, ratio.times)?;
        }
        if let Some(memory) = &self.memory {
            writeln!(out, "\nMemory of {}", memory.site)?;
            writeln!(out, "  {:<44} {:>12.1}", "resident bytes a cached grant", memory.bytes_a_grant)?;
            writeln!(out, "  {:<44} {:>12}", "resident MiB before and after the load", mebibytes(memory))?;
            writeln!(out, "  {:<44} {:>12}", "MiB by the engine's own count", memory.cached >> 20)?;
        }
        self.write_targets(out)
    }

    fn write_targets(&self, out: &mut impl std::io::Write) -> Result<()> {
        if !self.notes.is_empty() {
            writeln!(out, "\nNotes")?;
        }
        for note in &self.notes {
            writeln!(out, "  {note}")?;
        }
        writeln!(out, "\nTargets")?;
        for target in &self.targets {
            writeln!(out, "  {target}")?;
        }
        Ok(())
    }
}

fn mebibytes(memory: &Memory) -> String {
    format!("{} / {}", memory.resident_before >> 20, memory.resident_after >> 20)
}

/// A time with as many digits as it is good for.
fn shown(nanoseconds: f64) -> String {
    if nanoseconds < 100.0 { format!("{nanoseconds:.1}") } else { format!("{nanoseconds:.0}") }
}

fn processor() -> Option<String> {
    let text = fs::read_to_string("/proc/cpuinfo").ok()?;
    let line = text.lines().find(|line| line.starts_with("model name"))?;
    line.split_once(':').map(|(_, name)| name.trim().to_owned())
}

/// A stretch of memory.
pub fn among(bytes: usize) -> String {
    format!("among {} MiB", bytes as f64 / f64::from(1 << 20))
}
