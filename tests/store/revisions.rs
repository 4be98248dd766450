//! Revisions, the record of changes, and what writers may expect.

use crate::support::*;
use rolegate::{
    rbac::{
        level::{GroupRole, SiteRole},
        refusal::Refusal,
    },
    store::{
        Store,
        auth::Actor,
        change::Subject,
        feed::{self, CatchUp},
        read,
        revision::Head,
    },
};

async fn scene(db: &dyn Store) {
    let edits = [
        say::new_user("ann"),
        say::new_user("bob"),
        say::new_group("g"),
        say::new_role("c", "custom", actions(&[])),
        say::offer("g", "c"),
        say::bare_project("p", "g"),
        say::permit("p", "ann", "c"),
        say::member("g", "ann", GroupRole::Admin),
        say::new_gear("tool"),
    ];
    write(db, edits).await;
}

/// The revision of the edit's object, as readers are told it.
async fn revision_of(db: &dyn Store, object: &Subject) -> u64 {
    let mut tx = db.read().await.unwrap();
    match object {
        Subject::User(id) => read::users::find(&mut tx, id).await.unwrap().map(|found| found.revision),
        Subject::Role(id) => read::roles::find(&mut tx, id).await.unwrap().map(|found| found.revision),
        Subject::Group(id) => read::groups::find(&mut tx, id).await.unwrap().map(|found| found.revision),
        Subject::Project(id) => read::projects::find(&mut tx, id).await.unwrap().map(|found| found.revision),
        Subject::Gear(name) => read::gears::find(&mut tx, name).await.unwrap().map(|found| found.revision),
    }
    .unwrap_or(0)
}

async fn expecting(db: &dyn Store, expected: u64, edit: Edit) -> rolegate::store::error::Result<Head> {
    write_with(db, context(&Actor::Operator, Some(expected), 100), &[edit]).await
}

pub(crate) async fn a_writer_may_expect_exactly_the_revision_of_the_edits_object(db: &dyn Store) {
    scene(db).await;
    let (ann, new) = (Subject::User(user("ann")), Subject::User(user("new")));
    let (g, p) = (Subject::Group(group("g")), Subject::Project(project("p")));
    let (c, tool) = (Subject::Role(role("c")), Subject::Gear(gear("tool")));
    let edits = [
        (say::new_user("new"), new),
        (say::new_group("h"), Subject::Group(group("h"))),
        (say::new_role("d", "d", actions(&[])), Subject::Role(role("d"))),
        (say::bare_project("q", "h"), Subject::Project(project("q"))),
        (say::new_gear("other"), Subject::Gear(gear("other"))),
        (say::site_role("ann", SiteRole::Developer), ann.clone()),
        (say::new_key("ann"), ann.clone()),
        (say::rename_group("g", "x"), g.clone()),
        (say::member("g", "bob", GroupRole::ReadOnly), g.clone()),
        (say::no_member("g", "bob"), g.clone()),
        (say::template("g", "bob", "ro", true), g.clone()),
        (say::no_template("g", "bob", false), g.clone()),
        (say::offer("h", "c"), Subject::Group(group("h"))),
        (say::withdraw("h", "c"), Subject::Group(group("h"))),
        (say::permit("p", "ann", "rw"), p.clone()),
        (say::rename_project("p", "x"), p.clone()),
        (say::no_permit("p", "ann"), p.clone()),
        (say::relabel("c", "x"), c.clone()),
        (say::set_gear("tool", restricted("p", "")), tool.clone()),
        (say::drop_gear("tool"), tool),
        (say::drop_project("p"), p),
        (say::drop_role("c"), c),
        (say::drop_group("g"), g),
        (say::drop_user("ann"), ann),
    ];
    for (edit, object) in edits {
        let found = revision_of(db, &object).await;
        for wrong in [found + 1, found.wrapping_sub(1)] {
            let refusal = refusal(expecting(db, wrong, edit.clone()).await, &format!("{edit:?}"));
            assert_eq!(refusal, Refusal::RevisionMismatch { expected: wrong, found }, "{edit:?}");
        }
        let head =
            expecting(db, found, edit.clone()).await.unwrap_or_else(|error| panic!("{edit:?}: {error}"));
        let now = revision_of(db, &object).await;
        assert!(now == head.revision || now == 0, "{edit:?} changes its object");
    }
}

