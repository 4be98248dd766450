//! A platform, read over its HTTP contract: page by page, and with patience.

use super::model::{GearDoc, GearSeries, Group, Project, Role, User};
use serde::{Deserialize, Serialize, de::DeserializeOwned};
use std::{sync::Arc, thread, time::Duration};
use ureq::{
    Agent,
    http::Uri,
    tls::{Certificate, RootCerts, TlsConfig},
};

/// How many items are asked for at a time. Platforms give no more than this.
const PAGE: usize = 250;
/// The largest page that is read, in bytes.
const LARGEST_PAGE: u64 = 64 << 20;
/// How long an answer may take.
const PATIENCE: Duration = Duration::from_secs(60);
/// How often a request is made before giving up, and the pause after the first try, which doubles.
const TRIES: u32 = 6;
const PAUSE: Duration = Duration::from_millis(250);
/// Keys of this length are shown as the platform's newer ones are.
const LENGTH_OF_NEWER_KEYS: usize = 57;

/// Why a platform cannot be read. Never holds a key.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SourceError {
    /// The address is none.
    #[error("`{0}` is no address such as https://site.example.org")]
    Address(String),
    /// It does not answer, or not in words that mean anything.
    #[error("{path}: {problem}")]
    Unanswered {
        /// What was asked for.
        path: String,
        /// What is wrong.
        problem: String,
    },
    /// It refuses.
    #[error("{path}: refused with {status}: {message}")]
    Refused {
        /// What was asked for.
        path: String,
        /// The status.
        status: u16,
        /// Its own words.
        message: String,
    },
}

/// What a platform holds, as it tells it.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct Holdings {
    /// Every role, built-in ones among them.
    pub roles: Vec<Role>,
    /// Every user.
    pub users: Vec<User>,
    /// Every group with its members, template and offers.
    pub groups: Vec<Group>,
    /// Every project with who is on it.
    pub projects: Vec<Project>,
    /// Every gear and whom it is open to.
    pub gears: Vec<GearSeries>,
}

/// Learns how far reading has come, and may keep what was read for another time.
pub trait Progress {
    /// Reading a list begins.
    fn begins(&mut self, list: &'static str);
    /// So many more of its items have been read.
    fn read(&mut self, items: usize);
    /// A page that was read before, if it was kept.
    fn kept(&mut self, path: &str) -> Option<String>;
    /// A page was read.
    fn keep(&mut self, path: &str, body: &str);
}

/// A platform, and a key to read it with.
pub struct Source {
    agent: Agent,
    base: String,
    authorization: String,
}

impl Source {
    /// A platform at an address, with the key of a site admin as the platform shows it (an address may stand in front).
    ///
    /// # Errors
    /// The address is none.
    pub fn new(address: &str, key: &str) -> Result<Self, SourceError> {
        // What stands in front of an `@` is often a password.
        let shown = if address.contains('@') { "..." } else { address };
        let wrong = || SourceError::Address(shown.to_owned());
        let uri: Uri = address.parse().map_err(|_| wrong())?;
        let is_address = matches!(uri.scheme_str(), Some("http" | "https")) && uri.host().is_some();
        if !is_address || uri.authority().is_some_and(|authority| authority.as_str().contains('@')) {
            return Err(wrong());
        }
        let base = address.trim_end_matches('/').trim_end_matches("/api");
        let key = key.trim().rsplit(':').next().unwrap_or_default();
        let scheme = if key.len() == LENGTH_OF_NEWER_KEYS { "Bearer" } else { "scitran-user" };
        Ok(Self { agent: agent(), base: format!("{base}/api"), authorization: format!("{scheme} {key}") })
    }

    /// Reads everything that decides who may do what. Blocks.
    ///
    /// # Errors
    /// The platform cannot be read.
    pub fn read(&self, progress: &mut dyn Progress) -> Result<Holdings, SourceError> {
        let roles = self.list("roles", |role: &Role| &role.id, progress)?;
        let users = self.list("users", |user: &User| &user.id, progress)?;
        let groups = self.list("groups", |group: &Group| &group.id, progress)?;
        let projects = self.list("projects", |project: &Project| &project.id, progress)?;
        let gears = self.gears(progress)?;
        Ok(Holdings { roles, users, groups, projects, gears })
    }

    fn gears(&self, progress: &mut dyn Progress) -> Result<Vec<GearSeries>, SourceError> {
        let docs = self.list("gears", |doc: &GearDoc| &doc.id, progress)?;
        // A platform lists every version of a gear.
        let mut names: Vec<_> = docs.into_iter().map(|doc| doc.gear.name).collect();
        names.sort();
        names.dedup();
        progress.begins("gear restrictions");
        let mut gears = Vec::new();
        for name in names {
            match self.get::<GearSeries>(&format!("gears/{}/series", encoded(&name)), progress) {
                // Gone since it was listed.
                Err(SourceError::Refused { status: 404, .. }) => {}
                series => gears.push(series?),
            }
            progress.read(1);
        }
        Ok(gears)
    }

