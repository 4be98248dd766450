//! The built `rolegate`, run as a process: stores made with `init`, servers that end with the test that started them.

use rolegate::grpc::proto::{
    CreateUserRequest, authorization_service_client::AuthorizationServiceClient,
    role_admin_service_client::RoleAdminServiceClient,
};
use std::{
    io::{BufRead as _, BufReader},
    path::{Path, PathBuf},
    process::{Child, Command, ExitStatus, Output, Stdio},
    sync::{Arc, Mutex, mpsc},
    thread::JoinHandle,
    time::{Duration, Instant},
};
use tempfile::TempDir;
use tonic::{
    Request, Status,
    metadata::{Ascii, MetadataValue},
    service::{Interceptor, interceptor::InterceptedService},
    transport::{Channel, Endpoint},
};
use tonic_health::pb::{
    HealthCheckRequest, health_check_response::ServingStatus, health_client::HealthClient,
};

/// How long anything may take before a test gives up. Only a broken server takes so long.
pub(crate) const PATIENCE: Duration = Duration::from_secs(30);

/// The site admin that every store is made with.
pub(crate) const FIRST_ADMIN: &str = "first-admin@example.org";

pub(crate) type Questions = AuthorizationServiceClient<Channel>;
pub(crate) type Admin = RoleAdminServiceClient<InterceptedService<Channel, Bearer>>;

/// A command of the binary, free of whatever the environment of the test says.
pub(crate) fn rolegate<'a>(arguments: impl IntoIterator<Item = &'a str>) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_rolegate"));
    for (name, _) in std::env::vars().filter(|(name, _)| name.starts_with("ROLEGATE_")) {
        command.env_remove(name);
    }
    command.args(arguments);
    command
}

/// Runs a command to its end.
pub(crate) fn run<'a>(arguments: impl IntoIterator<Item = &'a str>) -> Output {
    finish(rolegate(arguments))
}

/// Lets a command come to its end; one that does not is killed, and then has no exit code.
pub(crate) fn finish(mut command: Command) -> Output {
    let mut child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    let start = Instant::now();
    while child.try_wait().unwrap().is_none() {
        if start.elapsed() > PATIENCE {
            child.kill().unwrap();
        }
        std::thread::sleep(Duration::from_millis(2));
    }
    child.wait_with_output().unwrap()
}