pub(crate) async fn what_changes_nothing_advances_nothing(db: &dyn Store) {
    scene(db).await;
    let before = head(db).await;
    for edit in [
        say::site_role("ann", SiteRole::User),
        say::enable("ann", true),
        say::rename_group("g", "g"),
        say::member("g", "ann", GroupRole::Admin),
        say::offer("g", "c"),
        say::offer("g", "ro"),
        say::permit("p", "ann", "c"),
        say::rename_project("p", "p"),
        say::relabel("c", "custom"),
        say::new_actions("c", actions(&[])),
        say::set_gear("tool", rolegate::rbac::gear::GearAccess::Open),
    ] {
        let said = format!("{edit:?}");
        assert_eq!(write(db, [edit]).await, before, "{said}");
    }
}

fn subjects(words: &str) -> Vec<Subject> {
    let parse = |word: &str| match word.split_at(2) {
        ("u:", id) => Subject::User(user(id)),
        ("r:", id) => Subject::Role(role(id)),
        ("g:", id) => Subject::Group(group(id)),
        ("p:", id) => Subject::Project(project(id)),
        ("j:", id) => Subject::Gear(gear(id)),
        _ => panic!("{word}"),
    };
    let mut subjects: Vec<_> = words.split_whitespace().map(parse).collect();
    subjects.sort();
    subjects
}

pub(crate) async fn a_change_names_everything_that_it_touches(db: &dyn Store) {
    scene(db).await;
    let expected = [
        (say::permit("p", "bob", "rw"), "u:bob p:p"),
        (say::member("g", "bob", GroupRole::ReadOnly), "u:bob g:g"),
        (say::template("g", "bob", "ro", false), "g:g"),
        (say::template("g", "bob", "c", true), "g:g p:p u:bob"),
        (say::new_actions("c", actions(&["tags_manage"])), "r:c"),
        (say::set_gear("tool", restricted("p", "bob")), "j:tool"),
        (say::drop_user("bob"), "u:bob p:p g:g j:tool"),
        (say::drop_project("p"), "p:p u:ann j:tool"),
        (say::drop_role("c"), "r:c g:g"),
        (say::new_project("q", "g"), "p:q"),
        (say::drop_project("q"), "p:q"),
        (say::drop_group("g"), "g:g u:ann"),
        (say::new_key("ann"), "u:ann"),
    ];
    for (edit, words) in expected {
        let (from, said) = (head(db).await, format!("{edit:?}"));
        write(db, [edit]).await;
        let changes = changes_since(db, from).await;
        assert_eq!(changes.len(), 1, "{said}");
        assert_eq!(
            (changes[0].revision, &changes[0].subjects),
            (from.revision + 1, &subjects(words)),
            "{said}"
        );
    }
}

pub(crate) async fn history_is_kept_for_so_many_revisions(db: &dyn Store) {
    write(db, [say::new_group("g")]).await;
    let mut heads = vec![head(db).await];
    for n in 0..8 {
        let context = context(&Actor::Operator, None, 3);
        heads.push(write_with(db, context, &[say::rename_group("g", &format!("g{n}"))]).await.unwrap());
    }
    for (behind, from) in heads.iter().rev().enumerate() {
        let caught_up = feed::catch_up(&mut db.read().await.unwrap(), *from).await.unwrap();
        match caught_up {
            CatchUp::Next { changes, .. } => {
                assert!(behind <= 3 && changes.len() == behind, "{behind} behind")
            }
            CatchUp::TooFarBehind => assert!(behind > 3, "{behind} behind"),
            other => panic!("{other:?}"),
        }
    }
}

