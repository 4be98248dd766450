//! Metrics, in the OpenMetrics text format that Prometheus reads.

use crate::{
    engine::{Engine, stats::Stats},
    grpc::proto::DESCRIPTORS,
};
use prometheus_client::{
    collector::Collector,
    encoding::{DescriptorEncoder, EncodeLabelSet, EncodeMetric as _, text::encode},
    metrics::{
        counter::{ConstCounter, Counter},
        family::Family,
        gauge::{ConstGauge, Gauge},
        histogram::{Histogram, exponential_buckets},
    },
    registry::Registry,
};
use prost::Message as _;
use std::{collections::BTreeSet, fmt};

/// What tells calls apart. Methods are those of our protos: a caller cannot invent new ones.
#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
pub(super) struct CallLabels {
    pub(super) method: &'static str,
    pub(super) code: String,
}

/// Everything that is counted.
pub struct Metrics {
    registry: Registry,
    methods: BTreeSet<&'static str>,
    pub(super) calls: Family<CallLabels, Counter>,
    pub(super) call_seconds: Family<CallLabels, Histogram>,
    pub(super) calls_in_flight: Gauge,
}

impl Metrics {
    /// Metrics of a server over an engine.
    #[must_use]
    pub fn new(engine: Engine) -> Self {
        let mut registry = Registry::with_prefix("rolegate");
        let calls = Family::<CallLabels, Counter>::default();
        let call_seconds = Family::<CallLabels, Histogram>::new_with_constructor(|| {
            Histogram::new(exponential_buckets(10e-6, 4.0, 10))
        });
        let calls_in_flight = Gauge::default();
        registry.register("grpc_calls", "gRPC calls ended, by method and code", calls.clone());
        registry.register("grpc_call_seconds", "How long gRPC calls took", call_seconds.clone());
        registry.register("grpc_calls_in_flight", "gRPC calls being answered", calls_in_flight.clone());
        registry.register_collector(Box::new(EngineCollector(engine)));
        Self { registry, methods: methods(), calls, call_seconds, calls_in_flight }
    }

    /// The path if it is one of our methods.
    pub(super) fn known_method(&self, path: &str) -> &'static str {
        self.methods.get(path).copied().unwrap_or("other")
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
fn methods() -> BTreeSet<&'static str> {
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
    paths
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
