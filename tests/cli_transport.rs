//! The command line against servers that misbehave: whatever they send, nothing but an allow exits with 0.

use rolegate::grpc::proto::{
    BatchCheckRequest, BatchCheckResponse, CheckRequest, CheckResponse, GetEffectiveActionsRequest,
    GetEffectiveActionsResponse,
    authorization_service_server::{AuthorizationService, AuthorizationServiceServer},
};
use std::{error::Error, io, net::SocketAddr, process::Output, time::Duration};
use tokio::net::{TcpListener, UnixListener};
use tokio_stream::wrappers::{TcpListenerStream, UnixListenerStream};
use tonic::{Request, Response, Status, transport::Server};

type Outcome = Result<(), Box<dyn Error>>;

/// A server whose every check gets the same answer; the user `slow` waits for ever.
struct Fake(Result<CheckResponse, Status>);

#[tonic::async_trait]
impl AuthorizationService for Fake {
    async fn check(&self, request: Request<CheckRequest>) -> Result<Response<CheckResponse>, Status> {
        if request.get_ref().user == "slow" {
            std::future::pending::<()>().await;
        }
        if request.get_ref().user == "mirror" {
            let header =
                |name| request.metadata().get(name).and_then(|value| value.to_str().ok()).unwrap_or("none");
            let seen = format!("{} {}", header("authorization"), header("grpc-timeout"));
            return Err(Status::invalid_argument(seen));
        }
        self.0.clone().map(Response::new)
    }

    async fn batch_check(
        &self,
        _: Request<BatchCheckRequest>,
    ) -> Result<Response<BatchCheckResponse>, Status> {
        Ok(Response::new(BatchCheckResponse::default()))
    }

    async fn get_effective_actions(
        &self,
        _: Request<GetEffectiveActionsRequest>,
    ) -> Result<Response<GetEffectiveActionsResponse>, Status> {
        Err(Status::unavailable("stale"))
    }
}

async fn serve(answer: Result<CheckResponse, Status>) -> io::Result<SocketAddr> {
    let listener = TcpListener::bind("127.0.0.1:0").await?;
    let address = listener.local_addr()?;
    let service = AuthorizationServiceServer::new(Fake(answer));
    tokio::spawn(
        Server::builder().add_service(service).serve_with_incoming(TcpListenerStream::new(listener)),
    );
    Ok(address)
}

fn decision(decision: i32) -> Result<CheckResponse, Status> {
    Ok(CheckResponse { decision, reason: 1, ..CheckResponse::default() })
}

async fn rolegate(arguments: &str) -> io::Result<Output> {
    let mut command = std::process::Command::new(env!("CARGO_BIN_EXE_rolegate"));
    command.args(arguments.split_whitespace());
    for variable in ["ROLEGATE_SERVER", "ROLEGATE_ADMIN_SERVER", "ROLEGATE_API_KEY", "ROLEGATE_OUTPUT"] {
        command.env_remove(variable);
    }
    tokio::task::spawn_blocking(move || command.output()).await.map_err(io::Error::other)?
}

async fn check(server: &str, rest: &str) -> io::Result<Output> {
    rolegate(&format!("check --server {server} --site --action users_manage {rest}")).await
}

fn stderr(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}

#[tokio::test]
async fn allow_is_0_deny_is_1_and_any_other_decision_is_2() -> Outcome {
    for (sent, code) in [(1, 0), (2, 1), (0, 2), (3, 2), (-1, 2)] {
        let server = serve(decision(sent)).await?;
        let output = check(&server.to_string(), "--user ann").await?;
        assert_eq!(output.status.code(), Some(code), "decision {sent}: {}", stderr(&output));
        assert_eq!(output.stdout.is_empty(), code == 2);
    }
    Ok(())
}

#[tokio::test]
async fn any_error_of_a_check_is_2_and_keeps_its_code() -> Outcome {
    for status in [Status::permission_denied("no"), Status::invalid_argument("no"), Status::unavailable("no")]
    {
        let server = serve(Err(status.clone())).await?;
        let output = check(&server.to_string(), "--user ann --output json").await?;
        assert_eq!(output.status.code(), Some(2));
        let error: serde_json::Value = serde_json::from_slice(&output.stderr)?;
        let code = error.pointer("/error/code").and_then(|code| code.as_str()).unwrap_or_default();
        assert_eq!(code.replace('_', "").to_lowercase(), format!("{:?}", status.code()).to_lowercase());
    }
    Ok(())
}