    fn list<T: DeserializeOwned>(
        &self,
        name: &'static str,
        id: impl Fn(&T) -> &String,
        progress: &mut dyn Progress,
    ) -> Result<Vec<T>, SourceError> {
        progress.begins(name);
        let mut found: Vec<T> = Vec::new();
        loop {
            let after =
                found.last().map_or_else(String::new, |last| format!("&after_id={}", encoded(id(last))));
            let path = format!("{name}?exhaustive=true&limit={PAGE}{after}");
            let page: Vec<T> = self.get(&path, progress)?;
            // One that takes no notice of where the last page ended would go on for ever.
            let is_same = page.first().zip(found.first()).is_some_and(|(new, old)| id(new) == id(old));
            if page.is_empty() || is_same {
                return Ok(found);
            }
            progress.read(page.len());
            found.extend(page);
        }
    }

    fn get<T: DeserializeOwned>(&self, path: &str, progress: &mut dyn Progress) -> Result<T, SourceError> {
        let unreadable = |error: serde_json::Error| SourceError::Unanswered {
            path: path.to_owned(),
            problem: format!("the answer is not what was expected: {error}"),
        };
        if let Some(kept) = progress.kept(path).and_then(|kept| serde_json::from_str(&kept).ok()) {
            return Ok(kept);
        }
        let body = self.fetch(path)?;
        let read = serde_json::from_str(&body).map_err(unreadable)?;
        progress.keep(path, &body);
        Ok(read)
    }

    /// Tries again where that may help.
    fn fetch(&self, path: &str) -> Result<String, SourceError> {
        let mut pause = PAUSE;
        for _ in 1..TRIES {
            match self.ask(path) {
                Err(SourceError::Unanswered { .. } | SourceError::Refused { status: 429 | 500.., .. }) => {}
                settled => return settled,
            }
            thread::sleep(pause);
            pause *= 2;
        }
        self.ask(path)
    }

    fn ask(&self, path: &str) -> Result<String, SourceError> {
        let unanswered = |error: ureq::Error| SourceError::Unanswered {
            path: path.to_owned(),
            problem: error.to_string(),
        };
        let request =
            self.agent.get(format!("{}/{path}", self.base)).header("Authorization", &self.authorization);
        let mut answer = request.header("Accept", "application/json").call().map_err(unanswered)?;
        let body =
            answer.body_mut().with_config().limit(LARGEST_PAGE).read_to_string().map_err(unanswered)?;
        let status = answer.status().as_u16();
        if status == 200 {
            return Ok(body);
        }
        Err(SourceError::Refused { path: path.to_owned(), status, message: message(&body) })
    }
}

/// Makes requests: over the TLS that the rest of rolegate uses, with the authorities that this machine trusts.
fn agent() -> Agent {
    let authorities = rustls_native_certs::load_native_certs().certs;
    let authorities = authorities.iter().map(|authority| Certificate::from_der(authority).to_owned());
    let tls = TlsConfig::builder()
        .root_certs(RootCerts::from(authorities))
        .unversioned_rustls_crypto_provider(Arc::new(rustls::crypto::ring::default_provider()))
        .build();
    // A key must not follow a redirection to somewhere else.
    let config = Agent::config_builder().tls_config(tls).timeout_global(Some(PATIENCE)).max_redirects(0);
    config.http_status_as_error(false).build().new_agent()
}

/// Why a platform refuses, in its own words.
fn message(body: &str) -> String {
    let told = serde_json::from_str::<serde_json::Value>(body).ok();
    let told = told.as_ref().and_then(|told| told.get("message")?.as_str());
    let told: String =
        told.unwrap_or("no reason given").chars().filter(|c| !c.is_control()).take(300).collect();
    told
}

/// One segment of a path, or a value of a query.
fn encoded(text: &str) -> String {
    let mut encoded = String::new();
    for byte in text.bytes() {
        match byte {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'_' | b'.' => encoded.push(char::from(byte)),
            other => encoded.push_str(&format!("%{other:02X}")),
        }
    }
    encoded
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_and_keys_are_taken_as_the_platform_shows_them() {
        let of = |address: &str, key: &str| {
            Source::new(address, key).map(|source| (source.base, source.authorization)).ok()
        };
        let shown = Some(("http://127.0.0.1:7703/api".to_owned(), "scitran-user s".to_owned()));
        assert_eq!(of("http://127.0.0.1:7703", "127.0.0.1:7703:__force_insecure:s\n"), shown);
        assert_eq!(of("http://127.0.0.1:7703/api/", "s"), shown);
        let newer = "k".repeat(57);
        assert_eq!(of("https://site", &newer).map(|(_, shown)| shown), Some(format!("Bearer {newer}")));
        for wrong in ["", "site", "ftp://site", "https://user:secret@site", "http://"] {
            assert_eq!(of(wrong, "s"), None, "{wrong}");
        }
        assert_eq!(encoded("a@b/c+d é"), "a%40b%2Fc%2Bd%20%C3%A9");
    }
}
