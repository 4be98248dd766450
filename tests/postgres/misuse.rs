//! A database that is the wrong one, or not the way it must be: one clear line, without a password, and an exit code.

use crate::{
    ask::at_least,
    cluster::Cluster,
    scene::{DATABASE, Scene, download, is_allowed},
    server::{Server, finish, rolegate, run},
};
use rolegate::grpc::proto::CheckRequest;
use std::process::Output;
use tonic::Code;

const SECRET: &str = "s3cret-and-long";

/// What a command says on stderr, if it is one line, and its exit code.
fn one_line(output: &Output) -> (Option<i32>, String) {
    let said = String::from_utf8(output.stderr.clone()).unwrap();
    assert_eq!(said.trim_end().lines().count(), 1, "{said}");
    assert!(!said.contains(SECRET), "{said}");
    (output.status.code(), said)
}

#[test]
fn a_password_on_the_command_line_is_refused() {
    let url = format!("postgres://rolegate:{SECRET}@127.0.0.1:1/roles");
    for command in [
        &["serve", "--store", &url, "--check-config"][..],
        &["init", "--admin", "root", "--store", &url],
        &["migrate", "--store", &url],
    ] {
        let (code, said) = one_line(&run(command.iter().copied()));
        assert_eq!(code, Some(64), "{said}");
        assert!(said.contains("store") && said.contains("store_password_file"), "{said}");
    }
}

#[test]
fn a_url_with_a_typo_is_refused_before_anything_is_tried() {
    for url in ["postgres://rolegate@127.0.0.1:54x2/roles", "postgres://[/roles", "postgres:///?port=none"] {
        let (code, said) = one_line(&run(["serve", "--store", url, "--check-config"]));
        assert_eq!(code, Some(64), "{url}: {said}");
        assert!(said.contains("postgres://user@host:5432/database"), "{url}: {said}");
    }
    let summary = run(["serve", "--store", "postgres://rolegate@db.example/roles", "--check-config"]);
    let summary = String::from_utf8(summary.stdout).unwrap();
    assert!(summary.contains("postgres://rolegate@db.example:5432/roles"), "{summary}");
}

#[test]
fn a_password_comes_from_the_environment_or_a_file_and_a_wrong_one_is_said_to_be_so() {
    let cluster = Cluster::start();
    cluster.sql("postgres", &format!("CREATE ROLE keeper LOGIN SUPERUSER PASSWORD '{SECRET}'"));
    let hba = std::fs::read_to_string(cluster.data.join("pg_hba.conf")).unwrap();
    let hba = format!("host all keeper 127.0.0.1/32 scram-sha-256\n{hba}");
    std::fs::write(cluster.data.join("pg_hba.conf"), hba).unwrap();
    cluster.sql("postgres", "SELECT pg_reload_conf()");
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("password");
    let store = cluster.url_of("keeper", "postgres");
    let migrate = |password: &str| {
        std::fs::write(&file, format!("{password}\n")).unwrap();
        finish(rolegate(["migrate", "--store", &store, "--store-password-file", file.to_str().unwrap()]))
    };
    let (code, said) = one_line(&migrate("wrong"));
    assert_eq!(code, Some(2), "{said}");
    assert!(said.contains("password authentication failed"), "{said}");
    let done = migrate(SECRET);
    assert!(done.status.success(), "{done:?}");
    let mut from_environment = rolegate(["migrate", "--output", "json"]);
    let with_password = store.replace("keeper@", &format!("keeper:{SECRET}@"));
    let done = finish({
        from_environment.env("ROLEGATE_STORE", with_password);
        from_environment
    });
    assert!(done.status.success() && !String::from_utf8_lossy(&done.stdout).contains(SECRET), "{done:?}");
}

#[test]
fn a_server_without_a_store_without_its_schema_or_with_a_newer_one_is_refused() {
    let cluster = Cluster::start();
    let url = cluster.url("postgres");
    let ended = |url: &str| given_up(url, "off");
    let (code, said) = ended(&url);
    assert_eq!(code, Some(1), "{said}");
    assert!(said.contains("rolegate init") && said.contains("rolegate migrate"), "{said}");
    assert!(run(["migrate", "--store", &url]).status.success());
    cluster.sql("postgres", "UPDATE store SET schema = 0");
    assert!(ended(&url).1.contains("rolegate migrate"));
    // A newer schema is no matter for as long as it says that older binaries may use it.
    cluster.sql("postgres", "UPDATE store SET schema = 9, usable_from = 9");
    let (code, said) = ended(&url);
    assert_eq!(code, Some(1), "{said}");
    assert!(said.contains("schema 9") && said.contains("newer version"), "{said}");
}

