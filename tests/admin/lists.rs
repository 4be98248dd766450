//! Lists: their pages, their tokens, and who sees what in them.

use super::{
    calls::{MEMORY_STUDY, REHAB_TRIAL, SCANNER_INTAKE, as_user, by_hand, done, refused, sample_site},
    server::{Admin, Server},
};
use rolegate::grpc::proto::*;
use tonic::Code;

/// Follows a list to its end, page by page.
macro_rules! paged {
    ($client:expr, $method:ident, $request:expr, $field:ident, $id:ident, $size:expr) => {{
        let (mut ids, mut token, mut sizes) = (Vec::new(), String::new(), Vec::new());
        loop {
            let mut request = $request.clone();
            request.page_size = $size;
            request.page_token = token;
            let page = done($client.$method(request).await);
            sizes.push(page.$field.len());
            ids.extend(page.$field.into_iter().map(|item| item.$id));
            token = page.next_page_token;
            if token.is_empty() {
                break;
            }
            assert!(ids.len() < 10_000, "the list does not end");
        }
        (ids, sizes)
    }};
}

/// Reads a list in pages of different sizes, which must agree, be in order and be full but for the last.
macro_rules! every_size {
    ($client:expr, $method:ident, $request:expr, $field:ident, $id:ident) => {{
        let (all, _) = paged!($client, $method, $request, $field, $id, 1000);
        let sorted: std::collections::BTreeSet<_> = all.iter().cloned().collect();
        assert_eq!(sorted.into_iter().collect::<Vec<_>>(), all, stringify!($method));
        for size in [1, 2, 3] {
            let (ids, sizes) = paged!($client, $method, $request, $field, $id, size);
            assert_eq!(ids, all, "{} by {size}", stringify!($method));
            let size = usize::try_from(size).unwrap();
            assert!(sizes.iter().rev().skip(1).all(|found| *found == size), "{sizes:?}");
            assert!(all.is_empty() || sizes.last() != Some(&0), "{sizes:?}");
        }
        all
    }};
}

#[tokio::test]
async fn every_list_is_paged_to_its_end_in_order() {
    let server = sample_site();
    let root = &mut server.root();
    let neuro = || "neuro".to_owned();
    assert_eq!(every_size!(root, list_roles, ListRolesRequest::default(), roles, id).len(), 5);
    assert_eq!(every_size!(root, list_groups, ListGroupsRequest::default(), groups, id), ["cardio", "neuro"]);
    assert_eq!(every_size!(root, list_projects, ListProjectsRequest::default(), projects, id).len(), 4);
    let of_group = ListProjectsRequest { group: Some(neuro()), ..Default::default() };
    assert_eq!(every_size!(root, list_projects, of_group, projects, id), [MEMORY_STUDY, SCANNER_INTAKE]);
    assert_eq!(every_size!(root, list_users, ListUsersRequest::default(), users, id).len(), 7);
    assert_eq!(every_size!(root, list_gears, ListGearsRequest::default(), gears, name).len(), 3);
    let offers = ListOfferedRolesRequest { group: neuro(), ..Default::default() };
    assert_eq!(every_size!(root, list_offered_roles, offers, roles, id).len(), 2);
    let members = ListGroupMembersRequest { group: neuro(), ..Default::default() };
    assert_eq!(every_size!(root, list_group_members, members, members, user).len(), 2);
    let template = ListTemplateEntriesRequest { group: neuro(), ..Default::default() };
    assert_eq!(every_size!(root, list_template_entries, template, entries, user).len(), 1);
    let permissions = ListProjectPermissionsRequest { project: MEMORY_STUDY.into(), ..Default::default() };
    assert_eq!(every_size!(root, list_project_permissions, permissions, permissions, user).len(), 3);
    for _ in 0..5 {
        let key =
            CreateApiKeyRequest { user: "gil@demo.example".into(), label: "x".into(), ..Default::default() };
        done(root.create_api_key(key).await);
    }
    let keys = ListApiKeysRequest { user: "gil@demo.example".into(), ..Default::default() };
    assert_eq!(every_size!(root, list_api_keys, keys, keys, id).len(), 5);
}

#[tokio::test]
async fn a_holder_of_several_roles_is_one_item_of_a_page() {
    let server = sample_site();
    let root = &mut server.root();
    for user in ["rosa@demo.example", "gil@demo.example", "ivy@demo.example"] {
        let permit = SetProjectPermissionRequest {
            project: MEMORY_STUDY.into(),
            user: user.into(),
            roles: vec!["ro".into(), "rw".into(), "admin".into()],
            ..Default::default()
        };
        done(root.set_project_permission(permit).await);
    }
    let list = ListProjectPermissionsRequest { project: MEMORY_STUDY.into(), ..Default::default() };
    let all = every_size!(root, list_project_permissions, list, permissions, user);
    assert_eq!(all.len(), 4);
    let first =
        done(root.list_project_permissions(ListProjectPermissionsRequest { page_size: 1, ..list }).await);
    assert_eq!(first.permissions[0].roles, ["admin", "ro", "rw"]);
}

