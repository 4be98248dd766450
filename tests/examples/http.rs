//! Plain HTTP/1.1, as a gateway would speak it to the service behind it.

use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::TcpStream,
};

/// What came back.
#[derive(Debug, PartialEq)]
pub(crate) struct Reply {
    pub(crate) status: u16,
    /// In small letters, and without the date: two replies are alike whenever they came.
    pub(crate) head: String,
    pub(crate) body: Vec<u8>,
}

impl Reply {
    pub(crate) fn text(&self) -> &str {
        std::str::from_utf8(&self.body).unwrap()
    }
}

pub(crate) async fn get(address: &str, path: &str, headers: &[(&str, &str)]) -> Reply {
    send(address, "GET", path, headers, "").await
}

pub(crate) async fn post(address: &str, path: &str, headers: &[(&str, &str)], body: &str) -> Reply {
    let mut all = vec![("content-type", "application/json")];
    all.extend(headers);
    send(address, "POST", path, &all, body).await
}

async fn send(address: &str, method: &str, path: &str, headers: &[(&str, &str)], body: &str) -> Reply {
    let mut stream = TcpStream::connect(address.trim_start_matches("http://")).await.unwrap();
    let headers: String = headers.iter().map(|(name, value)| format!("{name}: {value}\r\n")).collect();
    let length = body.len();
    let request = format!(
        "{method} {path} HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\ncontent-length: {length}\r\n{headers}\r\n{body}"
    );
    stream.write_all(request.as_bytes()).await.unwrap();
    let mut reply = Vec::new();
    stream.read_to_end(&mut reply).await.unwrap();
    let end = reply.windows(4).position(|bytes| bytes == b"\r\n\r\n").unwrap();
    let head = String::from_utf8(reply[..end].to_vec()).unwrap().to_lowercase();
    let status = head.split(' ').nth(1).unwrap().parse().unwrap();
    // Nothing is chunked: whatever is given out tells its length first.
    assert!(head.contains(&format!("content-length: {}", reply.len() - end - 4)), "{head}");
    Reply { status, head: undated(&head), body: reply[end + 4..].to_vec() }
}

fn undated(head: &str) -> String {
    let kept: Vec<_> = head.split("\r\n").filter(|line| !line.starts_with("date: ")).collect();
    kept.join("\r\n")
}
