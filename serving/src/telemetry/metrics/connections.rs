//! Reads the counts of connections when metrics are asked for.

use super::{counters, gauges};
use crate::telemetry::connections::{Cause, Connections, Door};
use prometheus_client::encoding::DescriptorEncoder;
use std::{fmt, sync::Arc};

type All = Arc<[Arc<Connections>; Door::ALL.len()]>;
type Label = [(&'static str, &'static str); 1];

/// A value of each listener's counts.
fn each<T>(all: &All, value: impl Fn(&Connections) -> T) -> impl Iterator<Item = (Label, T)> {
    let doors = Door::ALL.into_iter().zip(all.iter());
    doors.map(move |(door, counts)| ([("listener", door.name())], value(counts)))
}

#[expect(clippy::cast_precision_loss, reason = "a gauge is read by people and alarms")]
pub(super) fn tell(all: &All, encoder: &mut DescriptorEncoder<'_>) -> Result<(), fmt::Error> {
    let open = each(all, |counts| counts.now_open() as f64);
    gauges(encoder, ("connections_open", "Connections that are open, by listener", None, open))?;
    let help = "The most connections that there may be, by listener; 0 for one that is off";
    let limits = each(all, |counts| counts.limit.get() as f64);
    gauges(encoder, ("connections_limit", help, None, limits))?;
    let accepted = each(all, |counts| counts.accepted.get());
    counters(encoder, ("connections_accepted", "Connections accepted, by listener", None, accepted))?;
    let help = "Connections that the operating system did not give, by listener";
    let errors = each(all, |counts| counts.errors.get());
    counters(encoder, ("connections_failed", help, None, errors))?;
    let help = "Connections closed by the server, by listener and cause";
    let closed = Door::ALL.into_iter().zip(all.iter()).flat_map(|(door, counts)| {
        Cause::ALL.map(|cause| ([("listener", door.name()), ("cause", cause.name())], counts.closed(cause)))
    });
    counters(encoder, ("connections_closed", help, None, closed))
}
