//! The gear runner: what it starts, what it does not, and when it stops what it has started.

use crate::{
    scene::{SITE, address, listen, serving},
    server::{Server, Store, until},
};
use rolegate::grpc::proto::RemoveProjectPermissionRequest;
use std::{
    ffi::OsStr,
    fs,
    os::unix::ffi::OsStrExt as _,
    path::{Path, PathBuf},
    process::{Child, Command},
    sync::OnceLock,
};

const FOLDER: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/examples/gear-runner");

/// The Python that has what a list of requirements names.
pub(crate) fn python() -> String {
    let list = format!("{FOLDER}/requirements.txt");
    let made =
        Command::new(concat!(env!("CARGO_MANIFEST_DIR"), "/scripts/clients")).arg(list).output().unwrap();
    assert!(made.status.success(), "{}", String::from_utf8_lossy(&made.stderr));
    String::from_utf8(made.stdout).unwrap().trim().to_owned()
}

/// The Python, and the folder of the stubs, made once as the runner's own script makes them.
pub(crate) fn prepared() -> &'static (String, PathBuf) {
    static PREPARED: OnceLock<(String, PathBuf)> = OnceLock::new();
    PREPARED.get_or_init(|| {
        let python = python();
        let stubs = Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("stubs-{}", std::process::id()));
        let made = Command::new(format!("{FOLDER}/make_stubs")).arg(&stubs).env("PYTHON", &python).output();
        let made = made.unwrap();
        assert!(made.status.success(), "{}", String::from_utf8_lossy(&made.stderr));
        (python, stubs)
    })
}

/// A runner as a process. Asked to end when dropped, as its gear would go on if it were killed.
pub(crate) struct Runner {
    child: Child,
    said: PathBuf,
}

impl Runner {
    /// Runs a shell script for `ann`'s job, unless the flags say otherwise; it works in the store's folder.
    fn start(store: &Store, at: &str, flags: &[&str], script: &str) -> Self {
        Self::start_in(store, &[("ROLEGATE".to_owned(), at.to_owned())], flags, script)
    }

    /// The same with what is set for it.
    pub(crate) fn start_in(
        store: &Store,
        variables: &[(String, String)],
        flags: &[&str],
        script: &str,
    ) -> Self {
        let (python, stubs) = prepared();
        static COUNT: std::sync::atomic::AtomicU32 = std::sync::atomic::AtomicU32::new(0);
        let said =
            store.beside(&format!("said-{}", COUNT.fetch_add(1, std::sync::atomic::Ordering::Relaxed)));
        let child = Command::new(python)
            .arg("-B")
            .arg(format!("{FOLDER}/gear_runner.py"))
            .args(["--user", "ann", "--gear", "segmenter", "--project", "scans"])
            .args(["--interval", "0.1", "--grace", "0.5", "--wait", "30", "--patience", "600"])
            .args(flags)
            .args(["--", "sh", "-c", script])
            .env("PYTHONPATH", stubs)
            .envs(variables.iter().cloned())
            .current_dir(store.folder.path())
            .stderr(fs::File::create(&said).unwrap())
            .spawn()
            .unwrap();
        Self { child, said }
    }

    pub(crate) fn said(&self) -> String {
        fs::read_to_string(&self.said).unwrap()
    }

    /// The exit code, once it has ended.
    pub(crate) async fn ended(&mut self) -> i32 {
        until("the runner has ended", async || self.child.try_wait().unwrap().is_some()).await;
        self.child.wait().unwrap().code().unwrap()
    }

    fn terminate(&self) {
        let _ = Command::new("kill").arg(self.child.id().to_string()).status();
    }
}

impl Drop for Runner {
    fn drop(&mut self) {
        if self.child.try_wait().is_ok_and(|ended| ended.is_none()) {
            self.terminate();
            let _ = self.child.wait();
        }
    }
}

/// A gear that works until it is stopped, or told to `go`.
const WORK: &str = "echo $$ > pid; until [ -e go ]; do sleep 0.02; done";

/// Waits until the gear works; its process.
async fn works(store: &Store) -> PathBuf {
    let pid = store.beside("pid");
    until("the gear works", async || fs::read_to_string(&pid).is_ok_and(|text| text.ends_with('\n'))).await;
    Path::new("/proc").join(fs::read_to_string(&pid).unwrap().trim())
}

