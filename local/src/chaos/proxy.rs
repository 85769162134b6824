//! The proxy that the faults happen in.

use bytes::Bytes;
use http::header::{CONNECTION, CONTENT_TYPE, TRANSFER_ENCODING};
use http::request::Parts;
use http::uri::{Authority, Scheme};
use http::{HeaderValue, Request, Response, StatusCode, Uri};
use http_body_util::{BodyExt, Full};
use hyper::body::Incoming;
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::TokioExecutor;
use serde_json::Value;
use tokio::net::TcpListener;

use super::rule::Strike;
use super::{Call, Chaos, Fault, Wire, dynamodb, lambda};
use crate::server::{self, Answer, Running};

/// Passes calls on to `receiver`, as far as the rules let it.
pub fn serve(listener: TcpListener, receiver: Authority, wire: Wire, chaos: Chaos) -> std::io::Result<Running> {
    let proxy = Proxy { client: Client::builder(TokioExecutor::new()).build_http(), receiver, wire, chaos };
    server::serve(listener, move |request, _| {
        let proxy = proxy.clone();
        async move { proxy.call(request).await }
    })
}

#[derive(Clone)]
struct Proxy {
    client: Client<HttpConnector, Full<Bytes>>,
    receiver: Authority,
    wire: Wire,
    chaos: Chaos,
}

impl Proxy {
    /// `None` closes the connection.
    async fn call(self, request: Request<Incoming>) -> Option<Answer> {
        let (head, body) = request.into_parts();
        let body = body.collect().await.ok()?.to_bytes();
        let strike = if self.chaos.is_none() { None } else { self.strike(&head, &body) };
        let Some((Strike { fault, arrival, rule }, error)) = strike else {
            return self.pass_on(head, body).await;
        };
        match fault {
            Fault::Dropped => None,
            Fault::Hang => std::future::pending().await,
            Fault::Throttled | Fault::Conflict | Fault::Failed => error,
            Fault::ReplyLost => {
                self.pass_on(head, body).await;
                None
            }
            Fault::FailedAfter => {
                self.pass_on(head, body).await;
                error
            }
            Fault::Late => {
                rule.keep(tokio::spawn(async move {
                    arrival.wait().await;
                    self.pass_on(head, body).await;
                }));
                None
            }
        }
    }

    /// What the call meets, and how its receiver would word that.
    fn strike(&self, head: &Parts, body: &Bytes) -> Option<(Strike, Option<Answer>)> {
        let body = std::str::from_utf8(body).ok()?;
        let kind = match self.wire {
            Wire::Lambda => lambda::kind(head, body),
            Wire::Database => dynamodb::kind(head),
        };
        let call = Call { wire: self.wire, kind: kind?, body };
        let strike = self.chaos.strike(&call)?;
        let error = call.error(strike.fault);
        Some((strike, error))
    }

    async fn pass_on(&self, mut head: Parts, body: Bytes) -> Option<Answer> {
        let mut uri = head.uri.into_parts();
        (uri.scheme, uri.authority) = (Some(Scheme::HTTP), Some(self.receiver.clone()));
        head.uri = Uri::from_parts(uri).ok()?;
        head.headers.remove(CONNECTION);
        let (mut head, body) = self.client.request(Request::from_parts(head, Full::new(body))).await.ok()?.into_parts();
        let body = body.collect().await.ok()?.to_bytes();
        head.headers.remove(CONNECTION);
        head.headers.remove(TRANSFER_ENCODING);
        Some(Response::from_parts(head, Full::new(body)))
    }
}

/// An answer with this JSON.
pub fn answer(status: u16, content_type: &'static str, body: &Value) -> Answer {
    let mut answer = Response::new(Full::new(Bytes::from(body.to_string())));
    *answer.status_mut() = StatusCode::from_u16(status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    answer.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static(content_type));
    answer
}
