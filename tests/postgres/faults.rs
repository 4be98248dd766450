//! Faults of the database, one by one: a wrong yes never, and service resumes by itself.

use crate::{
    ask::{at_least, reason},
    proxy::Proxy,
    scene::{DATABASE, IMPATIENT, Scene, download, fully_current, grant, is_allowed, revoke},
    server::{Questions, Server, create_users, until},
};
use rolegate::grpc::proto::{CheckRequest, CreateUserRequest, ListUsersRequest};
use std::{
    process::Child,
    time::{Duration, Instant},
};
use tonic::{Code, Request};
use tonic_health::pb::health_check_response::ServingStatus;

/// A sidecar that serves, and somebody to ask it.
async fn asking(scene: &Scene, flags: &[&str]) -> (Server, Questions) {
    let sidecar = scene.sidecar(flags).await;
    let questions = sidecar.questions().await;
    (sidecar, questions)
}

#[tokio::test]
async fn what_the_control_plane_writes_is_seen_by_a_sidecar_that_may_only_read() {
    let scene = Scene::new();
    let control = scene.control().await;
    let (sidecar, mut questions) = asking(&scene, &[]).await;
    let mut admin = scene.admin(&control).await;
    for _ in 0..5 {
        let token = revoke(&mut admin, "ann").await;
        let asked = CheckRequest { freshness: at_least(&token), ..download("ann") };
        assert_eq!(is_allowed(&mut questions, asked).await, Ok(false));
        let token = grant(&mut admin, "ann", "rw").await;
        let asked = CheckRequest { freshness: at_least(&token), ..download("ann") };
        assert_eq!(is_allowed(&mut questions, asked).await, Ok(true));
    }
    let connections = "SELECT count(*) FROM pg_stat_activity WHERE usename = 'rolegate_sidecar'";
    assert!(scene.cluster.sql(DATABASE, connections)[0].parse::<u32>().unwrap() <= 2);
    until("it is said", async || sidecar.logs.contain("announces its changes")).await;
    assert!(sidecar.admin.is_empty());
}

#[tokio::test]
async fn a_server_that_is_stopped_makes_answers_stale_and_comes_back() {
    let scene = Scene::new();
    let (sidecar, mut questions) = asking(&scene, &IMPATIENT).await;
    assert_eq!(is_allowed(&mut questions, download("ann")).await, Ok(true));
    for how in ["fast", "kill"] {
        scene.cluster.end(how);
        let refused = is_allowed(&mut questions, fully_current(download("ann"))).await.unwrap_err();
        assert_eq!(refused.0, Code::Unavailable, "{refused:?}");
        sidecar.becomes(ServingStatus::NotServing).await;
        let stale = is_allowed(&mut questions, download("ann")).await;
        assert_eq!(stale, Err((Code::Unavailable, "STALE".to_owned())), "after {how}");
        scene.cluster.start_again();
        sidecar.becomes(ServingStatus::Serving).await;
        assert_eq!(is_allowed(&mut questions, download("ann")).await, Ok(true));
    }
}

#[tokio::test]
async fn a_server_that_is_held_up_is_noticed_and_service_resumes_with_it() {
    let scene = Scene::new();
    let (sidecar, mut questions) = asking(&scene, &IMPATIENT).await;
    scene.cluster.signal_all("-STOP");
    sidecar.becomes(ServingStatus::NotServing).await;
    let stale = is_allowed(&mut questions, download("ann")).await;
    assert_eq!(stale, Err((Code::Unavailable, "STALE".to_owned())));
    scene.cluster.signal_all("-CONT");
    sidecar.becomes(ServingStatus::Serving).await;
    assert_eq!(is_allowed(&mut questions, download("ann")).await, Ok(true));
}

#[tokio::test]
async fn a_connection_that_is_half_open_or_cut_is_made_anew() {
    let scene = Scene::new();
    let control = scene.control().await;
    let proxy = Proxy::to(scene.cluster.port).await;
    let sidecar = scene.sidecar_at(proxy.port, &IMPATIENT).await;
    let (mut questions, mut admin) = (sidecar.questions().await, scene.admin(&control).await);
    assert_eq!(is_allowed(&mut questions, download("ann")).await, Ok(true));
    proxy.fall_silent();
    let token = revoke(&mut admin, "ann").await;
    let asked = CheckRequest { freshness: at_least(&token), ..download("ann") };
    assert_eq!(is_allowed(&mut questions, asked.clone()).await.unwrap_err().0, Code::Unavailable);
    sidecar.becomes(ServingStatus::NotServing).await;
    proxy.speak();
    sidecar.becomes(ServingStatus::Serving).await;
    // On a busy machine it may be behind again by now: then it says so, and whatever it says is never what was revoked.
    until("it is denied", async || {
        let answer = is_allowed(&mut questions, asked.clone()).await;
        assert_ne!(answer, Ok(true));
        answer == Ok(false)
    })
    .await;
    proxy.cut();
    let token = grant(&mut admin, "ann", "rw").await;
    let asked = CheckRequest { freshness: at_least(&token), ..download("ann") };
    until("it is seen", async || is_allowed(&mut questions, asked.clone()).await == Ok(true)).await;
}

