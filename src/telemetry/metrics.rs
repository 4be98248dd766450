//! Metrics, in the OpenMetrics text format that Prometheus reads.

use super::{
    connections::Connections,
    tally::{BOUNDS, Tally},
};
use crate::{
    engine::{Engine, stats::Stats},
    grpc::proto::DESCRIPTORS,
};
use hashbrown::HashMap;
use prometheus_client::{
    collector::Collector,
    encoding::{DescriptorEncoder, EncodeMetric as _, NoLabelSet, text::encode},
    metrics::{MetricType, counter::ConstCounter, gauge::ConstGauge},
    registry::Registry,
};
use prost::Message as _;
use std::{collections::BTreeSet, fmt, sync::Arc};
use tonic::Code;

/// Everything that is counted.
pub struct Metrics {
    registry: Registry,
    methods: Methods,
    pub(super) calls: Arc<Tally>,
    /// Counts connections.
    pub connections: Connections,
}

/// The numbers of the methods whose calls are told apart, by path: those of our protos. A caller cannot invent new ones.
type Methods = HashMap<&'static str, usize>;

impl Metrics {
    /// Metrics of a server over an engine.
    #[must_use]
    pub fn new(engine: Engine) -> Self {
        let mut registry = Registry::with_prefix("rolegate");
        let names = methods();
        // One more for all the others.
        let calls = Arc::new(Tally::new(names.len() + 1));
        let methods = names.iter().enumerate().map(|(number, name)| (*name, number)).collect();
        registry.register_collector(Box::new(CallCollector { calls: Arc::clone(&calls), names }));
        registry.register_collector(Box::new(EngineCollector(engine)));
        let connections = Connections::default();
        connections.register(&mut registry);
        Self { registry, methods, calls, connections }
    }

    /// The number of the path if it is one of our methods, and otherwise that of all others.
    pub(super) fn method(&self, path: &str) -> usize {
        self.methods.get(path).copied().unwrap_or(self.methods.len())
    }

    /// Everything counted, as text.
    ///
    /// # Errors
    /// Never in practice: writing to a string does not fail.
    pub fn text(&self) -> Result<String, fmt::Error> {
        let mut text = String::new();
        encode(&mut text, &self.registry)?;
        Ok(text)
    }
}

/// The paths of all our methods. They live as long as the process: there is one list of them.
fn methods() -> Vec<&'static str> {
    let descriptors = prost_types::FileDescriptorSet::decode(DESCRIPTORS).unwrap_or_default();
    let mut paths = BTreeSet::from(["/grpc.health.v1.Health/Check", "/grpc.health.v1.Health/Watch"]);
    for file in &descriptors.file {
        for service in &file.service {
            for method in &service.method {
                let path = format!("/{}.{}/{}", file.package(), service.name(), method.name());
                paths.insert(String::leak(path));
            }
        }
    }
    paths.into_iter().collect()
}

/// Reads the counts of calls when metrics are asked for.
struct CallCollector {
    calls: Arc<Tally>,
    names: Vec<&'static str>,
}

impl CallCollector {
    /// What was counted, by method and code.
    fn sums(&self) -> impl Iterator<Item = ([(&'static str, String); 2], super::tally::Sum)> {
        let names = self.names.iter().copied().chain(["other"]).enumerate();
        names.flat_map(|(number, name)| {
            let labels = move |code: Code| [("method", name.to_owned()), ("code", format!("{code:?}"))];
            self.calls.of_method(number).map(move |(code, sum)| (labels(code), sum))
        })
    }
}

impl fmt::Debug for CallCollector {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("CallCollector")
    }
}

impl Collector for CallCollector {
    fn encode(&self, mut encoder: DescriptorEncoder<'_>) -> Result<(), fmt::Error> {
        let help = "gRPC calls ended, by method and code";
        let mut calls = encoder.encode_descriptor("grpc_calls", help, None, MetricType::Counter)?;
        for (labels, sum) in self.sums() {
            ConstCounter::new(sum.count()).encode(calls.encode_family(&labels)?)?;
        }
        let help = "How long gRPC calls took";
        let mut seconds =
            encoder.encode_descriptor("grpc_call_seconds", help, None, MetricType::Histogram)?;
        for (labels, sum) in self.sums() {
            let bounds = BOUNDS.into_iter().chain([f64::MAX]);
            let buckets: Vec<_> = bounds.zip(sum.within).collect();
            let mut family = seconds.encode_family(&labels)?;
            family.encode_histogram::<NoLabelSet>(sum.seconds, sum.count(), &buckets, None)?;
        }
        let in_flight = ConstGauge::new(self.calls.in_flight());
        let help = "gRPC calls being answered";
        in_flight.encode(encoder.encode_descriptor(
            "grpc_calls_in_flight",
            help,
            None,
            in_flight.metric_type(),
        )?)
    }
}

/// Reads the engine's own counts when metrics are asked for.
struct EngineCollector(Engine);

impl fmt::Debug for EngineCollector {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("EngineCollector")
    }
}

impl Collector for EngineCollector {
    fn encode(&self, mut encoder: DescriptorEncoder<'_>) -> Result<(), fmt::Error> {
        for (name, help, value) in counters(self.0.stats()) {
            let counter = ConstCounter::new(value);
            counter.encode(encoder.encode_descriptor(name, help, None, counter.metric_type())?)?;
        }
        for (name, help, value) in gauges(&self.0) {
            let gauge = ConstGauge::new(value);
            gauge.encode(encoder.encode_descriptor(name, help, None, gauge.metric_type())?)?;
        }
        Ok(())
    }
}

/// A name, what it means, and its value.
type Reading<T> = (&'static str, &'static str, T);

fn counters(stats: &Stats) -> [Reading<u64>; 9] {
    [
        ("answers_from_memory", "Calls answered from memory alone", stats.hits.get()),
        ("answers_after_loads", "Calls that had to load something", stats.misses.get()),
        ("store_loads", "Look-ups at the role store", stats.loads.get()),
        ("store_unknown", "Look-ups that found no such thing", stats.unknown.get()),
        ("store_throttled", "Look-ups delayed or refused after too many unknown ids", stats.throttled.get()),
        ("store_errors", "Reads of the role store that failed", stats.store_errors.get()),
        ("view_rebuilds", "Times that everything was loaded anew", stats.rebuilds.get()),
        ("changes_applied", "Changes applied from the feed", stats.changes.get()),
        (
            "stale_refusals",
            "Calls refused because the data was too old or not there",
            stats.stale_refusals.get(),
        ),
    ]
}

#[expect(clippy::cast_precision_loss, reason = "a gauge is read by people and alarms")]
fn gauges(engine: &Engine) -> [Reading<f64>; 5] {
    let stats = engine.stats();
    let age = engine.age().map_or(f64::INFINITY, |age| age.as_secs_f64());
    let serving = f64::from(u8::from(engine.is_serving()));
    [
        ("revision", "The revision that answers reflect", stats.revision.get() as f64),
        (
            "unknown_actions",
            "Action names in roles that this version does not know",
            stats.unknown_actions.get() as f64,
        ),
        ("cache_bytes", "What the cache of grants holds, as it weighs it", engine.cached_bytes() as f64),
        ("data_age_seconds", "How long ago the store's head was last confirmed", age),
        ("serving", "Whether questions are being answered", serving),
    ]
}
