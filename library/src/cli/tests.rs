use super::*;

fn parsed(line: &str) -> Result<Cli, clap::Error> {
    Cli::try_parse_from(words(line))
}

/// Splits a line at blanks, but not within double quotes.
fn words(line: &str) -> Vec<String> {
    let mut words = Vec::new();
    for (nth, part) in line.split('"').enumerate() {
        if nth % 2 == 1 {
            words.push(part.to_owned());
        } else {
            words.extend(part.split_whitespace().map(str::to_owned));
        }
    }
    words
}

fn exit(line: &str) -> Exit {
    match parsed(line) {
        Ok(_) => Exit::Success,
        Err(error) => exit_of(&error),
    }
}

fn commands_below(command: &clap::Command, path: &str) -> Vec<(String, String)> {
    let path = format!("{path} {}", command.get_name());
    let help = command.get_after_help().map(ToString::to_string).unwrap_or_default();
    let below = command.get_subcommands().flat_map(|command| commands_below(command, &path));
    std::iter::once((path.clone(), help)).chain(below).collect()
}

#[test]
fn the_commands_are_consistent() {
    Cli::command().debug_assert();
}

#[test]
fn every_command_has_examples_and_they_parse() {
    for (path, help) in commands_below(&Cli::command(), "") {
        let examples: Vec<&str> = help.lines().filter(|line| line.starts_with("  rolegate ")).collect();
        assert!(!examples.is_empty(), "`{path}` has no example");
        for example in examples {
            assert!(example.contains(path.trim()), "`{example}` is not about `{path}`");
            assert_eq!(exit(example), Exit::Success, "`{example}`: {:?}", parsed(example).err());
        }
    }
}

#[test]
fn mistakes_exit_with_64_and_help_with_0() {
    for line in ["rolegate", "rolegate frobnicate", "rolegate role", "rolegate role list --limit 0"] {
        assert_eq!(exit(line), Exit::Usage, "{line}");
    }
    for line in
        ["rolegate --help", "rolegate --version", "rolegate role update --help", "rolegate help check"]
    {
        assert_eq!(exit(line), Exit::Success, "{line}");
    }
}

#[test]
fn a_check_asks_one_thing_in_one_place() {
    let fits = ["--site --action a", "--group g --action a", "--project p --operation o --bulk"];
    for rest in fits {
        assert_eq!(exit(&format!("rolegate check --user u {rest}")), Exit::Success, "{rest}");
    }
    let clashes = [
        "--action a",
        "--site",
        "--site --group g --action a",
        "--group g --project p --action a",
        "--site --action a --operation o",
        "--site --action a --bulk",
        "--site --operation o --origin martian",
        "--site --operation o --bulk=maybe",
        "--site --operation o --owner u --owner-system",
        "--site --action a --at-least t --fully-current",
    ];
    for rest in clashes {
        assert_eq!(exit(&format!("rolegate check --user u {rest}")), Exit::Usage, "{rest}");
    }
    assert_eq!(exit("rolegate check --site --action a"), Exit::Usage);
}

#[test]
fn a_bare_attribute_is_true_and_takes_no_following_word() {
    let line = "rolegate check --user u --project p --operation file.download --bulk --explain";
    let debug = format!("{:?}", parsed(line).ok());
    assert!(debug.contains("bulk: Some(true)") && debug.contains("explain: true"), "{debug}");
    let debug = format!("{:?}", parsed(&line.replace("--bulk", "--bulk=false")).ok());
    assert!(debug.contains("bulk: Some(false)"), "{debug}");
}

#[test]
fn a_batch_takes_defaults_but_needs_none() {
    assert_eq!(exit("rolegate batch-check -f x"), Exit::Success);
    assert_eq!(exit("rolegate batch-check -f x --site --operation file.view"), Exit::Success);
    assert_eq!(exit("rolegate batch-check -f x --site --group g"), Exit::Usage);
    assert_eq!(exit("rolegate batch-check"), Exit::Usage);
}

#[test]
fn changes_that_contradict_each_other_are_mistakes() {
    for line in [
        "rolegate role update r",
        "rolegate role update r --action a --add-action b",
        "rolegate gear restrict g",
        "rolegate gear restrict g --closed --user u",
        "rolegate key create u --label l --expires-in 1d --expires-at 2030-01-01T00:00:00Z",
        "rolegate key create u --label l --expires-in soon",
        "rolegate user create u --site-role emperor",
        "rolegate group set-member g u --role owner",
        "rolegate project set-permission p u",
    ] {
        assert_eq!(exit(line), Exit::Usage, "{line}");
    }
}

#[test]
fn connection_options_may_stand_before_or_after_the_inner_command() {
    for line in [
        "rolegate role --admin-server unix:/a --timeout 2s list --output json",
        "rolegate --output json role list --admin-server localhost:1 --key-file k",
    ] {
        assert_eq!(exit(line), Exit::Success, "{line}: {:?}", parsed(line).err());
    }
    assert_eq!(exit("rolegate role list --timeout 0s"), Exit::Usage);
    assert_eq!(exit("rolegate role list --admin-server ftp://host"), Exit::Usage);
}

#[test]
fn no_option_takes_a_key_itself() {
    for option in ["--key", "--api-key", "--token"] {
        assert_eq!(exit(&format!("rolegate role list {option} rgk_x")), Exit::Usage, "{option}");
    }
}

#[test]
fn an_error_in_an_admin_command_is_a_verdict_and_in_a_question_is_not() {
    let refusal = |line| parsed(line).map(|cli| cli.command.refusal()).ok();
    assert_eq!(refusal("rolegate role list"), Some(Refusal::Verdict));
    assert_eq!(refusal("rolegate check --user u --site --action a"), Some(Refusal::NoDecision));
    assert_eq!(refusal("rolegate healthcheck"), Some(Refusal::NoDecision));
}

#[test]
fn completion_scripts_are_made_for_every_shell() {
    use clap::ValueEnum;
    for shell in clap_complete::Shell::value_variants() {
        assert!(completions(*shell).render(Format::Json).contains("batch-check"), "{shell}");
    }
}

#[test]
fn what_is_stuck_does_not_keep_a_command_from_ending() {
    let (release, stuck) = std::sync::mpsc::channel::<()>();
    let (ended, waiting) = std::sync::mpsc::channel();
    std::thread::spawn(move || {
        let command = async {
            tokio::task::spawn_blocking(move || stuck.recv());
            ExitCode::SUCCESS
        };
        ended.send(block_on(command))
    });
    let code = waiting.recv_timeout(Duration::from_secs(30)).expect("the command ends");
    assert_eq!(code, ExitCode::SUCCESS);
    drop(release);
}
