//! The freshness that a caller wants.

use super::BadField;
use crate::{
    engine::freshness::Freshness,
    grpc::proto::{self, freshness::Want},
    store::revision::Token,
};

/// Reads a wish for freshness; absent means fast.
pub(in crate::grpc) fn freshness(wish: Option<&proto::Freshness>) -> Result<Freshness, BadField> {
    let Some(wish) = wish else { return Ok(Freshness::Fast) };
    match &wish.want {
        None => Err(BadField::malformed("freshness", "exactly one wish must be given")),
        Some(Want::Fast(_)) => Ok(Freshness::Fast),
        Some(Want::FullyCurrent(_)) => Ok(Freshness::FullyCurrent),
        Some(Want::AtLeastToken(token)) => {
            let field = "freshness.at_least_token";
            let problem = "is not a revision token of this service";
            Token::parse(token).map(Freshness::AtLeast).ok_or_else(|| BadField::malformed(field, problem))
        }
    }
}
