//! Histories that go back or fork: tokens of the old one are refused, never compared, and service goes on with the new.

use crate::{
    ask::at_least,
    cluster::succeed,
    proxy::Proxy,
    scene::{DATABASE, IMPATIENT, Scene, download, fully_current, grant, is_allowed},
    server::{Questions, until},
};
use rolegate::grpc::proto::CheckRequest;
use tempfile::TempDir;
use tonic::Code;
use tonic_health::pb::health_check_response::ServingStatus;

/// A token of a history that is over.
async fn is_refused(questions: &mut Questions, token: &str) {
    let asked = CheckRequest { freshness: at_least(token), ..download("bob") };
    let other_epoch = Err((Code::FailedPrecondition, "OTHER_EPOCH".to_owned()));
    until("the old token is refused", async || is_allowed(questions, asked.clone()).await == other_epoch)
        .await;
}

#[tokio::test]
async fn a_database_restored_from_an_older_dump_starts_a_new_epoch() {
    let scene = Scene::new();
    let folder = crate::cluster::folder();
    let dump = folder.path().join("dump");
    succeed(scene.cluster.client("pg_dump").args(["-Fc", "-f"]).arg(&dump).arg(DATABASE));
    let (control, sidecar) = (scene.control().await, scene.sidecar(&IMPATIENT).await);
    let (mut admin, mut questions) = (scene.admin(&control).await, sidecar.questions().await);
    let token = grant(&mut admin, "bob", "rw").await;
    let asked = CheckRequest { freshness: at_least(&token), ..download("cat") };
    assert_eq!(is_allowed(&mut questions, asked).await, Ok(false));
    let cat = grant(&mut admin, "cat", "rw").await;
    let asked = CheckRequest { freshness: at_least(&cat), ..download("cat") };
    assert_eq!(is_allowed(&mut questions, asked).await, Ok(true));
    let maintenance = |program: &str| scene.cluster.client(program);
    succeed(maintenance("dropdb").args(["--force", DATABASE]));
    succeed(maintenance("createdb").arg(DATABASE));
    succeed(maintenance("pg_restore").args(["-d", DATABASE]).arg(&dump));
    is_refused(&mut questions, &token).await;
    until("what was granted since is gone", async || {
        is_allowed(&mut questions, download("cat")).await == Ok(false)
    })
    .await;
    // The control plane and the sidecar agree on the new history.
    let token = grant(&mut admin, "cat", "rw").await;
    let asked = CheckRequest { freshness: at_least(&token), ..download("cat") };
    until("it is seen", async || is_allowed(&mut questions, asked.clone()).await == Ok(true)).await;
}

/// Puts the data of a backup into the tables that are there, in the place of what they hold.
struct Backup {
    folder: TempDir,
}

/// Every table of a store.
const TABLES: &str = "store, which_history, changes, audit, users, api_keys, roles, role_actions, groups, group_members, \
    role_offers, template_entries, projects, project_permissions, gears, gear_projects, gear_users";

impl Backup {
    fn of(scene: &Scene) -> Self {
        let folder = crate::cluster::folder();
        let mut backup = scene.cluster.client("pg_dump");
        backup.args(["-Fc", "--exclude-table-data=_sqlx_migrations", "-f"]);
        succeed(backup.arg(folder.path().join("dump")).arg(DATABASE));
        Self { folder }
    }

    /// The tables in the order in which their data is put back.
    fn contents(&self, scene: &Scene) -> Vec<String> {
        let listed = succeed(
            scene
                .cluster
                .client("pg_restore")
                .args(["--data-only", "-l"])
                .arg(self.folder.path().join("dump")),
        );
        let listed = String::from_utf8(listed.stdout).unwrap();
        listed.lines().filter(|line| line.contains("TABLE DATA")).map(str::to_owned).collect()
    }

    /// Puts some of it back.
    fn put_back_part(&self, scene: &Scene, part: &[String]) {
        let list = self.folder.path().join("list");
        std::fs::write(&list, part.join("\n")).unwrap();
        let mut restore = scene.cluster.client("pg_restore");
        restore.args(["--data-only", "--disable-triggers", "-d", DATABASE, "-L"]).arg(&list);
        succeed(restore.arg(self.folder.path().join("dump")));
    }

