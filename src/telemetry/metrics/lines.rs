//! What became of the log's lines.

use super::counter;
use crate::telemetry::lines::Lines;
use prometheus_client::{collector::Collector, encoding::DescriptorEncoder};
use std::fmt;

/// Reads the count when metrics are asked for.
pub(super) struct LineCollector(pub(super) Lines);

impl fmt::Debug for LineCollector {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("LineCollector")
    }
}

impl Collector for LineCollector {
    fn encode(&self, mut encoder: DescriptorEncoder<'_>) -> Result<(), fmt::Error> {
        let help = "Log lines that standard error did not take in";
        counter(&mut encoder, ("log_lines_dropped", help, None, self.0.dropped()))
    }
}
