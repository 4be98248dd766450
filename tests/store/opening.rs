//! What can lie under a store's name, and what opening makes of it.

use crate::support::*;
use rolegate::store::{error::StoreError, sqlite::SqliteStore};
use sqlx::Connection as _;
use std::{fs, path::Path, time::Duration};

async fn refused_to_open(path: &Path) -> String {
    let before = fs::read(path).ok();
    let error = SqliteStore::open(path).await.err();
    let error = error.unwrap_or_else(|| {
        panic!("`{}` was opened, of {:?} bytes", path.display(), before.as_ref().map(Vec::len))
    });
    assert!(!matches!(error, StoreError::Unavailable(_)), "trying again would not help: {error}");
    assert_eq!(fs::read(path).ok(), before, "changed by a refused opening");
    error.to_string()
}

async fn run(path: &Path, sql: &'static str) {
    let mut connection = raw(path).await;
    sqlx::query(sql).execute(&mut connection).await.unwrap();
    connection.close().await.unwrap();
}

/// A store's file with nothing beside it.
async fn closed() -> Made {
    let made = sqlite().await;
    write(&*made.store, (0..200).map(|n| say::new_user(&format!("user-{n}")))).await;
    let copy = made.folder.path().join("whole.db");
    vacuum_into(&made.path, &copy).await;
    Made { path: copy, ..made }
}

#[tokio::test]
async fn what_is_no_store_is_told_apart_and_left_alone() {
    let folder = tempfile::tempdir().unwrap();
    let at = |name: &str| folder.path().join(name);
    let missing = refused_to_open(&at("missing.db")).await;
    assert!(missing.contains("there is no role store at") && missing.contains("rolegate init"), "{missing}");
    fs::write(at("text.db"), "not a database at all, but long enough to have a header of its own".repeat(9))
        .unwrap();
    let text = refused_to_open(&at("text.db")).await;
    assert!(text.contains("text.db") && text.contains("no rolegate store"), "{text}");
    fs::write(at("empty.db"), "").unwrap();
    let empty = refused_to_open(&at("empty.db")).await;
    assert!(empty.contains("is not a rolegate store"), "{empty}");
    for (name, mode) in
        [("foreign.db", "PRAGMA journal_mode = DELETE"), ("wal.db", "PRAGMA journal_mode = WAL")]
    {
        run(&at(name), mode).await;
        run(&at(name), "CREATE TABLE theirs (x); ").await;
        let foreign = refused_to_open(&at(name)).await;
        assert!(foreign.contains("is not a rolegate store; nothing in it was changed"), "{foreign}");
    }
    fs::create_dir(at("folder")).unwrap();
    let directory = refused_to_open(&at("folder")).await;
    assert!(directory.contains("is a directory"), "{directory}");
}

#[tokio::test]
async fn a_damaged_store_is_refused() {
    let made = closed().await;
    let whole = fs::read(&made.path).unwrap();
    let damaged = made.folder.path().join("damaged.db");
    for end in [10, 100, 512, 4096, 4096 * 3, whole.len() - 4096, whole.len() - 1] {
        fs::write(&damaged, &whole[..end]).unwrap();
        let text = refused_to_open(&damaged).await;
        assert!(text.contains("damaged.db"), "cut to {end}: {text}");
    }
    for page in [1, 3, 6] {
        let mut bytes = whole.clone();
        bytes[page * 4096..page * 4096 + 600].fill(0xa5);
        fs::write(&damaged, &bytes).unwrap();
        let text = refused_to_open(&damaged).await;
        assert!(
            text.contains("corrupted") && text.contains("restore it from a backup"),
            "page {page}: {text}"
        );
    }
}

#[tokio::test]
async fn a_store_of_a_newer_version_is_left_alone() {
    let made = closed().await;
    run(
        &made.path,
        "INSERT INTO _sqlx_migrations (version, description, success, checksum, execution_time)
                     VALUES (9999, 'from the future', 1, x'00', 0)",
    )
    .await;
    let text = refused_to_open(&made.path).await;
    assert!(text.contains("schema 9999") && text.contains("newer version"), "{text}");
}

#[tokio::test]
async fn making_a_store_over_something_is_refused() {
    let made = sqlite().await;
    let before = fs::read(&made.path).unwrap();
    let text = SqliteStore::create(&made.path, async |_| Ok(())).await.unwrap_err().to_string();
    assert!(text.contains("exists already; nothing was changed"), "{text}");
    assert_eq!(fs::read(&made.path).unwrap(), before);
    let names = fs::read_dir(made.folder.path()).unwrap().map(|entry| entry.unwrap().file_name());
    assert!(names.into_iter().all(|name| name.to_string_lossy().starts_with("roles.db")), "no draft is left");
}

#[tokio::test]
async fn a_copy_starts_an_epoch_of_its_own_and_the_file_itself_does_not() {
    let made = sqlite().await;
    let here = head(&*made.store).await;
    assert_eq!(head(&*opened(&made.path).await).await, here);
    let copy = made.folder.path().join("copy.db");
    vacuum_into(&made.path, &copy).await;
    let there = head(&*opened(&copy).await).await;
    assert_ne!(there.epoch, here.epoch);
    assert_eq!(head(&*opened(&copy).await).await, there, "and keeps it");
    assert_eq!(head(&*made.store).await, here);
}

/// The usual way to restore a backup: the new file may well get the old one's inode.
#[tokio::test]
async fn a_backup_put_where_a_deleted_store_was_starts_a_new_epoch() {
    let folder = tempfile::tempdir().unwrap();
    let (path, backup) = (folder.path().join("roles.db"), folder.path().join("backup.db"));
    SqliteStore::create(&path, async |_| Ok(())).await.unwrap();
    vacuum_into(&path, &backup).await;
    let mut connection = raw(&path).await;
    let epoch = sqlx::query_scalar("SELECT epoch FROM store").fetch_one(&mut connection).await;
    let before: String = epoch.unwrap();
    connection.close().await.unwrap();
    fs::remove_file(&path).unwrap();
    fs::copy(&backup, &path).unwrap();
    assert_ne!(head(&*opened(&path).await).await.epoch.to_string(), before);
}

#[tokio::test]
async fn a_commit_of_another_store_on_the_file_is_noticed() {
    let made = sqlite().await;
    let other = opened(&made.path).await;
    for n in 0..5 {
        let written = write(&*other, [say::new_user(&format!("u{n}"))]).await;
        tokio::time::timeout(Duration::from_secs(30), made.store.changed()).await.expect("a hint comes");
        assert_eq!(head(&*made.store).await, written);
    }
}

#[tokio::test]
async fn a_backup_put_in_place_beside_the_log_of_a_killed_server_is_refused() {
    let made = sqlite().await;
    let backup = made.folder.path().join("backup.db");
    vacuum_into(&made.path, &backup).await;
    // The store stays open, so what is written now is in its log alone, as a kill would leave it.
    write(&*made.store, [say::new_user("mallory")]).await;
    let place = tempfile::tempdir().unwrap();
    let restored = place.path().join("rolegate.db");
    fs::copy(&backup, &restored).unwrap();
    fs::copy(format!("{}-wal", made.path.display()), format!("{}-wal", restored.display())).unwrap();
    let refused = refused_to_open(&restored).await;
    assert!(refused.contains("was copied or restored") && refused.contains("-wal"), "{refused}");
    fs::remove_file(format!("{}-wal", restored.display())).unwrap();
    let store = SqliteStore::open(&restored).await.unwrap();
    assert!(!snapshot(&store).await.users.contains_key("mallory"));
}
