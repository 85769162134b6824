//! A CloudFormation custom resource: reads the public keys of the KMS keys that its property `SigningKeys` lists, and
//! has them as a JSON Web Key Set in its attribute `Jwks`. So whoever verifies access tokens gets the keys as
//! configuration, and needs neither network nor AWS SDK for them.
//! <https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/crpg-ref.html>

use std::sync::Arc;
use std::time::Duration;

use aws_sdk_kms::error::ProvideErrorMetadata;
use aws_sdk_kms::operation::get_public_key::GetPublicKeyOutput;
use futures_util::future::try_join_all;
use lambda_runtime::LambdaEvent;
use p256::pkcs8::DecodePublicKey;
use p256::{EncodedPoint, PublicKey};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use shared::aws;
use shared::config::{self, Environment};
use shared::error::{Error, FunctionError};
use shared::identity::{Jwk, Jwks};
use shared::telemetry::{Log, Subject, Telemetry};

mod callback;

use callback::{Outcome, Response};

/// How often a key is asked for again that may not be read yet: with a first pause of a second, half a minute in all.
const REPEATS: u32 = 5;

/// What the function is given.
pub struct Config {
    /// Where AWS is.
    pub aws: aws::Config,
    /// The first pause before a key is asked for again that may not be read yet; each is twice as long as the last.
    pub pause: Duration,
    /// Where log lines go.
    pub log: Log,
}

impl Config {
    /// Reads AWS's own variables.
    ///
    /// # Errors
    /// Something is missing.
    pub fn read(lookup: impl Fn(&str) -> Option<String>) -> Result<Config, config::Error> {
        let aws = aws::Config::read(&Environment::new(lookup))?;
        Ok(Config { aws, pause: Duration::from_secs(1), log: Log::stdout() })
    }
}

/// The function.
pub struct App {
    kms: aws_sdk_kms::Client,
    pause: Duration,
    telemetry: Telemetry,
}

/// What CloudFormation asks for.
#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct Request {
    request_type: RequestType,
    /// A presigned URL that takes the answer by PUT.
    #[serde(rename = "ResponseURL")]
    response_url: String,
    stack_id: String,
    request_id: String,
    logical_resource_id: String,
    /// What an earlier answer said; absent in a Create.
    physical_resource_id: Option<String>,
    /// Read only where they matter: also a request with properties of an earlier version must be answered.
    #[serde(default)]
    resource_properties: Value,
}

#[derive(Clone, Copy, Deserialize)]
enum RequestType {
    Create,
    Update,
    Delete,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Properties {
    /// Ids of KMS keys; each is also its key's `kid`.
    signing_keys: Vec<String>,
}

/// What `GetAtt` can ask for.
#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct Attributes {
    jwks: String,
}

impl RequestType {
    fn name(self) -> &'static str {
        match self {
            RequestType::Create => "create",
            RequestType::Update => "update",
            RequestType::Delete => "delete",
        }
    }
}

impl App {
    /// The function with this configuration.
    pub fn new(config: Config) -> App {
        App { kms: config.aws.kms(), pause: config.pause, telemetry: Telemetry::new("keyring", config.log) }
    }

    /// Answers one request of CloudFormation's, also when the keys cannot be read: without an answer a deployment waits.
    ///
    /// # Errors
    /// The answer could not be sent. Lambda then asks again, twice.
    pub async fn handle(self: Arc<Self>, event: LambdaEvent<Request>) -> Result<(), FunctionError> {
        let request = event.payload;
        let subject = Subject {
            request_id: request.request_id.clone(),
            command: Some(request.request_type.name()),
            ..Subject::default()
        };
        let read = self.telemetry.observe(&subject, |_| (200, None), self.attributes(&request)).await;
        let outcome = match read {
            Ok(attributes) => Outcome::Success(attributes),
            // Whoever deploys sees the reason, and may see the cause.
            Err(error) => Outcome::Failed(format!("no public keys: {}", error.cause().unwrap_or(error.title()))),
        };
        let response = Response::new(
            request.stack_id,
            request.request_id,
            request.logical_resource_id,
            request.physical_resource_id,
            outcome,
        );
        let sent = callback::send(&request.response_url, &response).await;
        sent.inspect_err(|error| self.telemetry.note(&subject.request_id, error)).map_err(FunctionError)
    }

    async fn attributes(&self, request: &Request) -> Result<Option<Attributes>, Error> {
        if matches!(request.request_type, RequestType::Delete) {
            // There is nothing to remove, and the keys may be gone already.
            return Ok(None);
        }
        let properties = Properties::deserialize(&request.resource_properties)
            .map_err(|error| Error::Internal(format!("the resource's properties are wrong: {error}")))?;
        if properties.signing_keys.is_empty() {
            return Err(Error::Internal("the property SigningKeys names no key".to_owned()));
        }
        let keys = try_join_all(properties.signing_keys.iter().map(|id| self.public_key(id))).await?;
        let jwks = serde_json::to_string(&Jwks { keys }).map_err(|error| Error::Internal(error.to_string()))?;
        Ok(Some(Attributes { jwks }))
    }

    async fn public_key(&self, id: &str) -> Result<Jwk, Error> {
        let answer = self.read(id).await?;
        // SubjectPublicKeyInfo (RFC 5280 §4.1), which also names the curve.
        let der = answer.public_key.unwrap_or_else(|| aws_sdk_kms::primitives::Blob::new([]));
        let key = PublicKey::from_public_key_der(der.as_ref())
            .map_err(|error| Error::Internal(format!("the KMS key {id} is no key on P-256: {error}")))?;
        Jwk::es256(id, EncodedPoint::from(key).as_bytes())
            .ok_or_else(|| Error::Internal(format!("the KMS key {id} has no public point")))
    }

    /// Asks for a public key. The right to read a new one reaches KMS some seconds after CloudFormation has granted it:
    /// until then it is asked for again.
    async fn read(&self, id: &str) -> Result<GetPublicKeyOutput, Error> {
        let mut pause = self.pause;
        for _ in 0..REPEATS {
            match self.kms.get_public_key().key_id(id).send().await {
                Err(error) if error.code() == Some("AccessDeniedException") => tokio::time::sleep(pause).await,
                answer => return Ok(answer?),
            }
            pause *= 2;
        }
        Ok(self.kms.get_public_key().key_id(id).send().await?)
    }
}

#[cfg(test)]
mod tests;
