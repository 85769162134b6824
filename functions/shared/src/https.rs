//! A client for HTTP services that are not AWS's: one that CloudFormation waits behind, a payment provider.

use std::time::Duration;

use bytes::Bytes;
use http::{Request, Response};
use http_body_util::{BodyExt, Full, Limited};
use hyper_rustls::{HttpsConnector, HttpsConnectorBuilder};
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::TokioExecutor;
use rustls::{ClientConfig, RootCertStore};

use crate::error::Error;

/// How long a connection may take to be opened.
const CONNECT: Duration = Duration::from_secs(1);
/// How long an idle connection is kept; the other side must not be the first to close it.
const IDLE: Duration = Duration::from_secs(20);
/// The largest answer that is read, in bytes.
const LARGEST: usize = 1024 * 1024;

/// Sends requests, over TLS where the URL says so, trusting the bundled roots.
pub struct Https(Client<HttpsConnector<HttpConnector>, Full<Bytes>>);

impl Https {
    /// A client without connections.
    ///
    /// # Errors
    /// TLS cannot be set up.
    pub fn new() -> Result<Https, Error> {
        let mut roots = RootCertStore::empty();
        roots.add_parsable_certificates(webpki_root_certs::TLS_SERVER_ROOT_CERTS.iter().cloned());
        let tls = ClientConfig::builder_with_provider(rustls::crypto::ring::default_provider().into())
            .with_safe_default_protocol_versions()
            .map_err(|error| Error::Internal(format!("TLS cannot be set up: {error}")))?
            .with_root_certificates(roots)
            .with_no_client_auth();
        let mut tcp = HttpConnector::new();
        tcp.enforce_http(false);
        tcp.set_connect_timeout(Some(CONNECT));
        tcp.set_nodelay(true);
        let connector = HttpsConnectorBuilder::new().with_tls_config(tls).https_or_http().enable_http1();
        let client = Client::builder(TokioExecutor::new()).pool_idle_timeout(IDLE).build(connector.wrap_connector(tcp));
        Ok(Https(client))
    }

    /// Sends a request and reads the whole answer, whatever its status.
    ///
    /// # Errors
    /// [`Error::Unavailable`]: there was no answer within `patience`. The request may or may not have been taken.
    pub async fn send(&self, request: Request<Bytes>, patience: Duration) -> Result<Response<Bytes>, Error> {
        let exchange = async {
            let response = self.0.request(request.map(Full::new)).await.map_err(|error| lost(&error))?;
            let (head, body) = response.into_parts();
            let body = Limited::new(body, LARGEST).collect().await.map_err(|error| lost(&*error))?;
            Ok(Response::from_parts(head, body.to_bytes()))
        };
        let answer = tokio::time::timeout(patience, exchange).await;
        answer.unwrap_or_else(|_| Err(Error::Unavailable("no answer in time".to_owned())))
    }
}

/// The innermost cause says most.
fn lost(error: &(dyn std::error::Error + 'static)) -> Error {
    let mut innermost = error;
    while let Some(source) = innermost.source() {
        innermost = source;
    }
    Error::Unavailable(innermost.to_string())
}
