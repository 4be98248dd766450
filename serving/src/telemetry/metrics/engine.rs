//! Reads the engine's own counts when metrics are asked for.

use super::{Reading, counter, counters, gauge, gauges};
use crate::{
    engine::{Engine, Kind, decisions::Untold, error::EngineError, freshness::Feed, stats::Stats},
    grpc,
    rbac::decide::Reason,
};
use prometheus_client::{encoding::DescriptorEncoder, registry::Unit};
use std::fmt;

pub(super) fn tell(engine: &Engine, encoder: &mut DescriptorEncoder<'_>) -> Result<(), fmt::Error> {
    let help = "Questions by what they came to, those of batches one by one; outcome is allow, deny, or none for \
                no decision";
    counters(encoder, ("decisions", help, None, decisions(engine.stats())))?;
    for reading in counts(engine.stats()) {
        counter(encoder, reading)?;
    }
    for reading in levels(engine) {
        gauge(encoder, reading)?;
    }
    let help = "How following the role store goes: 1 for the state it is in";
    let feed = engine.feed();
    let states = Feed::ALL.map(|state| ([("state", state.name())], f64::from(u8::from(state == feed))));
    gauges(encoder, ("feed_state", help, None, states))?;
    cache(encoder, engine)
}

/// What is held, and what had to go.
#[expect(clippy::cast_precision_loss, reason = "a gauge is read by people and alarms")]
fn cache(encoder: &mut DescriptorEncoder<'_>, engine: &Engine) -> Result<(), fmt::Error> {
    let held = engine.cached().map(|(kind, entries)| ([("kind", kind.name())], entries as f64));
    gauges(encoder, ("cache_entries", "Things that the cache holds, by kind", None, held))?;
    let evicted = Kind::ALL.into_iter().zip(&engine.stats().evictions);
    let evicted = evicted.map(|(kind, count)| ([("kind", kind.name())], count.get()));
    let help = "Things put out of the cache for want of room, by kind";
    counters(encoder, ("cache_evictions", help, None, evicted))
}

/// By outcome and reason, in the words of replies and errors.
fn decisions(stats: &Stats) -> impl Iterator<Item = ([(&'static str, &'static str); 2], u64)> {
    let decided = Reason::ALL.into_iter().map(|reason| {
        let outcome = if reason.allows() { "allow" } else { "deny" };
        ([("outcome", outcome), ("reason", grpc::reason_name(reason))], stats.decisions.decided(reason))
    });
    let undecided = EngineError::KINDS.into_iter().map(|kind| {
        let count = stats.decisions.undecided(&kind);
        ([("outcome", "none"), ("reason", grpc::error_name(&kind))], count)
    });
    let untold = Untold::ALL
        .into_iter()
        .map(|why| ([("outcome", "none"), ("reason", grpc::untold_name(why))], stats.decisions.untold(why)));
    decided.chain(undecided).chain(untold)
}

fn counts(stats: &Stats) -> [Reading<u64>; 9] {
    let reading = |name, help, count: u64| (name, help, None, count);
    let throttled = "Look-ups delayed or refused after too many unknown ids";
    let refusals = "Calls refused because the data was too old or not there";
    [
        reading("answers_from_memory", "Calls answered from memory alone", stats.hits.get()),
        reading("answers_after_loads", "Calls that had to load something", stats.misses.get()),
        reading("store_loads", "Look-ups at the role store", stats.loads.get()),
        reading("store_unknown", "Look-ups that found no such thing", stats.unknown.get()),
        reading("store_throttled", throttled, stats.throttled.get()),
        reading("store_errors", "Reads of the role store that failed", stats.store_errors.get()),
        reading("view_rebuilds", "Times that everything was loaded anew", stats.rebuilds.get()),
        reading("changes_applied", "Changes applied from the feed", stats.changes.get()),
        reading("stale_refusals", refusals, stats.stale_refusals.get()),
    ]
}

#[expect(clippy::cast_precision_loss, reason = "a gauge is read by people and alarms")]
fn levels(engine: &Engine) -> [Reading<f64>; 7] {
    let stats = engine.stats();
    let age = engine.age().map_or(f64::INFINITY, |age| age.as_secs_f64());
    let most = engine.max_staleness().as_secs_f64();
    let serving = f64::from(u8::from(engine.is_serving()));
    let unknown = stats.unknown_actions.get() as f64;
    let (held, limit) = (engine.cached_bytes() as f64, engine.cache_limit() as f64);
    let (seconds, bytes) = (Some(Unit::Seconds), Some(Unit::Bytes));
    [
        ("revision", "The revision that answers reflect", None, stats.revision.get() as f64),
        ("unknown_actions", "Action names in roles that this version does not know", None, unknown),
        ("cache", "What the cache of grants holds, as it weighs it", bytes.clone(), held),
        ("cache_limit", "What the cache of grants may hold, all kinds together", bytes, limit),
        ("data_age", "How long ago the store's head was last confirmed", seconds.clone(), age),
        ("max_staleness", "The age of data past which nothing is decided", seconds, most),
        ("serving", "Whether questions are being answered", None, serving),
    ]
}
