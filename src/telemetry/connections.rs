//! How many connections there are, and how often none could be accepted.

use prometheus_client::{
    metrics::{counter::Counter, gauge::Gauge},
    registry::Registry,
};

/// The counts of all listeners.
#[derive(Clone, Default)]
pub struct Connections {
    open: Gauge,
    accept_errors: Counter,
}

impl Connections {
    pub(super) fn register(&self, registry: &mut Registry) {
        registry.register("connections", "Open connections, over all listeners", self.open.clone());
        let help = "Times that a connection could not be accepted, such as for want of file descriptors";
        registry.register("accept_errors", help, self.accept_errors.clone());
    }

    /// A connection was accepted, and is open until what is returned is dropped.
    #[must_use]
    pub fn accepted(&self) -> Open {
        self.open.inc();
        Open(self.open.clone())
    }

    /// A connection could not be accepted.
    pub fn not_accepted(&self) {
        self.accept_errors.inc();
    }
}

/// An open connection.
pub struct Open(Gauge);

impl Drop for Open {
    fn drop(&mut self) {
        self.0.dec();
    }
}
