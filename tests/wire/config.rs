//! Settings: one clear line for a bad one before anything is listened on, and who wins over whom.

use super::{
    ask::{may, project},
    server::{Bearer, Server, Store, command_line, finish, rolegate, run},
    site::SITE,
};
use rolegate::grpc::proto::{ListUsersRequest, authorization_service_client::AuthorizationServiceClient};
use std::{net::TcpListener, path::PathBuf};
use tonic::Code;

/// Runs `serve` with a file of settings and flags, to be refused; and says what was said.
fn refused(store: &Store, file: &str, flags: &[&str], environment: &[(&str, &str)]) -> String {
    let path = write(store, file);
    let mut command = rolegate(["serve", "--store", store.text(), "--config", path.to_str().unwrap()]);
    command.args(flags).envs(environment.iter().copied());
    let output = finish(command);
    let said = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(64), "{file} {flags:?}: {said}");
    said
}

fn write(store: &Store, file: &str) -> PathBuf {
    let path = store.beside("rolegate.toml");
    std::fs::write(&path, file).unwrap();
    path
}

/// What `--check-config` says of good settings.
fn summary(store: &Store, file: &str, flags: &[&str], environment: &[(&str, &str)]) -> String {
    let path = write(store, file);
    let mut command = rolegate(["serve", "--check-config", "--config", path.to_str().unwrap()]);
    command.args(flags).envs(environment.iter().copied());
    let output = finish(command);
    assert!(output.status.success(), "{output:?}");
    String::from_utf8(output.stdout).unwrap()
}

#[test]
fn an_unknown_key_is_refused_by_name_and_line() {
    let store = Store::new();
    for (file, key, line) in [
        ("max_cals = 4\n", "max_cals", 1),
        ("# a comment\nmax_calls = 4\nmax_cals = 4\n", "max_cals", 3),
        ("\n\n  listne = \"127.0.0.1:0\"\n", "listne", 3),
        ("max_calls = 4\n[section]\nx = 1\n", "section", 2),
    ] {
        let said = refused(&store, file, &[], &[]);
        assert!(said.contains(&format!("`{key}`")) && said.contains(&format!("line {line}:")), "{said}");
        assert_eq!(said.lines().count(), 1, "{said}");
    }
}

#[test]
fn a_bad_value_is_refused_by_its_key() {
    let store = Store::new();
    let bad = [
        ("decision_log", "\"\""),
        ("decision_log", "\"/no/such/folder/decisions.log\""),
        ("decision_log_which", "\"some\""),
        ("decision_log_which", "\"sampled:0\""),
        ("decision_log_queue", "\"1KiB\""),
        ("decision_log_when_full", "\"wait\""),
        ("listen", "\"7700\""),
        ("listen", "\"\""),
        ("listen", "\"0.0.0.0:0\""),
        ("admin_listen", "\"nowhere\""),
        ("metrics_listen", "\"unix:\""),
        ("caller_key_file", "\"/nonexistent/keys\""),
        ("unix_socket_mode", "\"0999\""),
        ("unix_socket_mode", "\"7777\""),
        ("max_staleness", "\"30\""),
        ("max_staleness", "\"1ms\""),
        ("max_staleness", "30"),
        ("warn_staleness", "\"-1s\""),
        ("cache_bytes", "\"64mb\""),
        ("cache_bytes", "\"1B\""),
        ("preload", "\"yes\""),
        ("unknown_lookups_per_second", "0"),
        ("batch_items", "10001"),
        ("batch_items", "0"),
        ("batch_items", "-1"),
        ("check_timeout", "\"0s\""),
        ("message_bytes", "\"1023KiB\""),
        ("max_connections", "0"),
        ("max_streams", "0"),
        ("greeting_timeout", "\"0s\""),
        ("idle_timeout", "\"never\""),
        ("max_calls", "0"),
        ("max_calls", "\"four\""),
        ("drain_timeout", "\"soon\""),
        ("required_actions", "\"files_downlaod\""),
        ("change_history", "0"),
        ("audit_keep", "0"),
        ("log", "\"rolegate=loud\""),
        ("log_format", "\"xml\""),
    ];
    for (key, value) in bad {
        let said = refused(&store, &format!("{key} = {value}\n"), &[], &[]);
        assert!(said.contains(&format!("`{key}`")), "{key} = {value}: {said}");
        assert_eq!(said.lines().count(), 1, "{said}");
    }
    let said = refused(&store, "max_calls = = 4\n", &[], &[]);
    assert!(said.contains("line 1"), "{said}");
}

