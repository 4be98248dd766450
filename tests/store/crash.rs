//! Killed in the middle of writing: whatever was acknowledged is there, and nothing is there by halves.

use crate::support::{head, opened, raw, say, sqlite, write};
use rolegate::store::{revision::Head, sqlite::SqliteStore};
use sqlx::Row as _;
use std::{
    io::{BufRead as _, BufReader, Write as _},
    path::Path,
    process::{Child, Command, Stdio},
};

const CHILD: &str = "ROLEGATE_TEST_CRASH_CHILD";
const KILLS: u32 = 20;

/// What the child process runs: it writes without end, and says so after each commit.
#[tokio::test]
async fn write_without_end_in_a_child() {
    let Ok(path) = std::env::var(CHILD) else { return };
    let store = SqliteStore::open(Path::new(&path)).await.unwrap();
    loop {
        let next = head(&store).await.revision + 1;
        let done =
            write(&store, [say::permit("p", "ann", ["ro", "rw"][usize::try_from(next % 2).unwrap()])]).await;
        let mut out = std::io::stdout().lock();
        writeln!(out, "acknowledged {}", done.revision).unwrap();
        out.flush().unwrap();
    }
}

fn start(path: &Path) -> Child {
    let mut child = Command::new(std::env::current_exe().unwrap());
    child.args(["--exact", "crash::write_without_end_in_a_child", "--nocapture"]).env(CHILD, path);
    child.stdout(Stdio::piped()).stderr(Stdio::null()).spawn().unwrap()
}

/// Kills the child after so many acknowledgements, at whatever it is doing then; tells the last one it gave.
fn kill_after(mut child: Child, acknowledgements: u32) -> u64 {
    let mut lines = BufReader::new(child.stdout.take().unwrap()).lines().map_while(Result::ok);
    let mut acknowledged =
        lines.by_ref().filter_map(|line| line.strip_prefix("acknowledged ")?.parse::<u64>().ok());
    let mut last = 0;
    for _ in 0..acknowledgements {
        last = acknowledged.next().expect("the child writes until it is killed");
    }
    child.kill().unwrap();
    // What it had said by the time it died counts as well.
    last = acknowledged.last().unwrap_or(last);
    child.wait().unwrap();
    last
}

#[tokio::test]
async fn what_was_acknowledged_survives_kill_9() {
    let made = sqlite().await;
    let scene = [
        say::new_user("ann"),
        say::new_group("g"),
        say::bare_project("p", "g"),
        say::permit("p", "ann", "admin"),
    ];
    let mut before: Head = write(&*made.store, scene).await;
    drop(made.store);
    for round in 0..KILLS {
        let (path, acknowledgements) = (made.path.clone(), 1 + round * 7 % 13);
        let last =
            tokio::task::spawn_blocking(move || kill_after(start(&path), acknowledgements)).await.unwrap();
        let store = opened(&made.path).await;
        let after = head(&*store).await;
        assert!(after.revision >= last, "acknowledged {last}, and found {}", after.revision);
        assert!(last > before.revision);
        assert_eq!(after.epoch, before.epoch);
        let mut connection = raw(&made.path).await;
        let row = sqlx::query("SELECT COUNT(*), MIN(revision), MAX(revision) FROM changes")
            .fetch_one(&mut connection);
        let row = row.await.unwrap();
        let (count, oldest, newest): (i64, i64, i64) = (row.get(0), row.get(1), row.get(2));
        assert_eq!((u64::try_from(newest).unwrap(), newest - oldest + 1), (after.revision, count));
        let check = sqlx::query("PRAGMA quick_check").fetch_one(&mut connection).await.unwrap();
        assert_eq!(check.get::<String, _>(0), "ok");
        before = after;
    }
}
