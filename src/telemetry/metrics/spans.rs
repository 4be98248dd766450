//! Reads what became of spans when metrics are asked for.

use super::{counter, counters};
use crate::telemetry::traces::{Loss, Spans};
use prometheus_client::{collector::Collector, encoding::DescriptorEncoder};
use std::{fmt, sync::Arc};

#[derive(Debug)]
pub(super) struct SpanCollector(pub(super) Arc<Spans>);

impl Collector for SpanCollector {
    fn encode(&self, mut encoder: DescriptorEncoder<'_>) -> Result<(), fmt::Error> {
        let help = "Spans of calls that a collector has taken";
        counter(&mut encoder, ("spans_exported", help, None, self.0.exported.get()))?;
        let lost = Loss::ALL.map(|why| ([("cause", why.name())], self.0.lost(why)));
        let help = "Spans of calls that no collector has taken, by cause";
        counters(&mut encoder, ("spans_dropped", help, None, lost))
    }
}