#[test]
fn settings_that_contradict_each_other_are_refused_by_both_names() {
    let store = Store::new();
    let keys = store.beside("keys");
    std::fs::write(&keys, SECRET).unwrap();
    let keys = format!("caller_key_file = '{}'\ninsecure_allow_any_caller = true\n", keys.display());
    for (file, one, other) in [
        ("warn_staleness = \"31s\"\n", "warn_staleness", "max_staleness"),
        ("warn_staleness = \"2s\"\nmax_staleness = \"1s\"\n", "warn_staleness", "max_staleness"),
        (&keys, "insecure_allow_any_caller", "caller_key_file"),
    ] {
        let said = refused(&store, file, &[], &[]);
        assert!(said.contains(&format!("`{one}`")) && said.contains(&format!("`{other}`")), "{said}");
        assert_eq!(said.lines().count(), 1, "{said}");
    }
    // A warning that nobody asked for gives way.
    summary(&store, "max_staleness = \"1s\"\n", &[], &[]);
    summary(&store, "max_staleness = \"1s\"\nwarn_staleness = \"1s\"\n", &[], &[]);
    for (setting, name) in
        [("store = \"x.db\"\n", "`store`"), ("decision_log = \"stdout\"\n", "`decision_log`")]
    {
        let file = write(&store, setting);
        let output = run(["serve", "--demo", "--check-config", "--config", file.to_str().unwrap()]);
        let said = String::from_utf8(output.stderr).unwrap();
        assert!(output.status.code() == Some(64) && said.contains(name) && said.contains("--demo"), "{said}");
    }
}

#[test]
fn a_decision_log_is_never_written_into_the_store() {
    let store = Store::new();
    let [link, hard] = ["link.db", "hard.db"].map(|name| store.beside(name));
    std::os::unix::fs::symlink(&store.path, &link).unwrap();
    std::fs::hard_link(&store.path, &hard).unwrap();
    let before = std::fs::read(&store.path).unwrap();
    let roundabout = store.beside(".").join("./rolegate.db");
    let linked = format!("{}-wal", link.display());
    let parts = ["-wal", "-shm"].map(|ending| PathBuf::from(format!("{}{ending}", store.text())));
    for path in [&store.path, &link, &hard, &roundabout, &parts[0], &parts[1]] {
        let line = format!("decision_log = '{}'\n", path.display());
        for flags in [&[][..], &["--check-config"]] {
            let said = refused(&store, &line, flags, &[]);
            assert!(said.contains("`decision_log`") && said.contains("`store`"), "{said}");
        }
    }
    assert!(std::fs::read(&store.path).unwrap() == before && !parts.iter().any(|part| part.exists()));
    // By another name of its own, too, and before it is there.
    for (at, log) in [(&link, &parts[0]), (&store.beside("none.db"), &store.beside("./none.db"))] {
        let line = format!("store = '{}'\ndecision_log = '{}'\n", at.display(), log.display());
        let path = write(&store, &line);
        let output = run(["serve", "--check-config", "--config", path.to_str().unwrap()]);
        assert_eq!(output.status.code(), Some(64), "{line}: {output:?}");
    }
    summary(&store, &format!("store = '{}'\ndecision_log = '{linked}.log'\n", store.text()), &[], &[]);
}

#[test]
fn a_file_that_holds_something_else_is_no_decision_log_and_stays_as_it_is() {
    let store = Store::new();
    let path = store.beside("other");
    for other in ["SQLite format 3\0", "notes of mine", "\n{}\n"] {
        std::fs::write(&path, other).unwrap();
        let said = refused(&store, &format!("decision_log = '{}'\n", path.display()), &[], &[]);
        assert!(said.contains("`decision_log`") && said.contains("name another file"), "{said}");
        assert_eq!(std::fs::read_to_string(&path).unwrap(), other);
    }
}

#[test]
fn a_bad_flag_or_variable_is_refused_in_one_line_that_says_what_to_give_instead() {
    let store = Store::new();
    for (flags, environment, words) in [
        (&["--max-calls", "four"][..], &[][..], &["`four`", "`--max-calls <N>`", "whole number"][..]),
        (&["--max-calls=four"], &[("ROLEGATE_MAX_CALLS", "four")], &["`--max-calls <N>`: "]),
        (&["--max-calls"], &[], &["`--max-calls <N>` needs a value"]),
        (&["--max-cals", "4"], &[], &["`--max-cals`", "did you mean `--max-calls`?"]),
        (&["--zzz"], &[], &["`--zzz`", "see `--help`"]),
        (&["--preload", "maybe"], &[], &["`--preload <BOOL>`", "expected one of true, false"]),
        (&["--max-calls", "4", "--max-calls", "5"], &[], &["`--max-calls <N>` cannot be given twice"]),
        (&["--demo"], &[], &["`--store <STORE>` cannot be used with `--demo`"]),
        (&["--log-format", "jsn"], &[], &["`jsn`", "did you mean `json`?"]),
        (&["--max-stalenes", "4s"], &[], &["did you mean `--max-staleness`?"]),
        (&[], &[("ROLEGATE_LOG_FORMAT", "xml")], &["ROLEGATE_LOG_FORMAT", "expected one of text, json"]),
        (&[], &[("ROLEGATE_MAX_CALLS", "four")], &["`--max-calls <N>` (ROLEGATE_MAX_CALLS)"]),
        (&[], &[("ROLEGATE_OUTPUT", "xml")], &["ROLEGATE_OUTPUT", "table, json"]),
        (&[], &[("ROLEGATE_DRAIN_TIMEOUT", "soon")], &["`drain_timeout`"]),
    ] {
        let said = refused(&store, "", flags, environment);
        assert!(words.iter().all(|word| said.contains(word)), "{flags:?}: {said}");
        assert!(said.starts_with("error: ") && said.lines().count() == 1, "{said}");
    }
}