#[tokio::test]
async fn a_batch_with_too_few_outcomes_is_2() -> Outcome {
    let server = serve(decision(1)).await?;
    let folder = tempfile::tempdir()?;
    let file = folder.path().join("questions.jsonl");
    std::fs::write(&file, "{\"user\": \"ann\", \"site\": true, \"action\": \"users_manage\"}\n")?;
    let output = rolegate(&format!("batch-check --server {server} -f {}", file.display())).await?;
    assert_eq!(output.status.code(), Some(2), "{}", stderr(&output));
    Ok(())
}

#[tokio::test]
async fn a_silent_server_ends_at_the_deadline() -> Outcome {
    let server = serve(decision(1)).await?;
    let output = check(&server.to_string(), "--user slow --timeout 200ms").await?;
    assert_eq!(output.status.code(), Some(2));
    assert!(stderr(&output).contains("DEADLINE_EXCEEDED"), "{}", stderr(&output));
    Ok(())
}

#[tokio::test]
async fn nobody_listening_is_2_with_a_hint() -> Outcome {
    let listener = TcpListener::bind("127.0.0.1:0").await?;
    let address = listener.local_addr()?.to_string();
    drop(listener);
    let output = check(&address, "--user ann").await?;
    assert_eq!(output.status.code(), Some(2));
    assert!(stderr(&output).contains("Connection refused"), "{}", stderr(&output));
    assert!(stderr(&output).contains("hint: is `rolegate serve` running"), "{}", stderr(&output));
    let output = rolegate(&format!("healthcheck --server {address}")).await?;
    assert_eq!(output.status.code(), Some(2));
    let output = rolegate(&format!("role list --admin-server {address}")).await?;
    assert_eq!(output.status.code(), Some(2));
    Ok(())
}

#[tokio::test]
async fn a_server_that_does_not_speak_grpc_is_2() -> Outcome {
    let listener = TcpListener::bind("127.0.0.1:0").await?;
    let address = listener.local_addr()?.to_string();
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            let _ = stream.try_write(b"HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n");
        }
    });
    let output = check(&address, "--user ann --timeout 2s").await?;
    assert_eq!(output.status.code(), Some(2), "{}", stderr(&output));
    Ok(())
}

#[tokio::test]
async fn a_unix_socket_is_a_server_too() -> Outcome {
    let folder = tempfile::tempdir()?;
    let socket = folder.path().join("rolegate.sock");
    let incoming = UnixListenerStream::new(UnixListener::bind(&socket)?);
    let service = AuthorizationServiceServer::new(Fake(decision(1)));
    tokio::spawn(Server::builder().add_service(service).serve_with_incoming(incoming));
    let output = check(&format!("unix:{}", socket.display()), "--user ann").await?;
    assert_eq!(output.status.code(), Some(0), "{}", stderr(&output));
    assert_eq!(String::from_utf8_lossy(&output.stdout), "ALLOW  granted by role\n");
    Ok(())
}

#[tokio::test]
async fn key_and_deadline_travel_with_the_call() -> Outcome {
    let server = serve(decision(1)).await?;
    let folder = tempfile::tempdir()?;
    let file = folder.path().join("key");
    std::fs::write(&file, "rgk_secret\n")?;
    let arguments = format!("--user mirror --key-file {} --timeout 3s", file.display());
    let output = check(&server.to_string(), &arguments).await?;
    assert!(stderr(&output).contains("Bearer rgk_secret 3000000u"), "{}", stderr(&output));
    Ok(())
}

#[tokio::test]
async fn a_reader_that_went_away_is_no_error() -> Outcome {
    let command = format!("{} actions | head -n 1", env!("CARGO_BIN_EXE_rolegate"));
    let mut shell =
        tokio::task::spawn_blocking(move || std::process::Command::new("sh").args(["-c", &command]).output());
    let output = tokio::time::timeout(Duration::from_secs(20), &mut shell).await???;
    assert!(output.status.success());
    assert_eq!(stderr(&output), "");
    Ok(())
}
