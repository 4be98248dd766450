//! Every command of the command line, in both formats, against the real server. A new command without a case fails.

use super::{
    calls::{MEMORY_STUDY, sample_site},
    exits::code,
    server::Server,
};
use clap::CommandFactory as _;
use rolegate::cli::Cli;
use serde_json::Value;
use std::{collections::BTreeSet, process::Output};

/// A command line, and what its table and its JSON must hold.
struct Case(&'static str, &'static str, &'static str);

/// In an order in which each finds what it needs. Words are separated by single spaces, `_` stands for one within.
const CASES: [Case; 55] = [
    Case("user list", "rosa@demo.example", "/0/id"),
    Case("user create ann@x --site-role developer", "developer", "/user/site_role"),
    Case("user get ann@x", "ann@x", "/id"),
    Case("user update ann@x --site-role user", "ann@x", "/user/revision"),
    Case("user disable ann@x", "yes", "/user/disabled"),
    Case("user enable ann@x", "no", "/revision_token"),
    Case("group list", "Neuroimaging", "/1/label"),
    Case("group create onco --label Oncology", "Oncology", "/group/id"),
    Case("audit --by root@example.com --of onco", "created group", "/0/subject"),
    Case(
        "explain root@example.com files_download --project 5f0000000000000000000001",
        "ALLOW  site admin",
        "/steps/0/found",
    ),
    Case("group get onco", "Oncology", "/revision"),
    Case("group rename onco --label Cancer", "Cancer", "/group/label"),
    Case("group set-member onco ann@x --role rw", "rw", "/member/role"),
    Case("group members onco", "ann@x", "/0/user"),
    Case("group remove-member onco ann@x", "removed `ann@x` from group `onco`", "/revision_token"),
    Case("role list", "Gear developer", "/0/actions"),
    Case(
        "role create --label Data_tagger --with-required --action tags_manage,notes_manage --id 00aa",
        "tags_manage",
        "/role/id",
    ),
    Case("role get Data_tagger", "notes_manage", "/actions/0"),
    Case("role get 00aa", "Data tagger", "/label"),
    Case(
        "role update Data_tagger --add-action files_move --remove-action notes_manage --dry-run",
        "nobody gains or loses",
        "/access_changes",
    ),
    Case(
        "role update Data_tagger --add-action files_move --remove-action notes_manage",
        "files_move",
        "/role/actions",
    ),
    Case(
        "role offer Data_tagger --group onco",
        "offered role `Data tagger` to group `onco`",
        "/revision_token",
    ),
    Case("role offered --group onco", "Data tagger", "/0/label"),
    Case(
        "group set-template onco ann@x --role ro --role Data_tagger",
        "Data tagger",
        "/permission/role_labels",
    ),
    Case("group template onco", "Data tagger", "/0/roles/0"),
    Case("project create --group onco --label Lung --id p1", "Lung", "/project/id"),
    Case("project list --group onco", "Lung", "/0/label"),
    Case("project get p1", "onco", "/group"),
    Case("project rename p1 --label Lungs", "Lungs", "/project/label"),
    Case("project permissions p1", "root@example.com", "/1/role_labels"),
    Case("check --user ann@x --project p1 --action tags_manage --explain", "ALLOW", "/granted_by/0"),
    Case("effective --user ann@x --project p1", "tags_manage", "/actions/0"),
    Case("project set-permission p1 ann@x --role 00aa", "Data tagger", "/permission/roles/0"),
    Case("project remove-permission p1 ann@x", "took `ann@x` off project `p1`", "/revision_token"),
    Case("group remove-template onco ann@x --propagate", "ann@x", "/revision_token"),
    Case("role withdraw Data_tagger --group onco", "withdrew role", "/revision_token"),
    Case("role delete Data_tagger", "deleted role `Data tagger`", "/revision_token"),
    Case("project delete p1", "deleted project `p1`", "/revision_token"),
    Case("group delete onco", "deleted group `onco`", "/revision_token"),
    Case("gear list", "brain-segmenter", "/0/restriction"),
    Case("gear register defacer", "open", "/gear/name"),
    Case(
        "gear restrict defacer --user ann@x --project 5f0000000000000000000001",
        "restricted",
        "/gear/restriction/users/0",
    ),
    Case("gear get defacer", "ann@x", "/restriction"),
    Case("gear open defacer", "open", "/gear/restriction"),
    Case("gear delete defacer", "deleted gear `defacer`", "/revision_token"),
    Case("key create ann@x --label laptop --expires-in 90d", "SECRET", "/secret"),
    Case("key list ann@x", "laptop", "/0/expires_at"),
    Case("user delete ann@x", "deleted user `ann@x`", "/revision_token"),
    Case("batch-check -f questions.jsonl --user rosa@demo.example", "ALLOW", "/0/decision"),
    Case("apply -f site.yaml --dry-run", "dry run", "/base_revision"),
    Case("apply -f site.yaml", "1 object changed", "/changes"),
    Case("export -o out.yaml", "wrote `out.yaml`", "/file"),
    Case("migrate --store rolegate.db", "rolegate.db is up to date", "/revision"),
    Case("actions --level group", "group_roles_manage", "/group/0/name"),
    Case("healthcheck", "SERVING", "/status"),
];

/// Commands that other tests are about: their output is not in two formats, or they need more than a line.
const ELSEWHERE: [&str; 6] = ["import flywheel", "serve", "init", "schema", "completions", "key revoke"];

fn words(line: &str) -> Vec<String> {
    line.split(' ').map(|word| word.replace("Data_tagger", "Data tagger")).collect()
}

pub fn run(server: &Server, line: &str, format: &str) -> Output {
    let words = [words(line), vec!["--output".to_owned(), format.to_owned()]].concat();
    server.cli(&words.iter().map(String::as_str).collect::<Vec<_>>())
}

/// Writes the files that cases read.
fn with_files(server: &Server) {
    let question = format!("{{\"project\": \"{MEMORY_STUDY}\", \"action\": \"files_download\"}}\n");
    std::fs::write(server.folder().join("questions.jsonl"), question).unwrap();
    std::fs::write(server.folder().join("site.yaml"), "version: 1\nusers: [{id: new@x}]\n").unwrap();
}

fn leaves(command: &clap::Command, path: &str, into: &mut BTreeSet<String>) {
    for sub in command.get_subcommands().filter(|sub| sub.get_name() != "help") {
        let path = format!("{path} {}", sub.get_name()).trim().to_owned();
        if sub.has_subcommands() {
            leaves(sub, &path, into);
        } else {
            into.insert(path);
        }
    }
}

#[test]
fn every_command_has_a_case() {
    let (mut all, mut cased) = (BTreeSet::new(), BTreeSet::new());
    leaves(&Cli::command(), "", &mut all);
    for name in ELSEWHERE.into_iter().chain(CASES.iter().map(|case| case.0)) {
        let found = all.iter().find(|leaf| name == **leaf || name.starts_with(&format!("{leaf} ")));
        cased.insert(found.unwrap_or_else(|| panic!("no command {name}")).clone());
    }
    assert_eq!(cased, all);
}

#[tokio::test]
async fn every_command_prints_a_table_for_people() {
    let server = sample_site();
    with_files(&server);
    for Case(line, text, _) in CASES {
        let output = run(&server, line, "table");
        let stdout = String::from_utf8(output.stdout).unwrap();
        assert_eq!(output.status.code(), Some(0), "{line}: {}", String::from_utf8_lossy(&output.stderr));
        assert!(stdout.contains(text), "{line}: {stdout}");
    }
}

#[tokio::test]
async fn every_command_prints_json_for_programs() {
    let server = sample_site();
    with_files(&server);
    for Case(line, _, pointer) in CASES {
        let output = run(&server, line, "json");
        assert_eq!(output.status.code(), Some(0), "{line}: {}", String::from_utf8_lossy(&output.stderr));
        let json: Value = serde_json::from_slice(&output.stdout).unwrap();
        assert!(json.pointer(pointer).is_some(), "{line}: {json}");
        assert!(output.stderr.is_empty(), "{line}: {}", String::from_utf8_lossy(&output.stderr));
    }
}

#[tokio::test]
async fn a_key_made_here_works_and_ends_when_revoked() {
    let server = sample_site();
    let made: Value =
        serde_json::from_slice(&run(&server, "key create ada@demo.example --label x", "json").stdout)
            .unwrap();
    let (secret, id) = (made["secret"].as_str().unwrap(), made["key"]["id"].as_str().unwrap());
    assert!(server.cli_as(secret, &["user", "list"]).output().unwrap().status.success());
    for format in ["table", "json"] {
        let listed = run(&server, "key list ada@demo.example", format);
        let text = String::from_utf8(listed.stdout).unwrap();
        assert!(text.contains(id) && !text.contains(secret));
    }
    assert_eq!(code(&server, &format!("key revoke {id}")).0, Some(0));
    assert_eq!(server.cli_as(secret, &["user", "list"]).output().unwrap().status.code(), Some(1));
    assert_eq!(code(&server, &format!("key revoke {id}")).0, Some(1));
}

#[tokio::test]
async fn long_lists_are_followed_to_their_end_and_readers_may_leave() {
    let server = Server::start();
    let users: Vec<String> = (0..1_200).map(|nth| format!("{{id: user-{nth}}}")).collect();
    let document = format!("version: 1\nusers: [{}]\n", users.join(", "));
    std::fs::write(server.folder().join("site.yaml"), document).unwrap();
    assert!(server.cli(&["apply", "-f", "site.yaml", "--timeout", "1m"]).status.success());
    let listed: Value = serde_json::from_slice(&run(&server, "user list", "json").stdout).unwrap();
    assert_eq!(listed.as_array().unwrap().len(), 1_201);
    let table = String::from_utf8(run(&server, "user list", "table").stdout).unwrap();
    assert_eq!(table.lines().count(), 1_202);
    let some = run(&server, "user list --limit 501", "table");
    assert_eq!(String::from_utf8(some.stdout).unwrap().lines().count(), 502);
    assert!(String::from_utf8(some.stderr).unwrap().contains("there are more"));
    let mut list = server.cli_as(&server.key, &["user", "list"]);
    let program = list.get_program().to_string_lossy().into_owned();
    let mut shell = std::process::Command::new("bash");
    shell.args(["-o", "pipefail", "-c", &format!("{program} user list | head -n 1")]);
    for (name, value) in list.get_envs() {
        if let Some(value) = value {
            shell.env(name, value);
        }
    }
    let output = shell.output().unwrap();
    assert_eq!((output.status.code(), String::from_utf8_lossy(&output.stderr).as_ref()), (Some(0), ""));
    let _ = list.env_clear();
}

#[tokio::test]
async fn a_dry_run_of_a_role_says_who_loses_what() {
    let server = sample_site();
    let output =
        server.cli(&["role", "update", "Data importer", "--remove-action", "files_download", "--dry-run"]);
    let text = String::from_utf8(output.stdout).unwrap();
    let lines = ["ivy@demo.example", "  project 5f0000000000000000000002: loses files_download"];
    assert!(lines.iter().all(|line| text.lines().any(|found| found == *line)), "{text}");
    let output = server.cli(&["apply", "-f", "-", "--dry-run", "--prune"]);
    assert_eq!(output.status.code(), Some(1), "an empty standard input is no site file");
}