#[test]
fn an_unknown_variable_is_refused_and_the_one_meant_is_named() {
    let store = Store::new();
    for (name, words) in [
        ("ROLEGATE_MAX_STALENES", "did you mean `ROLEGATE_MAX_STALENESS`?"),
        ("ROLEGATE_API_KEYS", "did you mean `ROLEGATE_API_KEY`?"),
        ("ROLEGATE_METRICS_PORT", "unset it"),
        ("ROLEGATE_PORT_OF_CALL", "unset it"),
    ] {
        for flags in [&[][..], &["--check-config"]] {
            let said = refused(&store, "", flags, &[(name, "7s")]);
            assert!(said.contains(&format!("`{name}`")) && said.contains(words), "{said}");
            assert_eq!(said.lines().count(), 1, "{said}");
        }
    }
}

#[test]
fn variables_of_other_commands_and_of_kubernetes_stop_no_server() {
    let address = "tcp://10.0.0.1:7700";
    let environment = [
        ("ROLEGATE_API_KEY", "k"),
        ("ROLEGATE_OUTPUT", "table"),
        ("ROLEGATE_SERVER", "http://127.0.0.1:1"),
        ("ROLEGATE_SERVICE_HOST", "10.0.0.1"),
        ("ROLEGATE_SERVICE_PORT", "7700"),
        ("ROLEGATE_SERVICE_PORT_GRPC", "7700"),
        ("ROLEGATE_PORT", address),
        ("ROLEGATE_PORT_7700_TCP", address),
        ("ROLEGATE_PORT_7700_TCP_ADDR", "10.0.0.1"),
        ("ROLEGATE_PORT_7700_TCP_PORT", "7700"),
        ("ROLEGATE_PORT_7700_TCP_PROTO", "tcp"),
        ("ROLEGATE_ADMIN_SERVICE_HOST", "10.0.0.1"),
        ("ROLEGATE_ADMIN_SERVICE_PORT_GRPC", "7701"),
        ("ROLEGATE_ADMIN_PORT", "tcp://10.0.0.1:7701"),
        ("ROLEGATE_ADMIN_PORT_7701_TCP_ADDR", "10.0.0.1"),
    ];
    assert!(summary(&Store::new(), "", &[], &environment).contains("good"));
}

#[test]
fn mistakes_are_told_as_json_to_those_who_asked_for_it() {
    let store = Store::new();
    for (flags, environment, field) in [
        (&["--output", "json", "--max-calls", "four"][..], &[][..], "--max-calls"),
        (&["--max-cals", "4", "--output=json"], &[], "--max-cals"),
        (&["--max-cals", "4"], &[("ROLEGATE_OUTPUT", "json")], "--max-cals"),
        (&["--batch-items", "0"], &[("ROLEGATE_OUTPUT", "json")], "batch_items"),
    ] {
        let said: serde_json::Value = serde_json::from_str(&refused(&store, "", flags, environment)).unwrap();
        assert_eq!((&said["error"]["code"], &said["error"]["field"]), (&"USAGE".into(), &field.into()));
    }
    // A flag wins over the variable, here as everywhere.
    let flags = ["--output", "table", "--max-cals", "4"];
    assert!(refused(&store, "", &flags, &[("ROLEGATE_OUTPUT", "json")]).starts_with("error: "));
}

#[test]
fn bad_settings_are_found_before_anything_is_listened_on() {
    let store = Store::new();
    // Were it bound first, the error would be about the port.
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let listen = taken.local_addr().unwrap().to_string();
    let said = refused(&store, "max_calls = 0\n", &["--listen", &listen], &[]);
    assert!(said.contains("`max_calls`"), "{said}");
    // Good settings and a taken port: another error, and another exit code.
    let output = run(["serve", "--store", store.text(), "--listen", &listen, "--admin-listen", "off"]);
    let said = String::from_utf8(output.stderr).unwrap();
    assert!(output.status.code() == Some(1) && said.contains(&listen), "{said}");
}

