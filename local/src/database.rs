//! The shop's DynamoDB: an embedded one on a loopback port, in memory or in a file, or another one by its URL.

use std::net::{IpAddr, Ipv4Addr};
use std::path::{Path, PathBuf};
use std::time::Duration;

use aws_sdk_dynamodb::config::timeout::TimeoutConfig;
use aws_sdk_dynamodb::error::{DisplayErrorContext, ProvideErrorMetadata};
use shared::config::Environment;
use tokio::net::TcpListener;
use tokio::sync::oneshot;

use crate::Error;
use crate::template::REGION;

/// Where functions that run elsewhere look for the database: DynamoDB Local's own port.
pub const PORT: u16 = 8000;
/// How often expired items are deleted, which the embedded database does not do by itself.
const SWEEP: Duration = Duration::from_secs(60);
/// How long a stop waits for the embedded database to close its file.
const CLOSING: Duration = Duration::from_secs(5);

/// Which database to use.
#[derive(Debug, Clone)]
pub enum Place {
    /// An embedded one that ends with the shop.
    Memory,
    /// An embedded one in a file.
    File(PathBuf),
    /// One that is already running.
    External(Access),
}

/// Where a DynamoDB is, and who we are there.
#[derive(Debug, Clone)]
pub struct Access {
    /// Such as `http://localhost:8000`.
    pub url: String,
    /// The region that requests are signed for.
    pub region: String,
    /// The access key's id.
    pub key_id: String,
    /// The access key.
    pub secret: String,
    /// The token of temporary credentials.
    pub session_token: Option<String>,
}

impl Access {
    /// Credentials that every DynamoDB on one machine takes.
    pub fn local(url: impl Into<String>) -> Access {
        let local = || "local".to_owned();
        Access { url: url.into(), region: REGION.to_owned(), key_id: local(), secret: local(), session_token: None }
    }

    /// Whether the URL's host is this machine.
    pub fn is_loopback(&self) -> bool {
        let uri: Option<http::Uri> = self.url.parse().ok();
        let host = uri.as_ref().and_then(http::Uri::host).unwrap_or_default();
        let address: Option<IpAddr> = host.trim_matches(['[', ']']).parse().ok();
        host.eq_ignore_ascii_case("localhost") || address.is_some_and(|address| address.is_loopback())
    }

    /// What is to be known before programs are given these credentials: real ones open more than the database.
    pub fn warning(&self) -> Option<&'static str> {
        (!self.is_loopback()).then_some(
            "the functions' processes are given your AWS credentials, because --dynamodb is not on this machine: whatever \
             else of AWS they call is real. Give credentials that are allowed no more than that database.",
        )
    }

    /// The variables by which Lambda would tell a function the same.
    pub fn variable(&self, key: &str) -> Option<String> {
        match key {
            "AWS_REGION" => Some(self.region.clone()),
            "AWS_ACCESS_KEY_ID" => Some(self.key_id.clone()),
            "AWS_SECRET_ACCESS_KEY" => Some(self.secret.clone()),
            "AWS_SESSION_TOKEN" => self.session_token.clone(),
            "AWS_ENDPOINT_URL_DYNAMODB" => Some(self.url.clone()),
            _ => None,
        }
    }

    /// A client of more patience than a function's: it makes tables and writes in bulk.
    fn client(&self) -> Result<aws_sdk_dynamodb::Client, Error> {
        let environment = Environment::new(|key: &str| self.variable(key));
        let config = shared::aws::Config::read(&environment).map_err(|error| Error::new(error.to_string()))?;
        let timeouts = TimeoutConfig::builder()
            .connect_timeout(Duration::from_secs(2))
            .operation_attempt_timeout(Duration::from_secs(30))
            .operation_timeout(Duration::from_secs(90))
            .build();
        let patient = config.dynamodb().config().to_builder().timeout_config(timeouts).build();
        Ok(aws_sdk_dynamodb::Client::from_conf(patient))
    }
}

