//! Lean AWS clients. What the SDK would find out at start (region, credentials, endpoints) Lambda has already put into
//! variables; reading those instead of loading the SDK's default configuration is worth milliseconds and megabytes
//! of every cold start.

use std::sync::{Arc, OnceLock};
use std::time::Duration;

use aws_credential_types::Credentials;
use aws_sdk_dynamodb::config::retry::RetryConfig;
use aws_sdk_dynamodb::config::timeout::TimeoutConfig;
use aws_sdk_dynamodb::config::{
    BehaviorVersion, IdentityCache, Region, SharedHttpClient, StalledStreamProtectionConfig,
};
use aws_sdk_dynamodb::operation::query::builders::QueryFluentBuilder;
use aws_sdk_dynamodb::types::KeysAndAttributes;
use aws_smithy_http_client::Builder;
use aws_smithy_http_client::tls::rustls_provider::CryptoMode;
use aws_smithy_http_client::tls::{Provider, TlsContext, TrustStore};
use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use memchr::memmem::find;

use crate::config::{self, Environment};
use crate::error::Error;

mod deadline;
mod endpoint;
mod failure;

use deadline::{CALL, Deadline};
use endpoint::Address;

pub use failure::{OnConditionFailed, condition_failed};

/// How long a warm-up request may take; a cold start does not wait longer than that for a connection.
pub const WARM_UP: Duration = Duration::from_millis(500);

/// A client of a service that answers at once: the same patience for each.
macro_rules! client {
    ($config:ident, $sdk:ident, $address:ident) => {{
        let config = $sdk::Config::builder()
            .behavior_version(BehaviorVersion::latest())
            .region(Region::new($config.region.clone()))
            .credentials_provider($config.credentials.clone())
            .identity_cache(IdentityCache::no_cache())
            .stalled_stream_protection(StalledStreamProtectionConfig::disabled())
            .timeout_config(timeouts())
            .retry_config(retries())
            .interceptor(Deadline)
            .endpoint_resolver($config.$address.clone())
            .http_client($config.http_client(&$config.$address));
        $sdk::Client::from_conf(config.build())
    }};
}

/// Where AWS is and who we are there.
#[derive(Clone)]
pub struct Config {
    region: String,
    credentials: Credentials,
    dynamodb: Address,
    kms: Address,
    lambda: Address,
    ssm: Address,
    roots: Option<String>,
    /// Setting TLS up costs more than all the rest of a start, so the clients of one function share it.
    https: Arc<OnceLock<SharedHttpClient>>,
}

impl Config {
    /// Reads `AWS_REGION`, `AWS_ACCESS_KEY_ID`, `AWS_SECRET_ACCESS_KEY`, `AWS_SESSION_TOKEN`, `AWS_ENDPOINT_URL`,
    /// `AWS_ENDPOINT_URL_<SERVICE>` and `AWS_CA_BUNDLE`, which all AWS SDKs know
    /// (<https://docs.aws.amazon.com/sdkref/latest/guide/settings-reference.html>).
    ///
    /// # Errors
    /// Region or keys are missing, or the file of certificates cannot be read.
    pub fn read<F: Fn(&str) -> Option<String>>(environment: &Environment<F>) -> Result<Config, config::Error> {
        let region = environment.required("AWS_REGION")?;
        let address = |variable, service| {
            let given = environment.optional(variable).or_else(|| environment.optional("AWS_ENDPOINT_URL"));
            Address::new(given.as_deref(), service, &region)
        };
        Ok(Config {
            dynamodb: address("AWS_ENDPOINT_URL_DYNAMODB", "dynamodb"),
            kms: address("AWS_ENDPOINT_URL_KMS", "kms"),
            lambda: address("AWS_ENDPOINT_URL_LAMBDA", "lambda"),
            ssm: address("AWS_ENDPOINT_URL_SSM", "ssm"),
            region,
            credentials: Credentials::new(
                environment.required("AWS_ACCESS_KEY_ID")?,
                environment.required("AWS_SECRET_ACCESS_KEY")?,
                environment.optional("AWS_SESSION_TOKEN"),
                None,
                "environment",
            ),
            roots: environment.optional("AWS_CA_BUNDLE").map(certificates).transpose()?,
            https: Arc::default(),
        })
    }