/// Asks again and again until the answer is yes.
pub(crate) async fn until(what: &str, mut answer: impl AsyncFnMut() -> bool) {
    let start = Instant::now();
    while !answer().await {
        assert!(start.elapsed() < PATIENCE, "waited too long until {what}");
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
}

/// Makes a store with its first site admin, wherever it is, and returns the admin's API key.
pub(crate) fn init(store: &str) -> String {
    let made = run(["init", "--admin", FIRST_ADMIN, "--store", store, "--output", "json"]);
    assert!(made.status.success(), "{made:?}");
    let made: serde_json::Value = serde_json::from_slice(&made.stdout).unwrap();
    made["secret"].as_str().unwrap().to_owned()
}

/// Applies a site to a store, wherever it is.
pub(crate) fn apply(store: &str, site: &str) {
    let folder = TempDir::new().unwrap();
    let file = folder.path().join("site.yaml");
    std::fs::write(&file, site).unwrap();
    let applied = run(["apply", "--store", store, "--file", file.to_str().unwrap()]);
    assert!(applied.status.success(), "{}", String::from_utf8_lossy(&applied.stderr));
}

/// Makes users, one after another, until that is refused; the ids of those that were acknowledged.
pub(crate) async fn create_users(mut admin: Admin, prefix: String) -> Vec<String> {
    let mut written = Vec::new();
    loop {
        let id = format!("{prefix}{}", written.len());
        let request = CreateUserRequest { id: id.clone(), ..CreateUserRequest::default() };
        if admin.create_user(request).await.is_err() {
            return written;
        }
        written.push(id);
    }
}

/// A store in a folder of its own.
pub(crate) struct Store {
    pub(crate) folder: TempDir,
    pub(crate) path: PathBuf,
    /// The first admin's API key.
    pub(crate) key: String,
}

impl Store {
    pub(crate) fn new() -> Self {
        let folder = TempDir::new().unwrap();
        let path = folder.path().join("rolegate.db");
        let key = init(path.to_str().unwrap());
        Self { folder, path, key }
    }

    /// A store that holds a site.
    pub(crate) fn with_site(site: &str) -> Self {
        let store = Self::new();
        store.apply(site);
        store
    }

    pub(crate) fn apply(&self, site: &str) {
        apply(self.text(), site);
    }

    pub(crate) fn text(&self) -> &str {
        self.path.to_str().unwrap()
    }

    pub(crate) fn beside(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }
}

/// The lines that a process has written to stderr so far.
#[derive(Clone, Default)]
pub(crate) struct Logs(Arc<Mutex<Vec<String>>>);

impl Logs {
    /// Those of a process, and who reads them until there are no more.
    fn of(child: &mut Child) -> (Self, JoinHandle<()>) {
        let logs = Self::default();
        let (lines, stderr) = (logs.clone(), BufReader::new(child.stderr.take().unwrap()));
        let reader = std::thread::spawn(move || {
            for line in stderr.lines().map_while(Result::ok) {
                lines.0.lock().unwrap().push(line);
            }
        });
        (logs, reader)
    }

    pub(crate) fn text(&self) -> String {
        self.0.lock().unwrap().join("\n")
    }

    pub(crate) fn contain(&self, part: &str) -> bool {
        self.count(part) > 0
    }

    /// How many lines have it.
    pub(crate) fn count(&self, part: &str) -> usize {
        self.0.lock().unwrap().iter().filter(|line| line.contains(part)).count()
    }

    /// Reads no more lines, until what is returned is dropped. Nothing can be asked of these until then.
    pub(crate) fn hold(&self) -> Held {
        let (lines, (release, released), (tell, held)) = (self.clone(), mpsc::channel(), mpsc::channel());
        std::thread::spawn(move || {
            // Whoever reads needs it for each line.
            let _lines = lines.0.lock().unwrap();
            tell.send(()).unwrap();
            // Nothing is ever sent: the other end is dropped.
            let _: Result<(), _> = released.recv();
        });
        held.recv().unwrap();
        Held { _release: release }
    }

    /// The address that a line with this message names.
    fn address(&self, message: &str) -> Option<String> {
        let lines = self.0.lock().unwrap();
        lines.iter().find_map(|line| {
            let line: serde_json::Value = serde_json::from_str(line).ok()?;
            let fields = &line["fields"];
            (fields["message"] == message).then(|| fields["address"].as_str().unwrap().to_owned())
        })
    }
}

/// Keeps a process's lines from being read.
pub(crate) struct Held {
    _release: mpsc::Sender<()>,
}

/// The command that serves a store, at ports that are free if nothing else is said.
pub(crate) fn serving(store: &Store, flags: &[&str]) -> Command {
    let mut arguments = vec!["serve", "--store", store.text(), "--log-format", "json"];
    for (flag, usual) in
        [("--listen", "127.0.0.1:0"), ("--admin-listen", "127.0.0.1:0"), ("--metrics-listen", "127.0.0.1:0")]
    {
        if !flags.contains(&flag) {
            arguments.extend([flag, usual]);
        }
    }
    arguments.extend(flags);
    rolegate(arguments)
}

/// A process that serves. Killed when dropped.
pub(crate) struct Server {
    child: Child,
    pub(crate) logs: Logs,
    /// Who reads those.
    reader: JoinHandle<()>,
    /// Where questions are answered, administrators and the platform's clients served, and metrics told.
    pub(crate) questions: String,
    pub(crate) admin: String,
    pub(crate) http: String,
    pub(crate) metrics: String,
}

impl Server {
    /// Starts a server on a store, and waits until it serves.
    pub(crate) async fn start(store: &Store) -> Self {
        Self::start_with(store, &[]).await
    }

    /// The same with more flags, which win.
    pub(crate) async fn start_with(store: &Store, flags: &[&str]) -> Self {
        let server = Self::listening(store, flags).await;
        server.becomes(ServingStatus::Serving).await;
        server
    }

    /// Starts a server, and waits until it listens; whether it serves is another matter.
    pub(crate) async fn listening(store: &Store, flags: &[&str]) -> Self {
        Self::run(serving(store, flags)).await
    }

    /// Runs a command that serves, and waits until it listens.
    pub(crate) async fn run(command: Command) -> Self {
        Self::try_run(command).await.unwrap_or_else(|(status, said)| panic!("it ended with {status}: {said}"))
    }

    /// The same, or how it has ended before it listened, and with what words.
    pub(crate) async fn try_run(mut command: Command) -> Result<Self, (ExitStatus, String)> {
        let mut child =
            command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::piped()).spawn().unwrap();
        let (logs, reader) = Logs::of(&mut child);
        let (questions, admin, http, metrics) = Default::default();
        let mut server = Self { child, logs, reader, questions, admin, http, metrics };
        let start = Instant::now();
        while server.metrics.is_empty() {
            if server.child.try_wait().unwrap().is_some() {
                return Err((server.ended().await, server.logs.text()));
            }
            assert!(start.elapsed() < PATIENCE, "the server does not listen: {}", server.logs.text());
            tokio::time::sleep(Duration::from_millis(5)).await;
            server.metrics = server.logs.address("listening for metrics").unwrap_or_default();
        }
        server.questions = server.logs.address("listening for questions").unwrap();
        server.http = server.logs.address("listening for the platform's clients").unwrap_or_default();
        server.admin = server.logs.address("listening for administrators").unwrap_or_default();
        Ok(server)
    }

    pub(crate) fn id(&self) -> u32 {
        self.child.id()
    }

    pub(crate) async fn channel(&self) -> Channel {
        channel(&self.questions).await
    }

    pub(crate) async fn questions(&self) -> Questions {
        AuthorizationServiceClient::new(self.channel().await)
    }

    pub(crate) async fn administrator(&self, key: &str) -> Admin {
        let key = Bearer::of(key);
        RoleAdminServiceClient::with_interceptor(channel(&self.admin).await, key)
    }

    pub(crate) async fn health(&self) -> HealthClient<Channel> {
        HealthClient::new(self.channel().await)
    }

    /// Watches the health until it is this.
    pub(crate) async fn becomes(&self, wanted: ServingStatus) {
        let watched = async {
            let mut health = self.health().await;
            let request = HealthCheckRequest { service: String::new() };
            let mut states = health.watch(request).await.unwrap().into_inner();
            while states.message().await.unwrap().expect("the watch goes on").status() != wanted {}
        };
        let end = tokio::time::timeout(PATIENCE, watched).await;
        assert!(end.is_ok(), "the server does not become {wanted:?}: {}", self.logs.text());
    }

    /// Asks the process to end.
    pub(crate) fn terminate(&self) {
        self.signal("TERM");
    }

    pub(crate) fn signal(&self, name: &str) {
        let sent = Command::new("kill").args(["-s", name, &self.id().to_string()]).status().unwrap();
        assert!(sent.success());
    }

    /// Ends the process without asking.
    pub(crate) fn kill(&mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }

    pub(crate) fn is_running(&mut self) -> bool {
        self.child.try_wait().unwrap().is_none()
    }

    /// Waits until the process has ended, and its last line is read.
    pub(crate) async fn ended(&mut self) -> ExitStatus {
        let status = self.ended_unread().await;
        until("its last line is read", async || self.reader.is_finished()).await;
        status
    }

    /// Waits until the process has ended, whoever reads its lines.
    pub(crate) async fn ended_unread(&mut self) -> ExitStatus {
        until("the server has ended", async || !self.is_running()).await;
        self.child.wait().unwrap()
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

pub(crate) async fn channel(address: &str) -> Channel {
    Endpoint::from_shared(address.to_owned()).unwrap().connect().await.unwrap()
}

/// Shows a key with every call.
#[derive(Clone)]
pub(crate) struct Bearer(MetadataValue<Ascii>);

impl Bearer {
    pub(crate) fn of(key: &str) -> Self {
        Self(format!("Bearer {key}").parse().unwrap())
    }
}

impl Interceptor for Bearer {
    fn call(&mut self, mut request: Request<()>) -> Result<Request<()>, Status> {
        request.metadata_mut().insert("authorization", self.0.clone());
        Ok(request)
    }
}

/// The command line of a process, as everyone on the machine can read it.
pub(crate) fn command_line(id: u32) -> String {
    let bytes = std::fs::read(Path::new("/proc").join(id.to_string()).join("cmdline")).unwrap();
    String::from_utf8_lossy(&bytes).replace('\0', " ")
}