/// A database that answers.
pub struct Database {
    access: Access,
    client: aws_sdk_dynamodb::Client,
    embedded: Option<Embedded>,
    description: String,
}

/// The embedded database's thread; dropping this ends it too.
struct Embedded {
    stop: oneshot::Sender<()>,
    stopped: oneshot::Receiver<()>,
}

impl Database {
    /// Opens the database, or sees that it answers. An embedded one listens on `port`; 0 takes any free one.
    ///
    /// # Errors
    /// The file cannot be opened, the port is taken, or nothing answers at the URL.
    pub async fn open(place: Place, port: u16) -> Result<Database, Error> {
        let (access, embedded, description) = match place {
            Place::Memory => {
                let database = dynoxide::Database::memory().map_err(|error| unusable("in memory", &error))?;
                let (access, embedded) = serve(database, port).await?;
                (access, Some(embedded), "embedded, in memory (--data FILE keeps it)".to_owned())
            }
            Place::File(path) => {
                let (access, embedded) = serve(open_file(&path)?, port).await?;
                (access, Some(embedded), format!("embedded, in {}", path.display()))
            }
            Place::External(access) => {
                let description = access.url.clone();
                (access, None, description)
            }
        };
        let client = access.client()?;
        let database = Database { access, client, embedded, description };
        database.ping().await?;
        Ok(database)
    }

    /// Where it is, and who we are there.
    pub fn access(&self) -> &Access {
        &self.access
    }

    /// A client for it.
    pub fn client(&self) -> &aws_sdk_dynamodb::Client {
        &self.client
    }

    /// For people: which one it is.
    pub fn description(&self) -> &str {
        &self.description
    }

    /// Whether it is on this machine, so that accounts with published passwords do no harm in it.
    pub fn is_local(&self) -> bool {
        self.embedded.is_some() || self.access.is_loopback()
    }

    /// Stops an embedded database and waits until its file is closed.
    pub async fn close(self) {
        drop(self.client);
        if let Some(Embedded { stop, stopped }) = self.embedded {
            // Both fail only if the thread has already ended.
            let _ = stop.send(());
            let _ = tokio::time::timeout(CLOSING, stopped).await;
        }
    }

    async fn ping(&self) -> Result<(), Error> {
        let answer = tokio::time::timeout(Duration::from_secs(5), self.client.list_tables().limit(1).send()).await;
        let (url, why) = match answer {
            Ok(Ok(_)) => return Ok(()),
            Ok(Err(error)) => (&self.access.url, describe(&error)),
            Err(_) => (&self.access.url, "it takes too long".to_owned()),
        };
        Err(Error::new(format!(
            "no DynamoDB answers at {url} ({why}): start one there, or leave out --dynamodb to use the embedded one."
        )))
    }
}

/// What DynamoDB said, or why it said nothing.
pub fn describe<E, R>(error: &aws_sdk_dynamodb::error::SdkError<E, R>) -> String
where
    E: ProvideErrorMetadata + std::error::Error + 'static,
    R: std::fmt::Debug,
{
    match (error.code(), error.message()) {
        (Some(code), Some(message)) => format!("{code}: {message}"),
        (Some(code), None) => code.to_owned(),
        _ => {
            // The chain ends in a dump of the error for developers: the sentence before it is enough.
            let chain = DisplayErrorContext(error).to_string();
            chain.split(" (").next().unwrap_or_default().to_owned()
        }
    }
}

fn open_file(path: &Path) -> Result<dynoxide::Database, Error> {
    let shown = path.display();
    let name =
        path.to_str().ok_or_else(|| Error::new(format!("the name {shown} is not UTF-8: choose another one.")))?;
    let database = dynoxide::Database::new(name).map_err(|error| unusable(name, &error))?;
    // Normal settings after a bulk load: safe against a crash of the process, and fast.
    database.disable_bulk_loading().map_err(|error| unusable(name, &error))?;
    Ok(database)
}

