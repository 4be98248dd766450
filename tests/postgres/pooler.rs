//! Through a pooler in transaction mode: every transaction may run on another connection of the server's, and
//! notifications do not get through.

use crate::{
    cluster::{as_owner, folder},
    scene::{DATABASE, Scene, sees_writes, serve},
    server::until,
};
use std::{
    net::{TcpListener, TcpStream},
    process::{Child, Stdio},
};
use tempfile::TempDir;

struct Pooler {
    port: u16,
    process: Child,
    _folder: TempDir,
}

impl Pooler {
    async fn before(scene: &Scene, more: &str) -> Self {
        let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
        let folder = folder();
        let file = folder.path().join("pgbouncer.ini");
        let text = format!(
            "[databases]\n{DATABASE} = host=127.0.0.1 port={}\n[pgbouncer]\nlisten_addr = 127.0.0.1\n\
             listen_port = {port}\nauth_type = any\nauth_file =\npool_mode = transaction\nunix_socket_dir =\n\
             default_pool_size = 3\n{more}",
            scene.cluster.port
        );
        let text = text.replace(
            &format!("port={}\n", scene.cluster.port),
            &format!("port={} user=rolegate_control\n", scene.cluster.port),
        );
        std::fs::write(&file, text).unwrap();
        let process = as_owner("pgbouncer").arg(&file).stderr(Stdio::null()).spawn().unwrap();
        until("the pooler listens", async || TcpStream::connect(("127.0.0.1", port)).is_ok()).await;
        Self { port, process, _folder: folder }
    }
}

impl Drop for Pooler {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

async fn follows_by_polling(settings: &str) {
    let scene = Scene::new();
    let pooler = Pooler::before(&scene, settings).await;
    let sidecar = scene.sidecar_at(pooler.port, &[]).await;
    let control =
        serve(&scene.at_port("rolegate_control", pooler.port), &["--admin-listen", "127.0.0.1:0"]).await;
    let (mut questions, mut admin) = (sidecar.questions().await, scene.admin(&control).await);
    until("the log says so", async || sidecar.logs.contain("following by polling alone")).await;
    for _ in 0..10 {
        sees_writes(&mut questions, &mut admin).await;
    }
    // A session that listens would hand its notifications to whoever the pooler gives it to next.
    // What the driver says last, `UNLISTEN *`, is none that does.
    let listening =
        "SELECT count(*) FROM pg_stat_activity WHERE query ~* '\\mLISTEN ' AND pid <> pg_backend_pid()";
    assert_eq!(scene.cluster.sql(DATABASE, listening), ["0"]);
    assert!(!control.logs.contain("NotificationResponse"), "{}", control.logs.text());
}

#[tokio::test]
async fn behind_a_pooler_in_transaction_mode_changes_are_found_by_polling_and_the_log_says_so() {
    follows_by_polling("").await;
}

#[tokio::test]
async fn a_pooler_that_takes_every_option_without_a_word_is_found_out_too() {
    follows_by_polling("ignore_startup_parameters = options\n").await;
}
