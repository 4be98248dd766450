//! TLS files that change beneath a server, and such as cannot be used.

use super::{
    certificates::{Authority, Pair},
    http::{get, metric},
    server::{Server, Store, finish, rolegate, until},
    site::SITE,
    tls::answers,
    tls_client::{SERVER_NAMES, call, shown},
};
use std::{
    fs,
    os::unix::fs::{PermissionsExt as _, symlink},
    path::Path,
};

/// A server whose files are links into a folder that is swapped as a whole, as Kubernetes mounts secrets.
struct Mounted {
    server: Server,
    store: Store,
}

const FILES: [&str; 3] = ["tls.crt", "tls.key", "ca.crt"];

impl Mounted {
    async fn start(pair: &Pair, clients: Option<&Authority>) -> Self {
        let store = Store::with_site(SITE);
        let mount = Self::mount(&store, pair, clients);
        let paths = FILES.map(|name| mount.join(name).display().to_string());
        let [cert, key, ca] = &paths;
        let mut flags =
            vec!["--tls-cert-file", cert, "--tls-key-file", key, "--tls-reload-interval", "100ms"];
        if clients.is_some() {
            flags.extend(["--tls-client-ca-file", ca]);
        }
        let server = Server::listening(&store, &flags).await;
        until("the server is ready", async || get(&server.metrics, "/readyz").await.0 == 200).await;
        Self { server, store }
    }

    fn mount(store: &Store, pair: &Pair, clients: Option<&Authority>) -> std::path::PathBuf {
        let mount = store.beside("mount");
        fs::create_dir(&mount).unwrap();
        swap(&mount, pair, clients);
        for name in FILES {
            symlink(Path::new("..data").join(name), mount.join(name)).unwrap();
        }
        mount
    }

    /// Puts other files in the place of those that are there, all at once.
    fn swap(&self, pair: &Pair, clients: Option<&Authority>) {
        swap(&self.store.beside("mount"), pair, clients);
    }

    fn address(&self) -> &str {
        self.server.questions.trim_start_matches("https://")
    }

    async fn shows(&self, pair: &Pair, authority: &Authority) -> bool {
        shown(self.address(), &authority.pem()).await.is_ok_and(|der| der == pair.der)
    }

    async fn reload_failures(&self) -> f64 {
        metric(&self.server.metrics, "rolegate_tls_reload_failures_total").await
    }
}

fn swap(mount: &Path, pair: &Pair, clients: Option<&Authority>) {
    let folder = (0..).map(|n| mount.join(format!("..{n}"))).find(|folder| !folder.exists()).unwrap();
    fs::create_dir(&folder).unwrap();
    fs::write(folder.join("tls.crt"), &pair.cert).unwrap();
    fs::write(folder.join("tls.key"), &pair.key).unwrap();
    if let Some(clients) = clients {
        fs::write(folder.join("ca.crt"), clients.pem()).unwrap();
    }
    let link = mount.join("..new");
    symlink(folder.file_name().unwrap(), &link).unwrap();
    fs::rename(&link, mount.join("..data")).unwrap();
}

#[tokio::test]
async fn a_new_pair_is_shown_to_new_connections_and_open_ones_go_on() {
    let (first, second) = (Authority::new(), Authority::new());
    let (old, new) = (first.server(&SERVER_NAMES), second.server(&SERVER_NAMES));
    let mounted = Mounted::start(&old, None).await;
    assert!(mounted.shows(&old, &first).await);
    // It believes the first authority alone, and could not connect anew.
    let open = call(&mounted.server.questions, &first.pem(), None).await.unwrap();
    assert!(answers(open.clone()).await);
    mounted.swap(&new, None);
    until("the new pair is shown", async || mounted.shows(&new, &second).await).await;
    assert!(!mounted.shows(&old, &first).await);
    assert!(answers(open).await, "an open connection was dropped");
    assert!(answers(call(&mounted.server.questions, &second.pem(), None).await.unwrap()).await);
    assert!(call(&mounted.server.questions, &first.pem(), None).await.is_err());
    assert_eq!(mounted.reload_failures().await, 0.0);
}