fn unusable(what: &str, error: &dyn std::fmt::Display) -> Error {
    Error::new(format!("the database {what} cannot be opened ({error}): choose another file with --data."))
}

/// Serves the database from a thread of its own: SQLite works synchronously, and would hold up a shared runtime.
async fn serve(database: dynoxide::Database, port: u16) -> Result<(Access, Embedded), Error> {
    let failed = |error: std::io::Error| Error::new(format!("the embedded database cannot be served: {error}."));
    let listener =
        std::net::TcpListener::bind((Ipv4Addr::LOCALHOST, port)).map_err(|error| match error.kind() {
            std::io::ErrorKind::AddrInUse => Error::new(format!(
                "port {port} is taken, where functions that run elsewhere expect the database: end what uses it or, if that \
                 is DynamoDB Local, add --dynamodb http://localhost:{port}."
            )),
            _ => failed(error),
        })?;
    listener.set_nonblocking(true).map_err(failed)?;
    let address = listener.local_addr().map_err(failed)?;
    let (stop, stopping) = oneshot::channel();
    let (done, stopped) = oneshot::channel();
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().map_err(failed)?;
    let work = move || {
        runtime.block_on(async move {
            let Ok(listener) = TcpListener::from_std(listener) else { return };
            let sweeper = tokio::spawn(sweep(database.clone()));
            let stopping = async move {
                // A dropped sender stops it as well.
                let _ = stopping.await;
            };
            let _ = dynoxide::server::serve_with_shutdown(listener, database, stopping).await;
            sweeper.abort();
        });
        drop(runtime);
        // Nobody may be waiting.
        let _ = done.send(());
    };
    std::thread::Builder::new().name("database".to_owned()).spawn(work).map_err(failed)?;
    Ok((Access::local(format!("http://{address}")), Embedded { stop, stopped }))
}

async fn sweep(database: dynoxide::Database) {
    loop {
        tokio::time::sleep(SWEEP).await;
        let database = database.clone();
        // What could not be deleted now will be by the next round: readers check expiry themselves.
        let _ = tokio::task::spawn_blocking(move || database.sweep_ttl()).await;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn loopback_is_told_by_the_host() {
        for (url, expected) in [
            ("http://localhost:8000", true),
            ("http://127.0.0.1:8000", true),
            ("http://[::1]:8000", true),
            ("https://dynamodb.eu-central-1.amazonaws.com", false),
            ("http://localhost.example.com", false),
            ("http://192.168.0.7:8000", false),
        ] {
            let access = Access::local(url);
            assert_eq!((access.is_loopback(), access.warning().is_none()), (expected, expected), "{url}");
        }
    }

    #[tokio::test]
    async fn an_embedded_database_answers_and_a_file_outlives_it() {
        let folder = tempfile::tempdir().unwrap();
        for _ in 0..2 {
            let database = Database::open(Place::File(folder.path().join("shop.db")), 0).await.unwrap();
            assert!(database.is_local());
            database.close().await;
        }
    }

    #[tokio::test]
    async fn a_database_that_does_not_answer_is_one_sentence() {
        let error =
            Database::open(Place::External(Access::local("http://127.0.0.1:1")), 0).await.err().unwrap().to_string();
        assert!(
            error.starts_with("no DynamoDB answers at http://127.0.0.1:1 (") && error.ends_with("embedded one."),
            "{error}"
        );
        assert!(!error.contains('\n'), "{error}");
    }

    #[tokio::test]
    async fn a_taken_port_is_one_sentence() {
        let held = std::net::TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
        let taken = held.local_addr().unwrap().port();
        let error = Database::open(Place::Memory, taken).await.err().unwrap().to_string();
        assert!(error.ends_with(&format!("DynamoDB Local, add --dynamodb http://localhost:{taken}.")), "{error}");
        drop(held);
    }
}
