//! The file of callers' keys, which changes beneath a server.

use super::{
    ask::{item, may, project},
    http::metric,
    server::{Bearer, Server, Store, run, until},
    site::SITE,
};
use rolegate::grpc::proto::{
    BatchCheckRequest, GetEffectiveActionsRequest, authorization_service_client::AuthorizationServiceClient,
};
use serde_json::Value;
use std::{fs, os::unix::fs::symlink, path::Path, process::Command};
use tonic::{Code, transport::Channel};

const OLD: &str = "an-old-key-of-more-than-thirty-two-characters";
const NEW: &str = "a-new-key-of-more-than-thirty-two-characters";

/// A server whose key file is a link into a folder that is swapped as a whole, as Kubernetes mounts secrets.
struct Guarded {
    server: Server,
    store: Store,
    /// One connection for all calls.
    open: Channel,
}

impl Guarded {
    async fn start(keys: &str) -> Self {
        let store = Store::with_site(SITE);
        let mount = store.beside("mount");
        fs::create_dir(&mount).unwrap();
        swap(&mount, keys.as_bytes());
        symlink("..data/key", mount.join("key")).unwrap();
        let (file, log) = (mount.join("key"), store.beside("decisions"));
        let flags = ["--caller-key-file", file.to_str().unwrap(), "--decision-log", log.to_str().unwrap()];
        let server = Server::start_with(&store, &[&flags[..], &["--log", "trace"]].concat()).await;
        let open = server.channel().await;
        Self { server, store, open }
    }

    fn swap(&self, keys: &[u8]) {
        swap(&self.store.beside("mount"), keys);
    }

    /// What a question with this key comes to, on the one connection.
    async fn asked(&self, key: &str) -> Result<(), Code> {
        let mut shown = AuthorizationServiceClient::with_interceptor(self.open.clone(), Bearer::of(key));
        let asked = shown.check(may("ann", project("scans"), "files_download")).await;
        asked.map(drop).map_err(|status| status.code())
    }

    async fn failures(&self) -> f64 {
        metric(&self.server.metrics, "rolegate_caller_key_reload_failures_total").await
    }

    /// The places of the keys by which the logged questions came.
    fn places(&self) -> Vec<u64> {
        let log = fs::read_to_string(self.store.beside("decisions")).unwrap();
        // The last line may still be on its way.
        let whole = log.split_inclusive('\n').filter(|line| line.ends_with('\n'));
        let lines = whole.map(|line| serde_json::from_str::<Value>(line).unwrap());
        lines.map(|line| line["caller"]["caller_key"].as_u64().unwrap()).collect()
    }
}

fn swap(mount: &Path, keys: &[u8]) {
    let folder = (0..).map(|n| mount.join(format!("..{n}"))).find(|folder| !folder.exists()).unwrap();
    fs::create_dir(&folder).unwrap();
    fs::write(folder.join("key"), keys).unwrap();
    let link = mount.join("..new");
    symlink(folder.file_name().unwrap(), &link).unwrap();
    fs::rename(&link, mount.join("..data")).unwrap();
}

const REFUSED: Result<(), Code> = Err(Code::Unauthenticated);

#[tokio::test]
async fn keys_change_without_a_restart_and_those_taken_out_are_refused_on_open_connections() {
    let guarded = Guarded::start(&format!("{OLD}\n")).await;
    assert_eq!((guarded.asked(OLD).await, guarded.asked(NEW).await), (Ok(()), REFUSED));
    guarded.swap(format!("{OLD}\n{NEW}\n").as_bytes());
    until("the new key is good", async || guarded.asked(NEW).await.is_ok()).await;
    guarded.swap(format!("{NEW}\n{OLD}\n").as_bytes());
    until("the keys have other places", async || guarded.server.logs.count("other keys") == 2).await;
    assert_eq!((guarded.asked(NEW).await, guarded.asked(OLD).await), (Ok(()), Ok(())));
    guarded.swap(NEW.as_bytes());
    until("the old key is refused", async || guarded.asked(OLD).await == REFUSED).await;
    assert_eq!(guarded.asked(NEW).await, Ok(()));
    assert_eq!(guarded.failures().await, 0.0);
    // The first, the second once it was there, each in its new place, the old while it was still good, the one that is left.
    until("all is logged", async || guarded.places().last() == Some(&1)).await;
    let mut places = guarded.places();
    places.dedup();
    assert_eq!(places, [1, 2, 1, 2, 1]);
    let logs = guarded.server.logs.text();
    assert!(!logs.contains(OLD) && !logs.contains(NEW), "a key is in the log");
}

