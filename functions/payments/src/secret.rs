//! Secrets: where each is kept, and that none is ever printed.

use std::fmt;

use shared::aws;
use shared::config::{self, Environment};
use shared::error::Error;
use tokio::sync::OnceCell;

/// A secret. Its `Debug` says nothing.
pub struct Secret(String);

impl Secret {
    /// The secret itself.
    pub fn reveal(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secret(…)")
    }
}

/// Where a secret is kept.
pub enum Stored {
    /// In the environment: on one machine.
    Given(Secret),
    /// In a SecureString of Systems Manager, read when it is first needed, once.
    Parameter {
        /// Reads it.
        client: aws_sdk_ssm::Client,
        /// Its name.
        name: String,
        /// What was read.
        value: OnceCell<Secret>,
    },
}

impl Stored {
    /// The secret that the variable `key` is, or, where there is none, that is kept in the parameter that
    /// `<key>_PARAMETER` names. A deployed function's settings are for many eyes, so there it is always the name.
    ///
    /// # Errors
    /// Both are missing.
    pub fn read<F: Fn(&str) -> Option<String>>(
        environment: &Environment<F>,
        aws: &aws::Config,
        key: &str,
    ) -> Result<Stored, config::Error> {
        if let Some(secret) = environment.optional(key) {
            return Ok(Stored::Given(Secret(secret)));
        }
        let name = environment.optional(&format!("{key}_PARAMETER"));
        let name =
            name.ok_or_else(|| config::Error::new(format!("{key} is missing: set it, or name its parameter")))?;
        Ok(Stored::Parameter { client: aws.ssm(), name, value: OnceCell::new() })
    }

    /// The secret.
    ///
    /// # Errors
    /// It cannot be read now, or is not there.
    pub async fn get(&self) -> Result<&Secret, Error> {
        match self {
            Stored::Given(secret) => Ok(secret),
            Stored::Parameter { client, name, value } => value.get_or_try_init(|| fetch(client, name)).await,
        }
    }
}

async fn fetch(client: &aws_sdk_ssm::Client, name: &str) -> Result<Secret, Error> {
    let answer = client.get_parameter().name(name).with_decryption(true).send().await?;
    let value = answer.parameter.and_then(|parameter| parameter.value).unwrap_or_default();
    match value.trim() {
        "" => Err(Error::Internal(format!("the parameter {name} is empty: put the secret there"))),
        secret => Ok(Secret(secret.to_owned())),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_secret_is_not_printed() {
        assert!(!format!("{:?}", Secret("sesame".to_owned())).contains("sesame"));
    }
}
