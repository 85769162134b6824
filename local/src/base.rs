//! What every command stands on: the template, the keys that it publishes, the database.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use sha2::{Digest, Sha256};
use shared::clock::Timestamp;
use shared::ids::base32;

use crate::Error;
use crate::database::{self, Database, Place};
use crate::environment::Environment;
use crate::keys::Keys;
use crate::mounted::BINARIES;
use crate::seed::{self, Catalogue};
use crate::shop::Options;
use crate::template::{Given, Template};

/// Limits of one network alone. On one machine everybody is in the same one, so these are out of the way unless a
/// parameter says otherwise; what is counted for each account holds as it is.
const LIMITS: [(&str, &str); 2] = [("AttemptsPerMinute", "1000000"), ("AttemptsPerHour", "1000000")];

/// What an edge shows to the API: the digest of a signing key, so whoever is given the same `--data` has the same one.
fn secret(keys: &Keys) -> String {
    base32(&Sha256::digest(format!("the edge's secret, by {}", keys.a())))
}

/// Template, keys and database.
pub struct Base {
    /// The template's file.
    pub file: PathBuf,
    /// The template, with the public keys as the attribute `Keyring.Jwks`.
    pub template: Template,
    /// The keys that access tokens are signed with.
    pub keys: Keys,
    /// The database, which answers.
    pub database: Database,
    variables: BTreeMap<String, String>,
}

impl Base {
    /// Reads the template, reads or makes the keys, opens the database.
    ///
    /// # Errors
    /// One of them fails.
    pub async fn lay(options: &Options) -> Result<Base, Error> {
        let place = match (&options.dynamodb, &options.data) {
            (Some(access), _) => Place::External(access.clone()),
            (None, Some(file)) => Place::File(file.clone()),
            (None, None) => Place::Memory,
        };
        let keys = keys(options.data.as_deref())?;
        let template = template(options, &keys)?;
        // Functions that run elsewhere were told where the database is before it started.
        let port = options.functions.as_ref().map_or(0, |_| database::PORT);
        let database = Database::open(place, port).await?;
        Ok(Base { file: options.template.clone(), template, keys, database, variables: options.variables.clone() })
    }

    /// What the functions' environments come from, with Lambda's Invoke API at `lambda`.
    pub fn environment<'a>(&'a self, lambda: &'a str) -> Environment<'a> {
        Environment {
            template: &self.template,
            keys: &self.keys,
            database: self.database.access(),
            lambda,
            variables: &self.variables,
        }
    }

    /// The secret that the edge shows to the API.
    pub fn edge_secret(&self) -> String {
        secret(&self.keys)
    }

    /// Puts the sample products and, on this machine, the sample users.
    ///
    /// # Errors
    /// A table cannot be written.
    pub async fn seed(&self, now: Timestamp) -> Result<(), Error> {
        let client = self.database.client();
        seed::samples(client, &self.catalogue()?).await?;
        if self.database.is_local() {
            seed::users(client, self.variable("users", "USERS_TABLE")?, now).await?;
        }
        Ok(())
    }

    /// Whether the template is the shop's, as far as samples are concerned: another may have a function `users` and its
    /// table too, but not all of the shop's functions.
    pub fn is_shop(&self) -> bool {
        let has_table = |(binary, table)| {
            self.variable(binary, table).is_ok_and(|name| self.template.tables.iter().any(|table| table.name == name))
        };
        BINARIES.iter().all(|binary| self.template.function_of(binary).is_some())
            && [("users", "USERS_TABLE"), ("products", "PRODUCTS_TABLE")].into_iter().all(has_table)
            && self.catalogue().is_ok()
    }

    /// The products table.
    ///
    /// # Errors
    /// The template does not say which one it is.
    pub fn catalogue(&self) -> Result<Catalogue, Error> {
        let currency = self.variable("products", "CURRENCY")?;
        let currency =
            currency.parse().map_err(|error| Error::new(format!("the template's CURRENCY is wrong: {error}.")))?;
        Ok(Catalogue { table: self.variable("products", "PRODUCTS_TABLE")?.to_owned(), currency })
    }

    fn variable(&self, binary: &str, key: &str) -> Result<&str, Error> {
        let function = self.template.function_of(binary);
        let value = function.and_then(|function| function.environment.get(key));
        value.map(String::as_str).ok_or_else(|| {
            Error::new(format!(
                "the template gives {binary} no variable {key}, which seeding needs: add it, or use --no-seed."
            ))
        })
    }
}

/// The keys beside the data, or new ones where no data is kept.
///
/// # Errors
/// They cannot be read or made.
pub fn keys(data: Option<&Path>) -> Result<Keys, Error> {
    data.map_or_else(Keys::generate, Keys::beside)
}

/// The template with its parameters, and with these keys as what the custom resource `Keyring` would publish.
///
/// # Errors
/// The template cannot be used.
pub fn template(options: &Options, keys: &Keys) -> Result<Template, Error> {
    let edge = options.edge.then_some(("Edge", "on"));
    let stand_ins = LIMITS.into_iter().chain(edge).map(|(name, value)| (name.to_owned(), value.to_owned()));
    let given = Given {
        stack: options.stack.clone(),
        parameters: options.parameters.clone(),
        api: options.api.clone(),
        stand_ins: stand_ins.collect(),
        attributes: BTreeMap::from([("Keyring.Jwks".to_owned(), keys.jwks().to_owned())]),
        secrets: BTreeMap::from([("EDGE_SECRET".to_owned(), secret(keys))]),
        ..Given::default()
    };
    let template = Template::load(&options.template, &given)?;
    if options.edge && template.edge.is_none() {
        return Err(Error::new(
            "--edge wants a template with an AWS::CloudFront::Distribution, which the parameter Edge switches on.",
        ));
    }
    Ok(template)
}
