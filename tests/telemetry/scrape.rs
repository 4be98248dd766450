//! Metrics as a monitor gets them.

use super::{http::get, server::Server};
use std::process::{Command, Stdio};

/// What a server told at one moment.
pub(crate) struct Scrape(pub(crate) String);

impl Scrape {
    pub(crate) async fn of(server: &Server) -> Self {
        let (status, text) = get(&server.metrics, "/metrics").await;
        assert_eq!(status, 200);
        Self(text)
    }

    /// The samples of this name whose labels include these, written as in the text: `reason="STALE"`.
    fn samples<'a>(&'a self, name: &'a str, labels: &'a [&str]) -> impl Iterator<Item = (&'a str, f64)> {
        self.0.lines().filter_map(move |line| {
            let rest = line.strip_prefix(name)?;
            let (said, value) = match rest.strip_prefix('{') {
                Some(rest) => rest.rsplit_once("} ")?,
                None => ("", rest.strip_prefix(' ')?),
            };
            let has_all = labels.iter().all(|label| said.split(',').any(|other| other == *label));
            has_all.then(|| (said, value.parse().unwrap()))
        })
    }

    /// The sum of the samples of this name with these labels; without any, there is no such metric.
    pub(crate) fn sum(&self, name: &str, labels: &[&str]) -> f64 {
        assert!(self.0.contains(&format!("\n{name}")), "no metric is called {name}: {}", self.0);
        self.samples(name, labels).map(|(_, value)| value).sum()
    }

    /// The sets of labels that a name comes with.
    pub(crate) fn series<'a>(&'a self, name: &'a str) -> Vec<&'a str> {
        self.samples(name, &[]).map(|(labels, _)| labels).collect()
    }
}

/// Runs a script of these tests, with other people's parsers at hand, on what it is to read.
pub(crate) fn script(name: &str, input: &str) -> String {
    let root = env!("CARGO_MANIFEST_DIR");
    let made = Command::new(format!("{root}/scripts/clients"))
        .args(["prometheus-client==0.26.0", "promql-parser==0.12.0"])
        .output()
        .unwrap();
    assert!(made.status.success(), "{}", String::from_utf8_lossy(&made.stderr));
    let mut child = Command::new(String::from_utf8(made.stdout).unwrap().trim())
        .arg(format!("{root}/tests/telemetry/{name}"))
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    std::io::Write::write_all(&mut child.stdin.take().unwrap(), input.as_bytes()).unwrap();
    let done = child.wait_with_output().unwrap();
    assert!(done.status.success(), "{}", String::from_utf8_lossy(&done.stderr));
    String::from_utf8(done.stdout).unwrap()
}