    /// A DynamoDB client. An attempt takes 1.5 s at most, all of them together 2.5 s, or what is left of the errand that
    /// runs ([`crate::errand`]).
    pub fn dynamodb(&self) -> aws_sdk_dynamodb::Client {
        client!(self, aws_sdk_dynamodb, dynamodb)
    }

    /// A KMS client, as patient as DynamoDB's.
    pub fn kms(&self) -> aws_sdk_kms::Client {
        client!(self, aws_sdk_kms, kms)
    }

    /// A client of Systems Manager, for its parameters; as patient as DynamoDB's.
    pub fn ssm(&self) -> aws_sdk_ssm::Client {
        client!(self, aws_sdk_ssm, ssm)
    }

    /// A Lambda client. Invoke is sent once: the SDK would repeat it after a lost connection, and the caller
    /// knows better what a repeat means.
    pub fn lambda(&self) -> aws_sdk_lambda::Client {
        use aws_sdk_lambda::config as lambda;
        let config = aws_sdk_lambda::Config::builder()
            .behavior_version(lambda::BehaviorVersion::latest())
            .region(lambda::Region::new(self.region.clone()))
            .credentials_provider(self.credentials.clone())
            .identity_cache(lambda::IdentityCache::no_cache())
            .stalled_stream_protection(lambda::StalledStreamProtectionConfig::disabled())
            .retry_config(lambda::retry::RetryConfig::disabled())
            .endpoint_resolver(self.lambda.clone())
            .http_client(self.http_client(&self.lambda));
        aws_sdk_lambda::Client::from_conf(config.build())
    }

    /// An HTTP client for an address: without TLS where the address is plain http, so that nothing of TLS is set up.
    fn http_client(&self, address: &Address) -> SharedHttpClient {
        let builder = || Builder::new().pool_idle_timeout(Duration::from_secs(60));
        if address.is_plain() {
            return builder().build_http();
        }
        let https = self.https.get_or_init(|| {
            let builder = builder().tls_provider(Provider::Rustls(CryptoMode::Ring));
            match TlsContext::builder().with_trust_store(self.trusted()).build() {
                Ok(context) => builder.tls_context(context).build_https(),
                // Without a context of ours the client falls back to the system's certificates.
                Err(_) => builder.build_https(),
            }
        });
        https.clone()
    }

    fn trusted(&self) -> TrustStore {
        match &self.roots {
            Some(pem) => TrustStore::empty().with_pem_certificate(pem.as_bytes()),
            None => amazon_roots(),
        }
    }
}

fn timeouts() -> TimeoutConfig {
    TimeoutConfig::builder()
        .connect_timeout(Duration::from_millis(700))
        .operation_attempt_timeout(Duration::from_millis(1500))
        .operation_timeout(CALL)
        .build()
}

fn retries() -> RetryConfig {
    RetryConfig::standard().with_max_attempts(3).with_initial_backoff(Duration::from_millis(20))
}

fn certificates(file: String) -> Result<String, config::Error> {
    std::fs::read_to_string(&file)
        .map_err(|error| config::Error::new(format!("AWS_CA_BUNDLE names {file}, which cannot be read: {error}")))
}

/// The bundled roots that AWS's endpoints are signed by (<https://www.amazontrust.com/repository/>): Amazon's own and
/// Starfield's. Parsing a handful takes microseconds, the whole bundle or the system's files take milliseconds.
fn amazon_roots() -> TrustStore {
    let signs_aws = |der: &[u8]| [&b"Amazon Root CA"[..], b"Starfield"].iter().any(|name| find(der, name).is_some());
    let roots = webpki_root_certs::TLS_SERVER_ROOT_CERTS.iter().filter(|der| signs_aws(der));
    roots.fold(TrustStore::empty(), |store, der| {
        let pem = format!("-----BEGIN CERTIFICATE-----\n{}\n-----END CERTIFICATE-----\n", BASE64_STANDARD.encode(der));
        store.with_pem_certificate(pem.into_bytes())
    })
}

