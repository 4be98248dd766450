use super::*;

async fn commit(by: &SqliteStore) {
    sqlx::query("CREATE TABLE one_more AS SELECT 1").execute(&by.handles.load().writer).await.unwrap();
    sqlx::query("DROP TABLE one_more").execute(&by.handles.load().writer).await.unwrap();
}

#[tokio::test]
async fn a_commit_is_seen_however_soon_it_comes_and_nobody_is_asked_where_none_came() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("store.db");
    SqliteStore::create(&path, async |_| Ok(())).await.unwrap();
    let (store, other) = (SqliteStore::open(&path).await.unwrap(), SqliteStore::open(&path).await.unwrap());
    let handles = store.handles.load_full();
    let sees = || async { handles.has_new_data().await.unwrap() };
    // Whatever opening it has written.
    sees().await;
    for _ in 0..50 {
        assert!(!sees().await);
        commit(&other).await;
        assert!(sees().await, "a commit right after a look");
    }
    // Looked at once more when the log's stamp is as old as it must be, the connection is of no use any more.
    tokio::time::sleep(Duration::from_millis(1_100)).await;
    assert!(!sees().await);
    let taken = handles.take_watcher().await;
    assert!(!sees().await, "nothing was written");
    commit(&other).await;
    assert!(handles.has_new_data().await.is_err(), "something was: SQLite must be asked");
    drop(taken);
    store.close().await;
    other.close().await;
}
