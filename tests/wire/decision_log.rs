//! The decision log: every decision has its line, what is left out is told exactly, and where nothing may be, no answer is
//! given that is not written.

use super::{
    ask::{item, may, may_operate, operation, project, reason},
    attack::limited,
    http::metric,
    server::{Questions, Server, Store, until},
    site::SITE,
    sizes::with_roles,
    stubborn,
};
use rolegate::grpc::proto::{BatchCheckRequest, CheckRequest, GetEffectiveActionsRequest, Operation};
use serde_json::{Value, json};
use std::{
    collections::BTreeSet,
    os::unix::fs::{PermissionsExt as _, symlink},
    path::Path,
    process::Command,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering::Relaxed},
    },
    thread::JoinHandle,
};
use tonic::{Code, Request, Status};

fn question(user: &str) -> CheckRequest {
    may(user, project("scans"), "files_download")
}

/// The lines of a log, each of which must be one JSON object.
fn lines(text: &str) -> Vec<Value> {
    text.lines().map(|line| serde_json::from_str(line).unwrap_or_else(|e| panic!("{e}: {line}"))).collect()
}

pub(crate) fn lines_of(path: &Path) -> Vec<Value> {
    lines(&std::fs::read_to_string(path).unwrap())
}

/// The numbers that lines account for, in order; those of gaps as well.
pub(crate) fn numbers(lines: &[Value]) -> Vec<u64> {
    let number = |line: &Value| match line.get("gap") {
        None => vec![line["seq"].as_u64().unwrap()],
        Some(gap) => {
            let (from, to) = (gap["from"].as_u64().unwrap(), gap["to"].as_u64().unwrap());
            assert_eq!(gap["dropped"], to - from + 1);
            (from..=to).collect()
        }
    };
    lines.iter().flat_map(number).collect()
}

fn left_out(lines: &[Value]) -> u64 {
    lines.iter().filter_map(|line| line.get("gap")?["dropped"].as_u64()).sum()
}

fn pipe(store: &Store) -> String {
    let path = store.beside("pipe").to_str().unwrap().to_owned();
    assert!(Command::new("mkfifo").arg(&path).status().unwrap().success());
    path
}

/// Reads a pipe until nobody has it open any more.
fn read(path: &str) -> JoinHandle<String> {
    let path = path.to_owned();
    std::thread::spawn(move || std::fs::read_to_string(path).unwrap())
}

pub(crate) async fn ask(questions: &mut Questions, user: &str) -> Result<(), Status> {
    questions.check(question(user)).await.map(drop)
}

