//! From the start of a sidecar to its service, with everything loaded, and the memory that this takes.

use crate::{
    process::memory,
    report::{Report, progress},
    server::Server,
    site::Site,
};
use std::time::Instant;
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::TcpStream,
};

const PART: &str = "start";
/// From here on, what a process takes anyway is small beside what grants take, and a start takes its time.
const LARGE: u64 = 1_000_000;
const SECONDS: f64 = 5.0;
const BYTES_OF_A_GRANT: f64 = 120.0;
const MEGABYTE: f64 = 1e6;
/// Enough for everything.
const ROOM: [&str; 2] = ["--cache-bytes", "1GiB"];

pub(crate) async fn measure(report: &mut Report, sizes: &[u64], starts: u32) {
    let bare = Site::new(0);
    let empty = start(&bare).await;
    report.add(PART, "no grants: memory", (empty.memory / MEGABYTE, "MB"), None);
    drop(bare);
    for grants in sizes {
        let site = Site::new(*grants);
        let mut all = Vec::new();
        for round in 1..=starts {
            progress(&format!("{PART}: {grants} grants, start {round} of {starts}"));
            all.push(start(&site).await);
        }
        all.sort_by(|one, other| one.seconds.total_cmp(&other.seconds));
        add(report, *grants, &all, empty.memory);
    }
}

#[expect(clippy::cast_precision_loss, reason = "sizes of sites are small")]
fn add(report: &mut Report, grants: u64, all: &[Start], empty: f64) {
    let (Some(middle), Some(slowest)) = (all.get(all.len() / 2), all.last()) else { return };
    let target = |most| (grants >= LARGE).then_some(most);
    let name = |what: &str| format!("{grants} grants: {what}");
    report.add(PART, name("to SERVING, middle"), (middle.seconds, "s"), target(SECONDS));
    report.add(PART, name("to SERVING, slowest"), (slowest.seconds, "s"), target(SECONDS));
    report.add(PART, name("processor time of the sidecar"), (middle.cpu, "s"), None);
    report.add(PART, name("memory"), (middle.memory / MEGABYTE, "MB"), None);
    report.add(PART, name("most memory on the way"), (middle.peak / MEGABYTE, "MB"), None);
    let of_a_grant = (middle.memory - empty) / grants as f64;
    report.add(PART, name("memory of a grant"), (of_a_grant, "bytes"), target(BYTES_OF_A_GRANT));
    let weighed = middle.cache / grants as f64;
    report.add(PART, name("the same as the cache weighs it"), (weighed, "bytes"), target(BYTES_OF_A_GRANT));
}

/// What a start came to.
struct Start {
    seconds: f64,
    cpu: f64,
    memory: f64,
    peak: f64,
    cache: f64,
}

async fn start(site: &Site) -> Start {
    let began = Instant::now();
    let server = site.sidecar(&ROOM).await;
    let seconds = began.elapsed().as_secs_f64();
    let cpu = crate::process::cpu_seconds(server.id());
    assert!(server.logs.contain("\"preloaded\":true"), "{}", server.logs.text());
    let (memory, peak) = memory(server.id());
    Start { seconds, cpu, memory, peak, cache: metric(&server, "rolegate_cache_bytes").await }
}

/// A metric that the server tells.
async fn metric(server: &Server, name: &str) -> f64 {
    let mut stream = TcpStream::connect(server.metrics.trim_start_matches("http://")).await.unwrap();
    let request = "GET /metrics HTTP/1.1\r\nhost: bench\r\nconnection: close\r\n\r\n";
    stream.write_all(request.as_bytes()).await.unwrap();
    let mut text = String::new();
    stream.read_to_string(&mut text).await.unwrap();
    let line = text.lines().find_map(|line| line.strip_prefix(name)).unwrap();
    line.trim().parse().unwrap()
}
