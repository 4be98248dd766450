//! What makes a store's tables and brings them up to date, compiled in.
//!
//! `sqlx::migrate!` would do the same, but macros are built for the compiler: it takes along every database's client,
//! SQLite included, which are then built twice.

use sqlx::{
    SqlSafeStr as _,
    migrate::{Migration, MigrationType, Migrator},
};
use std::sync::LazyLock;

/// For the embedded store.
pub(super) static SQLITE: LazyLock<Migrator> = LazyLock::new(|| {
    in_order([
        ("initial", include_str!("migrations/sqlite/0001_initial.sql")),
        ("audit", include_str!("migrations/sqlite/0002_audit.sql")),
    ])
});

/// For PostgreSQL.
pub(super) static POSTGRES: LazyLock<Migrator> = LazyLock::new(|| {
    in_order([
        ("initial", include_str!("migrations/postgres/0001_initial.sql")),
        ("audit", include_str!("migrations/postgres/0002_audit.sql")),
    ])
});

/// The first has version 1.
fn in_order<const N: usize>(files: [(&'static str, &'static str); N]) -> Migrator {
    let numbered = (1..).zip(files).map(|(version, (name, sql))| {
        Migration::new(version, name.into(), MigrationType::Simple, sql.into_sql_str(), false)
    });
    Migrator::with_migrations(numbered.collect())
}

#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::panic, reason = "tests")]
mod tests {
    use super::*;
    use std::path::Path;

    /// What a store's records of its migrations are compared with, as sqlx itself reads it off a folder.
    async fn is_all_of(migrator: &Migrator, folder: &str) {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("src/migrations").join(folder);
        let found = Migrator::new(folder.as_path()).await.unwrap();
        let told = |migrator: &Migrator| {
            let all = migrator.iter().cloned();
            all.map(|one| (one.version, one.description, one.sql, one.checksum, one.no_tx))
                .collect::<Vec<_>>()
        };
        assert_eq!(told(migrator), told(&found));
    }

    #[tokio::test]
    async fn every_file_is_run_in_its_turn_and_under_its_name() {
        is_all_of(&SQLITE, "sqlite").await;
        is_all_of(&POSTGRES, "postgres").await;
    }
}