#[tokio::test]
async fn connections_that_the_server_cuts_are_no_reason_to_stop_serving() {
    let scene = Scene::new();
    let control = scene.control().await;
    let (_sidecar, mut questions) = asking(&scene, &IMPATIENT).await;
    let mut admin = scene.admin(&control).await;
    for _ in 0..3 {
        let cut =
            "SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity WHERE usename LIKE 'rolegate_%'";
        scene.cluster.sql(DATABASE, cut);
        assert_eq!(is_allowed(&mut questions, download("ann")).await, Ok(true));
        let token = grant(&mut admin, "bob", "rw").await;
        let asked = CheckRequest { freshness: at_least(&token), ..download("bob") };
        until("it is seen", async || is_allowed(&mut questions, asked.clone()).await == Ok(true)).await;
        revoke(&mut admin, "bob").await;
    }
}

/// A lock that somebody else holds on a table.
struct Lock(Child);

impl Lock {
    async fn on(scene: &Scene, table: &str) -> Self {
        let mut psql = scene.cluster.client("psql");
        let lock = format!("BEGIN; LOCK TABLE {table} IN ACCESS EXCLUSIVE MODE; SELECT pg_sleep(600)");
        let locker = psql.args(["-q", "-c", &lock, DATABASE]).spawn().unwrap();
        let locks = format!(
            "SELECT count(*) FROM pg_locks WHERE mode = 'AccessExclusiveLock' AND granted AND relation = '{table}'::regclass"
        );
        until("the table is locked", async || scene.cluster.sql(DATABASE, &locks) == ["1"]).await;
        Self(locker)
    }

    fn release(mut self, scene: &Scene) {
        let end = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity \
                   WHERE query LIKE '%pg_sleep(600)' AND pid <> pg_backend_pid()";
        scene.cluster.sql(DATABASE, end);
        self.0.wait().unwrap();
    }
}

#[tokio::test]
async fn a_locked_table_holds_up_what_needs_it_and_nothing_else() {
    let scene = Scene::new();
    let (sidecar, mut questions) = asking(&scene, &[&IMPATIENT[..], &["--preload", "false"]].concat()).await;
    assert_eq!(is_allowed(&mut questions, download("ann")).await, Ok(true));
    let lock = Lock::on(&scene, "users").await;
    let refused = is_allowed(&mut questions, download("bob")).await.unwrap_err();
    assert!(matches!(refused.0, Code::Unavailable | Code::DeadlineExceeded), "{refused:?}");
    assert_eq!(is_allowed(&mut questions, download("ann")).await, Ok(true));
    lock.release(&scene);
    until("bob is looked up", async || is_allowed(&mut questions, download("bob")).await == Ok(true)).await;
    sidecar.becomes(ServingStatus::Serving).await;
}

#[tokio::test]
async fn callers_who_do_not_wait_leave_no_sessions_behind_at_a_locked_table() {
    let scene = Scene::new();
    // Not one more than a sidecar has: one too many, and it locks itself out.
    scene.cluster.sql(DATABASE, "ALTER ROLE rolegate_sidecar CONNECTION LIMIT 2");
    let (sidecar, mut questions) = asking(&scene, &[&IMPATIENT[..], &["--preload", "false"]].concat()).await;
    assert_eq!(is_allowed(&mut questions, download("ann")).await, Ok(true));
    let lock = Lock::on(&scene, "users").await;
    let end = Instant::now() + Duration::from_secs(8);
    let mut asked = 0;
    while Instant::now() < end {
        let mut impatient = Request::new(download("bob"));
        impatient.set_timeout(Duration::from_millis(50));
        assert!(questions.check(impatient).await.is_err());
        asked += 1;
        assert_eq!(is_allowed(&mut questions, download("ann")).await, Ok(true), "after {asked}");
    }
    let sessions = "SELECT count(*) FROM pg_stat_activity WHERE usename = 'rolegate_sidecar'";
    assert!(scene.cluster.sql(DATABASE, sessions)[0].parse::<u32>().unwrap() <= 2);
    lock.release(&scene);
    until("bob is looked up", async || is_allowed(&mut questions, download("bob")).await == Ok(true)).await;
    assert!(!sidecar.logs.contain("too many connections"), "{}", sidecar.logs.text());
}

#[tokio::test]
async fn a_write_that_the_server_has_no_room_for_is_not_acknowledged_and_leaves_nothing() {
    let scene = Scene::new();
    let control = scene.control().await;
    let (mut admin, mut questions) = (scene.admin(&control).await, control.questions().await);
    let revision = || scene.cluster.sql(DATABASE, "SELECT revision FROM store");
    let before = revision();
    scene.cluster.sql(
        DATABASE,
        "CREATE FUNCTION no_room() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN \
             RAISE EXCEPTION 'could not extend file: No space left on device' USING ERRCODE = 'disk_full'; END $$; \
         CREATE TRIGGER no_room BEFORE INSERT ON changes FOR EACH ROW EXECUTE FUNCTION no_room()",
    );
    let user = |id: &str| CreateUserRequest { id: id.to_owned(), ..CreateUserRequest::default() };
    let refused = admin.create_user(user("new")).await.unwrap_err();
    assert_eq!((refused.code(), reason(&refused)), (Code::Unavailable, "STORE_UNAVAILABLE".to_owned()));
    assert!(!refused.message().contains("No space"), "the driver's words stay in the log: {refused:?}");
    assert_eq!(revision(), before);
    assert_eq!(is_allowed(&mut questions, download("ann")).await, Ok(true));
    scene.cluster.sql(DATABASE, "DROP TRIGGER no_room ON changes");
    admin.create_user(user("new")).await.unwrap();
}

