//! The rules on roles, users, groups, projects and gears, as the store contract must keep them.

use crate::support::*;
use rolegate::{
    rbac::{
        gear::GearAccess,
        level::{GroupRole, SiteRole},
        refusal::{Kind, Refusal},
        role::RoleActions,
    },
    store::{Store, auth::Actor, error::Error},
};

/// A group `g` with project `p`, a custom role `c` offered to it, and users `ann` and `bob`.
async fn scene(db: &dyn Store) {
    let edits = [
        say::new_admin("root"),
        say::new_user("ann"),
        say::new_user("bob"),
        say::new_group("g"),
        say::new_group("other"),
        say::new_role("c", "custom", actions(&["files_download"])),
        say::offer("g", "c"),
        say::bare_project("p", "g"),
    ];
    write(db, edits).await;
}

pub(crate) async fn a_custom_roles_faults_are_named_all_at_once(db: &dyn Store) {
    scene(db).await;
    let bad = RoleActions::from_names(["files_download", "fly", "users_manage", "group_roles_view"]);
    let Refusal::Role(faults) = refused(db, say::new_role("x", "admin", bad)).await else { panic!() };
    assert_eq!(faults.missing.len(), 9);
    assert_eq!(faults.unknown, ["fly", "group_roles_view", "users_manage"]);
    assert_eq!(faults.label_taken.as_deref(), Some("admin"));
    let Refusal::Role(faults) = refused(db, say::new_role("x", "custom", actions(&[]))).await else {
        panic!()
    };
    assert!(faults.is_label_alone());
    let Refusal::Role(faults) = refused(db, say::relabel("c", "ro")).await else { panic!() };
    assert!(faults.is_label_alone());
    let taken = refused(db, say::new_role("rw", "new", actions(&[]))).await;
    assert_eq!(taken, Refusal::Exists { kind: Kind::Role, id: "rw".to_owned() });
}

pub(crate) async fn built_in_roles_stay_as_they_are_and_need_no_offer(db: &dyn Store) {
    scene(db).await;
    let built_in = Refusal::BuiltInRole { role: role("rw") };
    for edit in [
        say::relabel("rw", "x"),
        say::new_actions("rw", actions(&[])),
        say::drop_role("rw"),
        say::withdraw("g", "rw"),
    ] {
        assert_eq!(refused(db, edit).await, built_in);
    }
    let before = head(db).await;
    assert_eq!(write(db, [say::offer("g", "rw")]).await, before, "offering one changes nothing");
    write(db, [say::permit("p", "ann", "rw ro")]).await;
}

pub(crate) async fn a_custom_role_is_assigned_only_where_it_is_offered(db: &dyn Store) {
    scene(db).await;
    write(db, [say::permit("p", "ann", "c rw"), say::bare_project("q", "other")]).await;
    let not_offered = Refusal::NotOffered { role: role("c"), group: group("other"), place: None };
    assert_eq!(refused(db, say::permit("q", "ann", "ro c")).await, not_offered);
    assert_eq!(refused(db, say::template("other", "ann", "c", false)).await, not_offered);
    assert!(matches!(
        refused(db, say::permit("p", "ann", "nope")).await,
        Refusal::NotFound { kind: Kind::Role, .. }
    ));
}

pub(crate) async fn a_role_in_use_is_neither_deleted_nor_withdrawn_and_it_says_where(db: &dyn Store) {
    scene(db).await;
    write(db, [say::permit("p", "ann", "c"), say::permit("p", "bob", "c ro")]).await;
    let text = "role `custom` is assigned to 2 users in 1 project: ann on p (p), bob on p (p)";
    assert_eq!(refused(db, say::drop_role("c")).await.to_string(), text);
    assert_eq!(refused(db, say::withdraw("g", "c")).await.to_string(), text);
    write(db, [say::no_permit("p", "bob"), say::no_permit("p", "ann")]).await;
    write(db, [say::template("g", "ann", "c", false), say::offer("other", "c")]).await;
    let text = "role `custom` is assigned to 1 template entry: ann in g";
    assert_eq!(refused(db, say::drop_role("c")).await.to_string(), text);
    write(db, [say::withdraw("other", "c")]).await;
    assert!(matches!(
        refused(db, say::withdraw("other", "c")).await,
        Refusal::NotFound { kind: Kind::Offer, .. }
    ));
    write(db, [say::offer("other", "c"), say::no_template("g", "ann", false), say::drop_role("c")]).await;
    assert!(snapshot(db).await.groups.values().all(|group| group.offers.is_empty()));
    write(db, (0..7).map(|n| say::new_user(&format!("u{n}")))).await;
    write(db, [say::new_role("d", "wide", actions(&[])), say::offer("g", "d")]).await;
    write(db, (0..7).map(|n| say::permit("p", &format!("u{n}"), "d"))).await;
    let text = refused(db, say::drop_role("d")).await.to_string();
    assert!(text.starts_with("role `wide` is assigned to 7 users in 1 project: u0 on p (p)"), "{text}");
    assert!(text.ends_with("u4 on p (p), ..."), "{text}");
}