#[tokio::test]
async fn clients_of_an_authority_that_is_taken_away_are_refused_from_then_on() {
    let (ours, before, after) = (Authority::new(), Authority::new(), Authority::new());
    let (pair, client) = (ours.server(&SERVER_NAMES), before.client());
    let mounted = Mounted::start(&pair, Some(&before)).await;
    let is_served =
        async |client: &Pair| match call(&mounted.server.questions, &ours.pem(), Some(client)).await {
            Ok(channel) => answers(channel).await,
            Err(_) => false,
        };
    assert!(is_served(&client).await);
    mounted.swap(&pair, Some(&after));
    until("the old authority is gone", async || !is_served(&client).await).await;
    assert!(is_served(&after.client()).await);
}

#[tokio::test]
async fn bad_files_leave_the_last_good_pair_in_use_and_are_told_once() {
    let authority = Authority::new();
    let good = authority.server(&SERVER_NAMES);
    let mounted = Mounted::start(&good, None).await;
    let other = authority.server(&SERVER_NAMES);
    let bad = [
        ("is not the key of", Pair { key: other.key.clone(), ..good.clone() }),
        ("holds no certificate", Pair { cert: "nonsense".to_owned(), ..good.clone() }),
        ("holds no private key", Pair { key: String::new(), ..good.clone() }),
        ("has expired", authority.expired_server(&SERVER_NAMES)),
        ("is not valid before", authority.future_server(&SERVER_NAMES)),
        ("is not for servers", authority.client()),
    ];
    for (words, pair) in &bad {
        mounted.swap(pair, None);
        until("the log says so", async || mounted.server.logs.contain(words)).await;
        let failures = mounted.reload_failures().await;
        until("it is looked at again", async || mounted.reload_failures().await > failures + 1.0).await;
        assert_eq!(mounted.server.logs.count(words), 1, "{}", mounted.server.logs.text());
        assert!(mounted.shows(&good, &authority).await, "{words}");
    }
    fs::remove_file(mounted.store.beside("mount").join("..data")).unwrap();
    until("missing files are told", async || mounted.server.logs.contain("No such file")).await;
    assert!(mounted.shows(&good, &authority).await);
    mounted.swap(&other, None);
    until("good files are taken up", async || mounted.shows(&other, &authority).await).await;
}

#[tokio::test]
async fn a_key_that_everyone_may_read_is_warned_of() {
    for (mode, warns) in [(0o644, true), (0o640, false)] {
        let store = Store::with_site(SITE);
        let [cert, key] = Authority::new().server(&SERVER_NAMES).write(store.folder.path(), "server");
        fs::set_permissions(&key, fs::Permissions::from_mode(mode)).unwrap();
        let (cert, key) = (cert.to_str().unwrap(), key.to_str().unwrap());
        let server = Server::listening(&store, &["--tls-cert-file", cert, "--tls-key-file", key]).await;
        until("the pair is announced", async || server.logs.contain("TLS has a certificate")).await;
        until("the server is ready", async || get(&server.metrics, "/readyz").await.0 == 200).await;
        assert_eq!(server.logs.contain("everyone on this machine may read"), warns, "{}", server.logs.text());
    }
}

/// Runs `serve` with settings that cannot be used, and says what was said.
fn refused(store: &Store, flags: &[&str]) -> String {
    let mut command = rolegate(["serve", "--store", store.text()]);
    if !flags.contains(&"--listen") {
        command.args(["--listen", "127.0.0.1:0"]);
    }
    if !flags.contains(&"--admin-listen") {
        command.args(["--admin-listen", "127.0.0.1:0"]);
    }
    command.args(flags);
    let done = finish(command);
    let said = String::from_utf8(done.stderr).unwrap();
    assert_eq!(done.status.code(), Some(64), "{flags:?}: {said}");
    assert!(!said.contains("listening") && said.lines().count() == 1, "{flags:?}: {said}");
    said
}