async fn first_page(root: &mut Admin, page_size: i32) -> (usize, bool) {
    let page = done(root.list_users(ListUsersRequest { page_size, ..Default::default() }).await);
    (page.users.len(), page.next_page_token.is_empty())
}

#[tokio::test]
async fn a_page_holds_100_unless_asked_and_never_more_than_1000() {
    let server = Server::start();
    let sql = "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 1001)
               INSERT INTO users (id, site_role, enabled, revision) SELECT 'u' || i, 'user', 1, 1 FROM n";
    sqlx::query(sql).execute(&mut by_hand(&server.store()).await).await.unwrap();
    let root = &mut server.root();
    assert_eq!(first_page(root, 0).await, (100, false));
    assert_eq!(first_page(root, 1000).await, (1000, false));
    assert_eq!(first_page(root, i32::MAX).await, (1000, false));
    let (all, sizes) = paged!(root, list_users, ListUsersRequest::default(), users, id, 1001);
    assert_eq!((all.len(), sizes), (1002, vec![1000, 2]));
    // A list that ends with a full page has no next one.
    done(root.delete_user(DeleteUserRequest { id: "u1".into(), ..Default::default() }).await);
    done(root.delete_user(DeleteUserRequest { id: "u2".into(), ..Default::default() }).await);
    assert_eq!(first_page(root, 1000).await, (1000, true));
}

#[tokio::test]
async fn a_page_that_cannot_be_is_refused() {
    let server = Server::start();
    let root = &mut server.root();
    let no = refused(root.list_roles(ListRolesRequest { page_size: -1, ..Default::default() }).await);
    no.is(Code::InvalidArgument, "MALFORMED", "page_size: must not be negative");
    assert_eq!(no.fields, ["page_size"]);
    for token in ["x", "0", "zz", "+1", "6 ", "6161 ", "é", "ff", "c3", "0x61", "next"] {
        let list = ListRolesRequest { page_token: token.to_owned(), ..Default::default() };
        let no = refused(root.list_roles(list).await);
        no.is(Code::InvalidArgument, "MALFORMED", "page_token: is not of this list");
        assert_eq!(no.fields, ["page_token"]);
    }
}

#[tokio::test]
async fn a_page_token_outlives_what_it_names() {
    let server = sample_site();
    let root = &mut server.root();
    let list = |page_token: String| ListUsersRequest { page_size: 2, page_token };
    let first = done(root.list_users(list(String::new())).await);
    let last = first.users.last().unwrap().id.clone();
    done(root.delete_user(DeleteUserRequest { id: last.clone(), ..Default::default() }).await);
    let next = done(root.list_users(list(first.next_page_token)).await);
    assert!(next.users[0].id > last, "nobody is left out or shown twice");
}

#[tokio::test]
async fn lists_show_everyone_what_they_may_view_and_no_more() {
    let server = sample_site();
    let groups = |client: Admin| async move {
        let mut client = client;
        every_size!(client, list_groups, ListGroupsRequest::default(), groups, id)
    };
    let projects = |client: Admin| async move {
        let mut client = client;
        every_size!(client, list_projects, ListProjectsRequest::default(), projects, id)
    };
    let gil = as_user(&server, "gil@demo.example").await;
    assert_eq!(groups(gil.clone()).await, ["cardio"]);
    assert_eq!(projects(gil.clone()).await, [MEMORY_STUDY, REHAB_TRIAL]);
    let dev = as_user(&server, "dev@demo.example").await;
    assert!(groups(dev.clone()).await.is_empty());
    assert_eq!(projects(dev.clone()).await.len(), 1);
    let ada = as_user(&server, "ada@demo.example").await;
    assert_eq!((groups(ada.clone()).await.len(), projects(ada).await.len()), (2, 4));
    // A group's admin sees the projects that they are on, and no others.
    let member = SetGroupMemberRequest {
        group: "cardio".into(),
        user: "dev@demo.example".into(),
        role: GroupRole::Admin.into(),
        ..Default::default()
    };
    done(server.root().set_group_member(member).await);
    assert_eq!(groups(dev.clone()).await, ["cardio"]);
    assert_eq!(projects(dev.clone()).await.len(), 1);
    // Someone else's group and one that is not there look the same: empty.
    for group in ["neuro", "nowhere"] {
        let list = ListProjectsRequest { group: Some(group.into()), ..Default::default() };
        assert!(done(dev.clone().list_projects(list).await).projects.is_empty());
    }
    // Roles are no secret. Whom gears are open to is a developer's business.
    let mut dev = dev;
    assert_eq!(every_size!(dev, list_roles, ListRolesRequest::default(), roles, id).len(), 5);
    assert_eq!(every_size!(dev, list_gears, ListGearsRequest::default(), gears, name).len(), 3);
}
