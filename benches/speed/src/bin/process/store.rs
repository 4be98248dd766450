//! Stores of whole sites, written in a few statements: through rolegate's own edits, ten million grants take too long.

use crate::{
    Result,
    site::{Site, project_id, spaced, user_id},
};
use rolegate::store::sqlite::SqliteStore;
use sqlx::{
    ConnectOptions as _, Connection as _, SqliteConnection,
    sqlite::{SqliteConnectOptions, SqliteJournalMode, SqliteSynchronous},
};
use std::{
    fs,
    path::{Path, PathBuf},
    time::Instant,
};
use tempfile::TempDir;

/// The indexes of the large table, which are made at the end: sorting once is faster than keeping in order.
const INDEXES: [(&str, &str); 2] = [
    ("project_permissions_of_user", "project_permissions (user_id, project_id, role_id)"),
    ("project_permissions_of_role", "project_permissions (role_id, project_id)"),
];

/// The same formula as the site's own. Users and projects are numbered from 1 here.
const GRANTS: &str = "\
    WITH RECURSIVE nth (n) AS (SELECT 0 UNION ALL SELECT n + 1 FROM nth WHERE n + 1 < $1)
    INSERT INTO project_permissions (project_id, user_id, role_id)
    SELECT projects.id, users.id, CASE (users.rowid - 1 + n) % 3 WHEN 0 THEN 'ro' WHEN 1 THEN 'rw' ELSE 'admin' END
    FROM users CROSS JOIN nth
    JOIN projects ON projects.rowid = 1 + ((users.rowid - 1) * 7919 + n) % $2
    ORDER BY projects.id, users.id";

/// Where stores are made.
pub struct Stores {
    folder: PathBuf,
    /// Goes with everything in it, unless the stores are to be kept.
    _passing: Option<TempDir>,
}

impl Stores {
    /// Stores in a folder, where they stay, or in one that goes when all is done.
    pub fn within(kept: Option<&Path>) -> Result<Self> {
        if let Some(folder) = kept {
            fs::create_dir_all(folder)?;
            return Ok(Self { folder: folder.to_owned(), _passing: None });
        }
        let passing = tempfile::Builder::new().prefix("rolegate-speed-").tempdir()?;
        Ok(Self { folder: passing.path().to_owned(), _passing: Some(passing) })
    }

    /// The store of a site, made now if it is not there.
    pub async fn of(&self, site: Site) -> Result<PathBuf> {
        let Site { users, projects, grants_of_a_user } = site;
        let path = self.folder.join(format!("{users}-{projects}-{grants_of_a_user}.db"));
        if path.exists() {
            return Ok(path);
        }
        eprint!("making the store of {} grants ... ", spaced(site.grants()));
        let started = Instant::now();
        // Under its name only when it is whole: a run that was broken off must not leave half a site.
        let draft = path.with_extension("draft");
        let _ = fs::remove_file(&draft);
        SqliteStore::create(&draft, async |_| Ok(())).await?;
        fill(&draft, site).await?;
        fs::rename(&draft, &path)?;
        eprintln!("{:.1} s", started.elapsed().as_secs_f64());
        Ok(path)
    }
}

async fn fill(path: &Path, site: Site) -> Result<()> {
    let options = SqliteConnectOptions::new()
        .filename(path)
        .journal_mode(SqliteJournalMode::Off)
        .synchronous(SqliteSynchronous::Off)
        .foreign_keys(false)
        .pragma("cache_size", "-262144");
    let mut connection = options.connect().await?;
    run(&mut connection, "INSERT INTO groups (id, label, revision) VALUES ('bench', 'Bench', 0)").await?;
    let sql = "INSERT INTO users (id, site_role, enabled, revision) VALUES ($1, 'user', 1, 0)";
    insert(&mut connection, sql, (0..site.users).map(user_id)).await?;
    let sql = "INSERT INTO projects (id, group_id, label, revision) VALUES ($1, 'bench', $1, 0)";
    insert(&mut connection, sql, (0..site.projects).map(project_id)).await?;
    for (name, _) in INDEXES {
        run(&mut connection, &format!("DROP INDEX {name}")).await?;
    }
    let grants = sqlx::query(GRANTS).bind(i64::try_from(site.grants_of_a_user)?);
    grants.bind(i64::try_from(site.projects)?).execute(&mut connection).await?;
    for (name, columns) in INDEXES {
        run(&mut connection, &format!("CREATE INDEX {name} ON {columns}")).await?;
    }
    Ok(connection.close().await?)
}

async fn run(connection: &mut SqliteConnection, sql: &str) -> Result<()> {
    sqlx::query(sqlx::AssertSqlSafe(sql.to_owned())).execute(connection).await?;
    Ok(())
}

async fn insert(
    connection: &mut SqliteConnection,
    sql: &'static str,
    ids: impl Iterator<Item = String>,
) -> Result<()> {
    run(connection, "BEGIN").await?;
    for id in ids {
        sqlx::query(sql).bind(id).execute(&mut *connection).await?;
    }
    run(connection, "COMMIT").await
}
