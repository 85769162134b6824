//! Telling CloudFormation the outcome, by PUT to the URL that it gave.
//! <https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/crpg-ref-responses.html>

use std::time::Duration;

use bytes::Bytes;
use http::{Method, Request};
use http_body_util::Full;
use hyper_rustls::HttpsConnectorBuilder;
use hyper_util::client::legacy::Client;
use hyper_util::rt::TokioExecutor;
use rustls::{ClientConfig, RootCertStore};
use serde::Serialize;
use shared::error::Error;

/// How long the answer may take to be sent.
const PATIENCE: Duration = Duration::from_secs(5);
/// The resource's name where CloudFormation has none for it yet. It never changes: another one would have
/// CloudFormation delete the resource under its old name.
const PHYSICAL_ID: &str = "keyring";

/// What became of the request.
pub enum Outcome<T> {
    /// It was done; these are the resource's attributes.
    Success(T),
    /// It was not, for this reason.
    Failed(String),
}

/// The answer.
#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct Response<T> {
    status: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    reason: Option<String>,
    physical_resource_id: String,
    stack_id: String,
    request_id: String,
    logical_resource_id: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    data: Option<T>,
}

impl<T: Serialize> Response<T> {
    /// The answer to a request of these ids; a resource that has a name already keeps it.
    pub fn new(
        stack_id: String,
        request_id: String,
        logical_resource_id: String,
        physical_resource_id: Option<String>,
        outcome: Outcome<Option<T>>,
    ) -> Response<T> {
        let (status, data, reason) = match outcome {
            Outcome::Success(data) => ("SUCCESS", data, None),
            Outcome::Failed(reason) => ("FAILED", None, Some(reason)),
        };
        let physical_resource_id = physical_resource_id.unwrap_or_else(|| PHYSICAL_ID.to_owned());
        Response { status, reason, physical_resource_id, stack_id, request_id, logical_resource_id, data }
    }
}

/// Sends the answer.
///
/// # Errors
/// It did not arrive.
pub async fn send<T: Serialize>(url: &str, response: &Response<T>) -> Result<(), Error> {
    let body = serde_json::to_vec(response).map_err(|error| Error::Internal(error.to_string()))?;
    // The URL is signed for a request without Content-Type.
    let request = Request::builder().method(Method::PUT).uri(url).body(Full::new(Bytes::from(body)));
    let request = request.map_err(|error| Error::Internal(format!("the ResponseURL is none: {error}")))?;
    let undelivered = |why: String| Error::Unavailable(format!("CloudFormation did not take the answer: {why}"));
    let sent = tokio::time::timeout(PATIENCE, client()?.request(request)).await;
    let status = sent.map_err(|_| undelivered("it takes too long".to_owned()))?;
    let status = status.map_err(|error| undelivered(error.to_string()))?.status();
    if status.is_success() { Ok(()) } else { Err(undelivered(status.to_string())) }
}

type HttpsClient =
    Client<hyper_rustls::HttpsConnector<hyper_util::client::legacy::connect::HttpConnector>, Full<Bytes>>;

/// Made when it is needed, which is once in a deployment.
fn client() -> Result<HttpsClient, Error> {
    let mut roots = RootCertStore::empty();
    roots.add_parsable_certificates(webpki_root_certs::TLS_SERVER_ROOT_CERTS.iter().cloned());
    let tls = ClientConfig::builder_with_provider(rustls::crypto::ring::default_provider().into())
        .with_safe_default_protocol_versions()
        .map_err(|error| Error::Internal(format!("TLS cannot be set up: {error}")))?
        .with_root_certificates(roots)
        .with_no_client_auth();
    let connector = HttpsConnectorBuilder::new().with_tls_config(tls).https_or_http().enable_http1().build();
    Ok(Client::builder(TokioExecutor::new()).build(connector))
}
