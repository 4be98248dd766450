//! Connections that are idle, silent or told to go.

use super::{super::guests::Guests, *};
use crate::telemetry::connections::Connections;
use futures_util::FutureExt as _;
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::UnixStream,
};

const GREETED_WITHIN: Duration = Duration::from_secs(10);

/// A connection that has just been made, and its client's end.
async fn connected(greeting: Duration) -> (Connection, UnixStream) {
    let (ours, theirs) = UnixStream::pair().unwrap();
    let seat = Arc::new(Guests::new(1)).let_in().await;
    let open = Arc::<Connections>::default().open();
    (Connection::new(Socket::Unix(ours), seat, open, Instant::now() + greeting), theirs)
}

#[tokio::test(start_paused = true)]
async fn a_connection_is_idle_when_no_call_begins_for_long() {
    let limit = Duration::from_secs(300);
    let (start, activity) = (Instant::now(), Activity::default());
    let calls = async {
        for _ in 0..20 {
            tokio::time::sleep(limit / 2).await;
            activity.call_begins();
        }
    };
    tokio::join!(activity.idle_for(limit), calls);
    let idle_for = start.elapsed() - limit * 10;
    assert!((limit..=limit * 2).contains(&idle_for), "{idle_for:?}");
}

#[tokio::test(start_paused = true)]
async fn a_silent_connection_ends_and_one_that_dribbles_its_greeting_does_so_sooner() {
    for (greets, seconds) in [(false, 10), (true, 75)] {
        let (mut connection, theirs) = connected(GREETED_WITHIN).await;
        let sent = if greets { GREETING } else { GREETING - 1 };
        let _ = theirs.try_write(&[0; GREETING][..sent]);
        let start = Instant::now();
        while connection.read(&mut [0; 64]).await.is_ok() {}
        let lasted = start.elapsed().as_secs();
        // The stretch in which the greeting came is not a silent one.
        assert!((seconds..=seconds + STRETCH.as_secs()).contains(&lasted), "{greets} {lasted}");
    }
}

#[tokio::test(start_paused = true)]
async fn whoever_was_told_to_go_cannot_stay_by_answering_pings() {
    for told in [false, true] {
        let (mut connection, theirs) = connected(GREETED_WITHIN).await;
        connection.hear(GREETING);
        if told {
            connection.activity().leave();
        }
        let answers = async {
            for _ in 0..20 {
                let _ = theirs.try_write(b"pong");
                tokio::time::sleep(STRETCH).await;
            }
        };
        let reads = async { while connection.read(&mut [0; 16]).await.is_ok() {} };
        let stayed = tokio::select! { () = reads => false, () = answers => true };
        assert_eq!(stayed, !told);
    }
}

/// Whoever takes nothing in is not read from any more: h2 reads on only once its own answers to pings are out.
#[tokio::test(start_paused = true)]
async fn whoever_takes_nothing_in_is_dropped_though_nobody_reads() {
    let (mut connection, theirs) = connected(GREETED_WITHIN).await;
    connection.hear(GREETING);
    let start = Instant::now();
    while connection.write(&[0; 4_096]).await.is_ok() {}
    let lasted = start.elapsed().as_secs();
    assert!((75..=100).contains(&lasted), "{lasted}");
    drop(theirs);
}

#[tokio::test]
async fn whoever_sends_without_end_lets_others_have_their_turn() {
    // Its time goes by as everyone's does.
    let (mut connection, mut theirs) = connected(Duration::from_secs(3_600)).await;
    theirs.write_all(&[0; 80 << 10]).await.unwrap();
    let mut buffer = [0; 4 << 10];
    connection.read_exact(&mut buffer).await.unwrap();
    let mut read = std::iter::repeat_with(|| connection.read(&mut buffer).now_or_never().is_some());
    let read: Vec<_> = read.by_ref().take(9).collect();
    // Four pieces a turn, of which the first has one already behind it.
    assert_eq!(read, [true, true, true, false, true, true, true, true, false]);
}
