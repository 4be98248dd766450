//! The same site, read over gRPC and over HTTP.

use crate::{clients::served, http::request, server::Store};
use rolegate::grpc::proto::*;
use serde_json::{Value, json};

pub(crate) const SITE: &str = "\
version: 1
users:
  - {id: first-admin@example.org, site_role: site_admin}
  - {id: ann@example.org, site_role: developer}
  - {id: bob@example.org}
  - {id: gone@example.org, disabled: true}
roles:
  - id: curator
    label: Curator
    actions: [containers_view_metadata, files_view_metadata, tags_view, notes_view, project_permissions_view,
      gear_rules_view, data_views_view, session_templates_view, jobs_view, files_modify_metadata]
groups:
  - id: neuro
    label: Neuro
    members: {ann@example.org: admin, bob@example.org: ro}
    offers: [curator]
    template: {bob@example.org: [curator]}
    projects:
      - {id: scans, label: Scans, permissions: {ann@example.org: [admin, curator], bob@example.org: [ro]}}
      - {id: other, label: Other}
  - id: empty
gears:
  - {name: open}
  - {name: closed, restricted: {projects: [scans], users: [bob@example.org]}}
";

fn holders(entries: &[RoleHolderPair]) -> Value {
    entries.iter().map(|(user, roles)| json!({ "_id": user, "role_ids": roles })).collect()
}

type RoleHolderPair = (String, Vec<String>);

#[tokio::test]
async fn both_faces_tell_of_the_same_site() {
    let store = Store::new();
    let (server, _) = served(&store).await;
    store.apply(SITE);
    let mut admin = server.administrator(&store.key).await;
    let get = async |path: &str| {
        let answer = request(&server.http, &store.key, "GET", path, None).await;
        assert_eq!(answer.status, 200, "{path}: {answer:?}");
        answer.json()
    };
    let all = 1_000;

    let roles = admin.list_roles(ListRolesRequest { page_size: all, ..Default::default() }).await.unwrap();
    let roles: Vec<_> = roles.into_inner().roles.into_iter().map(|role| (role.id, role.label)).collect();
    let found = get("/api/roles").await;
    let found: Vec<_> =
        found.as_array().unwrap().iter().map(|role| (text(&role["_id"]), text(&role["label"]))).collect();
    assert_eq!(found, roles);

    let users = admin.list_users(ListUsersRequest { page_size: all, ..Default::default() }).await.unwrap();
    let users: Value = users
        .into_inner()
        .users
        .iter()
        .map(|user| json!({ "_id": user.id, "email": user.id, "roles": [user.site_role], "disabled": user.disabled }))
        .collect();
    assert_eq!(get("/api/users").await, users);

    for group in ["neuro", "empty"] {
        let found = get(&format!("/api/groups/{group}")).await;
        let request =
            ListTemplateEntriesRequest { group: group.to_owned(), page_size: all, ..Default::default() };
        let template = admin.list_template_entries(request).await.unwrap().into_inner().entries;
        let template: Vec<_> = template.into_iter().map(|entry| (entry.user, entry.roles)).collect();
        assert_eq!(found["permissions_template"], holders(&template));
        let request =
            ListOfferedRolesRequest { group: group.to_owned(), page_size: all, ..Default::default() };
        let offered = admin.list_offered_roles(request).await.unwrap().into_inner().roles;
        assert_eq!(found["roles"], offered.iter().map(|role| json!(role.id)).collect::<Value>());
        let request =
            ListGroupMembersRequest { group: group.to_owned(), page_size: all, ..Default::default() };
        let members = admin.list_group_members(request).await.unwrap().into_inner().members;
        let name = |role: GroupRole| role.as_str_name().trim_start_matches("GROUP_ROLE_").to_lowercase();
        let members: Value = members
            .iter()
            .map(|member| json!({ "_id": member.user, "access": name(member.role()) }))
            .collect();
        assert_eq!(found["permissions"], members);
    }

    for project in get("/api/projects").await.as_array().unwrap() {
        let id = text(&project["_id"]);
        let request =
            ListProjectPermissionsRequest { project: id.clone(), page_size: all, ..Default::default() };
        let permissions = admin.list_project_permissions(request).await.unwrap().into_inner().permissions;
        let permissions: Vec<_> = permissions.into_iter().map(|entry| (entry.user, entry.roles)).collect();
        assert_eq!(project["permissions"], holders(&permissions));
        assert_eq!(get(&format!("/api/projects/{id}")).await, *project);
    }

    let closed = get("/api/gears/closed/series").await;
    assert_eq!(closed["is_restricted"], true);
    assert_eq!(closed["permissions"], json!({ "projects": ["scans"], "users": ["bob@example.org"] }));
    assert_eq!(get("/api/gears/open/series").await["is_restricted"], false);
}

#[tokio::test]
async fn gears_are_restricted_entry_by_entry_and_opened_again() {
    let store = Store::new();
    let (server, users_key) = served(&store).await;
    store.apply(SITE);
    let call = async |method: &str, path: &str, body: Option<&str>| {
        request(&server.http, &store.key, method, &format!("/api/gears/{path}"), body).await
    };
    let listed = async |method: &str, path: &str, body: Option<&str>| {
        let answer = call(method, path, body).await;
        assert_eq!(answer.status, 200, "{answer:?}");
        let series = answer.json();
        (series["is_restricted"].as_bool().unwrap(), series["permissions"].clone())
    };
    let both = |projects: &[&str], users: &[&str]| json!({ "projects": projects, "users": users });
    let ann = r#"{"id": "ann@example.org"}"#;
    assert_eq!(
        listed("PUT", "open/permissions/users", Some(ann)).await,
        (true, both(&[], &["ann@example.org"]))
    );
    let scans = r#"{"id": "scans"}"#;
    let now = (true, both(&["scans"], &["ann@example.org"]));
    assert_eq!(listed("PUT", "open/permissions/projects", Some(scans)).await, now);
    let now = (true, both(&["scans"], &[]));
    assert_eq!(listed("DELETE", "open/permissions/users/ann%40example.org", None).await, now);
    assert_eq!(call("DELETE", "open/permissions/users/ann%40example.org", None).await.status, 404);
    let other = r#"{"projects": ["other"], "users": []}"#;
    assert_eq!(listed("PUT", "open/permissions", Some(other)).await, (true, both(&["other"], &[])));
    // The last entry taken away leaves a gear that is closed to all, and not one that is open.
    assert_eq!(listed("DELETE", "open/permissions/projects/other", None).await, (true, both(&[], &[])));
    assert_eq!(listed("DELETE", "open/permissions", None).await, (false, both(&[], &[])));
    assert_eq!(call("PUT", "open/permissions/users", Some(r#"{"id": "nope"}"#)).await.status, 404);
    assert_eq!(call("GET", "nope/series", None).await.status, 404);
    // Whoever may not restrict gears learns nothing of them.
    for (method, path) in
        [("GET", "closed/series"), ("DELETE", "closed/permissions/users/nope"), ("DELETE", "x/permissions")]
    {
        let answer = request(&server.http, &users_key, method, &format!("/api/gears/{path}"), None).await;
        assert_eq!(answer.status, 403, "{method} {path}: {answer:?}");
    }
}

fn text(value: &Value) -> String {
    value.as_str().unwrap().to_owned()
}