#[tokio::test]
async fn a_commit_that_is_not_confirmed_is_told_to_be_neither_done_nor_not_done() {
    let scene = Scene::new();
    let control = scene.control().await;
    let mut admin = scene.admin(&control).await;
    // Commits wait for a standby that is not there.
    scene.cluster.sql("postgres", "ALTER SYSTEM SET synchronous_standby_names = 'nobody'");
    scene.cluster.sql("postgres", "SELECT pg_reload_conf()");
    let user = |id: &str| CreateUserRequest { id: id.to_owned(), ..CreateUserRequest::default() };
    let mut waiting = admin.clone();
    let write = tokio::spawn(async move { waiting.create_user(user("new")).await });
    let waiters = "FROM pg_stat_activity WHERE wait_event = 'SyncRep'";
    until("the commit waits", async || {
        scene.cluster.sql(DATABASE, &format!("SELECT count(*) {waiters}")) == ["1"]
    })
    .await;
    scene.cluster.sql(DATABASE, &format!("SELECT pg_terminate_backend(pid) {waiters}"));
    let unknown = write.await.unwrap().unwrap_err();
    assert_eq!((unknown.code(), reason(&unknown)), (Code::Unavailable, "OUTCOME_UNKNOWN".to_owned()));
    assert!(unknown.message().contains("not known"), "{unknown:?}");
    scene.cluster.sql("postgres", "ALTER SYSTEM RESET synchronous_standby_names");
    scene.cluster.sql("postgres", "SELECT pg_reload_conf()");
    // It was committed, as it happens: whoever looks finds out.
    until("it can be written again", async || {
        admin.create_user(user("new")).await.is_err_and(|status| status.code() == Code::AlreadyExists)
    })
    .await;
}

#[tokio::test]
async fn many_look_ups_that_wait_do_not_make_what_is_in_memory_seem_old() {
    let scene = Scene::new();
    let flags = [&IMPATIENT[..], &["--preload", "false", "--check-timeout", "10s"]].concat();
    let (sidecar, mut questions) = asking(&scene, &flags).await;
    assert_eq!(is_allowed(&mut questions, download("ann")).await, Ok(true));
    let lock = Lock::on(&scene, "project_permissions").await;
    let callers: Vec<_> = (0..32)
        .map(|n| {
            let mut questions = questions.clone();
            tokio::spawn(async move { questions.check(download(&format!("nobody-{n}"))).await })
        })
        .collect();
    let end = Instant::now() + Duration::from_secs(8);
    while Instant::now() < end {
        assert_eq!(is_allowed(&mut questions, download("ann")).await, Ok(true), "{}", sidecar.logs.text());
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    assert!(!sidecar.logs.contain("no connection came free"), "{}", sidecar.logs.text());
    lock.release(&scene);
    for caller in callers {
        let _ = caller.await.unwrap();
    }
}

#[tokio::test]
async fn nothing_acknowledged_is_lost_when_the_server_is_killed() {
    let scene = Scene::new();
    let control = scene.control().await;
    let mut acknowledged = Vec::new();
    for round in 0..3 {
        let admin = scene.admin(&control).await;
        let writing = tokio::spawn(create_users(admin, format!("user-{round}-")));
        let wanted = format!("SELECT count(*) FROM users WHERE id LIKE 'user-{round}-%'");
        until("some are written", async || {
            scene.cluster.sql(DATABASE, &wanted)[0].parse::<u32>().unwrap() > 5
        })
        .await;
        scene.cluster.end("kill");
        let written = writing.await.unwrap();
        assert!(!written.is_empty());
        acknowledged.extend(written);
        scene.cluster.start_again();
        control.becomes(ServingStatus::Serving).await;
    }
    let mut admin = scene.admin(&control).await;
    let all = ListUsersRequest { page_size: 1_000, ..ListUsersRequest::default() };
    let mut found = Vec::new();
    until("the list is read", async || match admin.list_users(all.clone()).await {
        Ok(page) => {
            found = page.into_inner().users;
            true
        }
        Err(_) => false,
    })
    .await;
    for id in acknowledged {
        assert!(found.iter().any(|user| user.id == id), "{id} was acknowledged and is lost");
    }
    let gaps = "SELECT count(*) FROM changes c WHERE revision > 0 AND NOT EXISTS \
                (SELECT 1 FROM changes p WHERE p.revision = c.revision - 1)";
    assert_eq!(scene.cluster.sql(DATABASE, gaps), ["0"]);
}
