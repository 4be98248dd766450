//! Reads what became of the log's lines when metrics are asked for.

use super::counter;
use crate::telemetry::lines::Lines;
use prometheus_client::encoding::DescriptorEncoder;
use std::fmt;

pub(super) fn tell(lines: &Lines, encoder: &mut DescriptorEncoder<'_>) -> Result<(), fmt::Error> {
    let help = "Log lines that standard error did not take in";
    counter(encoder, ("log_lines_dropped", help, None, lines.dropped()))
}
