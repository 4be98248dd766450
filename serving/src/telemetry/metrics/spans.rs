//! Reads what became of spans when metrics are asked for.

use super::{counter, counters};
use crate::telemetry::traces::{Loss, Spans};
use prometheus_client::encoding::DescriptorEncoder;
use std::{fmt, sync::Arc};

pub(super) fn tell(spans: &Arc<Spans>, encoder: &mut DescriptorEncoder<'_>) -> Result<(), fmt::Error> {
    let help = "Spans of calls that a collector has taken";
    counter(encoder, ("spans_exported", help, None, spans.exported.get()))?;
    let lost = Loss::ALL.map(|why| ([("cause", why.name())], spans.lost(why)));
    let help = "Spans of calls that no collector has taken, by cause";
    counters(encoder, ("spans_dropped", help, None, lost))
}
