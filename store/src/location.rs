//! Which store is meant: a file of the embedded store, or a PostgreSQL database by its URL.

use super::{
    Store,
    error::{Result, StoreError},
    postgres::{Access, PostgresStore},
    sqlite::SqliteStore,
};
use sqlx::postgres::PgConnectOptions;
use std::{fmt, path::PathBuf, sync::Arc};

/// Where a store is.
#[derive(Clone)]
pub enum Location {
    /// In a file.
    File(PathBuf),
    /// In a database. Holds its password, and never prints it.
    Postgres(Box<PgConnectOptions>),
}

impl Location {
    /// Reads `postgres://...` as a database, and anything else as a file's path.
    ///
    /// # Errors
    /// It is empty, or a URL that makes no sense. What is said never repeats a password.
    pub fn parse(text: &str) -> std::result::Result<Self, String> {
        if text.is_empty() {
            return Err("must not be empty".to_owned());
        }
        if !is_url(text) {
            return if looks_like_database(text) {
                Err("is neither a path nor a URL such as `postgres://user@host:5432/database`".to_owned())
            } else {
                Ok(Self::File(text.into()))
            };
        }
        refuse_unknown_parameters(text)?;
        let options = text.parse::<PgConnectOptions>();
        let options =
            options.map_err(|_| "is no URL such as `postgres://user@host:5432/database`".to_owned())?;
        Ok(Self::Postgres(Box::new(options)))
    }

    /// The same with a password that came another way.
    #[must_use]
    pub fn with_password(self, password: &str) -> Self {
        match self {
            Self::File(path) => Self::File(path),
            Self::Postgres(options) => Self::Postgres(Box::new(options.password(password))),
        }
    }

    /// Opens the store.
    ///
    /// # Errors
    /// It cannot be reached, or is none that this binary can use.
    pub async fn open(&self, access: Access) -> Result<Arc<dyn Store>, StoreError> {
        Ok(match self {
            Self::File(path) => Arc::new(SqliteStore::open(path).await?),
            Self::Postgres(options) => Arc::new(PostgresStore::open((**options).clone(), access).await?),
        })
    }

    /// Makes a new store, and lets `set_up` write into it.
    ///
    /// # Errors
    /// There is one already, it cannot be written, or the set-up fails.
    pub async fn create<T>(&self, set_up: impl AsyncFnOnce(&dyn Store) -> Result<T>) -> Result<T> {
        match self {
            Self::File(path) => SqliteStore::create(path, async |store| set_up(store).await).await,
            Self::Postgres(options) => {
                PostgresStore::create((**options).clone(), async |store| set_up(store).await).await
            }
        }
    }

    /// Brings the store's schema up to date.
    ///
    /// # Errors
    /// It cannot be reached or changed, or is something else.
    pub async fn migrate(&self) -> Result<(), StoreError> {
        match self {
            Self::File(path) => {
                // Opening does it: nobody else's binary depends on a file's schema.
                SqliteStore::open(path).await?.close().await;
                Ok(())
            }
            Self::Postgres(options) => PostgresStore::migrate(options).await,
        }
    }
}

/// What a URL's parameters may say. The driver takes no notice of others, and a misspelt `sslmode` would be none.
const PARAMETERS: [&str; 12] = [
    "application_name",
    "dbname",
    "host",
    "hostaddr",
    "options",
    "password",
    "port",
    "sslcert",
    "sslkey",
    "sslmode",
    "sslrootcert",
    "user",
];

fn refuse_unknown_parameters(url: &str) -> std::result::Result<(), String> {
    let query = url.split_once('?').map_or("", |(_, query)| query);
    let names =
        query.split('&').filter(|pair| !pair.is_empty()).map(|pair| pair.split('=').next().unwrap_or(pair));
    match names.into_iter().find(|name| !PARAMETERS.contains(name)) {
        None => Ok(()),
        // A part of a password that was not written as a URL asks for is not repeated.
        Some(name)
            if name.len() > 30 || !name.bytes().all(|byte| byte.is_ascii_lowercase() || byte == b'_') =>
        {
            Err("has a parameter that means nothing here".to_owned())
        }
        Some(name) => Err(format!("has the parameter `{name}`, which means nothing here")),
    }
}

