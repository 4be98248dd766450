//! Figures, as people read them and as programs do.

use std::time::Duration;

/// Something measured.
struct Figure {
    part: &'static str,
    what: String,
    value: f64,
    unit: &'static str,
    /// What it should not exceed.
    target: Option<f64>,
}

impl Figure {
    fn meets_its_target(&self) -> Option<bool> {
        self.target.map(|most| self.value <= most)
    }
}

/// Everything that was measured.
#[derive(Default)]
pub(crate) struct Report(Vec<Figure>);

/// Says what is going on, out of the way of the figures.
pub(crate) fn progress(text: &str) {
    eprintln!("... {text}");
}

impl Report {
    /// Adds a figure, and shows it at once: a long run that is broken off should have been worth its while.
    pub(crate) fn add(
        &mut self,
        part: &'static str,
        what: impl Into<String>,
        (value, unit): (f64, &'static str),
        target: Option<f64>,
    ) {
        let what = what.into();
        progress(&format!("{part}: {what}: {value:.2} {unit}"));
        self.0.push(Figure { part, what, value, unit, target });
    }

    /// Adds the middle, the 99th percentile and the worst of some times, in milliseconds.
    pub(crate) fn add_times(
        &mut self,
        part: &'static str,
        what: &str,
        mut times: Vec<Duration>,
        target: Option<Duration>,
    ) {
        times.sort();
        for (name, rank) in [("p50", 0.5), ("p99", 0.99), ("max", 1.0)] {
            let target = target.filter(|_| name == "p99").map(|target| target.as_secs_f64() * 1e3);
            let value = quantile(&times, rank).as_secs_f64() * 1e3;
            self.add(part, format!("{what}, {name} of {}", times.len()), (value, "ms"), target);
        }
    }

    pub(crate) fn print_table(&self) {
        println!("{}", machine());
        let width = self.0.iter().map(|figure| figure.what.chars().count()).max().unwrap_or(0);
        println!("{:9} {:width$} {:>12} {:9} target", "part", "what", "value", "unit");
        for figure in &self.0 {
            let target = match (figure.target, figure.meets_its_target()) {
                (Some(target), Some(true)) => format!("<= {target}: met"),
                (Some(target), _) => format!("<= {target}: MISSED"),
                (None, _) => String::new(),
            };
            let Figure { part, what, value, unit, .. } = figure;
            println!("{part:9} {what:width$} {value:>12.2} {unit:9} {target}");
        }
    }

    pub(crate) fn print_json(&self) {
        let figures: Vec<_> = self
            .0
            .iter()
            .map(|figure| {
                serde_json::json!({
                    "part": figure.part,
                    "what": figure.what,
                    "value": figure.value,
                    "unit": figure.unit,
                    "target": figure.target,
                    "met": figure.meets_its_target(),
                })
            })
            .collect();
        println!("{:#}", serde_json::json!({ "machine": machine(), "figures": figures }));
    }
}

/// The value at a rank between 0 and 1 of a sorted list.
fn quantile(sorted: &[Duration], rank: f64) -> Duration {
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a rank within the list")]
    #[expect(clippy::cast_precision_loss, reason = "lists are short")]
    let at = (sorted.len() as f64 * rank).ceil() as usize;
    sorted.get(at.saturating_sub(1)).copied().unwrap_or_default()
}

/// What the figures were measured on.
fn machine() -> String {
    let of = |file: &str, field: &str| {
        let text = std::fs::read_to_string(file).unwrap_or_default();
        let line = text.lines().find(|line| line.starts_with(field)).unwrap_or_default().to_owned();
        line.split_once(':').map(|(_, value)| value.trim().to_owned()).unwrap_or_default()
    };
    let cores = std::thread::available_parallelism().map_or(0, usize::from);
    let load = std::fs::read_to_string("/proc/loadavg").unwrap_or_default();
    let load = load.split(' ').next().unwrap_or_default().to_owned();
    let (kind, memory) = (of("/proc/cpuinfo", "model name"), of("/proc/meminfo", "MemTotal"));
    format!("{cores} cores ({kind}), {memory} of memory, load average at the end {load}")
}
