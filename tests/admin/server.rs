//! The real server, started from the built binary on a store of its own, and the ways to speak to it.

use rolegate::grpc::proto::{
    authorization_service_client::AuthorizationServiceClient,
    role_admin_service_client::RoleAdminServiceClient,
};
use serde_json::Value;
use std::{
    collections::BTreeMap,
    future::Future,
    io::{BufRead as _, BufReader, Write as _},
    path::{Path, PathBuf},
    process::{Child, Command, Output, Stdio},
    sync::{Arc, Mutex, mpsc},
    time::{Duration, Instant},
};
use tempfile::TempDir;
use tonic::{
    Request, Status,
    metadata::{Ascii, MetadataValue},
    service::{Interceptor, interceptor::InterceptedService},
    transport::{Channel, Endpoint},
};

/// The first site admin of every store made here.
pub const ROOT: &str = "root@example.com";
/// How long to wait for what must come.
const PATIENCE: Duration = Duration::from_secs(30);

/// Sends a key with every request.
#[derive(Clone)]
pub struct Bearer(MetadataValue<Ascii>);

impl Bearer {
    pub fn of(key: &str) -> Self {
        Self(format!("Bearer {key}").parse().unwrap())
    }
}

impl Interceptor for Bearer {
    fn call(&mut self, mut request: Request<()>) -> Result<Request<()>, Status> {
        request.metadata_mut().insert("authorization", self.0.clone());
        Ok(request)
    }
}

pub type Calls = InterceptedService<Channel, Bearer>;
pub type Admin = RoleAdminServiceClient<Calls>;

/// A running server. Dropped, it is killed.
pub struct Server {
    child: Child,
    folder: Arc<TempDir>,
    log: Arc<Mutex<String>>,
    addresses: BTreeMap<String, String>,
    /// The first site admin's key.
    pub key: String,
}

/// A command of the built binary, with nothing from the environment.
pub fn command() -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_rolegate"));
    command.env_clear().envs(std::env::var("PATH").map(|path| ("PATH", path)));
    command
}

/// Makes a store with its first site admin, and tells the admin's key.
pub fn init(store: &Path) -> String {
    let mut init = command();
    let output =
        init.args(["init", "--admin", ROOT, "--output", "json", "--store"]).arg(store).output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let made: Value = serde_json::from_slice(&output.stdout).unwrap();
    made["secret"].as_str().unwrap().to_owned()
}

impl Server {
    pub fn start() -> Self {
        Self::start_with(&[])
    }

    /// Starts a server with more arguments.
    pub fn start_with(more: &[&str]) -> Self {
        let folder = Arc::new(tempfile::tempdir().unwrap());
        let store = folder.path().join("rolegate.db");
        let key = init(&store);
        let mut serve = command();
        serve.arg("serve").arg("--store").arg(&store).args(more);
        let mut server = Self::spawn(serve, folder);
        server.key = key;
        server
    }

    /// Starts what the command says on ports that are free, and waits until it answers questions.
    pub fn spawn(mut serve: Command, folder: Arc<TempDir>) -> Self {
        serve.args(["--listen", "127.0.0.1:0", "--admin-listen", "127.0.0.1:0"]);
        serve.args(["--metrics-listen", "127.0.0.1:0", "--log-format", "json"]);
        let mut child = serve.current_dir(folder.path()).stderr(Stdio::piped()).spawn().unwrap();
        let log = Arc::new(Mutex::new(String::new()));
        let (found, addresses) = mpsc::channel();
        let lines = BufReader::new(child.stderr.take().unwrap());
        let written = Arc::clone(&log);
        std::thread::spawn(move || {
            for line in lines.lines().map_while(Result::ok) {
                let entry: Value = serde_json::from_str(&line).unwrap_or_default();
                let field = |name: &str| {
                    let fields = entry.get("fields").unwrap_or(&entry);
                    fields.get(name).and_then(Value::as_str).map(str::to_owned)
                };
                if let (Some(message), Some(address)) = (field("message"), field("address")) {
                    let _ = found.send((message, address));
                }
                written.lock().unwrap().push_str(&format!("{line}\n"));
            }
        });
        let mut known = BTreeMap::new();
        while known.len() < 3 {
            match addresses.recv_timeout(PATIENCE) {
                Ok((message, address)) => known.insert(message, address),
                Err(_) => panic!("the server did not start: {}", log.lock().unwrap()),
            };
        }
        let server = Self { child, folder, log, addresses: known, key: String::new() };
        let ready = Instant::now() + PATIENCE;
        while server.get("/readyz").is_none_or(|answer| !answer.starts_with("HTTP/1.1 200")) {
            assert!(Instant::now() < ready, "the server is not ready: {}", server.log());
            std::thread::sleep(Duration::from_millis(5));
        }
        server
    }

