//! Project roles as people name them: by id or by label.

use super::{
    connect::Link,
    exit::Failure,
    page::{self, LimitArgs},
};
use crate::grpc::proto::{ListRolesRequest, Role};
use tonic::Code;

/// All roles of the site.
///
/// # Errors
/// When the server refuses or does not answer.
pub(crate) async fn known(admin: &Link) -> Result<Vec<Role>, Failure> {
    let roles = page::all(admin, LimitArgs::default(), |page_size, page_token| ListRolesRequest {
        page_size,
        page_token,
    });
    Ok(roles.await?.items)
}

/// The role of that id or label.
///
/// # Errors
/// As [`known`] and [`find`].
pub(crate) async fn resolve(admin: &Link, reference: &str) -> Result<Role, Failure> {
    find(&known(admin).await?, reference).cloned()
}

/// The ids of the roles of those ids or labels.
///
/// # Errors
/// As [`find`].
pub(crate) fn ids(known: &[Role], references: &[String]) -> Result<Vec<String>, Failure> {
    references.iter().map(|reference| find(known, reference).map(|role| role.id.clone())).collect()
}

/// The role of that id, or else the only one of that label.
///
/// # Errors
/// When there is none, or more than one of that label.
fn find<'a>(known: &'a [Role], reference: &str) -> Result<&'a Role, Failure> {
    if let Some(role) = known.iter().find(|role| role.id == reference) {
        return Ok(role);
    }
    let mut labelled = known.iter().filter(|role| role.label == reference);
    match (labelled.next(), labelled.next()) {
        (Some(role), None) => Ok(role),
        (None, _) => {
            let what = format!("no role has the id or label `{reference}`");
            let hint = "`rolegate role list` shows them all; upper and lower case differ";
            Err(Failure::rpc(Code::NotFound, what).with_field("role").with_hint(Some(hint)))
        }
        (Some(one), Some(other)) => {
            let what = format!("more than one role is labelled `{reference}`: `{}`, `{}`", one.id, other.id);
            let failure = Failure::rpc(Code::FailedPrecondition, what).with_field("role");
            Err(failure.with_hint(Some("name the role by its id")))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn role(id: &str, label: &str) -> Role {
        Role { id: id.into(), label: label.into(), ..Role::default() }
    }

    fn found(reference: &str) -> Option<String> {
        let known = [role("r1", "rw"), role("rw", "Read-write"), role("r2", "Twin"), role("r3", "Twin")];
        find(&known, reference).ok().map(|role| role.id.clone())
    }

    #[test]
    fn an_id_wins_over_a_label() {
        assert_eq!(found("rw").as_deref(), Some("rw"));
    }

    #[test]
    fn a_label_must_fit_exactly_one_role() {
        assert_eq!(found("Read-write").as_deref(), Some("rw"));
        assert_eq!(found("read-write"), None);
        assert_eq!(found("Twin"), None);
    }
}
