//! Reads the counts of calls when metrics are asked for.

use super::{Reading, counters, gauge};
use crate::telemetry::{
    rejections::{Cause, Rejections},
    tally::{BOUNDS, Sum, Tally},
};
use prometheus_client::{
    encoding::{DescriptorEncoder, NoLabelSet},
    metrics::MetricType,
    registry::Unit,
};
use std::{fmt, sync::Arc};
use tonic::Code;

pub(super) struct Counts {
    pub(super) calls: Arc<Tally>,
    pub(super) rejections: Arc<Rejections>,
    pub(super) names: Vec<&'static str>,
}

type Labels = [(&'static str, String); 2];

impl Counts {
    /// What was counted, by method and code.
    fn sums(&self) -> impl Iterator<Item = (Labels, Sum)> {
        let names = self.names.iter().copied().chain(["other"]).enumerate();
        names.flat_map(|(number, name)| {
            let labels = move |code: Code| [("method", name.to_owned()), ("code", format!("{code:?}"))];
            self.calls.of_method(number).map(move |(code, sum)| (labels(code), sum))
        })
    }
}

#[expect(clippy::cast_precision_loss, reason = "a gauge is read by people and alarms")]
pub(super) fn tell(counts: &Counts, encoder: &mut DescriptorEncoder<'_>) -> Result<(), fmt::Error> {
    let help = "gRPC calls ended, by method and code";
    let ended = counts.sums().map(|(labels, sum)| (labels, sum.count()));
    counters(encoder, ("grpc_calls", help, None, ended))?;
    let help = "How long gRPC calls took, by method and code";
    let (seconds, kind) = (Unit::Seconds, MetricType::Histogram);
    let mut histograms = encoder.encode_descriptor("grpc_call", help, Some(&seconds), kind)?;
    for (labels, sum) in counts.sums() {
        let bounds = BOUNDS.into_iter().chain([f64::INFINITY]);
        let buckets: Vec<_> = bounds.zip(sum.within).collect();
        let mut family = histograms.encode_family(&labels)?;
        family.encode_histogram::<NoLabelSet>(sum.seconds, sum.count(), &buckets, None)?;
    }
    let in_flight: Reading<f64> =
        ("grpc_calls_in_flight", "gRPC calls being answered", None, counts.calls.in_flight() as f64);
    gauge(encoder, in_flight)?;
    let help = "gRPC calls turned away, by what for";
    let rejected = Cause::ALL.map(|cause| ([("cause", cause.name())], counts.rejections.of(cause)));
    counters(encoder, ("grpc_calls_rejected", help, None, rejected))
}
