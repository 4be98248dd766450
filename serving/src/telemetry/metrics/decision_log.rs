//! Reads what the decision log counts when metrics are asked for.

use super::{counter, gauge};
use crate::decision_log::{Counts, DecisionLog};
use prometheus_client::{encoding::DescriptorEncoder, registry::Unit};
use std::fmt;

#[expect(clippy::cast_precision_loss, reason = "a gauge is read by people and alarms")]
pub(super) fn tell(log: &DecisionLog, encoder: &mut DescriptorEncoder<'_>) -> Result<(), fmt::Error> {
    let Counts { written, dropped, errors, queued_bytes, writing_for } = log.counts();
    for (name, help, value) in [
        ("decision_log_records", "Records written to the decision log", written),
        ("decision_log_dropped", "Records that the decision log had no room for", dropped),
        ("decision_log_errors", "Attempts to write the decision log that failed", errors),
    ] {
        counter(encoder, (name, help, None, value))?;
    }
    let help = "Bytes that wait to be written to the decision log";
    gauge(encoder, ("decision_log_queued", help, Some(Unit::Bytes), queued_bytes as f64))?;
    let help = "How long the decision log's writer has been at what it is writing, 0 if nothing";
    gauge(encoder, ("decision_log_writing", help, Some(Unit::Seconds), writing_for.as_secs_f64()))
}
