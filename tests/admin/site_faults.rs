//! Site files that contradict the rules or themselves are refused as a whole, and say where.

use super::{
    calls::{MEMORY_STUDY, revision, sample_site},
    server::Server,
    site_calls::{actions, apply, fault, prune, words},
};
use tonic::Code;

/// A small site file of one group with these lines within it.
fn small(lines: &str) -> String {
    format!("version: 1\nusers:\n  - id: ann\n  - id: bob\ngroups:\n  - id: g\n{lines}")
}

#[tokio::test]
async fn what_is_pruned_cannot_be_referred_to() {
    let server = sample_site();
    let root = "version: 1\nusers:\n  - id: root@example.com\n    site_role: site_admin\n";
    for (lines, text) in [
        (
            "groups:\n  - id: onco\n    members: {walt@demo.example: ro}\n",
            "groups[onco].members: there is no user `walt@demo.example`",
        ),
        (
            "groups:\n  - id: onco\n    offers: [Data importer]\n",
            "groups[onco].offers: there is no role `Data importer`",
        ),
        (
            "gears:\n  - name: x\n    restricted: {projects: [neuro/Memory Study]}\n",
            "gears[x]: there is no project `neuro/Memory Study`",
        ),
        (
            "gears:\n  - name: x\n    restricted: {users: [walt@demo.example]}\n",
            "gears[x]: there is no user `walt@demo.example`",
        ),
    ] {
        let before = revision(&server).await;
        let no = prune(&server, &format!("{root}{lines}")).await.unwrap_err();
        no.is(Code::InvalidArgument, "MALFORMED", text);
        assert_eq!(revision(&server).await, before);
        // Left alone, it can.
        apply(&server, &format!("{root}{lines}")).await.unwrap();
    }
}

#[tokio::test]
async fn unknown_references_are_named_with_their_place() {
    let server = Server::start();
    for (lines, text) in [
        ("    offers: [Tagger]\n", "groups[g].offers: there is no role `Tagger`"),
        ("    members: {cid: ro}\n", "groups[g].members: there is no user `cid`"),
        ("    members: {ann: owner}\n", "groups[g].members: `owner` is none of admin, rw, ro"),
        ("    template: {cid: [ro]}\n", "groups[g].template[cid]: there is no user `cid`"),
        ("    template: {ann: [own]}\n", "groups[g].template[ann]: there is no role `own`"),
        ("    template: {ann: []}\n", "groups[g].template[ann]: must name at least one role"),
        (
            "    projects:\n      - label: P\n        permissions: {cid: [ro]}\n",
            "groups[g].projects[P].permissions[cid]: there is no user `cid`",
        ),
        (
            "    projects:\n      - label: P\n        permissions: {ann: [own]}\n",
            "groups[g].projects[P].permissions[ann]: there is no role `own`",
        ),
        ("gears:\n  - name: x\n    restricted: {projects: [g/P]}\n", "gears[x]: there is no project `g/P`"),
        ("gears:\n  - name: x\n    restricted: {users: [cid]}\n", "gears[x]: there is no user `cid`"),
        ("  - id: g\n", "groups[g]: is listed twice"),
        ("    projects: [{label: P}, {label: P}]\n", "groups[g].projects[P]: is listed twice"),
        ("    projects: [{label: P, id: p}, {label: Q, id: p}]\n", "groups[g].projects[Q]: is listed twice"),
        ("gears: [{name: x}, {name: x}]\n", "gears[x]: is listed twice"),
        ("    label: ' x'\n", "groups[g]: must not start or end with white space"),
    ] {
        fault(&server, &small(lines), text).await;
    }
    fault(&server, "version: 1\nusers: [{id: ann}, {id: ann}]\n", "users[ann]: is listed twice").await;
    fault(
        &server,
        "version: 1\nusers: [{id: ann, site_role: boss}]\n",
        "users[ann]: unknown site role `boss`",
    )
    .await;
    let twice = format!(
        "version: 1\nroles:\n  - label: A\n    id: r\n    actions: {0}\n  - label: B\n    id: r\n    actions: {0}\n",
        actions(&[])
    );
    fault(&server, &twice, "roles[B]: is listed twice").await;
}

