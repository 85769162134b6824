//! HTTP for the tests: any method, headers as they are given, no redirects; https for a deployment.

use std::net::IpAddr;
use std::time::Duration;

use http::header::HOST;
use http::{HeaderMap, Method, Request};
use http_body_util::{BodyExt, Full};
use hyper_rustls::HttpsConnector;
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::TokioExecutor;
use url::Url;

const PATIENCE: Duration = Duration::from_secs(60);

/// Sends requests; clones share their connections.
#[derive(Clone)]
pub struct Transport(Client<HttpsConnector<HttpConnector>, Full<bytes::Bytes>>);

/// Status, headers and body of an answer.
pub type Received = (u16, HeaderMap, Vec<u8>);

impl Transport {
    /// A transport without connections.
    pub fn new() -> Transport {
        Transport::of(HttpConnector::new())
    }

    /// A transport whose connections come from this address of this machine.
    pub fn from(address: IpAddr) -> Transport {
        let mut connector = HttpConnector::new();
        connector.set_local_address(Some(address));
        Transport::of(connector)
    }

    fn of(mut connector: HttpConnector) -> Transport {
        connector.enforce_http(false);
        let tls = hyper_rustls::HttpsConnectorBuilder::new()
            .with_provider_and_native_roots(rustls::crypto::ring::default_provider())
            .expect("the system's certificates");
        Transport(
            Client::builder(TokioExecutor::new()).build(tls.https_or_http().enable_http1().wrap_connector(connector)),
        )
    }

    /// Sends a request. Names under `localhost`, which few resolvers know, are this machine (RFC 6761 §6.3).
    pub async fn send(
        &self,
        method: &Method,
        url: &Url,
        headers: &[(String, String)],
        body: &[u8],
    ) -> Result<Received, String> {
        let host = url[url::Position::BeforeHost..url::Position::AfterPort].to_owned();
        let mut address = url.clone();
        if url.host_str().is_some_and(|host| host.ends_with(".localhost")) {
            address.set_host(Some("127.0.0.1")).map_err(|error| error.to_string())?;
        }
        let mut request = Request::builder().method(method).uri(address.as_str()).header(HOST, host);
        for (name, value) in headers {
            request = request.header(name, value);
        }
        let request = request.body(Full::from(body.to_vec())).map_err(|error| error.to_string())?;
        let exchange = async {
            let response = self.0.request(request).await.map_err(|error| format!("{error:?}"))?;
            let (status, headers) = (response.status().as_u16(), response.headers().clone());
            let body = response.into_body().collect().await.map_err(|error| format!("half an answer: {error}"))?;
            Ok((status, headers, body.to_bytes().to_vec()))
        };
        tokio::time::timeout(PATIENCE, exchange).await.unwrap_or_else(|_| Err("no answer in a minute".to_owned()))
    }
}
