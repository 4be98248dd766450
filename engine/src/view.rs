//! What the engine decides from: one revision of the store, replaced as a whole.

use super::{cache::Cache, error::EngineError};
use arc_swap::{ArcSwapOption, Guard};
use rolegate_rbac::role::RoleTable;
use rolegate_store::revision::Head;
use std::sync::Arc;

/// The store at one revision, as far as it has been loaded.
pub struct View {
    pub(super) head: Head,
    pub(super) roles: Arc<RoleTable>,
    /// Lives on from view to view until the view has to be rebuilt.
    pub(super) cache: Arc<Cache>,
}

impl View {
    /// Where in the store's history the view stands.
    #[must_use]
    pub const fn head(&self) -> Head {
        self.head
    }
}

/// The view that is current, if the store has been read at all.
#[derive(Default)]
pub(super) struct Published(ArcSwapOption<View>);

impl Published {
    pub(super) fn current(&self) -> Option<Arc<View>> {
        self.0.load_full()
    }

    /// The view for a moment: cheaper than a share in it, and to be let go of before waiting for anything.
    pub(super) fn glance(&self) -> Guard<Option<Arc<View>>> {
        self.0.load()
    }

    pub(super) fn require(&self) -> Result<Arc<View>, EngineError> {
        self.current().ok_or(EngineError::NotReady)
    }

    pub(super) fn publish(&self, view: View) {
        self.0.store(Some(Arc::new(view)));
    }
}
