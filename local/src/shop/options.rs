//! How to run the shop.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;

use shared::clock::Clock;
use shared::telemetry::Log;

use crate::bootstraps::Built;
use crate::chaos::Chaos;
use crate::database::Access;
use crate::gateway::{AccessLog, Jwks};
use crate::record::Record;
use crate::remote::Remote;
use crate::template::HttpApi;

/// Opens an access log, whose format is the API's.
pub type OpenAccessLog = Box<dyn FnOnce(&HttpApi) -> AccessLog + Send + Sync>;

/// How to run the shop.
pub struct Options {
    /// The gateway's port, or that of the edge in front of it; 0 takes any free one.
    pub port: u16,
    /// Where to keep data and, beside it, keys; `None` forgets them.
    pub data: Option<PathBuf>,
    /// The DynamoDB to use instead of the embedded one.
    pub dynamodb: Option<Access>,
    /// The template's file.
    pub template: PathBuf,
    /// The logical id of the HTTP API to serve, where the template has several.
    pub api: Option<String>,
    /// Values for the template's parameters.
    pub parameters: BTreeMap<String, String>,
    /// Values for the functions' variables that the template leaves empty, or leaves out.
    pub variables: BTreeMap<String, String>,
    /// Where the functions run, if not in this process.
    pub functions: Option<Arc<Remote>>,
    /// The functions' programs, if they are to run as processes.
    pub bootstraps: Option<Built>,
    /// The port of Lambda's Invoke API; 0 takes any free one.
    pub lambda_port: u16,
    /// Whether to switch the template's edge on.
    pub edge: bool,
    /// Whether to put sample products and users.
    pub seed: bool,
    /// Whether the template's throttles hold.
    pub throttle: bool,
    /// Where the keys of issuers of JWTs are, for JWT authorizers.
    pub jwks: BTreeMap<String, Jwks>,
    /// Whether the template's schedules run.
    pub schedules: bool,
    /// The stack's name, which begins the names of tables and functions.
    pub stack: String,
    /// The time, for gateway and functions.
    pub clock: Clock,
    /// Takes the functions' log lines.
    pub log: Log,
    /// Takes a line for each request.
    pub access: Option<OpenAccessLog>,
    /// The faults that calls meet between checkout, the functions and the database, if they are to meet any.
    pub chaos: Option<Chaos>,
    /// Where to record invocations, if they are to be recorded.
    pub record: Option<Record>,
}
