//! Metrics, in the OpenMetrics text format that Prometheus reads.

mod calls;
mod connections;
mod decision_log;
mod engine;
mod lines;
mod spans;

use super::{
    connections::{Connections, Door},
    doors::{self, Doors},
    lines::Lines,
    rejections::Rejections,
    requests::Requests,
    tally::Tally,
    traces::Spans,
};
use crate::{decision_log::DecisionLog, engine::Engine, grpc::proto::DESCRIPTORS};
use hashbrown::HashMap;
use prometheus_client::{
    collector::Collector,
    encoding::{DescriptorEncoder, EncodeLabelSet, EncodeMetric as _, text::encode},
    metrics::{MetricType, counter::ConstCounter, gauge::ConstGauge, info::Info},
    registry::{Registry, Unit},
};
use prost::Message as _;
use std::{
    collections::BTreeSet,
    fmt,
    sync::Arc,
    time::{SystemTime, UNIX_EPOCH},
};

/// Everything that is counted.
pub struct Metrics {
    registry: Registry,
    methods: Methods,
    names: Vec<&'static str>,
    pub(super) calls: Arc<Tally>,
    pub(super) rejections: Arc<Rejections>,
    pub(super) requests: Requests,
    /// What became of the spans of calls.
    pub spans: Arc<Spans>,
    /// What is turned away before any call.
    pub doors: Arc<Doors>,
    connections: Arc<[Arc<Connections>; Door::ALL.len()]>,
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
        let (rejections, connections) = (Arc::<Rejections>::default(), Arc::default());
        registry.register("build", "What is running", Info::new([("version", env!("CARGO_PKG_VERSION"))]));
        read(&mut registry, SystemTime::now(), started);
        let of_calls = calls::Counts {
            calls: Arc::clone(&calls),
            rejections: Arc::clone(&rejections),
            names: names.clone(),
        };
        read(&mut registry, of_calls, calls::tell);
        read(&mut registry, Arc::clone(&connections), connections::tell);
        read(&mut registry, engine, engine::tell);
        let spans = Arc::<Spans>::default();
        read(&mut registry, Arc::clone(&spans), spans::tell);
        let doors = Arc::<Doors>::default();
        read(&mut registry, Arc::clone(&doors), doors::tell);
        let requests = Requests::new(&mut registry);
        Self { registry, methods, names, calls, rejections, requests, spans, doors, connections }
    }

    /// The same, and what the decision log counts.
    #[must_use]
    pub fn with_decision_log(mut self, log: Option<&DecisionLog>) -> Self {
        if let Some(log) = log {
            read(&mut self.registry, log.clone(), decision_log::tell);
        }
        self
    }

    /// The same, and what became of the log's lines.
    #[must_use]
    pub fn with_log_lines(mut self, lines: Lines) -> Self {
        read(&mut self.registry, lines, lines::tell);
        self
    }

    /// The number of the path if it is one of our methods, and otherwise that of all others.
    pub(super) fn method(&self, path: &str) -> usize {
        self.methods.get(path).copied().unwrap_or(self.methods.len())
    }

    /// The method of this number, as paths name it, or `other`.
    pub(super) fn name(&self, method: usize) -> &'static str {
        self.names.get(method).copied().unwrap_or("other")
    }

    /// The counts of the connections that come to a listener of this kind.
    #[must_use]
    pub fn connections(&self, door: Door) -> Arc<Connections> {
        self.connections.get(door as usize).map(Arc::clone).unwrap_or_default()
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

/// What is counted elsewhere, and read when metrics are asked for.
struct Source<T> {
    counts: T,
    tell: fn(&T, &mut DescriptorEncoder<'_>) -> Result<(), fmt::Error>,
}

fn read<T: Send + Sync + 'static>(
    registry: &mut Registry,
    counts: T,
    tell: fn(&T, &mut DescriptorEncoder<'_>) -> Result<(), fmt::Error>,
) {
    registry.register_collector(Box::new(Source { counts, tell }));
}

impl<T> fmt::Debug for Source<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Source")
    }
}

impl<T: Send + Sync + 'static> Collector for Source<T> {
    fn encode(&self, mut encoder: DescriptorEncoder<'_>) -> Result<(), fmt::Error> {
        (self.tell)(&self.counts, &mut encoder)
    }
}

/// A name without its unit, what it means, its unit, and its value.
type Reading<T> = (&'static str, &'static str, Option<Unit>, T);

fn counter(
    encoder: &mut DescriptorEncoder<'_>,
    (name, help, unit, value): Reading<u64>,
) -> Result<(), fmt::Error> {
    let counter = ConstCounter::new(value);
    counter.encode(encoder.encode_descriptor(name, help, unit.as_ref(), counter.metric_type())?)
}

fn gauge(
    encoder: &mut DescriptorEncoder<'_>,
    (name, help, unit, value): Reading<f64>,
) -> Result<(), fmt::Error> {
    let gauge = ConstGauge::new(value);
    gauge.encode(encoder.encode_descriptor(name, help, unit.as_ref(), gauge.metric_type())?)
}

/// Counters of one name, told apart by their labels.
fn counters<L: EncodeLabelSet>(
    encoder: &mut DescriptorEncoder<'_>,
    (name, help, unit, all): Reading<impl IntoIterator<Item = (L, u64)>>,
) -> Result<(), fmt::Error> {
    let mut family = encoder.encode_descriptor(name, help, unit.as_ref(), MetricType::Counter)?;
    for (labels, value) in all {
        ConstCounter::new(value).encode(family.encode_family(&labels)?)?;
    }
    Ok(())
}

/// Gauges of one name, told apart by their labels.
fn gauges<L: EncodeLabelSet>(
    encoder: &mut DescriptorEncoder<'_>,
    (name, help, unit, all): Reading<impl IntoIterator<Item = (L, f64)>>,
) -> Result<(), fmt::Error> {
    let mut family = encoder.encode_descriptor(name, help, unit.as_ref(), MetricType::Gauge)?;
    for (labels, value) in all {
        ConstGauge::new(value).encode(family.encode_family(&labels)?)?;
    }
    Ok(())
}

/// When the process started: one that starts over and over shows by it.
fn started(at: &SystemTime, encoder: &mut DescriptorEncoder<'_>) -> Result<(), fmt::Error> {
    let since = at.duration_since(UNIX_EPOCH).unwrap_or_default();
    let help = "When the server started, in seconds since 1970";
    gauge(encoder, ("start_time", help, Some(Unit::Seconds), since.as_secs_f64()))
}