#[tokio::test]
async fn every_kind_of_question_is_logged_with_the_place_of_its_key() {
    let guarded = Guarded::start(&format!("{OLD}\n{NEW}\n")).await;
    let mut shown = AuthorizationServiceClient::with_interceptor(guarded.open.clone(), Bearer::of(NEW));
    let question = may("ann", project("scans"), "files_download");
    shown.check(question.clone()).await.unwrap();
    let items = vec![item(question.clone()), item(question)];
    shown.batch_check(BatchCheckRequest { items, ..Default::default() }).await.unwrap();
    let (user, resource) = ("ann".to_owned(), Some(project("scans")));
    let all = GetEffectiveActionsRequest { user, resource, ..Default::default() };
    shown.get_effective_actions(all).await.unwrap();
    until("all is logged", async || guarded.places() == [2; 4]).await;
}

#[tokio::test]
async fn a_file_that_cannot_be_used_leaves_the_last_good_keys_in_use_and_is_told_once() {
    let guarded = Guarded::start(OLD).await;
    let short = format!("{NEW}\nshort\n");
    let bad: [(&str, Option<&[u8]>); 4] = [
        ("must hold keys of at least", Some(b"")),
        ("No such file", None),
        ("must hold keys of at least", Some(short.as_bytes())),
        ("valid UTF-8", Some(b"\xff\xfe an-old-key-of-more-than-thirty-two-characters")),
    ];
    for (words, keys) in bad {
        let before = guarded.server.logs.count(words);
        match keys {
            Some(keys) => guarded.swap(keys),
            None => fs::remove_file(guarded.store.beside("mount/..data")).unwrap(),
        }
        until("the log says so", async || guarded.server.logs.count(words) > before).await;
        let failures = guarded.failures().await;
        until("it is looked at again", async || guarded.failures().await > failures + 1.0).await;
        assert_eq!(guarded.server.logs.count(words), before + 1, "{}", guarded.server.logs.text());
        assert_eq!((guarded.asked(OLD).await, guarded.asked(NEW).await), (Ok(()), REFUSED), "{words}");
        let keyless =
            guarded.server.questions().await.check(may("ann", project("scans"), "files_download")).await;
        assert_eq!(keyless.unwrap_err().code(), Code::Unauthenticated, "{words}");
    }
    guarded.swap(NEW.as_bytes());
    until("good keys are taken up", async || guarded.asked(NEW).await.is_ok()).await;
    assert_eq!(guarded.asked(OLD).await, REFUSED);
}

#[tokio::test]
async fn a_pipe_in_the_place_of_the_file_stops_nobody_from_looking_again() {
    let guarded = Guarded::start(OLD).await;
    let file = guarded.store.beside("mount/..data/key");
    fs::remove_file(&file).unwrap();
    assert!(Command::new("mkfifo").arg(&file).status().unwrap().success());
    until("the log says so", async || guarded.server.logs.contain("is no regular file")).await;
    assert_eq!(guarded.asked(OLD).await, Ok(()));
    guarded.swap(NEW.as_bytes());
    until("good keys are taken up", async || guarded.asked(NEW).await.is_ok()).await;
    assert_eq!(guarded.asked(OLD).await, REFUSED);
    // What never ends is not waited for at the start either.
    let pipe = guarded.store.beside("mount/..0/key");
    for endless in [pipe.to_str().unwrap(), "/dev/zero"] {
        let flags = ["serve", "--check-config", "--store", "/none", "--caller-key-file", endless];
        let done = run(flags);
        let said = String::from_utf8_lossy(&done.stderr).into_owned();
        assert_eq!(done.status.code(), Some(64), "{said}");
        assert!(said.contains("`caller_key_file`") && said.contains("is no regular file"), "{said}");
    }
}