    pub fn answers_at(&self) -> &str {
        &self.addresses["listening for questions"]
    }

    pub fn admin_at(&self) -> &str {
        &self.addresses["listening for administrators"]
    }

    pub fn folder(&self) -> &Path {
        self.folder.path()
    }

    pub fn store(&self) -> PathBuf {
        self.folder.path().join("rolegate.db")
    }

    pub fn pid(&self) -> u32 {
        self.child.id()
    }

    pub fn stdout(&mut self) -> Option<std::process::ChildStdout> {
        self.child.stdout.take()
    }

    /// All log lines so far.
    pub fn log(&self) -> String {
        self.log.lock().unwrap().clone()
    }

    /// All metrics.
    pub fn metrics(&self) -> String {
        self.get("/metrics").unwrap()
    }

    /// The whole answer to a plain HTTP request at the metrics listener.
    pub fn get(&self, path: &str) -> Option<String> {
        let address = self.addresses["listening for metrics"].trim_start_matches("http://");
        let mut stream = std::net::TcpStream::connect(address).ok()?;
        write!(stream, "GET {path} HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n").ok()?;
        std::io::read_to_string(stream).ok()
    }

    pub fn channel(&self) -> Channel {
        Endpoint::from_shared(self.admin_at().to_owned()).unwrap().connect_lazy()
    }

    /// The administration, as the holder of a key.
    pub fn admin(&self, key: &str) -> Admin {
        let service = InterceptedService::new(self.channel(), Bearer::of(key));
        RoleAdminServiceClient::new(service).max_decoding_message_size(64 << 20)
    }

    /// The administration, as the first site admin.
    pub fn root(&self) -> Admin {
        self.admin(&self.key)
    }

    pub fn questions(&self) -> AuthorizationServiceClient<Channel> {
        let endpoint = Endpoint::from_shared(self.answers_at().to_owned()).unwrap();
        AuthorizationServiceClient::new(endpoint.connect_lazy())
    }

    /// A command that speaks to this server with this key.
    pub fn cli_as(&self, key: &str, arguments: &[&str]) -> Command {
        let mut command = command();
        command.args(arguments).current_dir(self.folder());
        command.env("ROLEGATE_SERVER", self.answers_at()).env("ROLEGATE_ADMIN_SERVER", self.admin_at());
        command.env("ROLEGATE_API_KEY", key);
        command
    }

    /// Runs a command as the first site admin.
    pub fn cli(&self, arguments: &[&str]) -> Output {
        self.cli_as(&self.key, arguments).output().unwrap()
    }

    /// Stops the server in good order. Connections of this process must be able to learn of it meanwhile.
    pub async fn stop(&mut self) {
        let pid = self.pid().to_string();
        assert!(Command::new("kill").args(["-TERM", &pid]).status().unwrap().success());
        let deadline = Instant::now() + PATIENCE;
        while self.child.try_wait().unwrap().is_none() {
            assert!(Instant::now() < deadline, "the server did not stop");
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Waits until a condition holds.
pub async fn eventually<F: Future<Output = bool>>(what: &str, mut holds: impl FnMut() -> F) {
    let deadline = Instant::now() + PATIENCE;
    while !holds().await {
        assert!(Instant::now() < deadline, "in vain: {what}");
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
}
