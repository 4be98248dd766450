//! Lists and reports that are too large for one message.

use super::{
    calls::{done, sample_site},
    server::Server,
};
use rolegate::{grpc::proto::*, rbac::action::Action};
use std::fmt::Write as _;

/// The largest message of the servers here, in bytes.
const MESSAGE_BYTES: &str = "1MiB";

fn server(site: &str) -> Server {
    let server = Server::start_with(&["--message-bytes", MESSAGE_BYTES]);
    let file = server.folder().join("site.yaml");
    std::fs::write(&file, site).unwrap();
    let applied = server.cli(&["apply", "-f", file.to_str().unwrap()]);
    assert!(applied.status.success(), "{}", String::from_utf8_lossy(&applied.stderr));
    server
}

#[tokio::test]
async fn a_page_that_would_not_fit_ends_earlier_and_the_list_goes_on() {
    let users: Vec<_> = (0..800).map(|user| format!("{}{user:03}", "u".repeat(240))).collect();
    let mut site = String::from("version: 1\nusers:\n");
    users.iter().for_each(|user| writeln!(site, "  - {{id: {user}}}").unwrap());
    site.push_str("gears:\n");
    let users = users.join(", ");
    for gear in 0..12 {
        let _ = writeln!(site, "  - {{name: gear-{gear:02}, restricted: {{users: [{users}]}}}}");
    }
    let server = server(&site);
    let (mut found, mut pages, mut page_token) = (Vec::new(), 0, String::new());
    loop {
        let request = ListGearsRequest { page_size: 1_000, page_token };
        let page = done(server.root().list_gears(request).await);
        assert!(
            page.gears.iter().all(|gear| gear.restriction.as_ref().is_some_and(|to| to.users.len() == 800))
        );
        found.extend(page.gears.into_iter().map(|gear| gear.name));
        pages += 1;
        page_token = page.next_page_token;
        if page_token.is_empty() {
            break;
        }
    }
    assert_eq!(found, (0..12).map(|gear| format!("gear-{gear:02}")).collect::<Vec<_>>());
    assert!((3..=12).contains(&pages), "{pages} pages of at most five gears");
}

#[tokio::test]
async fn a_dry_run_that_touches_more_people_than_fit_says_how_many_it_leaves_out() {
    let actions = Action::ALL.map(Action::name).join(", ");
    let mut site = String::from("version: 1\nusers:\n");
    let users: Vec<_> = (0..60).map(|n| format!("user-{n:02}")).collect();
    users.iter().for_each(|user| writeln!(site, "  - {{id: {user}}}").unwrap());
    let _ = writeln!(
        site,
        "roles:\n  - {{id: all, label: All, actions: [{actions}]}}\ngroups:\n  - id: g\n    offers: [all]\n    projects:"
    );
    for project in 0..30 {
        let holders: Vec<_> = users.iter().map(|user| format!("{user}: [all]")).collect();
        let _ = writeln!(
            site,
            "      - {{id: p{project}, label: p{project}, permissions: {{{}}}}}",
            holders.join(", ")
        );
    }
    let server = server(&site);
    let names = super::calls::with_required(&[]);
    let request = UpdateRoleRequest {
        id: "all".into(),
        actions: Some(RoleActions { names }),
        dry_run: true,
        ..Default::default()
    };
    let tried = done(server.root().update_role(request).await);
    let (told, left_out) = (tried.access_changes.len(), tried.access_changes_left_out);
    assert_eq!(told as u64 + left_out, 60 * 30);
    assert!(told > 100 && left_out > 100, "{told} told, {left_out} left out");
}

#[tokio::test]
async fn a_dry_run_that_fits_leaves_nothing_out() {
    let server = sample_site();
    let request = UpdateRoleRequest {
        id: super::calls::DATA_IMPORTER.to_owned(),
        label: Some("Importer".into()),
        dry_run: true,
        ..Default::default()
    };
    assert_eq!(done(server.root().update_role(request).await).access_changes_left_out, 0);
}
