//! The floor: a server that decides nothing, written as any user of tonic would write it, whose messages are as large
//! as rolegate's. What rolegate takes above this is what deciding takes.

#![allow(clippy::unwrap_used, missing_docs, reason = "a tool for developers: it may end at once")]
#![forbid(unsafe_code)]

use clap::{Parser, ValueEnum};
use contract::{
    BatchCheckAnswer, BatchCheckOutcome, BatchCheckRequest, BatchCheckResponse, CheckRequest, CheckResponse,
    Decision, GetEffectiveActionsRequest, GetEffectiveActionsResponse, Reason,
    authorization_service_server::{AuthorizationService, AuthorizationServiceServer},
    batch_check_outcome::Outcome,
};
use prost_types::Duration;
use std::{fs, io};
use tokio::{
    net::{TcpListener, UnixListener},
    runtime::{Builder, Runtime},
    task::JoinSet,
};
use tokio_stream::wrappers::UnixListenerStream;
use tonic::{
    Request, Response, Status,
    transport::{Server, server::TcpIncoming},
};

mod contract {
    #![allow(clippy::all, clippy::pedantic, reason = "generated")]
    tonic::include_proto!("rolegate.v1");
}

/// The one that rolegate takes: the comparison is not to be about the allocator.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// Answers every question with the same "yes": the least that a gRPC server written with tonic can do
#[derive(Parser)]
struct Args {
    /// Where to answer: ADDRESS:PORT or unix:PATH; may be given several times
    #[arg(long, value_name = "ADDRESS", required = true)]
    listen: Vec<String>,
    /// What the server runs on
    #[arg(long, value_enum, default_value = "multi")]
    runtime: Threads,
}

#[derive(Clone, Copy, ValueEnum)]
enum Threads {
    /// What `#[tokio::main]` makes: a thread for each core it may run on, which share all work
    Multi,
    /// One thread, which has nobody to share with: the best case of a server with a thread for each core
    Current,
}

impl Threads {
    fn runtime(self) -> io::Result<Runtime> {
        match self {
            Self::Multi => Builder::new_multi_thread().enable_all().build(),
            Self::Current => Builder::new_current_thread().enable_all().build(),
        }
    }
}

/// Holds its answers ready-made.
#[derive(Clone)]
struct Noop {
    answer: CheckResponse,
    outcome: BatchCheckOutcome,
}

impl Noop {
    fn new() -> Self {
        let (decision, reason) = (Decision::Allow.into(), Reason::GrantedByRole.into());
        let answer = CheckResponse {
            decision,
            reason,
            revision_token: token(),
            data_age: Some(age()),
            ..CheckResponse::default()
        };
        let outcome = BatchCheckAnswer { decision, reason, ..BatchCheckAnswer::default() };
        Self { answer, outcome: BatchCheckOutcome { outcome: Some(Outcome::Answer(outcome)) } }
    }
}

/// As long as a real one.
fn token() -> String {
    format!("rg1{}", "0123456789abcdef".repeat(3))
}

fn age() -> Duration {
    Duration { seconds: 0, nanos: 213_000_000 }
}

#[tonic::async_trait]
impl AuthorizationService for Noop {
    async fn check(&self, _: Request<CheckRequest>) -> Result<Response<CheckResponse>, Status> {
        Ok(Response::new(self.answer.clone()))
    }

    async fn batch_check(
        &self,
        request: Request<BatchCheckRequest>,
    ) -> Result<Response<BatchCheckResponse>, Status> {
        let outcomes = vec![self.outcome.clone(); request.get_ref().items.len()];
        Ok(Response::new(BatchCheckResponse { outcomes, revision_token: token(), data_age: Some(age()) }))
    }

    async fn get_effective_actions(
        &self,
        _: Request<GetEffectiveActionsRequest>,
    ) -> Result<Response<GetEffectiveActionsResponse>, Status> {
        Err(Status::unimplemented("not measured"))
    }
}

async fn serve(listeners: Vec<String>) {
    let service = AuthorizationServiceServer::new(Noop::new());
    let mut servers = JoinSet::new();
    for listen in listeners {
        let router = Server::builder().add_service(service.clone());
        match listen.strip_prefix("unix:") {
            Some(path) => {
                let _ = fs::remove_file(path);
                let incoming = UnixListenerStream::new(UnixListener::bind(path).unwrap());
                servers.spawn(router.serve_with_incoming(incoming));
            }
            None => {
                let listener = TcpListener::bind(&listen).await.unwrap();
                let incoming = TcpIncoming::from(listener).with_nodelay(Some(true));
                servers.spawn(router.serve_with_incoming(incoming));
            }
        }
    }
    while let Some(ended) = servers.join_next().await {
        ended.unwrap().unwrap();
    }
}

fn main() {
    let args = Args::parse();
    // Other programs of this package bring in what makes the stack's spans try to be log lines where nobody has said what is to
    // become of them: a sixth of what this server would execute, and nothing that any server written with tonic alone would.
    tracing::subscriber::set_global_default(tracing::subscriber::NoSubscriber::new()).unwrap();
    args.runtime.runtime().unwrap().block_on(serve(args.listen));
}
