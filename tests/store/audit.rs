//! The audit as it is read.

use crate::support::*;
use rolegate::rbac::level::GroupRole;
use rolegate::store::{
    Store,
    auth::Actor,
    read::{
        PageRequest,
        audit::{AuditFilter, list},
    },
};

/// The subjects of what is of an id or names it, read in pages of this size.
async fn of(db: &dyn Store, id: &str, size: usize) -> Vec<String> {
    let filter = AuditFilter { of: Some(id.to_owned()), ..AuditFilter::default() };
    let (mut subjects, mut request) = (Vec::new(), PageRequest { size, after: None });
    loop {
        let mut tx = db.read().await.unwrap();
        let page = list(&mut tx, &Actor::Operator, &filter, &request).await.unwrap();
        subjects.extend(page.items.into_iter().map(|entry| entry.subject));
        request.after = page.next;
        if request.after.is_none() {
            return subjects;
        }
    }
}

pub(crate) async fn an_id_finds_what_names_it_to_the_byte_and_no_words(db: &dyn Store) {
    write(db, [say::new_user("rosa"), say::new_user("ROSA"), say::new_user("r%sa")]).await;
    write(db, [say::new_group("neuro")]).await;
    write(db, [say::member("neuro", "rosa", GroupRole::Admin)]).await;
    write(db, [say::member("neuro", "ROSA", GroupRole::Admin)]).await;
    for size in [1, 2, 100] {
        assert_eq!(of(db, "rosa", size).await, ["rosa", "neuro"]);
        assert_eq!(of(db, "ROSA", size).await, ["ROSA", "neuro"]);
        assert_eq!(of(db, "r%sa", size).await, ["r%sa"]);
        for word in ["user", "enabled", "site_role", "members", "Rosa", "ros", "r_sa"] {
            assert_eq!(of(db, word, size).await, Vec::<String>::new(), "{word}");
        }
    }
}
