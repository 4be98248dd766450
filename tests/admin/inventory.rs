//! Every call of the administration asks who calls, and what they may do. A new call without a case here fails.

use super::{
    calls::{Refused, by_hand, done, key_of, role, sample_site},
    inventory_cases::{Case, KNOWN_KEY, Takes, cases},
    server::{ROOT, Server},
};
use prost::{
    Message as _,
    bytes::{Buf as _, BufMut as _},
};
use rolegate::grpc::proto::{
    CreateApiKeyRequest, CreateGroupRequest, CreateRoleRequest, CreateUserRequest, DESCRIPTORS,
    RevokeApiKeyRequest, UpdateUserRequest,
};
use std::collections::BTreeSet;
use tonic::{
    Code, Request, Status, Streaming,
    client::Grpc,
    codec::{Codec, DecodeBuf, Decoder, EncodeBuf, Encoder},
    transport::Channel,
};

/// Messages as they come.
#[derive(Default)]
struct Raw;

impl Codec for Raw {
    type Encode = Vec<u8>;
    type Decode = Vec<u8>;
    type Encoder = Self;
    type Decoder = Self;

    fn encoder(&mut self) -> Self {
        Self
    }

    fn decoder(&mut self) -> Self {
        Self
    }
}

impl Encoder for Raw {
    type Item = Vec<u8>;
    type Error = Status;

    fn encode(&mut self, item: Vec<u8>, buffer: &mut EncodeBuf<'_>) -> Result<(), Status> {
        buffer.put_slice(&item);
        Ok(())
    }
}

impl Decoder for Raw {
    type Item = Vec<u8>;
    type Error = Status;

    fn decode(&mut self, buffer: &mut DecodeBuf<'_>) -> Result<Option<Vec<u8>>, Status> {
        Ok(Some(buffer.copy_to_bytes(buffer.remaining()).to_vec()))
    }
}

/// Makes any call with these `authorization` headers, and gathers all answers.
async fn call(channel: &Channel, headers: &[&str], method: &str, body: &[u8]) -> Result<usize, Refused> {
    let mut client = Grpc::new(channel.clone());
    client.ready().await.unwrap();
    let mut request = Request::new(tokio_stream::iter([body.to_vec()]));
    for header in headers {
        request.metadata_mut().append("authorization", header.parse().unwrap());
    }
    let path = format!("/rolegate.v1.RoleAdminService/{method}").parse().unwrap();
    let answer: Streaming<Vec<u8>> =
        client.streaming(request, path, Raw).await.map_err(Refused::from)?.into_inner();
    gather(answer).await.map_err(Refused::from)
}

async fn gather(mut answers: Streaming<Vec<u8>>) -> Result<usize, Status> {
    let mut count = 0;
    while answers.message().await?.is_some() {
        count += 1;
    }
    Ok(count)
}

fn methods() -> BTreeSet<String> {
    let descriptors = prost_types::FileDescriptorSet::decode(DESCRIPTORS).unwrap();
    let services = descriptors.file.iter().flat_map(|file| &file.service);
    let admin = services.filter(|service| service.name() == "RoleAdminService");
    admin.flat_map(|service| &service.method).map(|method| method.name().to_owned()).collect()
}

#[test]
fn every_call_has_a_case() {
    let cased: BTreeSet<String> = cases().iter().map(|case| case.method.to_owned()).collect();
    assert_eq!(cased, methods());
    assert_eq!(cases().len(), methods().len());
}

/// The sample site and the things beside it that the cases are about.
async fn site_of_cases() -> Server {
    let server = sample_site();
    let id = || "deletable".to_owned();
    let role = CreateRoleRequest { id: Some(id()), ..role("Deletable", &[]) };
    done(server.root().create_role(role).await);
    let group = CreateGroupRequest { id: id(), label: id(), ..Default::default() };
    done(server.root().create_group(group).await);
    let key = "INSERT INTO api_keys (id, user_id, label, secret_hash, created_at)
               VALUES ($1, 'ada@demo.example', 'known', x'00', 1)";
    let mut store = by_hand(&server.store()).await;
    sqlx::query(key).bind(KNOWN_KEY).execute(&mut store).await.unwrap();
    server
}

/// Makes every call with these headers, and holds every answer against the one expected.
async fn all_are_refused(server: &Server, headers: &[&str], code: Code, reason: &str, message: &str) {
    let channel = server.channel();
    for case in cases() {
        // The key is judged before the message is.
        for body in [case.body, Vec::new()] {
            let refused = call(&channel, headers, case.method, &body).await.unwrap_err();
            let expected = (code, reason, message);
            let found = (refused.code, refused.reason.as_str(), refused.message.as_str());
            assert_eq!(found, expected, "{} with {headers:?}", case.method);
        }
    }
}

#[tokio::test]
async fn no_call_is_answered_without_a_key() {
    let server = sample_site();
    all_are_refused(&server, &[], Code::Unauthenticated, "UNAUTHENTICATED", "a valid API key is needed")
        .await;
}

