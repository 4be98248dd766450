//! Reads the counts of connections when metrics are asked for.

use super::{counters, gauges};
use crate::telemetry::connections::{Cause, Connections, Door};
use prometheus_client::{collector::Collector, encoding::DescriptorEncoder};
use std::{fmt, sync::Arc};

#[derive(Debug)]
pub(super) struct ConnectionCollector(pub(super) Arc<[Arc<Connections>; Door::ALL.len()]>);

type Label = [(&'static str, &'static str); 1];

impl ConnectionCollector {
    /// A value of each listener's counts.
    fn each<T>(&self, value: impl Fn(&Connections) -> T) -> impl Iterator<Item = (Label, T)> {
        let doors = Door::ALL.into_iter().zip(self.0.iter());
        doors.map(move |(door, counts)| ([("listener", door.name())], value(counts)))
    }
}

impl Collector for ConnectionCollector {
    #[expect(clippy::cast_precision_loss, reason = "a gauge is read by people and alarms")]
    fn encode(&self, mut encoder: DescriptorEncoder<'_>) -> Result<(), fmt::Error> {
        let encoder = &mut encoder;
        let open = self.each(|counts| counts.now_open() as f64);
        gauges(encoder, ("connections_open", "Connections that are open, by listener", None, open))?;
        let help = "The most connections that there may be, by listener; 0 for one that is off";
        let limits = self.each(|counts| counts.limit.get() as f64);
        gauges(encoder, ("connections_limit", help, None, limits))?;
        let accepted = self.each(|counts| counts.accepted.get());
        counters(encoder, ("connections_accepted", "Connections accepted, by listener", None, accepted))?;
        let help = "Connections that the operating system did not give, by listener";
        let errors = self.each(|counts| counts.errors.get());
        counters(encoder, ("connections_failed", help, None, errors))?;
        let help = "Connections closed by the server, by listener and cause";
        let closed = Door::ALL.into_iter().zip(self.0.iter()).flat_map(|(door, counts)| {
            Cause::ALL
                .map(|cause| ([("listener", door.name()), ("cause", cause.name())], counts.closed(cause)))
        });
        counters(encoder, ("connections_closed", help, None, closed))
    }
}