#[tokio::test]
async fn every_decision_has_its_line_in_order() {
    let store = Store::with_site(SITE);
    let path = store.beside("decisions.log");
    let mut server = Server::start_with(&store, &["--decision-log", path.to_str().unwrap()]).await;
    let mut questions = server.questions().await;
    let mut traced = Request::new(question("ann"));
    let trace = "4bf92f3577b34da6a3ce929d0e0e4736";
    traced.metadata_mut().insert("traceparent", format!("00-{trace}-00f067aa0ba902b7-01").parse().unwrap());
    questions.check(traced).await.unwrap();
    ask(&mut questions, "bob").await.unwrap();
    let forged = "bob\n{\"seq\":1}";
    assert_eq!(ask(&mut questions, forged).await.unwrap_err().code(), Code::InvalidArgument);
    let gear = Operation { gear: Some("closed".to_owned()), analysis: Some(false), ..operation("job.run") };
    questions.check(may_operate("ann", project("scans"), gear)).await.unwrap();
    let items = [question("ann"), question(""), question("nobody")].map(item).to_vec();
    questions.batch_check(BatchCheckRequest { items, ..Default::default() }).await.unwrap();
    let all = GetEffectiveActionsRequest {
        user: "ann".to_owned(),
        resource: Some(project("scans")),
        ..Default::default()
    };
    questions.get_effective_actions(all).await.unwrap();
    drop(questions);
    server.terminate();
    assert!(server.ended().await.success());

    let lines = lines_of(&path);
    assert_eq!(numbers(&lines), (1..=8).collect::<Vec<_>>());
    assert_eq!(lines.iter().map(|line| line["boot"].as_str().unwrap()).collect::<BTreeSet<_>>().len(), 1);
    let outcomes: Vec<_> = lines.iter().map(|line| line["outcome"].as_str().unwrap()).collect();
    assert_eq!(outcomes, ["allow", "deny", "error", "deny", "allow", "error", "deny", "actions"]);
    let reasons = [("GRANTED_BY_ROLE", 0), ("LACKING_ACTION", 1), ("MALFORMED", 2), ("GEAR_RESTRICTED", 3)];
    for (reason, at) in reasons {
        assert_eq!(lines[at]["reason"], reason, "{}", lines[at]);
    }
    let first = &lines[0];
    assert_eq!((&first["user"], &first["action"]), (&json!("ann"), &json!("files_download")));
    assert_eq!((&first["resource"], &first["peer"]), (&json!({"project": "scans"}), &json!("tcp")));
    assert_eq!((&first["trace"], &first["method"]), (&json!(trace), &json!("Check")));
    assert!(
        first["revision"].as_u64().unwrap() > 0 && first["age_us"].is_u64() && first["latency_us"].is_u64()
    );
    assert!(first["time"].as_str().unwrap().ends_with('Z') && first.get("item").is_none());
    assert_eq!(lines[1]["missing"], json!(["files_download"]));
    assert_eq!(lines[2]["user"], forged, "what a caller sends stays inside its string");
    assert_eq!(lines[3]["attributes"], json!({"gear": "closed", "analysis": false}));
    let calls: BTreeSet<_> = lines[4..7].iter().map(|line| line["call"].as_u64().unwrap()).collect();
    assert_eq!(calls.len(), 1, "the items of a batch are of one call");
    assert_eq!(lines[4..7].iter().map(|line| line["item"].as_u64().unwrap()).collect::<Vec<_>>(), [0, 1, 2]);
    assert!(lines[7]["count"].as_u64().unwrap() > 9);
    assert_eq!(std::fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
}

#[tokio::test]
async fn what_does_not_fit_is_left_out_and_accounted_for() {
    let store = Store::with_site(SITE);
    let path = pipe(&store);
    let flags = ["--decision-log", &path, "--decision-log-queue", "4KiB"];
    let mut server = Server::start_with(&store, &flags).await;
    let mut questions = server.questions().await;
    let asked = 600;
    for _ in 0..asked {
        ask(&mut questions, "ann").await.unwrap();
    }
    let dropped = metric(&server.metrics, "rolegate_decision_log_dropped_total").await;
    assert!(dropped > 0.0, "nobody reads the pipe");
    assert!(metric(&server.metrics, "rolegate_decision_log_queued_bytes").await <= 4096.0);
    let reader = read(&path);
    until("the rest is written", async || {
        metric(&server.metrics, "rolegate_decision_log_queued_bytes").await == 0.0
    })
    .await;
    ask(&mut questions, "bob").await.unwrap();
    drop(questions);
    server.terminate();
    assert!(server.ended().await.success());
    let lines = lines(&reader.join().unwrap());
    assert_eq!(numbers(&lines), (1..=asked + 1).collect::<Vec<_>>());
    assert_eq!(left_out(&lines) as f64, dropped);
}

#[tokio::test]
async fn blocking_lets_no_answer_through_that_is_not_written() {
    let store = Store::with_site(SITE);
    let path = pipe(&store);
    let mut flags = vec!["--decision-log", &path, "--decision-log-queue", "4KiB", "--check-timeout", "300ms"];
    flags.extend(["--decision-log-when-full", "block"]);
    let mut server = Server::start_with(&store, &flags).await;
    let mut questions = server.questions().await;
    let mut answered = Vec::new();
    let refused = loop {
        let user = format!("user{}", answered.len());
        match ask(&mut questions, &user).await {
            Ok(()) => answered.push(user),
            Err(status) => break status,
        }
    };
    assert_eq!((refused.code(), reason(&refused)), (Code::Unavailable, "DECISION_NOT_LOGGED".to_owned()));
    let items = vec![item(question("ann")); 100];
    let batch = questions.batch_check(BatchCheckRequest { items, ..Default::default() }).await.unwrap_err();
    assert_eq!(reason(&batch), "DECISION_NOT_LOGGED");
    let decided = async |outcome, reason| {
        let labels = format!("{{outcome=\"{outcome}\",reason=\"{reason}\"}}");
        metric(&server.metrics, &format!("rolegate_decisions_total{labels}")).await
    };
    assert_eq!(decided("deny", "UNKNOWN_USER").await, answered.len() as f64, "what callers were told");
    assert_eq!(decided("allow", "GRANTED_BY_ROLE").await, 0.0);
    assert_eq!(decided("none", "DECISION_NOT_LOGGED").await, 101.0);
    assert!(metric(&server.metrics, "rolegate_decision_log_writing_seconds").await > 0.0);
    until("it is told", async || server.logs.contain("the decision log is not written")).await;

    let reader = read(&path);
    until("it answers again", async || ask(&mut questions, "later").await.is_ok()).await;
    until("that is told too", async || server.logs.contain("the decision log is being written again")).await;
    assert_eq!(metric(&server.metrics, "rolegate_decision_log_writing_seconds").await, 0.0);
    answered.push("later".to_owned());
    drop(questions);
    server.terminate();
    assert!(server.ended().await.success());
    let lines = lines(&reader.join().unwrap());
    let last = *numbers(&lines).last().unwrap();
    assert_eq!(numbers(&lines), (1..=last).collect::<Vec<_>>());
    let written: BTreeSet<_> = lines.iter().filter_map(|line| line["user"].as_str()).collect();
    assert!(answered.iter().all(|user| written.contains(user.as_str())));
    let refused = format!("user{}", answered.len() - 1);
    let refused = lines.iter().find(|line| line["user"] == refused).expect("it was written later");
    let end = lines.iter().find(|line| line["call"] == refused["call"] && line.get("ended").is_some());
    let end = &end.expect("and it is said that nobody was told")["ended"];
    assert_eq!(*end, json!({"code": "Unavailable", "reason": "DECISION_NOT_LOGGED"}));
}

#[tokio::test]
async fn nothing_is_told_while_the_log_ends_that_is_not_accounted_for() {
    for asked_twice in [false, true] {
        let store = Store::with_site(SITE);
        let (path, drain) = (pipe(&store), if asked_twice { "1h" } else { "2s" });
        let mut server =
            Server::start_with(&store, &["--decision-log", &path, "--drain-timeout", drain]).await;
        let told = Arc::new(AtomicU64::new(0));
        let callers: Vec<_> =
            (0..8).map(|_| stubborn::ask(&server.questions, &question("ann"), &told)).collect();
        let many = async |more| {
            let before = told.load(Relaxed);
            until("many answers are given", async || told.load(Relaxed) > before + more).await;
        };
        many(300).await;
        server.terminate();
        many(20).await;
        if asked_twice {
            server.terminate();
        }
        assert!(server.ended().await.success(), "{}", server.logs.text());
        callers.into_iter().for_each(|caller| caller.join().unwrap());
        // Nobody reads the pipe, so that the log cannot end; but every record has its number.
        let logs = server.logs.text();
        let last =
            logs.split("\"last\":").nth(1).and_then(|rest| rest.split(|c: char| !c.is_ascii_digit()).next());
        let (told, last) = (told.load(Relaxed), last.unwrap().parse().unwrap());
        assert!(told <= last, "{told} were told, and {last} have a number: {logs}");
    }
}

#[tokio::test]
async fn a_call_that_is_broken_off_while_it_is_logged_says_so_in_its_last_line() {
    let store = Store::with_site(SITE);
    let path = pipe(&store);
    let mut flags = vec!["--decision-log", &path, "--decision-log-when-full", "block"];
    flags.extend(["--check-timeout", "60s"]);
    let mut server = Server::start_with(&store, &flags).await;
    let items = vec![item(question("ann")); 1_000];
    let mut questions = server.questions().await;
    let batch = tokio::spawn(async move {
        questions.batch_check(BatchCheckRequest { items, ..Default::default() }).await
    });
    until("its lines wait to be written", async || {
        metric(&server.metrics, "rolegate_decision_log_queued_bytes").await > 200_000.0
    })
    .await;
    batch.abort();
    until("it is broken off", async || metric(&server.metrics, "rolegate_grpc_calls_in_flight").await == 0.0)
        .await;
    let reader = read(&path);
    server.terminate();
    assert!(server.ended().await.success());
    let lines = lines(&reader.join().unwrap());
    let (last, rest) = lines.split_last().unwrap();
    assert!(!rest.is_empty() && rest.iter().all(|line| line["outcome"] == "allow"));
    assert_eq!((&last["call"], &last["ended"]), (&rest[0]["call"], &json!({"code": "Cancelled"})));
}

#[tokio::test]
async fn a_reply_that_is_too_large_is_logged_as_what_the_caller_is_told() {
    let long_names: Vec<_> = (0..12).map(|n| format!("{}{n:02}", "r".repeat(250))).collect();
    let store = Store::with_site(&with_roles(&long_names));
    let path = store.beside("decisions.log");
    let flags = ["--decision-log", path.to_str().unwrap(), "--check-timeout", "20s"];
    let mut server = Server::start_with(&store, &flags).await;
    let mut questions = server.questions().await;
    let items = vec![item(question("ann")); 1_000];
    let batch = BatchCheckRequest { items, explain: true, ..Default::default() };
    let refused = questions.batch_check(batch).await.unwrap_err();
    assert_eq!((refused.code(), reason(&refused)), (Code::ResourceExhausted, "REPLY_TOO_LARGE".to_owned()));
    let decided =
        async |labels: &str| metric(&server.metrics, &format!("rolegate_decisions_total{{{labels}}}")).await;
    assert_eq!(decided("outcome=\"allow\",reason=\"GRANTED_BY_ROLE\"").await, 0.0);
    assert_eq!(decided("outcome=\"none\",reason=\"REPLY_TOO_LARGE\"").await, 1_000.0);
    drop(questions);
    server.terminate();
    assert!(server.ended().await.success());
    let lines = lines_of(&path);
    assert_eq!(lines.len(), 1, "{lines:?}");
    let told = (&lines[0]["outcome"], &lines[0]["code"], &lines[0]["reason"]);
    assert_eq!(told, (&json!("error"), &json!("ResourceExhausted"), &json!("REPLY_TOO_LARGE")));
}

#[tokio::test]
async fn a_file_that_is_moved_away_gets_a_successor_and_no_line_is_lost() {
    let store = Store::with_site(SITE);
    let [path, first, second] =
        ["decisions.log", "decisions.log.1", "decisions.log.2"].map(|n| store.beside(n));
    // A line that some process was cut off in does not run into the next.
    std::fs::write(&path, "{\"torn\":").unwrap();
    let mut server = Server::start_with(&store, &["--decision-log", path.to_str().unwrap()]).await;
    let mut questions = server.questions().await;
    ask(&mut questions, "ann").await.unwrap();
    until("it is written", async || std::fs::read_to_string(&path).unwrap().contains("ann")).await;
    std::fs::rename(&path, &first).unwrap();
    let hangup = Command::new("kill").args(["-HUP", &server.id().to_string()]).status().unwrap();
    assert!(hangup.success());
    until("there is a new file", async || path.exists()).await;
    ask(&mut questions, "bob").await.unwrap();
    until("it is written", async || std::fs::read_to_string(&path).unwrap().contains("bob")).await;
    std::fs::rename(&path, &second).unwrap();
    let mut asked = 2;
    until("it is missed", async || {
        ask(&mut questions, "meg").await.unwrap();
        asked += 1;
        path.exists()
    })
    .await;
    drop(questions);
    server.terminate();
    assert!(server.ended().await.success());
    let text = [first, second, path].map(|path| std::fs::read_to_string(path).unwrap()).concat();
    let (torn, rest) = text.split_once('\n').unwrap();
    assert_eq!(torn, "{\"torn\":");
    assert_eq!(numbers(&lines(rest)), (1..=asked).collect::<Vec<_>>());
}

#[tokio::test]
async fn on_a_full_disk_blocking_fails_closed_and_dropping_says_so_afterwards() {
    for when_full in ["block", "drop"] {
        let store = Store::with_site(SITE);
        let (path, link) = (store.beside("decisions.log"), store.beside("link.log"));
        symlink("/dev/full", &link).unwrap();
        let mut flags = vec!["--decision-log", link.to_str().unwrap(), "--decision-log-queue", "4KiB"];
        flags.extend(["--check-timeout", "300ms", "--decision-log-when-full", when_full]);
        let mut server = Server::start_with(&store, &flags).await;
        let mut questions = server.questions().await;
        for _ in 0..3 {
            for _ in 0..10 {
                let answered = ask(&mut questions, "ann").await;
                assert_eq!(answered.is_err(), when_full == "block", "{answered:?}");
            }
            if when_full == "block" {
                break;
            }
        }
        until("it is counted", async || {
            metric(&server.metrics, "rolegate_decision_log_errors_total").await > 0.0
        })
        .await;
        until("it is told", async || server.logs.contain("the decision log cannot be written")).await;
        assert!(server.is_running());
        // There is room again.
        let swapped = store.beside("swapped.log");
        symlink(&path, &swapped).unwrap();
        std::fs::rename(&swapped, &link).unwrap();
        until("it is written again", async || path.exists() && ask(&mut questions, "bob").await.is_ok())
            .await;
        drop(questions);
        server.terminate();
        assert!(server.ended().await.success());
        let lines = lines_of(&path);
        let last = *numbers(&lines).last().unwrap();
        assert_eq!(numbers(&lines), (1..=last).collect::<Vec<_>>());
        // With `block`, last lines of calls that were refused may find no room.
        assert!(left_out(&lines) > 0 || when_full == "block");
        assert!(server.logs.contain("can be written again"));
    }
}

#[tokio::test]
async fn a_file_that_may_not_grow_any_more_fails_like_a_full_disk_and_its_successor_misses_nothing() {
    let store = Store::with_site(SITE);
    let [path, full] = ["decisions.log", "decisions.log.1"].map(|name| store.beside(name));
    let flags = ["--decision-log", path.to_str().unwrap(), "--check-timeout", "20s"];
    let mut server = limited(&["--fsize=1048576"], &store, &flags).await;
    let mut questions = server.questions().await;
    let mut asked = 0;
    until("the limit is reached", async || {
        let items = vec![item(question("ann")); 500];
        questions.batch_check(BatchCheckRequest { items, ..Default::default() }).await.unwrap();
        asked += 500;
        metric(&server.metrics, "rolegate_decision_log_errors_total").await > 0.0
    })
    .await;
    assert!(server.is_running());
    until("it is told", async || server.logs.contain("the decision log cannot be written")).await;
    std::fs::rename(&path, &full).unwrap();
    until("it is written again", async || server.logs.contain("can be written again")).await;
    drop(questions);
    server.terminate();
    assert!(server.ended().await.success(), "{}", server.logs.text());
    let (text, rest) = (std::fs::read_to_string(full).unwrap(), std::fs::read_to_string(path).unwrap());
    // The line that was being written goes whole into the new file.
    let whole = text.rfind('\n').map_or(0, |end| end + 1);
    let lines = lines(&format!("{}{rest}", &text[..whole]));
    assert_eq!(numbers(&lines), (1..=asked).collect::<Vec<_>>());
}

#[tokio::test]
async fn a_part_of_all_decisions_is_logged_on_demand_and_a_sample_says_of_what_share() {
    let store = Store::with_site(SITE);
    for (which, most) in [("denials", 100), ("sampled:0.5", 199)] {
        let path = store.beside(which);
        let flags = ["--decision-log", path.to_str().unwrap(), "--decision-log-which", which];
        let mut server = Server::start_with(&store, &flags).await;
        let mut questions = server.questions().await;
        for user in ["ann", "bob"].repeat(100) {
            ask(&mut questions, user).await.unwrap();
        }
        drop(questions);
        server.terminate();
        assert!(server.ended().await.success());
        let lines = lines_of(&path);
        assert!((1..=most).contains(&lines.len()), "{which}: {}", lines.len());
        assert_eq!(numbers(&lines), (1..=lines.len() as u64).collect::<Vec<_>>());
        match which {
            "denials" => {
                assert!(lines.len() == most && lines.iter().all(|line| line["user"] == "bob"));
            }
            _ => assert!(lines.iter().all(|line| line["sample"] == 0.5)),
        }
    }
}
