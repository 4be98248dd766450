//! A server as a process of its own.

use crate::{
    client::{Address, Connection},
    process::memory,
    work::Work,
};
use std::{
    fs::File,
    io,
    net::{Ipv4Addr, SocketAddr, TcpListener},
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    thread,
    time::{Duration, Instant},
};

/// A large site takes long to load.
const PATIENCE: Duration = Duration::from_secs(300);
/// How long one answer may take while a server is starting.
const ANSWER: Duration = Duration::from_secs(2);

/// How a server is started.
pub(crate) struct Launch {
    pub(crate) name: String,
    program: PathBuf,
    arguments: Vec<String>,
    tcp: SocketAddr,
    unix: PathBuf,
    log: Option<PathBuf>,
}

impl Launch {
    /// With a port that is free now, and a socket and a log in the folder.
    pub(crate) fn new(name: &str, program: &Path, folder: &Path) -> Self {
        let free = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap().local_addr().unwrap();
        let file = |end: &str| folder.join(format!("{}.{end}", name.replace(' ', "-")));
        Self {
            name: name.to_owned(),
            program: program.to_owned(),
            arguments: Vec::new(),
            tcp: free,
            unix: file("sock"),
            log: Some(file("log")),
        }
    }

    pub(crate) fn tcp(&self) -> String {
        self.tcp.to_string()
    }

    pub(crate) fn unix(&self) -> String {
        format!("unix:{}", self.unix.display())
    }

    pub(crate) fn arguments<T: Into<String>>(mut self, arguments: impl IntoIterator<Item = T>) -> Self {
        self.arguments.extend(arguments.into_iter().map(Into::into));
        self
    }

    /// What a server writes for each call would fill the disk: it still writes it, but nobody keeps it.
    pub(crate) fn without_log(mut self) -> Self {
        self.log = None;
        self
    }

    /// Starts it on the first processor; the load has the other.
    pub(crate) fn start(&self) -> Server {
        let output = || match &self.log {
            Some(log) => Stdio::from(File::options().append(true).create(true).open(log).unwrap()),
            None => Stdio::null(),
        };
        let mut command = Command::new("taskset");
        command.args(["-c", "0"]).arg(&self.program).args(&self.arguments);
        command.stdin(Stdio::null()).stdout(output()).stderr(output());
        let begun = Instant::now();
        let child = command.spawn().unwrap();
        let unix = Address::Unix(self.unix.clone());
        Server { name: self.name.clone(), child, tcp: Address::Tcp(self.tcp), unix, begun }
    }

    /// Starts it and waits until it answers this rightly.
    pub(crate) fn start_for(&self, work: &Work) -> Server {
        let mut server = self.start();
        let took = server.wait_for(work);
        eprintln!("  {} answers after {:.0} ms", self.name, took.as_secs_f64() * 1e3);
        server
    }
}

pub(crate) struct Server {
    pub(crate) name: String,
    pub(crate) tcp: Address,
    pub(crate) unix: Address,
    child: Child,
    begun: Instant,
}

impl Server {
    pub(crate) fn pid(&self) -> u32 {
        self.child.id()
    }

    /// Resident memory in bytes: now, and the most there ever was.
    pub(crate) fn memory(&self) -> (f64, f64) {
        memory(self.pid())
    }

    /// How long after its start the server first answered this rightly.
    pub(crate) fn wait_for(&mut self, work: &Work) -> Duration {
        loop {
            if matches!(ask(&self.tcp, work), Ok(true)) {
                return self.begun.elapsed();
            }
            let ended = self.child.try_wait().unwrap();
            assert!(ended.is_none(), "{} has ended: {ended:?}", self.name);
            assert!(self.begun.elapsed() < PATIENCE, "{} does not answer rightly", self.name);
            thread::sleep(Duration::from_micros(200));
        }
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Makes the first of these calls on a connection of its own: whether the answer is right.
fn ask(address: &Address, work: &Work) -> io::Result<bool> {
    let begun = Instant::now();
    let mut connection = Connection::open(address, work)?;
    connection.submit(0, 0);
    let mut finished = Vec::new();
    while begun.elapsed() < ANSWER {
        connection.flush()?;
        connection.receive()?;
        connection.take_finished(&mut finished);
        if let Some(call) = finished.first() {
            return Ok(call.right);
        }
    }
    Ok(false)
}