pub(crate) async fn replacing_a_list_of_roles_is_all_or_nothing(db: &dyn Store) {
    scene(db).await;
    write(db, [say::permit("p", "ann", "ro c")]).await;
    assert!(matches!(
        refused(db, say::permit("p", "ann", "")).await,
        Refusal::Malformed { field: "roles", .. }
    ));
    refused(db, say::permit("p", "ann", "rw nope")).await;
    let before = head(db).await;
    assert_eq!(write(db, [say::permit("p", "ann", "c ro")]).await, before, "the same list changes nothing");
    write(db, [say::permit("p", "ann", "rw")]).await;
    assert_eq!(snapshot(db).await.projects[&project("p")].permissions[&user("ann")], role_set("rw"));
}

pub(crate) async fn the_last_enabled_site_admin_stays(db: &dyn Store) {
    scene(db).await;
    write(db, [say::new_admin("idle"), say::enable("idle", false)]).await;
    for edit in [say::site_role("root", SiteRole::User), say::enable("root", false), say::drop_user("root")] {
        assert_eq!(refused(db, edit).await, Refusal::LastSiteAdmin);
    }
    write(db, [say::enable("idle", true), say::site_role("root", SiteRole::Developer)]).await;
    assert_eq!(refused(db, say::drop_user("idle")).await, Refusal::LastSiteAdmin);
}

pub(crate) async fn whoever_goes_takes_everything_along(db: &dyn Store) {
    scene(db).await;
    let held = [
        say::permit("p", "ann", "c"),
        say::member("g", "ann", GroupRole::Admin),
        say::template("g", "ann", "rw", false),
        say::new_gear("tool"),
        say::set_gear("tool", restricted("p", "ann")),
    ];
    write(db, held).await;
    let key = actor(db, "ann").await;
    write(db, [say::drop_user("ann"), say::new_user("ann")]).await;
    let world = snapshot(db).await;
    assert!(world.projects[&project("p")].permissions.is_empty());
    assert!(world.groups[&group("g")].members.is_empty() && world.groups[&group("g")].template.is_empty());
    assert_eq!(world.gears[&gear("tool")], restricted("p", ""));
    assert_eq!(refused_as(db, &key, say::new_key("ann")).await, Refusal::Unauthenticated);
    let has_projects = refused(db, say::drop_group("g")).await;
    assert_eq!(has_projects.to_string(), "the group still has 1 project: p");
    write(db, [say::drop_project("p")]).await;
    assert_eq!(snapshot(db).await.gears[&gear("tool")], restricted("", ""), "closed, and not open");
    write(db, [say::drop_group("g"), say::new_group("g"), say::drop_role("c")]).await;
    assert!(snapshot(db).await.groups[&group("g")].members.is_empty());
    write(db, [say::drop_gear("tool"), say::new_gear("tool")]).await;
    assert_eq!(snapshot(db).await.gears[&gear("tool")], GearAccess::Open);
}

pub(crate) async fn templates_are_inherited_and_propagated_all_or_none(db: &dyn Store) {
    scene(db).await;
    write(db, [say::member("g", "ann", GroupRole::Admin), say::template("g", "ann", "ro", false)]).await;
    let ann = actor(db, "ann").await;
    try_as(db, &ann, say::new_project("made", "g")).await.unwrap();
    try_as(db, &ann, say::bare_project("bare", "g")).await.unwrap();
    let on = |world: &rolegate::rbac::world::World, id: &str, who: &str| {
        world.projects[&project(id)].permissions.get(&user(who)).cloned().unwrap_or_default()
    };
    let world = snapshot(db).await;
    assert_eq!(
        on(&world, "made", "ann"),
        role_set("admin ro"),
        "the creator is in the template and holds both"
    );
    assert_eq!(on(&world, "bare", "ann"), role_set("admin"));
    // `p` is a project that ann may not manage.
    for edit in [say::template("g", "bob", "rw", true), say::no_template("g", "ann", true)] {
        let refusal = refused_as(db, &ann, edit).await;
        assert!(refusal.to_string().contains("on every project of the group"), "{refusal}");
    }
    write(db, [say::permit("p", "ann", "admin")]).await;
    try_as(db, &ann, say::template("g", "bob", "c", true)).await.unwrap();
    let world = snapshot(db).await;
    assert!(["p", "made", "bare"].iter().all(|id| on(&world, id, "bob") == role_set("c")));
    assert_eq!(on(&world, "made", "ann"), role_set("admin ro"), "only those concerned are brought in line");
    try_as(db, &ann, say::no_template("g", "bob", true)).await.unwrap();
    let world = snapshot(db).await;
    assert!(["p", "made", "bare"].iter().all(|id| on(&world, id, "bob").is_empty()));
}