#[tokio::test]
async fn every_fault_names_the_line_of_its_cause() {
    let server = Server::start();
    let project = "    projects:\n      - label: P\n";
    for (lines, text) in [
        ("    offers: [ro,\n      Tagger]\n", "document: line 8: groups[g].offers: "),
        ("    members:\n      ann: ro\n      cid: ro\n", "line 9: groups[g].members: "),
        ("    members:\n      ann: ro\n      bob:\n        owner\n", "line 9: groups[g].members: "),
        ("    template:\n      ann:\n        - ro\n        - own\n", "line 10: groups[g].template[ann]: "),
        ("    template:\n      ann: []\n", "line 8: groups[g].template[ann]: "),
        (
            &format!("{project}        permissions:\n          cid: [ro]\n"),
            "line 10: groups[g].projects[P].permissions[cid]: ",
        ),
        (&format!("{project}      - label: P\n"), "line 9: groups[g].projects[P]: is listed twice"),
        ("gears:\n  - name: x\n    restricted:\n      users:\n        - cid\n", "line 11: gears[x]: "),
        ("  # again\n  - id: g\n", "line 8: groups[g]: is listed twice"),
        ("    label: ' x'\n", "line 7: groups[g]: "),
    ] {
        fault(&server, &small(lines), text).await;
    }
    fault(&server, "version: 1\nusers:\n  - id: ann\n    site_role: boss\n", "line 4: users[ann]: ").await;
    fault(
        &server,
        "{\"version\": 1,\n\"gears\": [{\"name\": \"x\"},\n{\"name\": \"x\"}]}",
        "line 3: gears[x]: ",
    )
    .await;
    let role = "version: 1\nroles:\n  - label: Bad\n    actions: [tags_view]\n";
    let no = apply(&server, role).await.unwrap_err();
    no.is(Code::InvalidArgument, "ROLE_FAULTS", "line 3: roles[Bad]: required actions are missing");
    let roles =
        format!("version: 1\nusers: [{{id: ann}}]\nroles:\n  - {{label: A, actions: {}}}\n", actions(&[]));
    for (place, lines) in [
        ("line 9: groups[g].template[ann]: ", "    template:\n      # not offered\n      ann: [A]\n"),
        (
            "line 9: groups[g].projects[P].permissions[ann]: ",
            "    projects:\n      - {label: P, permissions: {\n        ann: [A]}}\n",
        ),
    ] {
        let no = apply(&server, &format!("{roles}groups:\n  - id: g\n{lines}")).await.unwrap_err();
        no.is(Code::FailedPrecondition, "NOT_OFFERED", place);
    }
}

#[tokio::test]
async fn a_faulty_role_is_named_with_every_fault_and_nothing_is_done() {
    let server = Server::start();
    let before = revision(&server).await;
    let roles = format!(
        "version: 1\nroles:\n  - label: Good\n    actions: {}\n  - label: Bad\n    actions: [tags_view, files_downlaod]\n",
        actions(&[])
    );
    let no = apply(&server, &roles).await.unwrap_err();
    no.is(
        Code::InvalidArgument,
        "ROLE_FAULTS",
        "roles[Bad]: required actions are missing: containers_view_metadata",
    );
    assert!(
        no.message.contains("unknown actions: `files_downlaod`; did you mean `files_download`?"),
        "{}",
        no.message
    );
    assert_eq!(revision(&server).await, before);
    let taken = format!("version: 1\nroles:\n  - label: ro\n    id: r\n    actions: {}\n", actions(&[]));
    apply(&server, &taken).await.unwrap_err().is(
        Code::AlreadyExists,
        "LABEL_TAKEN",
        "the label `ro` is taken",
    );
    // The same without an id: the label of a built-in role does not make the entry that role.
    apply(&server, "version: 1\nroles:\n  - label: admin\n    actions: [tags_view]\n").await.unwrap_err().is(
        Code::InvalidArgument,
        "ROLE_FAULTS",
        "line 3: roles[admin]: required actions are missing: containers_view_metadata",
    );
}

#[tokio::test]
async fn a_role_must_be_offered_to_be_assigned_and_is_withdrawn_only_after() {
    let server = sample_site();
    let text = "is not offered to group `cardio`";
    let lines =
        "version: 1\ngroups:\n  - id: cardio\n    template:\n      ada@demo.example: [Gear developer]\n";
    apply(&server, lines).await.unwrap_err().is(Code::FailedPrecondition, "NOT_OFFERED", text);
    // Offer and use, and stop using and withdraw, in one go.
    let offers = "    offers: [Gear developer, Data importer]\n";
    apply(&server, &format!("{lines}{offers}")).await.unwrap();
    let stop = "version: 1\ngroups:\n  - id: cardio\n    offers: [Data importer]\n";
    let done = apply(&server, stop).await.unwrap();
    let words = words(&done);
    assert!(words.contains(&"update group cardio: withdraw role \"Gear developer\"".to_owned()), "{words:?}");
    let no = apply(&server, "version: 1\ngroups:\n  - id: cardio\n").await.unwrap_err();
    no.is(Code::FailedPrecondition, "ROLE_IN_USE", "role `Data importer` is assigned to 1 user in 1 project");
}

#[tokio::test]
async fn a_project_never_changes_its_group() {
    let server = sample_site();
    let moved = format!(
        "version: 1\ngroups:\n  - id: cardio\n    projects:\n      - id: {MEMORY_STUDY}\n        label: Moved\n"
    );
    let text = "groups[cardio].projects[Moved]: is in group `neuro`, and a project never changes its group";
    fault(&server, &moved, text).await;
}

#[tokio::test]
async fn a_site_keeps_a_site_admin() {
    let server = Server::start();
    let demote = "version: 1\nusers:\n  - id: root@example.com\n";
    let last = (Code::FailedPrecondition, "LAST_SITE_ADMIN", "the last enabled site admin");
    apply(&server, demote).await.unwrap_err().is(last.0, last.1, last.2);
    prune(&server, "version: 1\n").await.unwrap_err().is(last.0, last.1, last.2);
    // Handing over is no gap, in whichever order the file has it.
    apply(&server, &format!("{demote}  - id: new@example.com\n    site_role: site_admin\n")).await.unwrap();
    // The one who did it has no say any more.
    apply(&server, "version: 1\n").await.unwrap_err().is(
        Code::PermissionDenied,
        "NOT_PERMITTED",
        "a site admin",
    );
}
