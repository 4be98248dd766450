//! A PostgreSQL server of a test's own: made with `initdb`, on a free port, gone with the process that started it.

use std::{
    net::TcpListener,
    os::unix::{
        fs::{PermissionsExt as _, chown},
        process::CommandExt as _,
    },
    path::{Path, PathBuf},
    process::{Child, Command, Output, Stdio},
    time::{Duration, Instant},
};
use tempfile::TempDir;

/// How long a server may take to start or to end. Only a broken one takes so long.
const PATIENCE: Duration = Duration::from_secs(60);

/// Ends the server when the test's process is gone, however that ended, and takes its files along.
const KEEPER: &str = r#"cat > /dev/null; "$1" -D "$2" -m immediate stop; rm -rf "$2""#;

/// A server, and the folder that it lives in.
pub(crate) struct Cluster {
    pub(crate) data: PathBuf,
    pub(crate) port: u16,
    keeper: Child,
}

impl Cluster {
    /// Makes a cluster and starts its server.
    pub(crate) fn start() -> Self {
        Self::start_with(&[])
    }

    /// The same with more lines of its configuration, which win.
    pub(crate) fn start_with(settings: &[&str]) -> Self {
        let data = folder().keep();
        // A collation that is not that of bytes: the store must not depend on it.
        let collation = ["--encoding=UTF8", "--locale=C", "--locale-provider=icu", "--icu-locale=en-US"];
        let mut init = as_owner("initdb");
        init.args(["--auth=trust", "--username=postgres", "--no-sync", "-D"]).arg(&data).args(collation);
        succeed(&mut init);
        Self::on(data, settings)
    }

    /// A standby of this server, which follows it until it is promoted.
    pub(crate) fn standby(&self) -> Self {
        let data = folder().keep();
        succeed(
            self.client("pg_basebackup")
                .args(["-R", "-X", "stream", "-c", "fast", "--no-sync", "-D"])
                .arg(&data),
        );
        Self::on(data, &[])
    }

    /// Makes a standby the primary of a history of its own.
    pub(crate) fn promote(&self) {
        succeed(as_owner("pg_ctl").arg("-D").arg(&self.data).args(["-w", "promote"]));
    }

    /// Copies the files of a server that does not run.
    pub(crate) fn copy_files(&self) -> TempDir {
        let copy = folder();
        succeed(Command::new("cp").arg("-a").arg(self.data.join(".")).arg(copy.path()));
        copy
    }

    /// Puts copied files back in place of what a server that does not run has now.
    pub(crate) fn put_back(&self, copy: &TempDir) {
        succeed(Command::new("rm").arg("-rf").arg(&self.data));
        succeed(Command::new("cp").arg("-a").arg(copy.path()).arg(&self.data));
    }

    /// Starts a server on a folder that holds a cluster.
    pub(crate) fn on(data: PathBuf, settings: &[&str]) -> Self {
        let port = free_port();
        let socket = format!("unix_socket_directories = '{}'", data.display());
        let port_setting = format!("port = {port}");
        let usual = [
            port_setting.as_str(),
            socket.as_str(),
            "listen_addresses = '127.0.0.1'",
            // What a process wrote survives its end without this as well; only a power cut is another matter.
            "fsync = off",
            "shared_buffers = '16MB'",
        ];
        let lines: Vec<&str> = usual.iter().chain(settings).copied().collect();
        std::fs::write(data.join("postgresql.auto.conf.test"), lines.join("\n")).unwrap();
        let include = "include_if_exists 'postgresql.auto.conf.test'\n";
        let conf = data.join("postgresql.conf");
        let text = std::fs::read_to_string(&conf).unwrap();
        if !text.contains(include) {
            std::fs::write(&conf, text + include).unwrap();
        }
        let keeper = keep(&data);
        let cluster = Self { data, port, keeper };
        cluster.start_again();
        cluster
    }

    /// Where a database is.
    pub(crate) fn url(&self, database: &str) -> String {
        self.url_of("postgres", database)
    }

    /// Where a database is, for a user of it.
    pub(crate) fn url_of(&self, user: &str, database: &str) -> String {
        format!("postgres://{user}@127.0.0.1:{}/{database}?sslmode=disable", self.port)
    }

    /// Runs statements in a database, and returns what they answer, line by line.
    pub(crate) fn sql(&self, database: &str, sql: &str) -> Vec<String> {
        let output =
            self.client("psql").args(["-qAt", "-v", "ON_ERROR_STOP=1", "-c", sql, database]).output();
        let output = output.unwrap();
        assert!(output.status.success(), "{sql}: {}", String::from_utf8_lossy(&output.stderr));
        String::from_utf8(output.stdout).unwrap().lines().map(str::to_owned).collect()
    }

    /// One of PostgreSQL's own programs, told where this server is.
    pub(crate) fn client(&self, program: &str) -> Command {
        let mut command = as_owner(program);
        command.args(["-h", "127.0.0.1", "-U", "postgres", "-p", &self.port.to_string()]);
        command
    }

