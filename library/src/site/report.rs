//! What an edit does to people, found by looking at the whole site before and after it.

use crate::{
    aside::aside,
    rbac::{
        impact::{AccessChange, impact},
        world::World,
    },
    store::{error::Result, world::world, write::WriteTx},
};

/// The site before an edit, if a report is wanted: reading a whole site is not free.
///
/// # Errors
/// The store cannot be read, or the writer is no site admin, who alone may see a whole site.
pub async fn before(w: &mut WriteTx, wanted: bool) -> Result<Option<World>> {
    if !wanted {
        return Ok(None);
    }
    w.permit_superuser()?;
    Ok(Some(world(w.reading()).await?))
}

/// Who gains or loses what, between the site before and the site as the write leaves it.
///
/// # Errors
/// The store cannot be read.
pub async fn access_changes(w: &mut WriteTx, before: Option<World>) -> Result<Vec<AccessChange>> {
    let Some(before) = before else { return Ok(Vec::new()) };
    let after = world(w.reading()).await?;
    Ok(aside(move || impact(&before, &after)).await?)
}