    fn put_back(&self, scene: &Scene) {
        scene.cluster.sql(DATABASE, &format!("TRUNCATE {TABLES}"));
        self.put_back_part(scene, &self.contents(scene));
    }
}

#[tokio::test]
async fn tokens_from_before_a_backup_was_put_back_stay_refused_when_it_is_put_back_again() {
    let scene = Scene::new();
    let backup = Backup::of(&scene);
    let (control, sidecar) = (scene.control().await, scene.sidecar(&IMPATIENT).await);
    let (mut admin, mut questions) = (scene.admin(&control).await, sidecar.questions().await);
    let mut tokens = Vec::new();
    for _ in 0..3 {
        tokens.push(grant(&mut admin, "cat", "rw").await);
        let asked = CheckRequest { freshness: at_least(tokens.last().unwrap()), ..download("cat") };
        until("it is seen", async || is_allowed(&mut questions, asked.clone()).await == Ok(true)).await;
        backup.put_back(&scene);
        for token in &tokens {
            is_refused(&mut questions, token).await;
        }
        until("what was granted since is gone", async || {
            is_allowed(&mut questions, download("cat")).await == Ok(false)
        })
        .await;
    }
}

#[tokio::test]
async fn a_backup_that_is_half_put_back_is_no_store_yet() {
    let scene = Scene::new();
    let backup = Backup::of(&scene);
    let sidecar = scene.sidecar(&[]).await;
    let mut questions = sidecar.questions().await;
    let contents = backup.contents(&scene);
    let (last, others) = contents.split_last().unwrap();
    assert!(last.contains("which_history"), "{contents:?}");
    scene.cluster.sql(DATABASE, &format!("TRUNCATE {TABLES}"));
    for some in others.chunks(4) {
        backup.put_back_part(&scene, some);
        let refused = is_allowed(&mut questions, fully_current(download("ann"))).await;
        assert_eq!(refused.unwrap_err().0, Code::Unavailable);
        assert_eq!(is_allowed(&mut questions, download("ann")).await, Ok(true));
    }
    backup.put_back_part(&scene, std::slice::from_ref(last));
    until("it is followed", async || {
        is_allowed(&mut questions, fully_current(download("ann"))).await == Ok(true)
    })
    .await;
}

/// Puts a server's older files back, again and again: nothing but the history itself tells that it went back.
async fn files_put_back(with_control_plane: bool) {
    let scene = Scene::new();
    let mut control = Some(scene.control().await);
    let server = "SELECT server FROM store";
    let before = scene.cluster.sql(DATABASE, server);
    scene.cluster.end("fast");
    let copy = scene.cluster.copy_files();
    scene.cluster.start_again();
    until("the control plane vouches for it", async || scene.cluster.sql(DATABASE, server) != before).await;
    let sidecar = scene.sidecar(&IMPATIENT).await;
    let mut questions = sidecar.questions().await;
    let mut tokens = Vec::new();
    for _ in 0..3 {
        let running = control.take().unwrap();
        let mut admin = scene.admin(&running).await;
        tokens.push(grant(&mut admin, "cat", "rw").await);
        until("it is seen", async || is_allowed(&mut questions, download("cat")).await == Ok(true)).await;
        if with_control_plane {
            let asked = CheckRequest { freshness: at_least(tokens.last().unwrap()), ..download("cat") };
            until("it is seen", async || is_allowed(&mut questions, asked.clone()).await == Ok(true)).await;
            control = Some(running);
        } else {
            drop(running);
        }
        scene.cluster.end("fast");
        scene.cluster.put_back(&copy);
        scene.cluster.start_again();
        for token in &tokens {
            is_refused(&mut questions, token).await;
        }
        assert_eq!(is_allowed(&mut questions, download("cat")).await, Ok(false));
        match &control {
            // A write that it takes before it has found out is not acknowledged.
            Some(control) => is_refused(&mut control.questions().await, tokens.last().unwrap()).await,
            None => control = Some(scene.control().await),
        }
    }
    until("it is said", async || with_control_plane || sidecar.logs.contain("--new-epoch")).await;
}

