//! Files of projects, over HTTP, for those who may have them: rolegate is asked before each download.
//!
//! | request | asks | gives |
//! |---|---|---|
//! | `GET /projects/{project}/files/{name}` | `Check` of `file.download` with `bulk: false` | the file |
//! | `POST /projects/{project}/bulk` with `["name", ...]` | `Check` with `bulk: true` | the files, as a tar archive |
//! | `POST /bulk` with `{"project": ["name", ...], ...}` | one `BatchCheck` with `bulk: true` | the files, as a tar archive |
//!
//! Without a decision nothing is given out (503), and nobody who may not have a file learns whether it is there (403).
//!
//! Who the user is comes from the header `x-user`, which the platform's gateway sets once it knows, **and strips from
//! whatever comes in from outside**: this service must not be reachable around the gateway. A service that has just changed
//! permissions hands on the revision token of its write in `x-revision-token`; the download is then decided by facts that
//! contain that write.
//!
//! Settings are environment variables: `LISTEN` (127.0.0.1:8080), `FILES` (the folder; each project is a folder in it),
//! `ROLEGATE` (unix:/run/rolegate/questions.sock), `ROLEGATE_KEY_FILE` (none; the key to show, where callers must show one)
//! and `CHECK_TIMEOUT_MS` (100). To try it beside `rolegate serve --demo`:
//!
//! ```sh
//! mkdir -p files/5f0000000000000000000001 && echo scan > files/5f0000000000000000000001/a.dcm
//! ROLEGATE=http://127.0.0.1:7700 cargo run &
//! curl -i -H 'x-user: rosa@demo.example' 127.0.0.1:8080/projects/5f0000000000000000000001/files/a.dcm   # 200
//! curl -i -H 'x-user: ivy@demo.example' 127.0.0.1:8080/projects/5f0000000000000000000001/files/a.dcm    # 403
//! ```

mod archive;
mod authorize;
mod caller;
mod errors;
mod files;

use authorize::{AllowedInBulk, Gate};
use axum::{
    Json, Router,
    body::Body,
    extract::{Path, State},
    http::{
        HeaderName,
        header::{CONTENT_LENGTH, CONTENT_TYPE},
    },
    response::{IntoResponse, Response},
    routing::{get, post},
};
use caller::Caller;
use errors::Refusal;
use files::{FileName, Files};
use std::{collections::BTreeMap, env, error::Error, time::Duration};
use tokio::{net::TcpListener, signal::unix::SignalKind};

/// The most files in one archive.
const MOST_FILES: usize = 1_000;

#[derive(Clone)]
struct Service {
    gate: Gate,
    files: Files,
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let setting = |name: &str, usual: &str| env::var(name).unwrap_or_else(|_| usual.to_owned());
    let time = Duration::from_millis(setting("CHECK_TIMEOUT_MS", "100").parse()?);
    let key_file = env::var_os("ROLEGATE_KEY_FILE").map(Into::into);
    let gate = Gate::new(setting("ROLEGATE", "unix:/run/rolegate/questions.sock"), key_file, time)?;
    let files = Files::new(setting("FILES", "./files").into());
    let listener = TcpListener::bind(setting("LISTEN", "127.0.0.1:8080")).await?;
    println!("listening on http://{}", listener.local_addr()?);
    let routes = Router::new()
        .route("/projects/{project}/files/{name}", get(one_file))
        .route("/projects/{project}/bulk", post(files_of_a_project))
        .route("/bulk", post(files_of_projects))
        .with_state(Service { gate, files });
    let mut asked_to_end = tokio::signal::unix::signal(SignalKind::terminate())?;
    let end = async move {
        asked_to_end.recv().await;
    };
    Ok(axum::serve(listener, routes).with_graceful_shutdown(end).await?)
}

async fn one_file(
    State(service): State<Service>,
    caller: Caller,
    Path((project, name)): Path<(String, String)>,
) -> Result<Response, Refusal> {
    let name = FileName::parse(&name)?;
    let allowed = service.gate.single(&caller, project).await?;
    let found = service.files.find(allowed, name).await?;
    Ok((headers("application/octet-stream", found.size), found.open().await?).into_response())
}

async fn files_of_a_project(
    State(service): State<Service>,
    caller: Caller,
    Path(project): Path<String>,
    Json(names): Json<Vec<String>>,
) -> Result<Response, Refusal> {
    let names = names_of(BTreeMap::from([(project.clone(), names)]))?;
    let allowed = vec![service.gate.bulk(&caller, project).await?];
    archive_of(&service, allowed, names).await
}

async fn files_of_projects(
    State(service): State<Service>,
    caller: Caller,
    Json(wanted): Json<BTreeMap<String, Vec<String>>>,
) -> Result<Response, Refusal> {
    let names = names_of(wanted)?;
    let allowed = service.gate.bulk_of_many(&caller, names.keys().cloned().collect()).await?;
    archive_of(&service, allowed, names).await
}

/// The names as they may be used, before anything is asked: a bad one is bad wherever it points.
fn names_of(wanted: BTreeMap<String, Vec<String>>) -> Result<BTreeMap<String, Vec<FileName>>, Refusal> {
    let count: usize = wanted.values().map(Vec::len).sum();
    if !(1..=MOST_FILES).contains(&count) {
        return Err(Refusal::BadRequest("name between 1 and 1000 files"));
    }
    let parse = |names: Vec<String>| -> Result<Vec<_>, _> {
        names.iter().map(|name| FileName::parse(name)).collect()
    };
    wanted.into_iter().map(|(project, names)| Ok((project, parse(names)?))).collect()
}

/// All that was asked for, or nothing: every file is looked for before the first one is sent.
async fn archive_of(
    service: &Service,
    allowed: Vec<AllowedInBulk>,
    mut names: BTreeMap<String, Vec<FileName>>,
) -> Result<Response, Refusal> {
    let mut found = Vec::new();
    for allowed in &allowed {
        for name in names.remove(allowed.project()).unwrap_or_default() {
            found.push(service.files.find_in_bulk(allowed, name).await?);
        }
    }
    let headers = headers("application/x-tar", archive::length(&found));
    Ok((headers, Body::from_stream(archive::stream(found))).into_response())
}

/// With the length, so that what breaks off is not taken for the whole.
fn headers(content: &str, length: u64) -> [(HeaderName, String); 2] {
    [(CONTENT_TYPE, content.to_owned()), (CONTENT_LENGTH, length.to_string())]
}