#[test]
fn files_that_cannot_be_used_stop_the_start_and_are_named() {
    let (store, authority) = (Store::new(), Authority::new());
    let write = |name: &str, text: &str| {
        fs::write(store.beside(name), text).unwrap();
        store.beside(name).display().to_string()
    };
    let (good, other) = (authority.server(&SERVER_NAMES), authority.server(&SERVER_NAMES));
    let expired = authority.expired_server(&SERVER_NAMES);
    let (cert, key) = (write("good.crt", &good.cert), write("good.key", &good.key));
    let (empty, other_key) = (write("empty", ""), write("other.key", &other.key));
    let (old, old_key) = (write("old.crt", &expired.cert), write("old.key", &expired.key));
    let (early, client) = (authority.future_server(&SERVER_NAMES), authority.client());
    let (new, new_key) = (write("new.crt", &early.cert), write("new.key", &early.key));
    let (clients, clients_key) = (write("client.crt", &client.cert), write("client.key", &client.key));
    let broken = write("broken.crt", &good.cert.replace("MII", "!!!"));
    let missing = store.beside("missing").display().to_string();
    for (cert, key, ca, at_fault, setting) in [
        (&missing, &key, None, &missing, "tls_cert_file"),
        (&empty, &key, None, &empty, "tls_cert_file"),
        (&broken, &key, None, &broken, "tls_cert_file"),
        (&key, &key, None, &key, "tls_cert_file"),
        (&old, &old_key, None, &old, "tls_cert_file"),
        (&new, &new_key, None, &new, "tls_cert_file"),
        (&clients, &clients_key, None, &clients, "tls_cert_file"),
        (&cert, &missing, None, &missing, "tls_key_file"),
        (&cert, &empty, None, &empty, "tls_key_file"),
        (&cert, &other_key, None, &other_key, "tls_key_file"),
        (&cert, &key, Some(&missing), &missing, "tls_client_ca_file"),
        (&cert, &key, Some(&empty), &empty, "tls_client_ca_file"),
        (&cert, &key, Some(&key), &key, "tls_client_ca_file"),
    ] {
        let mut flags = vec!["--tls-cert-file", cert, "--tls-key-file", key];
        flags.extend(ca.iter().flat_map(|ca| ["--tls-client-ca-file", ca.as_str()]));
        let said = refused(&store, &flags);
        assert!(said.contains(at_fault.as_str()) && said.contains(setting), "{said}");
        assert!(!said.contains("PRIVATE KEY"), "{said}");
    }
}

#[test]
fn settings_that_would_protect_nothing_are_refused() {
    let (store, authority) = (Store::new(), Authority::new());
    let [cert, key] = authority.server(&SERVER_NAMES).write(store.folder.path(), "server");
    let (cert, key) = (cert.to_str().unwrap(), key.to_str().unwrap());
    let ca = store.beside("ca.crt");
    fs::write(&ca, authority.pem()).unwrap();
    let (ca, socket) = (ca.to_str().unwrap(), format!("unix:{}", store.beside("s").display()));
    let pair = ["--tls-cert-file", cert, "--tls-key-file", key];
    let sockets_alone = ["--listen", &socket, "--admin-listen", "off"];
    let with = |more: &[&'static str]| [&pair[..], more].concat();
    for (flags, setting) in [
        (Vec::from(&pair[..2]), "tls_key_file"),
        (Vec::from(&pair[2..]), "tls_cert_file"),
        (vec!["--tls-client-ca-file", ca], "tls_client_ca_file"),
        (vec!["--tls-reload-interval", "1m"], "tls_reload_interval"),
        (with(&["--tls-reload-interval", "1ms"]), "tls_reload_interval"),
        ([&pair[..], &sockets_alone].concat(), "tls_cert_file"),
        (vec!["--socket-uids", "1000"], "socket_uids"),
        ([&["--socket-uids", "1000,me"][..], &sockets_alone].concat(), "socket_uids"),
        (
            [&pair[..], &["--tls-client-ca-file", ca, "--insecure-allow-any-caller"]].concat(),
            "insecure_allow_any_caller",
        ),
    ] {
        let said = refused(&store, &flags);
        assert!(said.contains(&format!("`{setting}`")), "{flags:?}: {said}");
    }
}