pub(crate) async fn a_disabled_users_roles_stay_and_count(db: &dyn Store) {
    scene(db).await;
    write(db, [say::permit("p", "ann", "c")]).await;
    let ann = actor(db, "ann").await;
    write(db, [say::enable("ann", false)]).await;
    assert!(matches!(refused_as(db, &ann, say::new_key("ann")).await, Refusal::NotPermitted { .. }));
    assert!(matches!(refused(db, say::drop_role("c")).await, Refusal::RoleInUse { .. }));
    write(db, [say::permit("p", "ann", "c rw"), say::enable("ann", true)]).await;
    try_as(db, &ann, say::new_key("ann")).await.unwrap();
}

/// Every edit, on things that exist and on things that do not.
fn every_edit(place: &str, team: &str, custom: &str, who: &str, tool: &str, key: &str) -> Vec<Edit> {
    vec![
        say::new_user(who),
        say::site_role(who, SiteRole::Developer),
        say::enable(who, false),
        say::drop_user(who),
        say::new_group(team),
        say::rename_group(team, "new name"),
        say::drop_group(team),
        say::member(team, who, GroupRole::ReadOnly),
        say::no_member(team, who),
        say::offer(team, custom),
        say::withdraw(team, custom),
        say::new_role(custom, "new", actions(&[])),
        say::relabel(custom, "new"),
        say::drop_role(custom),
        say::new_project(place, team),
        say::rename_project(place, "new"),
        say::drop_project(place),
        say::permit(place, who, "rw"),
        say::no_permit(place, who),
        say::template(team, who, "rw", false),
        say::template(team, who, "rw", true),
        say::no_template(team, who, true),
        say::new_gear(tool),
        say::set_gear(tool, restricted(place, who)),
        say::drop_gear(tool),
        say::new_key(who),
        say::drop_key(key),
    ]
}

pub(crate) async fn whoever_lacks_the_right_learns_nothing(db: &dyn Store) {
    scene(db).await;
    let held =
        [say::permit("p", "bob", "c"), say::new_gear("tool"), say::member("g", "bob", GroupRole::Admin)];
    write(db, held).await;
    let (ann, (bobs, _)) = (actor(db, "ann").await, key_of(db, "bob").await);
    let Actor::Key { key: bobs, .. } = bobs else { panic!() };
    let existing = every_edit("p", "g", "c", "bob", "tool", &bobs);
    let invented = every_edit("nope", "nope", "nope", "nope", "nope", "000000000000");
    for (known, unknown) in existing.into_iter().zip(invented) {
        let refusal = refused_as(db, &ann, known.clone()).await;
        assert!(matches!(refusal, Refusal::NotPermitted { .. }), "{known:?}: {refusal}");
        assert_eq!(refusal, refused_as(db, &ann, unknown).await, "{known:?}");
        // Nor does a wrong revision tell anything.
        let guess = write_with(db, context(&ann, Some(u64::MAX), 10), std::slice::from_ref(&known)).await;
        assert_eq!(refusal.to_string(), guess.unwrap_err().to_string(), "{known:?}");
    }
}

pub(crate) async fn rights_are_enough_where_they_are_held(db: &dyn Store) {
    scene(db).await;
    write(db, [say::member("g", "ann", GroupRole::Admin), say::site_role("bob", SiteRole::Developer)]).await;
    let (ann, bob) = (actor(db, "ann").await, actor(db, "bob").await);
    for edit in [
        say::rename_group("g", "new"),
        say::member("g", "bob", GroupRole::ReadWrite),
        say::rename_project("p", "new"),
        say::template("g", "bob", "c", false),
        say::new_key("ann"),
        say::drop_project("p"),
        say::new_project("q", "g"),
        say::permit("q", "bob", "ro"),
    ] {
        try_as(db, &ann, edit).await.unwrap();
    }
    for edit in [say::new_gear("tool"), say::set_gear("tool", restricted("", "bob")), say::drop_gear("tool")]
    {
        try_as(db, &bob, edit).await.unwrap();
    }
    try_as(db, &bob, say::rename_group("g", "by a read-write member")).await.unwrap();
    for edit in [say::member("g", "ann", GroupRole::ReadOnly), say::template("g", "ann", "rw", false)] {
        assert!(matches!(refused_as(db, &bob, edit).await, Refusal::NotPermitted { .. }));
    }
    let missing = try_as(db, &actor(db, "root").await, say::rename_group("nope", "x")).await.unwrap_err();
    assert!(matches!(missing, Error::Refused(Refusal::NotFound { kind: Kind::Group, .. })));
}
