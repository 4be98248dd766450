//! What every question passes between the network and the engine.
//!
//! It is a package of its own because of how it is compiled: for speed, where administration and all that runs once are compiled
//! for size. [`net`] accepts and serves, [`telemetry`] is around every call, [`grpc`] reads and answers, and [`decision_log`]
//! writes down what was decided, where that is asked for. What is generic is compiled where its types become known:
//! [`net::serving::serve_questions`] is where those of questions do.

pub mod decision_log;
pub mod grpc;
pub mod net;
pub mod telemetry;

use rolegate_engine as engine;
use rolegate_rbac as rbac;
use rolegate_store::{self as store, aside};
