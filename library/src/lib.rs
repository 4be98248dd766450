//! rolegate answers "may this user do this, here, now?" for research-imaging platforms: a gRPC authorization sidecar
//! that decides from an in-memory view of a role store, and keeps that view fresh.
//!
//! # The layers
//!
//! A request walks down this list once and back up. At each step the kind of value changes (bytes, protobuf, domain
//! values, grants, a decision), and a file exists for each change of kind. [`rbac`], [`store`] (with
//! [`aside`]) and [`engine`] are packages of their own, and stand here under their short names; so do the layers that every
//! question passes before the engine: [`net`], [`telemetry`], [`grpc`] and [`decision_log`], which are one package.
//!
//! | layer | knows | must not know |
//! |---|---|---|
//! | [`cli`], [`server`], [`config`] | how to wire everything else | SQL |
//! | [`admin`] | what administrators call | SQL, the cache |
//! | [`net`] | sockets, TLS, threads, connections, and what is served on them | protobuf, SQL, the cache |
//! | [`telemetry`] | calls: how many, how long, how much at a time, what came of them | SQL, the cache |
//! | [`grpc`] | protobuf, statuses, keys | SQL, the cache, connections |
//! | [`decision_log`] | lines, files, queues | questions, the wire, the store |
//! | [`platform`] | the platform's HTTP contract | SQL, the cache |
//! | [`engine`] | the cache, freshness, following | SQL, the wire |
//! | [`site`] | site files, plans, reports | the wire, the cache |
//! | [`store`] | SQL, transactions, keys, edits | the cache, the wire |
//! | [`rbac`] | the rules | everything else, time and I/O included |
//! | [`aside`] | threads for work that takes long | what the work is |
//!
//! # The trip of a check
//!
//! [`net`] accepts, and hands the connection to one of the threads that answer; what is around every call in
//! [`telemetry`] starts a timer; [`grpc::edge`] asks for keys and sees to the deadline. A plain question, which most are, is
//! answered by [`engine::sight`] from the texts that it came in, if what is in memory tells. Otherwise
//! [`grpc::authorization`] gets protobuf and makes a [`engine::answer::Query`] of it, or names the bad field; [`engine`]
//! takes the facts from the cache and the role table from the same view (or waits for the wanted freshness and loads what
//! is missing, where the store is read), and calls [`rbac::decide::decide`], which is synchronous and pure. The decision
//! becomes protobuf. From memory, there is no I/O, and no wait.
//!
//! # The trip of an edit
//!
//! [`grpc::edge`] authenticates the key, and [`admin`] reads the message; [`engine::Engine::write`] runs the edit in a task
//! of its own, so that a caller who hangs up cannot cut it in two; [`store::write::WriteTx`] opens the one write transaction,
//! [`store::edit`] judges rights, existence and state inside it, writes, and records the change under the next revision;
//! the reply waits until the follower has brought this process's own view to that revision. Other processes learn of it
//! from the feed.

pub mod admin;
pub mod cli;
pub mod config;
pub mod platform;
pub mod server;
pub mod site;

pub use rolegate_engine as engine;
pub use rolegate_rbac as rbac;
pub use rolegate_serving::{decision_log, grpc, net, telemetry};
pub use rolegate_store::{self as store, aside};