pub(crate) async fn pages_come_in_the_order_of_bytes(db: &dyn Store) {
    let ids = ["a", "B", "é", "aa", "Z", "e\u{301}", "z", "_"];
    write(db, ids.map(say::new_user)).await;
    write(db, ids.map(say::new_group)).await;
    write(db, [say::new_user("me")]).await;
    let mut sorted: Vec<_> = ids.into();
    sorted.sort_unstable_by_key(|id| id.as_bytes());
    write(db, ids.map(|id| say::bare_project(id, "a"))).await;
    write(db, ids.map(|id| say::permit("a", id, "ro rw"))).await;
    let seen = [ids[0], ids[1], ids[2], ids[5]];
    write(db, seen.map(|id| say::permit(id, "me", "ro"))).await;
    write(db, seen.map(|id| say::member(id, "me", GroupRole::ReadOnly))).await;
    let me = actor(db, "me").await;
    let mine: Vec<_> = sorted.iter().copied().filter(|id| seen.contains(id)).collect();
    let mut people = sorted.clone();
    people.push("me");
    people.sort_unstable_by_key(|id| id.as_bytes());
    for size in 1..=people.len() + 1 {
        assert_eq!(walk(db, size, &Actor::Operator, "groups").await, sorted);
        assert_eq!(walk(db, size, &Actor::Operator, "projects").await, sorted);
        assert_eq!(walk(db, size, &Actor::Operator, "permissions").await, people);
        assert_eq!(walk(db, size, &Actor::Operator, "users").await, people);
        assert_eq!(walk(db, size, &me, "groups").await, mine);
        assert_eq!(walk(db, size, &me, "projects").await, mine);
    }
}

/// Reads a whole list in pages of one size.
async fn walk(db: &dyn Store, size: usize, actor: &Actor, what: &str) -> Vec<String> {
    let (mut all, mut after) = (Vec::new(), None);
    loop {
        let (page, mut tx) = (read::PageRequest { size, after }, db.read().await.unwrap());
        let (found, next) = match what {
            "groups" => ids(read::groups::list(&mut tx, actor, &page).await.unwrap()),
            "projects" => ids(read::projects::list(&mut tx, actor, None, &page).await.unwrap()),
            "users" => ids(read::users::list(&mut tx, actor, &page).await.unwrap()),
            _ => {
                let on = read::projects::permissions(&mut tx, actor, &project("a"), &page).await.unwrap();
                assert!(on.items.iter().all(|on| on.user == user("me") || on.roles.len() == 2));
                ids(on)
            }
        };
        assert!(found.len() <= size && (next.is_none() || found.len() == size));
        all.extend(found);
        after = next;
        if after.is_none() {
            return all;
        }
    }
}

fn ids(page: read::Page<impl read::Listed>) -> (Vec<String>, Option<String>) {
    (page.items.iter().map(|item| item.id().to_owned()).collect(), page.next)
}

#[tokio::test]
async fn a_follower_that_is_far_behind_still_learns_that_the_history_forked() {
    let made = sqlite().await;
    let here = write(&*made.store, [say::new_user("ann")]).await;
    let far = "WITH RECURSIVE far(r) AS (SELECT 2 UNION ALL SELECT r + 1 FROM far WHERE r < 6000) \
               INSERT INTO changes SELECT r, r, 'somebody', 0, '' FROM far; \
               UPDATE store SET revision = 6000, stamp = 6000";
    sqlx::raw_sql(far).execute(&mut raw(&made.path).await).await.unwrap();
    let mut tx = made.store.read().await.unwrap();
    assert!(matches!(feed::catch_up(&mut tx, here).await.unwrap(), CatchUp::TooFarBehind));
    let elsewhere = Head { stamp: here.stamp ^ 1, ..here };
    assert!(matches!(feed::catch_up(&mut tx, elsewhere).await.unwrap(), CatchUp::Forked));
}
