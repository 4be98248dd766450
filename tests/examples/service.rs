//! The download service as a process.

use crate::{
    http::{Reply, get, post},
    server::until,
};
use std::{
    fs,
    io::{BufRead as _, BufReader},
    os::unix::fs::symlink,
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    sync::OnceLock,
};
use tempfile::TempDir;

/// The service, built once from its own manifest, with what is built already for this project wherever it is the same.
fn program() -> &'static Path {
    static BUILT: OnceLock<PathBuf> = OnceLock::new();
    BUILT.get_or_init(|| {
        let target = Path::new(env!("CARGO_BIN_EXE_rolegate")).ancestors().nth(2).unwrap();
        let manifest = concat!(env!("CARGO_MANIFEST_DIR"), "/examples/download-service/Cargo.toml");
        let built = Command::new(env!("CARGO"))
            .args(["build", "--quiet", "--locked", "--manifest-path", manifest])
            .env("CARGO_TARGET_DIR", target)
            .output()
            .unwrap();
        let said = String::from_utf8_lossy(&built.stderr);
        assert!(built.status.success() && said.is_empty(), "{said}");
        target.join("debug/download-service")
    })
}

/// The service as a process. Killed when dropped.
pub(crate) struct Service {
    child: Child,
    pub(crate) url: String,
    _files: TempDir,
}

impl Service {
    /// A service with a few files, which asks at an address, and gives it time enough on the busiest machine.
    pub(crate) fn start(rolegate: &str) -> Self {
        Self::start_with(rolegate, "20000")
    }

    /// The same with so many milliseconds for a decision.
    pub(crate) fn start_with(rolegate: &str, time: &str) -> Self {
        Self::start_in(&[("ROLEGATE".to_owned(), rolegate.to_owned())], time)
    }

    /// The same with what is set for it.
    pub(crate) fn start_in(variables: &[(String, String)], time: &str) -> Self {
        let files = TempDir::new().unwrap();
        for (project, name, content) in
            [("scans", "a.dcm", "scan a"), ("scans", "b.dcm", "scan b"), ("other", "c.dcm", "other c")]
        {
            fs::create_dir_all(files.path().join(project)).unwrap();
            fs::write(files.path().join(project).join(name), content).unwrap();
        }
        fs::write(files.path().join("outside"), "nobody's").unwrap();
        symlink(files.path().join("outside"), files.path().join("scans/link")).unwrap();
        let mut child = Command::new(program())
            .env("LISTEN", "127.0.0.1:0")
            .envs(variables.iter().cloned())
            .env("FILES", files.path())
            .env("CHECK_TIMEOUT_MS", time)
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut line = String::new();
        BufReader::new(child.stdout.take().unwrap()).read_line(&mut line).unwrap();
        let url = line.trim().trim_start_matches("listening on ").to_owned();
        Self { child, url, _files: files }
    }

    pub(crate) async fn get(&self, user: &str, path: &str) -> Reply {
        get(&self.url, path, &[("x-user", user)]).await
    }

    pub(crate) async fn post(&self, user: &str, path: &str, body: &str) -> Reply {
        post(&self.url, path, &[("x-user", user)], body).await
    }

    /// Asks until there are decisions again, and tells what the first one was.
    pub(crate) async fn decides(&self, user: &str, path: &str) -> Reply {
        let mut last = None;
        until("the service decides", async || {
            let reply = self.get(user, path).await;
            let decided = reply.status != 503;
            last = Some(reply);
            decided
        })
        .await;
        last.unwrap()
    }
}

impl Drop for Service {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