async fn revoke(server: &Server, store: &Store) {
    let (project, user) = ("scans".to_owned(), "ann".to_owned());
    let off = RemoveProjectPermissionRequest { project, user, expected_revision: None };
    server.administrator(&store.key).await.remove_project_permission(off).await.unwrap();
}

#[tokio::test]
async fn an_allowed_job_ends_with_its_own_code_by_socket_and_by_port() {
    let store = Store::with_site(SITE);
    let server = serving(&store).await;
    for at in [&address(&store), server.questions.trim_start_matches("http://")] {
        for (script, code) in [("exit 0", 0), ("exit 3", 3), ("kill -9 $$", 137)] {
            let mut runner = Runner::start(&store, at, &[], script);
            assert_eq!(runner.ended().await, code, "{at} {script}: {}", runner.said());
        }
    }
}

#[tokio::test]
async fn a_job_that_is_not_allowed_is_never_started() {
    let store = Store::with_site(SITE);
    let _server = serving(&store).await;
    for (flags, code, why) in [
        (["--user", "bob"], 77, "REASON_LACKING_ACTION, jobs_manage"),
        (["--user", "cat"], 77, "REASON_NO_ROLE"),
        (["--gear", "secret"], 77, "REASON_GEAR_RESTRICTED"),
        (["--gear", "none"], 77, "REASON_UNKNOWN_GEAR"),
        (["--gear", ""], 64, "INVALID_ARGUMENT"),
        (["--token", "none"], 64, "INVALID_ARGUMENT"),
        (["--interval", "0"], 64, "no time in seconds"),
        (["--key-file", "none"], 64, "No such file"),
    ] {
        let mut runner = Runner::start(&store, &address(&store), &flags, "touch started");
        assert_eq!(runner.ended().await, code, "{flags:?}: {}", runner.said());
        assert!(runner.said().contains(why), "{flags:?}: {}", runner.said());
    }
    assert!(!store.beside("started").exists());
}

#[test]
fn what_is_no_text_is_at_fault_and_is_never_the_commands_own_end() {
    let folder = tempfile::tempdir().unwrap();
    for flag in ["--rolegate", "--user", "--gear", "--project", "--token"] {
        let (python, stubs) = prepared();
        let mut runner = Command::new(python);
        runner.arg("-B").arg(format!("{FOLDER}/gear_runner.py")).env("PYTHONPATH", stubs);
        runner.args(["--user", "ann", "--gear", "segmenter", "--project", "scans", "--wait", "0.1"]);
        runner.arg(flag).arg(OsStr::from_bytes(b"\xff")).args(["--", "touch", "started"]);
        let ended = runner.current_dir(folder.path()).output().unwrap();
        let said = String::from_utf8_lossy(&ended.stderr);
        assert_eq!(ended.status.code(), Some(64), "{flag}: {said}");
        assert!(said.contains("gear-runner: not started") && said.contains(flag), "{said}");
    }
    assert!(!folder.path().join("started").exists());
}

#[tokio::test]
async fn a_job_whose_permission_is_withdrawn_is_stopped_however_it_clings() {
    let daemon = format!("setsid sh -c '{WORK}' & wait");
    for script in [WORK, &format!("trap '' TERM; {WORK}"), &daemon] {
        let store = Store::with_site(SITE);
        let server = serving(&store).await;
        let mut runner = Runner::start(&store, &address(&store), &[], script);
        let gear = works(&store).await;
        revoke(&server, &store).await;
        assert_eq!(runner.ended().await, 97, "{}", runner.said());
        assert!(!gear.exists() && runner.said().contains("REASON_NO_ROLE"), "{}", runner.said());
    }
}

#[tokio::test]
async fn a_job_without_decisions_is_stopped_after_a_while() {
    let store = Store::with_site(SITE);
    let mut server = serving(&store).await;
    let mut runner = Runner::start(&store, &address(&store), &["--patience", "1.5"], WORK);
    let gear = works(&store).await;
    server.kill();
    assert_eq!(runner.ended().await, 98, "{}", runner.said());
    assert!(!gear.exists() && runner.said().contains("no decision for 1.5 s"), "{}", runner.said());
}