/// Whether a text that is no URL was meant to be one, or to be `libpq`'s list of settings. It must not pass for a path: it may
/// hold a password, and paths are printed.
fn looks_like_database(text: &str) -> bool {
    let text = text.trim().to_lowercase();
    let has_scheme = text.contains("://") || (text.starts_with("postgres") && text.contains(':'));
    let has_user = text.split_once('@').is_some_and(|(user, host)| {
        user.contains(':') && (!user.contains('/') || user.starts_with("//") || host.contains(':'))
    });
    let settings = ["host", "hostaddr", "user", "password", "dbname", "port", "service"];
    let has_settings = text
        .split_whitespace()
        .filter_map(|pair| pair.split_once('='))
        .any(|(name, _)| settings.contains(&name.trim()));
    has_scheme || has_user || has_settings || text.contains("password")
}

fn is_url(text: &str) -> bool {
    text.starts_with("postgres://") || text.starts_with("postgresql://")
}

/// Whether the text is a URL with a password in it.
#[must_use]
pub fn shows_password(text: &str) -> bool {
    let Some((_, rest)) = text.split_once("://").filter(|_| is_url(text)) else { return false };
    let authority = rest.split(['/', '?']).next().unwrap_or_default();
    let in_authority = authority.rsplit_once('@').is_some_and(|(user, _)| user.contains(':'));
    let query = rest.split_once('?').map_or("", |(_, query)| query);
    in_authority || query.split('&').any(|pair| pair.starts_with("password="))
}

impl fmt::Display for Location {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::File(path) => path.display().fmt(f),
            Self::Postgres(options) => {
                let (user, host, port) = (options.get_username(), options.get_host(), options.get_port());
                write!(f, "postgres://{user}@{host}:{port}/{}", options.get_database().unwrap_or(user))
            }
        }
    }
}

impl fmt::Debug for Location {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_location_prints_without_its_password() {
        let text = "postgres://rolegate:s3cret@db.example:5433/roles?sslmode=require";
        let location = Location::parse(text).map(|location| format!("{location} {location:?}"));
        let shown = "postgres://rolegate@db.example:5433/roles";
        assert_eq!(location, Ok(format!("{shown} {shown}")));
    }

    #[test]
    fn what_is_no_url_is_a_path() {
        assert!(
            matches!(Location::parse("data/rolegate.db"), Ok(Location::File(path)) if path == *"data/rolegate.db")
        );
        assert!(Location::parse("").is_err());
        for typo in [
            "postgres://u:s3cret@h:notaport/d",
            "postgre://u:s3cret@h/d",
            "POSTGRES://u:s3cret@h/d",
            "postgres:/u:s3cret@h/d",
            " postgres://u:s3cret@h/d",
            "postgres://u@h/d?pasword=s3cret",
            "own:s3cret@127.0.0.1:5432/roles",
            "//u:s3cret@h/d",
            "u:s3/cret@h:5432/d",
            "dbname = roles password = s3cret",
            "jdbc:postgresql:h?password=s3cret",
            "host=127.0.0.1 user=own password=s3cret dbname=roles",
            "postgres://u@h/d?sslmod=verify-full",
        ] {
            let problem = Location::parse(typo).err();
            assert!(problem.is_some_and(|problem| !problem.contains("s3cret")), "{typo}");
        }
        for path in ["data/a:b@c", "ann@example.db", "a=b", "C:data.db"] {
            assert!(matches!(Location::parse(path), Ok(Location::File(_))), "{path}");
        }
        assert!(Location::parse("postgres://u@h/d?sslmode=verify-full&sslrootcert=/ca.pem").is_ok());
    }

    #[test]
    fn a_password_in_a_url_is_noticed() {
        for (text, shown) in [
            ("postgres://u:p@h/d", true),
            ("postgresql://u:p@h", true),
            ("postgres://h/d?user=u&password=p", true),
            ("postgres://u@h:5432/d", false),
            ("postgres://h:5432/d", false),
            ("data/a:b@c", false),
        ] {
            assert_eq!(shows_password(text), shown, "{text}");
        }
    }
}
