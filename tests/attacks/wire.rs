//! Attacks as bytes on a connection, so that nothing in between mends them; and those that are about the request rather
//! than about the token.

use std::time::Duration;

use serde_json::Value;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use super::forge::Forge;
use crate::shop::Shop;

/// One attack, and what it has to be answered with.
pub struct Attack {
    /// The status.
    pub answer: u16,
    /// What is wrong with it.
    pub name: String,
    target: String,
    lines: Vec<u8>,
    body: String,
}

/// What came back: the status, whether it was the HTTP API that answered, and the body.
pub struct Answer(u16, bool, String);

impl Attack {
    /// These header lines, which need no last line end.
    pub fn lines(answer: u16, name: impl Into<String>, lines: impl Into<Vec<u8>>) -> Attack {
        Attack { answer, name: name.into(), target: "/users/me".into(), lines: lines.into(), body: String::new() }
    }

    /// This `Authorization`.
    pub fn value(answer: u16, name: impl Into<String>, value: impl AsRef<[u8]>) -> Attack {
        Attack::lines(answer, name, [b"Authorization: ", value.as_ref()].concat())
    }

    /// This token, in the way that tokens are sent.
    pub fn bearer(answer: u16, name: impl Into<String>, token: &str) -> Attack {
        Attack::value(answer, name, format!("Bearer {token}"))
    }

    fn at(self, target: String) -> Attack {
        Attack { target, ..self }
    }

    /// Sends it on a connection of its own.
    pub async fn send(&self, shop: &Shop, patience: Duration) -> Answer {
        let exchange = tokio::time::timeout(patience, self.exchange(shop));
        exchange.await.unwrap_or_else(|_| panic!("{}: no answer in {patience:?}", self.name))
    }

    async fn exchange(&self, shop: &Shop) -> Answer {
        let mut stream = TcpStream::connect(shop.inner().address()).await.expect("a connection");
        let mut request =
            format!("GET {} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n", self.target).into_bytes();
        request.extend_from_slice(&self.lines);
        let length = format!("\r\nContent-Type: application/json\r\nContent-Length: {}\r\n\r\n", self.body.len());
        request.extend_from_slice(if self.lines.is_empty() { &length.as_bytes()[2..] } else { length.as_bytes() });
        request.extend_from_slice(self.body.as_bytes());
        let (mut from, mut to) = stream.split();
        let mut received = Vec::new();
        // Who has heard enough answers before the end and closes: then the rest cannot be sent any more.
        let (_, _) = tokio::join!(to.write_all(&request), from.read_to_end(&mut received));
        let text = String::from_utf8_lossy(&received).into_owned();
        let (head, body) = text.split_once("\r\n\r\n").unwrap_or_else(|| panic!("{}: no answer: {text:?}", self.name));
        let status = head.split(' ').nth(1).and_then(|status| status.parse().ok()).expect("a status");
        Answer(status, head.to_lowercase().contains("\r\napigw-requestid: "), body.to_owned())
    }

    /// How the answer is not what it has to be.
    pub fn differs(&self, Answer(status, from_the_api, body): &Answer) -> Option<String> {
        if *status != self.answer {
            return Some(format!("{status} instead of {}: {body}", self.answer));
        }
        let message = serde_json::from_str(body).ok().map(|json: Value| json["message"].clone());
        let expected = match status {
            401 => "Unauthorized",
            403 => "Forbidden",
            // The server's own refusal of what is no HTTP has no body; a good answer is the route's.
            _ => return None,
        };
        // A function's refusal would be a problem: then the authorizer has let it pass.
        let refused = *from_the_api && message == Some(expected.into()) && body.len() < 40;
        (!refused).then(|| format!("not refused by the API itself: {body}"))
    }
}

/// The token, or none, somewhere else than where it belongs, or in a line that is none.
pub fn table(forge: &Forge) -> Vec<Attack> {
    let good = &forge.good;
    let bearer = format!("Bearer {good}");
    let line = format!("Authorization: {bearer}");
    let none = |name: &str| Attack::lines(401, name, "");
    let padded = |length: usize| format!("Bearer {}", "a".repeat(length - "Bearer ".len()));
    vec![
        none("no Authorization at all"),
        Attack::value(401, "an empty Authorization", ""),
        Attack::value(401, "an Authorization of white space", " \t "),
        none("the token in the query, as RFC 6750 §2.3 once had it").at(format!("/users/me?access_token={good}")),
        none("the token in the query under the header's name").at(format!("/users/me?Authorization=Bearer%20{good}")),
        Attack::lines(401, "the token in a cookie", format!("Cookie: Authorization={bearer}; access_token={good}")),
        Attack { body: format!(r#"{{"access_token":"{good}"}}"#), ..none("the token in the body only") },
        Attack::lines(401, "the token in X-Authorization", format!("X-{line}")),
        Attack::lines(401, "the token in Proxy-Authorization", format!("Proxy-{line}")),
        Attack::lines(401, "the token in X-Forwarded-Authorization", format!("X-Forwarded-{line}")),
        Attack::lines(401, "the token under a name with an underscore", format!("Authorization_: {bearer}")),
        Attack::lines(
            401,
            "an authorizer's context in headers",
            "X-Amzn-Authorizer: {\"role\":\"admin\"}\r\nUser-Id: usr_a",
        ),
        Attack::lines(403, "two Authorization lines, both good", format!("{line}\r\n{line}")),
        Attack::lines(403, "two Authorization lines, the first one good", format!("{line}\r\nAuthorization: Bearer x")),
        Attack::lines(403, "two Authorization lines, the last one good", format!("Authorization: Bearer x\r\n{line}")),
        Attack::lines(403, "two Authorization lines, the first one empty", format!("Authorization:\r\n{line}")),
        Attack::lines(403, "a second line after a bare line feed", format!("Authorization: Bearer x\n{line}")),
        Attack::lines(400, "a space before the colon", format!("Authorization : {bearer}")),
        Attack::lines(400, "the value in a folded line", format!("Authorization: Bearer\r\n {good}")),
        Attack::lines(400, "a carriage return in the value", format!("Authorization: Bearer \r{good}")),
        Attack::lines(400, "a NUL in the value", format!("Authorization: Bearer {good}\0")),
        Attack::lines(400, "a NUL in the name", format!("Authorization\0: {bearer}")),
        Attack::lines(400, "a delete character in the value", format!("Authorization: Bearer {good}\u{7f}")),
        Attack::lines(400, "a line without a colon", format!("Authorization {bearer}")),
        Attack::value(403, "a value of 4 KB", padded(4096)),
        Attack::value(403, "a value of 4 KB and a byte", padded(4097)),
        Attack::value(403, "a value just below the limit of all headers", padded(9_900)),
        Attack::value(431, "a value of 16 KB", padded(16 * 1024)),
        Attack::value(431, "a value of 1 MB", padded(1024 * 1024)),
        Attack::lines(431, "a good token among headers of 16 KB", format!("X: {}\r\n{line}", padded(16 * 1024))),
        Attack::lines(431, "a thousand Authorization lines", vec!["Authorization: Bearer x"; 1000].join("\r\n")),
    ]
}