#[tokio::test]
async fn a_server_whose_older_files_are_put_back_gets_a_new_epoch_from_the_control_plane() {
    files_put_back(true).await;
}

#[tokio::test]
async fn a_sidecar_alone_refuses_tokens_of_what_was_taken_back() {
    files_put_back(false).await;
}

#[tokio::test]
async fn a_control_plane_that_knows_nothing_of_the_past_gives_what_was_put_back_an_epoch_of_its_own() {
    let scene = Scene::new();
    scene.cluster.end("fast");
    let copy = scene.cluster.copy_files();
    scene.cluster.start_again();
    let proxy = Proxy::to(scene.cluster.port).await;
    let (control, sidecar) = (scene.control().await, scene.sidecar_at(proxy.port, &[]).await);
    let (mut admin, mut questions) = (scene.admin(&control).await, sidecar.questions().await);
    for role in ["rw", "ro", "rw", "ro", "rw"] {
        let token = grant(&mut admin, "cat", role).await;
        let asked = CheckRequest { freshness: at_least(&token), ..download("bob") };
        until("it is seen", async || is_allowed(&mut questions, asked.clone()).await == Ok(true)).await;
    }
    // The sidecar knows more than the files that are put back, and cannot look.
    proxy.fall_silent();
    drop(control);
    scene.cluster.end("fast");
    scene.cluster.put_back(&copy);
    scene.cluster.start_again();
    let control = scene.control().await;
    let token = crate::scene::revoke(&mut scene.admin(&control).await, "bob").await;
    let asked = CheckRequest { freshness: at_least(&token), ..download("bob") };
    for _ in 0..10 {
        assert_ne!(is_allowed(&mut questions, asked.clone()).await, Ok(true), "{}", sidecar.logs.text());
    }
    proxy.speak();
    until("it is seen", async || is_allowed(&mut questions, asked.clone()).await == Ok(false)).await;
}

#[tokio::test]
async fn tokens_outlive_a_server_that_is_restarted_under_a_control_plane() {
    let scene = Scene::new();
    let (control, sidecar) = (scene.control().await, scene.sidecar(&IMPATIENT).await);
    let (mut admin, mut questions) = (scene.admin(&control).await, sidecar.questions().await);
    let token = grant(&mut admin, "cat", "rw").await;
    let server = "SELECT server FROM store";
    let before = scene.cluster.sql(DATABASE, server);
    scene.cluster.end("kill");
    scene.cluster.start_again();
    until("the control plane vouches for it", async || scene.cluster.sql(DATABASE, server) != before).await;
    let asked = CheckRequest { freshness: at_least(&token), ..download("cat") };
    until("it is answered", async || is_allowed(&mut questions, asked.clone()).await == Ok(true)).await;
    let epoch = &token[.."rg1".len() + 32];
    assert!(grant(&mut admin, "cat", "ro").await.starts_with(epoch), "the epoch has stayed");
}

#[tokio::test]
async fn two_standbys_that_are_promoted_from_one_timeline_are_two_histories() {
    let scene = Scene::new();
    let standbys = [scene.cluster.standby(), scene.cluster.standby()];
    let proxy = Proxy::to(scene.cluster.port).await;
    let sidecar = scene.sidecar_at(proxy.port, &IMPATIENT).await;
    let mut questions = sidecar.questions().await;
    scene.cluster.end("kill");
    let mut tokens: Vec<String> = Vec::new();
    for standby in &standbys {
        standby.promote();
        proxy.stand_for(standby.port);
        let control = crate::scene::serve(
            &scene.at_port("rolegate_control", proxy.port),
            &["--admin-listen", "127.0.0.1:0"],
        )
        .await;
        for token in &tokens {
            is_refused(&mut questions, token).await;
        }
        let mut admin = scene.admin(&control).await;
        for user in ["ann", "bob", "cat"] {
            tokens.push(grant(&mut admin, user, "ro").await);
        }
        let asked = CheckRequest { freshness: at_least(tokens.last().unwrap()), ..download("cat") };
        until("it is seen", async || is_allowed(&mut questions, asked.clone()).await == Ok(true)).await;
        standby.end("kill");
    }
}