/// Reads items by key, in any order, each found one once; at most 100 keys. What DynamoDB leaves for another time is
/// asked for again, after a growing pause.
///
/// # Errors
/// As any call; [`Error::Unavailable`] when keys are left after the last attempt.
pub async fn batch_get(
    client: &aws_sdk_dynamodb::Client,
    table: &str,
    keys: Vec<Item>,
    consistent: bool,
) -> Result<Vec<Item>, Error> {
    const ATTEMPTS: u32 = 4;
    let (mut keys, mut found) = (keys, Vec::new());
    for attempt in 0..ATTEMPTS {
        if keys.is_empty() {
            break;
        }
        if attempt > 0 {
            tokio::time::sleep(Duration::from_millis(10 << attempt)).await;
        }
        let wanted = KeysAndAttributes::builder().set_keys(Some(keys)).consistent_read(consistent).build();
        let answer = client.batch_get_item().request_items(table, wanted.map_err(built)?).send().await?;
        found.extend(answer.responses.unwrap_or_default().into_values().flatten());
        keys = answer.unprocessed_keys.unwrap_or_default().into_values().flat_map(|rest| rest.keys).collect();
    }
    if keys.is_empty() { Ok(found) } else { Err(Error::Unavailable("keys were left unprocessed".to_owned())) }
}

/// The first `wanted` items of a query, or all where it has fewer. One answer ends at 1 MB, before a limit of large items.
///
/// # Errors
/// As any call.
pub async fn query(query: QueryFluentBuilder, wanted: usize) -> Result<Vec<Item>, Error> {
    let (mut query, mut items) = (query, Vec::new());
    loop {
        let left = i32::try_from(wanted - items.len()).unwrap_or(i32::MAX);
        let answer = query.clone().limit(left).send().await?;
        items.extend(answer.items.unwrap_or_default());
        match answer.last_evaluated_key {
            Some(last) if items.len() < wanted => query = query.set_exclusive_start_key(Some(last)),
            _ => return Ok(items),
        }
    }
}

/// What an incomplete request means: a bug.
pub fn built(error: impl std::fmt::Display) -> Error {
    Error::Internal(format!("a request was incomplete: {error}"))
}

/// An item as its record.
///
/// # Errors
/// The item is not one: data that should not be there.
pub fn record<T: serde::de::DeserializeOwned>(item: Item) -> Result<T, Error> {
    serde_dynamo::from_item(item).map_err(|error| Error::Internal(format!("an item could not be read: {error}")))
}

/// A record as its item.
///
/// # Errors
/// The record cannot be an item, which would be a bug.
pub fn item(record: &impl serde::Serialize) -> Result<Item, Error> {
    serde_dynamo::to_item(record).map_err(|error| Error::Internal(format!("an item could not be written: {error}")))
}

/// A value as an attribute.
///
/// # Errors
/// The value cannot be an attribute, which would be a bug.
pub fn attribute(value: &impl serde::Serialize) -> Result<aws_sdk_dynamodb::types::AttributeValue, Error> {
    serde_dynamo::to_attribute_value(value)
        .map_err(|error| Error::Internal(format!("an attribute could not be written: {error}")))
}

/// A table's item.
pub type Item = std::collections::HashMap<String, aws_sdk_dynamodb::types::AttributeValue>;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_bundle_has_the_roots_of_aws() {
        let named =
            webpki_root_certs::TLS_SERVER_ROOT_CERTS.iter().filter(|der| find(der, b"Amazon Root CA").is_some());
        assert_eq!(named.count(), 4);
    }

    #[test]
    fn endpoints_left_empty_count_as_absent() {
        let environment = Environment::new(|key: &str| match key {
            "AWS_REGION" | "AWS_ACCESS_KEY_ID" | "AWS_SECRET_ACCESS_KEY" => Some("x".to_owned()),
            "AWS_ENDPOINT_URL_DYNAMODB" => Some(String::new()),
            "AWS_ENDPOINT_URL" => Some("http://all".to_owned()),
            _ => None,
        });
        let config = Config::read(&environment).expect("complete");
        assert!(config.dynamodb.is_plain());
    }
}
