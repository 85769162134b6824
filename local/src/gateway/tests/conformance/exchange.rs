//! A request as raw bytes over a socket, and its answer.

use std::fmt::Write;
use std::net::SocketAddr;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use super::format::Request;

impl Request {
    fn bytes(&self) -> Vec<u8> {
        let body = match (&self.body, &self.body_base64, self.body_length) {
            (Some(text), None, None) => Some(text.clone().into_bytes()),
            (None, Some(encoded), None) => Some(STANDARD.decode(encoded).unwrap()),
            (None, None, Some(length)) => Some(vec![b'x'; length]),
            (None, None, None) => None,
            _ => panic!("a request has one body at most"),
        };
        let has = |name: &str| self.headers.iter().any(|(own, _)| own.eq_ignore_ascii_case(name));
        let mut head = format!("{} {} HTTP/1.1\r\n", self.method, self.target);
        for (name, value) in &self.headers {
            write!(head, "{name}: {value}\r\n").unwrap();
        }
        if let Some(length) = self.padding {
            write!(head, "X-Padding: {}\r\n", "x".repeat(length)).unwrap();
        }
        if !has("host") {
            head.push_str("Host: a1b2c3d4e5.execute-api.eu-central-1.amazonaws.com\r\n");
        }
        if let Some(body) = &body
            && !has("content-length")
            && !has("transfer-encoding")
        {
            write!(head, "Content-Length: {}\r\n", body.len()).unwrap();
        }
        head.push_str("Connection: close\r\n\r\n");
        let mut bytes = head.into_bytes();
        bytes.extend(body.unwrap_or_default());
        bytes
    }

    pub async fn send(&self, address: SocketAddr) -> Answered {
        let (mut reader, mut writer) = TcpStream::connect(address).await.unwrap().into_split();
        let request = self.bytes();
        // A server may refuse a large body before it has read it all; what it says is to be read all the same.
        let writing = tokio::spawn(async move {
            let _ = writer.write_all(&request).await;
            writer
        });
        let mut bytes = Vec::new();
        let _ = reader.read_to_end(&mut bytes).await;
        drop(writing.await.unwrap());
        Answered::parse(&bytes)
    }
}

pub struct Answered {
    pub status: u16,
    pub headers: Vec<(String, String)>,
    pub body: Vec<u8>,
}

impl Answered {
    fn parse(bytes: &[u8]) -> Self {
        let end = bytes.windows(4).position(|window| window == b"\r\n\r\n").expect("the answer has a head");
        let head = std::str::from_utf8(&bytes[..end]).unwrap();
        let mut lines = head.split("\r\n");
        let status = lines.next().unwrap()[9..12].parse().unwrap();
        let line = |line: &str| line.split_once(": ").map(|(name, value)| (name.to_lowercase(), value.to_owned()));
        Self { status, headers: lines.filter_map(line).collect(), body: bytes[end + 4..].to_vec() }
    }

    /// The values of every header of a name, in their order.
    pub fn all(&self, name: &str) -> Vec<&str> {
        self.headers.iter().filter(|(own, _)| own == name).map(|(_, value)| value.as_str()).collect()
    }
}