#[tokio::test]
async fn a_promoted_standby_goes_on_in_a_new_epoch_and_one_that_is_not_decides_nothing() {
    let scene = Scene::new();
    let standby = scene.cluster.standby();
    let proxy = Proxy::to(scene.cluster.port).await;
    let control = crate::scene::serve(
        &scene.at_port("rolegate_control", proxy.port),
        &["--admin-listen", "127.0.0.1:0"],
    )
    .await;
    let sidecar = scene.sidecar_at(proxy.port, &IMPATIENT).await;
    let (mut admin, mut questions) = (scene.admin(&control).await, sidecar.questions().await);
    let token = grant(&mut admin, "cat", "rw").await;
    let asked = CheckRequest { freshness: at_least(&token), ..download("cat") };
    assert_eq!(is_allowed(&mut questions, asked).await, Ok(true));
    let replayed = "SELECT count(*) FROM project_permissions WHERE user_id = 'cat' AND project_id = 'scans'";
    until("the standby has it", async || standby.sql(DATABASE, replayed) == ["1"]).await;
    scene.cluster.end("kill");
    proxy.stand_for(standby.port);
    // It cannot know how far behind it is: a yes from it could be stale for ever.
    sidecar.becomes(ServingStatus::NotServing).await;
    let stale = is_allowed(&mut questions, download("cat")).await;
    assert_eq!(stale, Err((Code::Unavailable, "STALE".to_owned())), "{}", sidecar.logs.text());
    standby.promote();
    sidecar.becomes(ServingStatus::Serving).await;
    is_refused(&mut questions, &token).await;
    assert_eq!(is_allowed(&mut questions, download("cat")).await, Ok(true));
    control.becomes(ServingStatus::Serving).await;
    let token = grant(&mut admin, "bob", "rw").await;
    let asked = CheckRequest { freshness: at_least(&token), ..download("bob") };
    until("it is seen", async || is_allowed(&mut questions, asked.clone()).await == Ok(true)).await;
}

#[tokio::test]
async fn a_copy_of_the_database_in_the_same_cluster_is_another_history() {
    let scene = Scene::new();
    scene.cluster.sql("postgres", &format!("CREATE DATABASE staging TEMPLATE {DATABASE}"));
    let staging = scene.at_port("rolegate_control", scene.cluster.port).replace(DATABASE, "staging");
    let staging = crate::scene::serve(&staging, &["--admin-listen", "127.0.0.1:0"]).await;
    let (control, sidecar) = (scene.control().await, scene.sidecar(&IMPATIENT).await);
    let (mut copied, mut questions) = (scene.admin(&staging).await, sidecar.questions().await);
    let token = crate::scene::revoke(&mut copied, "ann").await;
    let mut admin = scene.admin(&control).await;
    grant(&mut admin, "bob", "rw").await;
    is_refused(&mut questions, &token).await;
}

#[tokio::test]
async fn nothing_is_written_while_a_restore_has_not_made_the_foreign_keys_yet() {
    let scene = Scene::new();
    let control = scene.control().await;
    let mut admin = scene.admin(&control).await;
    let mut questions = control.questions().await;
    let key = "SELECT conname || ' ' || pg_get_constraintdef(oid) FROM pg_constraint \
               WHERE contype = 'f' AND conrelid = 'project_permissions'::regclass ORDER BY 1 LIMIT 1";
    let key = scene.cluster.sql(DATABASE, key).remove(0);
    let (name, definition) = key.split_once(' ').unwrap();
    scene.cluster.sql(DATABASE, &format!("ALTER TABLE project_permissions DROP CONSTRAINT {name}"));
    let user =
        |id: &str| rolegate::grpc::proto::CreateUserRequest { id: id.to_owned(), ..Default::default() };
    let refused = admin.create_user(user("new")).await.unwrap_err();
    assert_eq!(refused.code(), Code::Unavailable);
    until("it is said", async || control.logs.contain("lack foreign keys")).await;
    assert_eq!(is_allowed(&mut questions, fully_current(download("ann"))).await, Ok(true));
    let add = format!("ALTER TABLE project_permissions ADD CONSTRAINT {name} {definition}");
    scene.cluster.sql(DATABASE, &add);
    admin.create_user(user("new")).await.unwrap();
}