#[test]
fn a_flag_wins_over_the_environment_over_the_file_over_the_default() {
    let store = Store::new();
    let batch_items = |file: &str, flags: &[&str], environment: &[(&str, &str)]| {
        let summary = summary(&store, file, flags, environment);
        let line = summary.lines().find(|line| line.contains("batch_items")).unwrap();
        line.split_whitespace().last().unwrap().to_owned()
    };
    let (file, variable) = ("batch_items = 20\n", [("ROLEGATE_BATCH_ITEMS", "30")]);
    assert_eq!(batch_items("", &[], &[]), "1000");
    assert_eq!(batch_items(file, &[], &[]), "20");
    assert_eq!(batch_items(file, &[], &variable), "30");
    assert_eq!(batch_items(file, &["--batch-items", "40"], &variable), "40");
}

#[test]
fn checking_a_configuration_needs_no_store_and_tells_no_secret() {
    let store = Store::new();
    let keys = store.beside("keys");
    std::fs::write(&keys, format!("{SECRET}\n")).unwrap();
    let flags = ["--listen", "0.0.0.0:0", "--caller-key-file", keys.to_str().unwrap(), "--store", "/none"];
    let summary = summary(&store, "", &flags, &[]);
    assert!(summary.contains("holders of a caller key") && !summary.contains(SECRET), "{summary}");
}

const SECRET: &str = "a-secret-of-more-than-thirty-two-characters";

#[tokio::test]
async fn a_listener_that_is_not_local_wants_a_key_from_its_callers() {
    let store = Store::with_site(SITE);
    let said = refused(&store, "", &["--listen", "0.0.0.0:0"], &[]);
    assert!(said.contains("`listen`") && said.contains("caller_key_file"), "{said}");
    let keys = store.beside("keys");
    std::fs::write(&keys, format!("another-key-of-more-than-thirty-two-characters\n\n  {SECRET}  \n"))
        .unwrap();
    let flags = ["--listen", "0.0.0.0:0", "--caller-key-file", keys.to_str().unwrap(), "--log", "trace"];
    let mut server = Server::listening(&store, &flags).await;
    server.questions = server.questions.replace("0.0.0.0", "127.0.0.1");
    // Health is for everyone.
    server.becomes(tonic_health::pb::health_check_response::ServingStatus::Serving).await;
    let question = may("ann", project("scans"), "files_download");
    let status = server.questions().await.check(question.clone()).await.unwrap_err();
    assert_eq!(status.code(), Code::Unauthenticated);
    for (key, wanted) in [(SECRET, None), (&SECRET[1..], Some(Code::Unauthenticated))] {
        let channel = server.channel().await;
        let mut shown = AuthorizationServiceClient::with_interceptor(channel, Bearer::of(key));
        assert_eq!(shown.check(question.clone()).await.err().map(|status| status.code()), wanted);
    }
    assert!(!server.logs.text().contains(SECRET), "the key is in the log");
}

#[tokio::test]
async fn doing_without_a_key_is_said_loudly() {
    let store = Store::with_site(SITE);
    let flags = ["--listen", "0.0.0.0:0", "--insecure-allow-any-caller"];
    let mut server = Server::listening(&store, &flags).await;
    assert!(server.logs.contain("INSECURE"), "{}", server.logs.text());
    server.questions = server.questions.replace("0.0.0.0", "127.0.0.1");
    server.becomes(tonic_health::pb::health_check_response::ServingStatus::Serving).await;
    assert!(server.questions().await.check(may("ann", project("scans"), "files_download")).await.is_ok());
}

#[tokio::test]
async fn an_administrators_key_shows_up_nowhere() {
    let store = Store::with_site(SITE);
    let server = Server::start_with(&store, &["--log", "trace"]).await;
    let secret = store.key.rsplit('_').next().unwrap();
    assert!(secret.len() > 20, "the key's secret part is its last");
    let mut admin = server.administrator(&store.key).await;
    let listed = admin.list_users(ListUsersRequest::default()).await;
    assert!(listed.is_ok());
    let wrong = format!("{}x", store.key);
    let refused =
        server.administrator(&wrong).await.list_users(ListUsersRequest::default()).await.unwrap_err();
    assert!(refused.code() == Code::Unauthenticated && !format!("{refused:?}").contains(secret));
    // The command line takes the key from the environment.
    let mut command = rolegate(["user", "list", "--admin-server", &server.admin]);
    assert!(command.env("ROLEGATE_API_KEY", &store.key).output().unwrap().status.success());
    let metrics = super::http::get(&server.metrics, "/metrics").await.1;
    for text in [server.logs.text(), command_line(server.id()), metrics] {
        assert!(!text.contains(secret), "the secret is told: {text}");
    }
}