#[tokio::test]
async fn an_older_binary_keeps_working_while_a_newer_one_rolls_out() {
    let scene = Scene::new();
    scene.cluster.sql(DATABASE, "UPDATE store SET schema = 9; ALTER TABLE users ADD COLUMN later TEXT");
    let sidecar = scene.sidecar(&[]).await;
    assert_eq!(is_allowed(&mut sidecar.questions().await, download("ann")).await, Ok(true));
}

/// What `serve` says when it gives up on its store, and its exit code.
fn given_up(url: &str, admin: &str) -> (Option<i32>, String) {
    let flags =
        ["--listen", "127.0.0.1:0", "--admin-listen", admin, "--metrics-listen", "off", "--log", "off"];
    one_line(&finish(rolegate([&["serve", "--store", url][..], &flags].concat())))
}

#[test]
fn a_server_that_the_database_does_not_let_in_gives_up_at_start() {
    let scene = Scene::new();
    let missing = scene.at_port("rolegate_control", scene.cluster.port).replace("/roles?", "/rolls?");
    let nobody = scene.at_port("nobody", scene.cluster.port);
    for (url, why) in [(missing, "\"rolls\" does not exist"), (nobody, "role \"nobody\" does not exist")] {
        let (code, said) = given_up(&url, "off");
        assert_eq!(code, Some(1), "{said}");
        assert!(said.contains(why), "{said}");
    }
}

#[test]
fn a_control_plane_whose_database_role_may_only_read_gives_up_at_start_and_says_what_to_do() {
    let scene = Scene::new();
    let (code, said) = given_up(&scene.at_port("rolegate_sidecar", scene.cluster.port), "127.0.0.1:0");
    assert_eq!(code, Some(1), "{said}");
    assert!(said.contains("permission denied") && said.contains("--admin-listen off"), "{said}");
    assert!(said.contains("roles.sql"), "{said}");
}

#[test]
fn who_does_not_own_the_tables_is_told_to_migrate_as_who_does() {
    let scene = Scene::new();
    let store = scene.at_port("rolegate_control", scene.cluster.port);
    let (code, said) = one_line(&run(["migrate", "--store", &store]));
    assert_eq!(code, Some(2), "{said}");
    assert!(said.contains("permission denied") && said.contains("as the owner"), "{said}");
}

#[test]
fn a_store_is_made_where_the_default_is_to_read_and_not_where_text_is_no_unicode() {
    let cluster = Cluster::start();
    cluster.sql("postgres", "CREATE DATABASE quiet");
    cluster.sql("postgres", "ALTER DATABASE quiet SET default_transaction_read_only = on");
    let done = run(["init", "--admin", "root@example.org", "--store", &cluster.url("quiet")]);
    assert!(done.status.success(), "{done:?}");
    cluster.sql(
        "postgres",
        "CREATE DATABASE latin ENCODING 'LATIN1' LOCALE 'C' LOCALE_PROVIDER libc TEMPLATE template0",
    );
    let (code, said) = one_line(&run(["migrate", "--store", &cluster.url("latin")]));
    assert_eq!(code, Some(1), "{said}");
    assert!(said.contains("LATIN1") && said.contains("UTF8"), "{said}");
}

#[test]
fn the_roles_for_a_second_store_in_one_cluster_are_those_of_the_first() {
    let scene = Scene::new();
    let second = scene.cluster.database();
    assert!(run(["migrate", "--store", &scene.cluster.url(&second)]).status.success());
    for _ in 0..2 {
        scene.cluster.sql(&second, crate::scene::ROLES);
    }
}

#[tokio::test]
async fn a_token_of_another_store_is_refused() {
    let (scene, file) = (Scene::new(), crate::server::Store::with_site(crate::scene::SITE));
    let (shared, embedded) = (scene.sidecar(&[]).await, Server::start(&file).await);
    let token =
        |answer: tonic::Response<rolegate::grpc::proto::CheckResponse>| answer.into_inner().revision_token;
    let (mut of_shared, mut of_embedded) = (shared.questions().await, embedded.questions().await);
    let from_file = token(of_embedded.check(download("ann")).await.unwrap());
    let from_database = token(of_shared.check(download("ann")).await.unwrap());
    let other = Err((Code::FailedPrecondition, "OTHER_EPOCH".to_owned()));
    let asked = |token: &str| CheckRequest { freshness: at_least(token), ..download("ann") };
    assert_eq!(is_allowed(&mut of_shared, asked(&from_file)).await, other);
    assert_eq!(is_allowed(&mut of_embedded, asked(&from_database)).await, other);
}

#[test]
fn a_second_store_is_not_made_over_a_first_one() {
    let cluster = Cluster::start();
    let url = cluster.url("postgres");
    let init = || run(["init", "--admin", "root@example.org", "--store", &url]);
    assert!(init().status.success());
    let (code, said) = one_line(&init());
    assert_eq!(code, Some(1), "{said}");
    assert!(said.contains("has a role store already"), "{said}");
}
