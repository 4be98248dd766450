//! How long it takes to take a platform over: `cargo bench --bench import [-- USERS]`, where each user is on 50 projects.
//!
//! The platform is another rolegate, on the same machine, over HTTP. Figures are on stdout.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::print_stdout,
    clippy::print_stderr,
    clippy::indexing_slicing,
    reason = "a measurement that cannot go on should stop where it stands"
)]

use std::{
    fmt::Write as _,
    io::{BufRead as _, BufReader},
    path::Path,
    process::{Child, Command, Stdio},
    time::Instant,
};

const PROJECTS_OF_A_USER: usize = 50;
const USUAL_USERS: usize = 1_000;

fn rolegate() -> Command {
    Command::new(env!("CARGO_BIN_EXE_rolegate"))
}

fn run(what: &str, command: &mut Command) -> String {
    let start = Instant::now();
    let done = command.output().unwrap();
    assert!(done.status.success(), "{what}: {}", String::from_utf8_lossy(&done.stderr));
    println!("{what:<60} {:>7.2} s", start.elapsed().as_secs_f64());
    String::from_utf8(done.stdout).unwrap()
}

/// Ends with what holds it.
struct Served(Child);

impl Drop for Served {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// A server on a store, and the address of its HTTP listener.
fn serve(store: &Path) -> (Served, String) {
    let mut command = rolegate();
    command.args([
        "serve",
        "--listen",
        "127.0.0.1:0",
        "--admin-listen",
        "127.0.0.1:0",
        "--log-format",
        "json",
    ]);
    command.args(["--http-listen", "127.0.0.1:0", "--store"]).arg(store);
    let mut child = command.stderr(Stdio::piped()).stdout(Stdio::null()).spawn().unwrap();
    let mut lines = BufReader::new(child.stderr.take().unwrap()).lines();
    let (mut address, mut is_serving) = (None, false);
    while address.is_none() || !is_serving {
        let line = lines.next().unwrap().unwrap();
        let line: serde_json::Value = serde_json::from_str(&line).unwrap();
        let fields = &line["fields"];
        if fields["message"] == "listening for the platform's clients" {
            address = fields["address"].as_str().map(str::to_owned);
        }
        is_serving |= fields["message"] == "serving";
    }
    std::thread::spawn(move || lines.for_each(drop));
    (Served(child), address.unwrap())
}

fn site(users: usize) -> String {
    let projects = (users / 2).max(2 * PROJECTS_OF_A_USER);
    let mut text = String::from("version: 1\nusers:\n  - {id: root@bench.example, site_role: site_admin}\n");
    for user in 0..users {
        writeln!(text, "  - {{id: user{user:06}@bench.example}}").unwrap();
    }
    text.push_str("groups:\n");
    let mut holders = vec![String::new(); projects];
    for user in 0..users {
        for nth in 0..PROJECTS_OF_A_USER {
            let project = (user * 7 + nth * (projects / PROJECTS_OF_A_USER)) % projects;
            write!(holders[project], "user{user:06}@bench.example: [ro], ").unwrap();
        }
    }
    for (nth, group) in holders.chunks(50).enumerate() {
        writeln!(text, "  - id: group{nth:04}\n    projects:").unwrap();
        for (at, holders) in group.iter().enumerate() {
            let project = nth * 50 + at;
            writeln!(
                text,
                "      - {{id: project{project:06}, label: P{project}, permissions: {{{holders}}}}}"
            )
            .unwrap();
        }
    }
    text
}

fn main() {
    let users = std::env::args().find_map(|argument| argument.parse().ok()).unwrap_or(USUAL_USERS);
    let folder = tempfile::tempdir().unwrap();
    let path = |name: &str| folder.path().join(name);
    println!(
        "{users} users, each on {PROJECTS_OF_A_USER} projects: {} permissions",
        users * PROJECTS_OF_A_USER
    );
    let init = |name: &str| {
        let made = rolegate()
            .args(["init", "--admin", "root@bench.example", "--output", "json", "--store"])
            .arg(path(name))
            .output();
        let made: serde_json::Value = serde_json::from_slice(&made.unwrap().stdout).unwrap();
        made["secret"].as_str().unwrap().to_owned()
    };
    let key = init("platform.db");
    init("here.db");
    std::fs::write(path("site.yaml"), site(users)).unwrap();
    std::fs::write(path("key.txt"), key).unwrap();
    run(
        "apply the site file to the platform",
        rolegate().args(["apply", "--file"]).arg(path("site.yaml")).arg("--store").arg(path("platform.db")),
    );
    let (_platform, address) = serve(&path("platform.db"));
    let import = |more: &[&str]| {
        let mut command = rolegate();
        command.args(["import", "flywheel", "--from", &address, "--key-file"]).arg(path("key.txt"));
        command.arg("--store").arg(path("here.db")).args(more);
        command
    };
    run("import, dry run with the report of who gains what", &mut import(&["--dry-run"]));
    run("import", &mut import(&[]));
    let again = run("import again, where nothing has changed", &mut import(&["--output", "json"]));
    let again: serde_json::Value = serde_json::from_str(&again).unwrap();
    assert_eq!(again["changes"], 0);
}