#[tokio::test]
async fn no_call_is_answered_to_what_is_no_key() {
    let server = sample_site();
    let key = server.key.clone();
    let bearer = format!("Bearer {key}");
    let malformed = [
        String::new(),
        "Bearer".to_owned(),
        "Bearer ".to_owned(),
        key.clone(),
        format!("Basic {key}"),
        format!("Bearer  {key}"),
        format!("{bearer} "),
        format!("{bearer}0"),
        format!("{bearer}_"),
        bearer.replacen("rgk_", "rgk", 1),
        bearer.replacen("rgk_", "abc_", 1),
        bearer.get(..bearer.len() - 1).unwrap().to_owned(),
        format!("{}g", bearer.get(..bearer.len() - 1).unwrap()),
    ];
    let channel = server.channel();
    for header in &malformed {
        let refused = call(&channel, &[header], "ListUsers", &[]).await.unwrap_err();
        assert_eq!(refused.code, Code::Unauthenticated, "{header}");
        assert!(!refused.message.contains(&key));
    }
    // Two headers name no one, even where both hold the same key.
    let (code, reason) = (Code::Unauthenticated, "UNAUTHENTICATED");
    all_are_refused(&server, &[&bearer, &bearer], code, reason, "a valid API key is needed").await;
    all_are_refused(&server, &["Bearer rgk_123_456"], code, reason, "a valid API key is needed").await;
    assert!(call(&channel, &[&bearer], "ListUsers", &[]).await.is_ok());
}

#[tokio::test]
async fn no_call_is_answered_to_a_wrong_a_revoked_or_an_expired_key() {
    let server = sample_site();
    let last = server.key.chars().last().unwrap();
    let other = if last == '0' { '1' } else { '0' };
    let wrong = format!("{}{other}", server.key.get(..server.key.len() - 1).unwrap());

    let create = CreateApiKeyRequest { user: ROOT.to_owned(), label: "old".to_owned(), ..Default::default() };
    let revoked = done(server.root().create_api_key(create.clone()).await);
    let revoke = RevokeApiKeyRequest { id: revoked.key.unwrap().id, ..Default::default() };
    done(server.root().revoke_api_key(revoke).await);

    let expired = done(server.root().create_api_key(create).await);
    let mut store = by_hand(&server.store()).await;
    let expire = sqlx::query("UPDATE api_keys SET expires_at = 1000 WHERE id = $1");
    expire.bind(expired.key.unwrap().id).execute(&mut store).await.unwrap();

    for key in [wrong, revoked.secret, expired.secret] {
        let header = format!("Bearer {key}");
        let (code, reason) = (Code::Unauthenticated, "UNAUTHENTICATED");
        all_are_refused(&server, &[&header], code, reason, "a valid API key is needed").await;
    }
}

#[tokio::test]
async fn no_call_is_answered_to_a_disabled_user() {
    let server = sample_site();
    let key = key_of(&server, "ada@demo.example").await;
    let disable =
        UpdateUserRequest { id: "ada@demo.example".to_owned(), disabled: Some(true), ..Default::default() };
    done(server.root().update_user(disable).await);
    let header = format!("Bearer {key}");
    let (code, reason) = (Code::PermissionDenied, "NOT_PERMITTED");
    all_are_refused(&server, &[&header], code, reason, "this takes an enabled user").await;
}

#[tokio::test]
async fn without_the_right_nobody_gets_through_or_learns_what_exists() {
    let server = site_of_cases().await;
    let stranger = CreateUserRequest { id: "stranger@example.com".to_owned(), ..Default::default() };
    done(server.root().create_user(stranger).await);
    let header = format!("Bearer {}", key_of(&server, "stranger@example.com").await);
    let channel = server.channel();
    for Case { method, body, takes, unknown } in cases() {
        let answer = call(&channel, &[&header], method, &body).await;
        let Takes::Right(right) = takes else {
            assert!(answer.is_ok(), "{method}: {answer:?}");
            continue;
        };
        let refused = answer.expect_err(method);
        refused.is(Code::PermissionDenied, "NOT_PERMITTED", right);
        assert!(refused.message.ends_with("a site admin"), "{method}: {}", refused.message);
        for body in unknown {
            assert_eq!(call(&channel, &[&header], method, &body).await, Err(refused.clone()), "{method}");
        }
    }
}

#[tokio::test]
async fn with_the_right_every_call_gets_through() {
    // In an order in which no call takes away what a later one needs.
    let server = site_of_cases().await;
    let header = format!("Bearer {}", server.key);
    let channel = server.channel();
    for case in cases() {
        let answer = call(&channel, &[&header], case.method, &case.body).await;
        assert!(answer.as_ref().is_ok_and(|count| *count > 0), "{}: {answer:?}", case.method);
    }
}

#[tokio::test]
async fn an_unknown_call_is_unimplemented() {
    let server = Server::start();
    let header = format!("Bearer {}", server.key);
    let refused = call(&server.channel(), &[&header], "GrantEverything", &[]).await.unwrap_err();
    assert_eq!(refused.code, Code::Unimplemented);
}