#[tokio::test]
async fn a_job_goes_on_when_decisions_are_back_in_time_and_is_watched_as_before() {
    for revoked in [false, true] {
        let store = Store::with_site(SITE);
        let mut server = serving(&store).await;
        let mut runner = Runner::start(&store, &address(&store), &[], WORK);
        works(&store).await;
        server.kill();
        until("the runner notices", async || runner.said().contains("goes on for now")).await;
        let server = serving(&store).await;
        if revoked {
            revoke(&server, &store).await;
        } else {
            fs::write(store.beside("go"), "").unwrap();
        }
        assert_eq!(runner.ended().await, if revoked { 97 } else { 0 }, "{}", runner.said());
    }
}

#[tokio::test]
async fn a_job_waits_for_a_server_that_starts_after_it_and_not_for_ever() {
    let store = Store::with_site(SITE);
    let mut early = Runner::start(&store, &address(&store), &["--wait", "0.2"], "touch started");
    assert_eq!(early.ended().await, 69, "{}", early.said());
    assert!(!store.beside("started").exists());
    let mut patient = Runner::start(&store, &address(&store), &[], "exit 0");
    let _server = serving(&store).await;
    assert_eq!(patient.ended().await, 0, "{}", patient.said());
}

/// A server that asks for a key in the file `key`, and what its callers are told.
async fn serving_for_keys(store: &Store, keys: &str) -> (Server, Vec<(String, String)>) {
    let file = store.beside("key");
    fs::write(&file, keys).unwrap();
    let file = file.to_str().unwrap();
    let server = Server::start_with(store, &["--listen", &listen(store), "--caller-key-file", file]).await;
    let told = [("ROLEGATE", address(store)), ("ROLEGATE_KEY_FILE", file.to_owned())];
    (server, told.map(|(name, value)| (name.to_owned(), value)).to_vec())
}

const OLD: &str = "an-old-key-of-more-than-thirty-two-characters";
const NEW: &str = "a-new-key-of-more-than-thirty-two-characters";

#[tokio::test]
async fn a_job_goes_on_while_its_key_is_changed_and_is_watched_as_before() {
    let store = Store::with_site(SITE);
    let (server, told) = serving_for_keys(&store, OLD).await;
    let mut runner = Runner::start_in(&store, &told, &[], WORK);
    let gear = works(&store).await;
    for (step, keys) in
        [format!("{OLD}\n{NEW}\n"), format!("{NEW}\n{OLD}\n"), format!("{NEW}\n")].iter().enumerate()
    {
        // In one piece, as a kubelet changes it.
        fs::write(store.beside("new"), keys).unwrap();
        fs::rename(store.beside("new"), store.beside("key")).unwrap();
        until("the server has other keys", async || server.logs.count("other keys") > step).await;
    }
    assert!(gear.exists() && !runner.said().contains("goes on for now"), "{}", runner.said());
    revoke(&server, &store).await;
    assert_eq!(runner.ended().await, 97, "{}", runner.said());
}

#[tokio::test]
async fn a_key_that_cannot_be_read_is_no_decision_and_never_the_commands_own_end() {
    let broken: [&[u8]; 4] =
        [b"\xff\xfe\0bad", b"", b"\n\n", b"a key\x07 with a bell in it, of more than thirty-two\n"];
    let store = Store::with_site(SITE);
    let (_server, told) = serving_for_keys(&store, OLD).await;
    for bytes in broken {
        let _ = fs::remove_file(store.beside("pid"));
        fs::write(store.beside("key"), OLD).unwrap();
        let mut runner = Runner::start_in(&store, &told, &["--patience", "1.5"], WORK);
        let gear = works(&store).await;
        fs::write(store.beside("key"), bytes).unwrap();
        assert_eq!(runner.ended().await, 98, "{}", runner.said());
        assert!(!gear.exists() && runner.said().contains("the key cannot be read"), "{}", runner.said());
        let mut late = Runner::start_in(&store, &told, &[], "touch started");
        assert_eq!(late.ended().await, 64, "{}", late.said());
        assert!(!runner.said().contains("Traceback") && !late.said().contains("Traceback"));
    }
    assert!(!store.beside("started").exists());
}

#[tokio::test]
async fn a_runner_that_is_asked_to_end_takes_its_gear_along() {
    let store = Store::with_site(SITE);
    let _server = serving(&store).await;
    let mut runner = Runner::start(&store, &address(&store), &[], WORK);
    let gear = works(&store).await;
    runner.terminate();
    assert_eq!(runner.ended().await, 143, "{}", runner.said());
    assert!(!gear.exists());
}
