//! Crowds of connections on which nothing happens: they take next to no memory, whoever was answered before them is
//! answered as ever, and whoever comes after them finds room.

use super::{
    ask::{may, project},
    attack::{Attacked, resident, serves, serves_the_patient},
    http::{get, metric},
    raw::{GREETING, connect},
    server::{channel, until},
};
use rolegate::grpc::proto::{Decision, authorization_service_client::AuthorizationServiceClient};
use std::{future::pending, process::Command};
use tokio::{io::AsyncWriteExt as _, task::JoinSet};
use tonic_health::pb::{
    HealthCheckRequest, health_check_response::ServingStatus, health_client::HealthClient,
};

/// How many places each listener has if nothing else is said.
const PLACES: usize = 1_024;
/// How many come to each door.
const CROWD: usize = 2_500;
/// How much memory one of them may cost, in bytes.
const EACH: usize = 96 << 10;
const OPEN: &str = "rolegate_connections_open{listener=\"authorization\"}";

/// Lets this process, and those that it starts from now on, have so many files open.
fn allow_files(most: usize) {
    let (id, limit) = (std::process::id().to_string(), format!("--nofile={most}:"));
    assert!(Command::new("prlimit").args(["--pid", &id, &limit]).status().unwrap().success());
}

/// Callers who say something each, in turns, and then nothing. Some may not get in.
fn crowd(door: &str, size: usize, said: &[&'static [u8]]) -> JoinSet<()> {
    let one = |said: &'static [u8]| {
        let door = door.to_owned();
        async move {
            let Ok(mut stream) = connect(&door).await else { return };
            let _ = stream.write_all(said).await;
            pending().await
        }
    };
    said.iter().copied().cycle().take(size).map(one).collect()
}

async fn is_serving(address: &str) {
    let request = HealthCheckRequest { service: String::new() };
    let state = HealthClient::new(channel(address).await).check(request).await.unwrap();
    assert_eq!(state.into_inner().status(), ServingStatus::Serving);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn more_idle_connections_than_there_is_room_for_shut_out_nobody() {
    allow_files(4 * CROWD);
    let mut attacked = Attacked::start_with(&["--greeting-timeout", "1h"]).await;
    let (server, doors) = (&mut attacked.server, &attacked.doors);
    let mut inside = Vec::new();
    for door in doors {
        let mut questions = AuthorizationServiceClient::new(channel(door).await);
        questions.check(may("ann", project("scans"), "files_download")).await.unwrap();
        inside.push(questions);
    }
    let before = resident(server);
    let crowds: Vec<_> =
        doors.iter().map(|door| crowd(door, CROWD, &[b"", &GREETING[..1], GREETING])).collect();
    let full = f64::from(u32::try_from(doors.len() * PLACES).unwrap());
    // Somebody may just be making room for another.
    until("there is no more room", async || metric(&server.metrics, OPEN).await >= full - 8.0).await;
    for _ in 0..100 {
        for questions in &mut inside {
            for (who, wanted) in [("ann", Decision::Allow), ("bob", Decision::Deny)] {
                let answer = questions.check(may(who, project("scans"), "files_download")).await.unwrap();
                assert_eq!(answer.into_inner().decision(), wanted);
            }
        }
    }
    // Probes come on connections of their own.
    for door in doors {
        serves(door).await;
    }
    is_serving(&server.admin).await;
    assert_eq!(get(&server.metrics, "/readyz").await.0, 200);
    assert!(metric(&server.metrics, OPEN).await <= full);
    let more = resident(server).saturating_sub(before);
    assert!(more < u64::try_from(doors.len() * PLACES * EACH).unwrap(), "{} KiB more", more >> 10);
    drop((crowds, inside));
    for door in doors {
        serves(door).await;
    }
    assert!(server.is_running() && !server.logs.contain("panicked"), "{}", server.logs.text());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_silent_crowd_loses_its_places_to_whoever_comes_after_it() {
    let flags = ["--greeting-timeout", "200ms", "--max-connections", "64"];
    let attacked = Attacked::start_with(&flags).await;
    for door in &attacked.doors {
        let _crowd = crowd(door, 500, &[b"", &GREETING[..1]]);
        let full = async || metric(&attacked.server.metrics, OPEN).await >= 64.0;
        until("all places are taken", full).await;
        serves_the_patient(door).await;
    }
}