    /// A database of its own, empty.
    pub(crate) fn database(&self) -> String {
        use std::sync::atomic::{AtomicU32, Ordering};
        static NEXT: AtomicU32 = AtomicU32::new(0);
        let name = format!("test_{}", NEXT.fetch_add(1, Ordering::Relaxed));
        self.sql("postgres", &format!("CREATE DATABASE {name}"));
        name
    }

    /// The server's main process.
    pub(crate) fn pid(&self) -> String {
        let file = std::fs::read_to_string(self.data.join("postmaster.pid")).unwrap();
        file.lines().next().unwrap().to_owned()
    }

    /// Sends a signal to the main process and to all of its children.
    pub(crate) fn signal_all(&self, signal: &str) {
        let pid = self.pid();
        let children = Command::new("pgrep").args(["-P", &pid]).output().unwrap();
        let children = String::from_utf8(children.stdout).unwrap();
        let all: Vec<&str> = children.split_whitespace().chain([pid.as_str()]).collect();
        // One that has ended meanwhile needs no signal.
        let _ = Command::new("kill").arg(signal).args(all).stderr(Stdio::null()).status();
    }

    /// Ends the server: `fast` in order, `kill` without a chance to say anything.
    pub(crate) fn end(&self, how: &str) {
        if how == "kill" {
            return self.signal_all("-KILL");
        }
        succeed(as_owner("pg_ctl").arg("-D").arg(&self.data).args(["-w", "-m", how, "stop"]));
    }

    /// Starts the server, on the same port as before.
    pub(crate) fn start_again(&self) {
        let start = Instant::now();
        let log = self.data.join("server.log");
        let mut starting = as_owner("pg_ctl");
        starting.arg("-D").arg(&self.data).arg("-l").arg(&log).args(["-w", "start"]);
        // What a killed server leaves (its memory, its children) is in the way for a moment.
        while !starting.stdout(Stdio::null()).stderr(Stdio::null()).status().unwrap().success() {
            let said = std::fs::read_to_string(&log).unwrap_or_default();
            assert!(start.elapsed() < PATIENCE, "the server does not start: {said}");
            std::thread::sleep(Duration::from_millis(50));
        }
    }
}

impl Drop for Cluster {
    fn drop(&mut self) {
        // A server that is held up cannot end.
        if self.data.join("postmaster.pid").exists() {
            self.signal_all("-CONT");
        }
        drop(self.keeper.stdin.take());
        let _ = self.keeper.wait();
    }
}

/// Starts what ends the server with us.
fn keep(data: &Path) -> Child {
    let mut keeper = as_owner_of(Command::new("sh"));
    keeper.args(["-c", KEEPER, "keeper"]).arg(program("pg_ctl")).arg(data);
    keeper.stdin(Stdio::piped()).stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap()
}

fn free_port() -> u16 {
    TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port()
}

/// A new folder that the server's owner may use, which goes with whoever holds it.
pub(crate) fn folder() -> TempDir {
    let folder = tempfile::Builder::new().prefix("rolegate-postgres-").tempdir().unwrap();
    // The server insists on it.
    std::fs::set_permissions(&folder, std::fs::Permissions::from_mode(0o700)).unwrap();
    if let Some((user, group)) = owner() {
        chown(&folder, Some(user), Some(group)).unwrap();
    }
    folder
}

pub(crate) fn succeed(command: &mut Command) -> Output {
    let output = command.output().unwrap_or_else(|error| panic!("{command:?}: {error}"));
    assert!(output.status.success(), "{command:?}: {}", String::from_utf8_lossy(&output.stderr));
    output
}

/// One of PostgreSQL's programs, to be run by the server's owner.
pub(crate) fn as_owner(name: &str) -> Command {
    as_owner_of(Command::new(program(name)))
}

/// PostgreSQL refuses to run as root: then it is the user `postgres` that runs it.
fn as_owner_of(mut command: Command) -> Command {
    if let Some((user, group)) = owner() {
        command.uid(user).gid(group);
    }
    command.current_dir("/");
    command
}

/// Who has to run the server, if not we.
fn owner() -> Option<(u32, u32)> {
    let id = |arguments: &[&str]| {
        let output = Command::new("id").args(arguments).output().unwrap();
        String::from_utf8(output.stdout).unwrap().trim().parse::<u32>().ok()
    };
    if id(&["-u"]) != Some(0) {
        return None;
    }
    Some((id(&["-u", "postgres"])?, id(&["-g", "postgres"])?))
}

/// Where a program of PostgreSQL's is: Debian keeps those of the server out of the way.
fn program(name: &str) -> PathBuf {
    let versions = std::fs::read_dir("/usr/lib/postgresql").into_iter().flatten().flatten();
    let mut found: Vec<_> = versions.map(|version| version.path().join("bin").join(name)).collect();
    found.retain(|path| path.exists());
    found.sort();
    found.pop().unwrap_or_else(|| name.into())
}
