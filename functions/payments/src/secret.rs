//! Secrets: where each is kept, and that none is ever printed.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use shared::aws;
use shared::clock::Timestamp;
use shared::config::{self, Environment};
use shared::errand::Errand;
use shared::error::Error;
use tokio::sync::Mutex;

/// How long reading a secret may take.
const READING: Duration = Duration::from_millis(2500);
/// A secret that is refused is read again, but not before this has passed since the last time.
const BETWEEN: Duration = Duration::from_secs(60);

/// A secret. Its `Debug` says nothing.
#[derive(PartialEq, Eq)]
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
    Given(Arc<Secret>),
    /// In a SecureString of Systems Manager, read when it is first needed, and again when it turns out to be replaced.
    Parameter {
        /// Reads it.
        client: aws_sdk_ssm::Client,
        /// Its name.
        name: String,
        /// What was read, and when somebody tried last.
        read: Mutex<Option<(Arc<Secret>, Timestamp)>>,
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
            return Ok(Stored::Given(Arc::new(Secret(secret))));
        }
        let name = environment.optional(&format!("{key}_PARAMETER"));
        let name =
            name.ok_or_else(|| config::Error::new(format!("{key} is missing: set it, or name its parameter")))?;
        Ok(Stored::Parameter { client: aws.ssm(), name, read: Mutex::default() })
    }

    /// The secret.
    ///
    /// # Errors
    /// It cannot be read now, or is not there.
    pub async fn get(&self, errand: &Errand) -> Result<Arc<Secret>, Error> {
        match self {
            Stored::Given(secret) => Ok(Arc::clone(secret)),
            Stored::Parameter { client, name, read } => {
                in_time(errand, async {
                    let mut read = read.lock().await;
                    if let Some((secret, _)) = &*read {
                        return Ok(Arc::clone(secret));
                    }
                    let secret = fetch(client, name).await?;
                    *read = Some((Arc::clone(&secret), errand.began));
                    Ok(secret)
                })
                .await
            }
        }
    }

    /// The secret that has replaced `refused`; `None` where there is none, as far as is known: it is looked up once a
    /// minute at most, whoever sends forged signatures.
    ///
    /// # Errors
    /// It cannot be read now, or is not there.
    pub async fn instead_of(&self, refused: &Secret, errand: &Errand) -> Result<Option<Arc<Secret>>, Error> {
        let Stored::Parameter { client, name, read } = self else { return Ok(None) };
        in_time(errand, async {
            let mut read = read.lock().await;
            match &mut *read {
                Some((secret, _)) if **secret != *refused => Ok(Some(Arc::clone(secret))),
                Some((_, tried)) if errand.began.since(*tried) < BETWEEN => Ok(None),
                Some((secret, tried)) => {
                    *tried = errand.began;
                    *secret = fetch(client, name).await?;
                    Ok((**secret != *refused).then(|| Arc::clone(secret)))
                }
                None => Ok(None),
            }
        })
        .await
    }
}

async fn in_time<T>(errand: &Errand, reading: impl Future<Output = Result<T, Error>>) -> Result<T, Error> {
    let answer = tokio::time::timeout(errand.budget(READING)?, reading).await;
    answer.unwrap_or_else(|_| Err(Error::Unavailable("a secret could not be read in time".to_owned())))
}

async fn fetch(client: &aws_sdk_ssm::Client, name: &str) -> Result<Arc<Secret>, Error> {
    let answer = client.get_parameter().name(name).with_decryption(true).send().await?;
    let value = answer.parameter.and_then(|parameter| parameter.value).unwrap_or_default();
    match value.trim() {
        "" => Err(Error::Internal(format!("the parameter {name} is empty: put the secret there"))),
        secret => Ok(Arc::new(Secret(secret.to_owned()))),
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
