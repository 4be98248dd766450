//! What was counted before, as it is kept with the code.

use std::{collections::BTreeMap, fmt, fs};

/// The counts of all scenarios.
pub(crate) struct Baseline(BTreeMap<String, u64>);

/// How a count compares.
pub(crate) enum Verdict {
    Within(f64),
    Beyond(f64),
    Unknown,
}

impl Baseline {
    /// Where it is kept: what optimised builds take is one thing, what those of the tests take is another.
    pub(crate) const FILE: &str = if cfg!(debug_assertions) {
        concat!(env!("CARGO_MANIFEST_DIR"), "/benches/counts/unoptimised.txt")
    } else {
        concat!(env!("CARGO_MANIFEST_DIR"), "/benches/counts/optimised.txt")
    };
    /// How much more or less is still the same. Hashes are seeded at random, and so collide now and then.
    pub(crate) const PERCENT: f64 = 4.0;

    /// Nothing, if there is no file yet.
    pub(crate) fn read() -> Self {
        let text = fs::read_to_string(Self::FILE).unwrap_or_default();
        let lines = text.lines().filter_map(|line| line.split_once(' '));
        Self(lines.map(|(name, count)| (name.to_owned(), count.trim().parse().unwrap())).collect())
    }

    pub(crate) fn of(&self, name: &str) -> Option<u64> {
        self.0.get(name).copied()
    }

    pub(crate) fn verdict(&self, name: &str, counted: u64) -> Verdict {
        let Some(baseline) = self.of(name) else { return Verdict::Unknown };
        let percent = (counted as f64 / baseline as f64 - 1.0) * 100.0;
        if percent.abs() <= Self::PERCENT { Verdict::Within(percent) } else { Verdict::Beyond(percent) }
    }

    /// Takes these counts as the baseline from now on.
    pub(crate) fn replace(&mut self, counted: &[(&str, u64)]) {
        self.0 = counted.iter().map(|(name, count)| ((*name).to_owned(), *count)).collect();
        let lines: String = self.0.iter().map(|(name, count)| format!("{name} {count}\n")).collect();
        fs::write(Self::FILE, lines).unwrap();
    }
}

impl Verdict {
    pub(crate) const fn is_within(&self) -> bool {
        matches!(self, Self::Within(_))
    }
}

impl fmt::Display for Verdict {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Within(percent) => write!(f, "{percent:+.1} %"),
            Self::Beyond(percent) => write!(f, "{percent:+.1} %  BEYOND THE BASELINE"),
            Self::Unknown => write!(f, "NOT IN THE BASELINE"),
        }
    }
}
