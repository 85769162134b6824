//! What runs of a template, with every intrinsic function resolved: functions, the HTTP API with
//! its routes and authorizers, tables.

mod authorizer;
mod table;

use std::collections::BTreeMap;
use std::fmt;
use std::time::Duration;

pub use authorizer::{Authorizer, IdentitySource, JwtAuthorizer, LambdaAuthorizer};
pub use table::{Attribute, AttributeKind, Index, KeyPart, KeyRole, Projection, Table};

use super::access_log::AccessFormat;

/// A template as it runs on one machine.
#[derive(Debug, Clone)]
pub struct Template {
    /// Every function, in the template's order.
    pub functions: Vec<Function>,
    /// The HTTP API that is served.
    pub api: HttpApi,
    /// The `AWS::CloudFront::Distribution` that stands in front of it, where there is one.
    pub edge: Option<Edge>,
    /// Every DynamoDB table, in the template's order.
    pub tables: Vec<Table>,
    /// Sentences for the operator: what works here, but would not do what it seems to do once deployed.
    pub warnings: Vec<String>,
    /// Sentences for the operator: what works once deployed, and what becomes of it here.
    pub not_emulated: Vec<String>,
}

impl Template {
    /// The function with this logical id.
    pub fn function(&self, logical_id: &str) -> Option<&Function> {
        self.functions.iter().find(|function| function.logical_id == logical_id)
    }

    /// The function whose binary has this name.
    pub fn function_of(&self, binary: &str) -> Option<&Function> {
        self.functions.iter().find(|function| function.binary() == binary)
    }

    /// The table with this logical id.
    pub fn table(&self, logical_id: &str) -> Option<&Table> {
        self.tables.iter().find(|table| table.logical_id == logical_id)
    }
}

/// What a distribution caches. Everything else passes through it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Edge {
    /// In the template's order: the first whose path matches holds.
    pub behaviours: Vec<Behaviour>,
}

/// One cache behaviour.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Behaviour {
    /// Which paths it is for: `*` is any text, `?` any character. The last behaviour is the default one, of `*`.
    pub path: String,
    /// The headers that are part of the cache key, in lower case, beside path and query; `None` caches nothing.
    pub cached_by: Option<Vec<String>>,
}

/// One Lambda function.
#[derive(Debug, Clone)]
pub struct Function {
    /// Its name in the template, such as `UsersFunction`.
    pub logical_id: String,
    /// Its deployed name: what `!Ref` gives, such as `portico-UsersFunction`.
    pub name: String,
    /// What `!GetAtt X.Arn` gives.
    pub arn: String,
    /// Where the deployed binary lies, such as `target/lambda/users/`; empty where it is not on this machine.
    pub code_uri: String,
    /// `Handler`, which a bootstrap is told as `_HANDLER`; empty where the template has none.
    pub handler: String,
    /// `Runtime`, such as `provided.al2023`; empty where the template has none.
    pub runtime: String,
    /// The binary that the build is told to make (`Metadata.BuildProperties.Binary`), where it is told.
    pub built_binary: Option<String>,
    /// `ReservedConcurrentExecutions`: how many invocations there may be at once.
    pub reserved_concurrency: Option<u32>,
    /// What its binary must be built for.
    pub architecture: Architecture,
    /// How long one invocation may run (1 s to 900 s).
    pub timeout: Duration,
    /// Memory in MiB. Nothing is limited here; it is shown to the function as Lambda would.
    pub memory_mb: u32,
    /// The environment variables.
    pub environment: BTreeMap<String, String>,
    /// When it is invoked by itself.
    pub schedules: Vec<Schedule>,
    /// The line of the template it begins on.
    pub line: usize,
}

impl Function {
    /// The last segment of [`code_uri`](Self::code_uri), by which the crate is found: `users`. Where that names nothing, as
    /// in `./`, it is the binary that the build is told to make, or else the logical id. An archive is named by its folder.
    pub fn binary(&self) -> &str {
        let path = self.code_uri.trim_end_matches('/');
        let path = match path.strip_suffix(".zip") {
            Some(stem) => stem.rsplit_once('/').map_or(stem, |(folder, _)| folder),
            None => path,
        };
        match path.rsplit('/').next().unwrap_or(path) {
            "" | "." | ".." => self.built_binary.as_deref().unwrap_or(&self.logical_id),
            last => last,
        }
    }
}

/// A processor that Lambda has.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Architecture {
    /// AWS Graviton.
    Arm64,
    /// Intel and AMD.
    X86_64,
}

impl fmt::Display for Architecture {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Architecture::Arm64 => "arm64",
            Architecture::X86_64 => "x86_64",
        })
    }
}

/// An invocation that nobody asks for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Schedule {
    /// The pace; `None` where it is a moment, or switched off: it is not run on one machine.
    pub every: Option<Duration>,
    /// What invokes it.
    pub by: Scheduler,
    /// The ARN of the rule or schedule.
    pub arn: String,
    /// The event, as JSON; without one, AWS makes it.
    pub input: Option<String>,
}

/// What invokes a function at its time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Scheduler {
    /// A rule of EventBridge.
    Rule,
    /// A schedule of EventBridge Scheduler.
    Schedule,
}

/// The HTTP API.
#[derive(Debug, Clone)]
pub struct HttpApi {
    /// Its name in the template.
    pub logical_id: String,
    /// Ten characters of `a-z0-9`: what `!Ref` gives, and the first label of its host name.
    pub api_id: String,
    /// `$default`, which adds nothing to a path, or a name, which every path begins with.
    pub stage: String,
    /// The region and account that ARNs carry.
    pub region: String,
    /// Twelve digits.
    pub account_id: String,
    /// Every route that is served, in the template's order.
    pub routes: Vec<Route>,
    /// The routes that it has once deployed, and that cannot be emulated.
    pub unserved: Vec<Unserved>,
    /// The authorizers by their name.
    pub authorizers: BTreeMap<String, Authorizer>,
    /// `StageVariables`, which every event carries; empty where the template has none.
    pub stage_variables: BTreeMap<String, String>,
    /// `CorsConfiguration`; without one the API says nothing about CORS.
    pub cors: Option<Cors>,
    /// `AccessLogSettings.Format`.
    pub access_log_format: Option<AccessFormat>,
}

impl HttpApi {
    /// The host that API Gateway gives it.
    pub fn domain_name(&self) -> String {
        format!("{}.execute-api.{}.amazonaws.com", self.api_id, self.region)
    }
}

/// Which pages of other origins a browser lets use the API, and for what.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Cors {
    /// Origins such as `https://shop.example`; `*` is every one.
    pub origins: Vec<String>,
    /// Methods.
    pub methods: Vec<String>,
    /// Headers that a request may have.
    pub headers: Vec<String>,
    /// Headers of an answer that a page may read.
    pub exposed: Vec<String>,
    /// For how many seconds a preflight need not be repeated; -1 is none.
    pub max_age: Option<i64>,
    /// Whether a browser may send cookies along.
    pub credentials: bool,
}

/// One route and the function behind it.
#[derive(Debug, Clone)]
pub struct Route {
    /// Upper case, or `ANY`; empty for `$default`.
    pub method: String,
    /// As the template has it, such as `/products/{product_id}`; empty for `$default`.
    pub path: String,
    /// The path's segments, by which requests are matched; empty for `$default`.
    pub segments: Vec<Segment>,
    /// The function's logical id.
    pub function: String,
    /// The authorizer's name; `None` is an open route.
    pub authorizer: Option<String>,
    /// OAuth scopes of which a JWT must have at least one; none if this is empty.
    pub scopes: Vec<String>,
    /// The limit that holds for this route; `None` is no limit.
    pub throttle: Option<Throttle>,
    /// How long the API waits for the function.
    pub integration_timeout: Duration,
    /// The line of the template it begins on.
    pub line: usize,
}

impl Route {
    /// The route key: `POST /orders`, `ANY /x`, `$default`.
    pub fn key(&self) -> String {
        if self.path.is_empty() { "$default".to_owned() } else { format!("{} {}", self.method, self.path) }
    }
}

/// A route that cannot be emulated. It keeps its requests: another route may be open where this one is not.
#[derive(Debug, Clone)]
pub struct Unserved {
    /// The route key.
    pub key: String,
    /// Upper case, or `ANY`; empty for `$default`.
    pub method: String,
    /// As the template has it; empty for `$default`.
    pub path: String,
    /// The path's segments; empty for `$default`.
    pub segments: Vec<Segment>,
    /// Why, as the second half of a sentence.
    pub why: String,
}

/// One segment of a route's path.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Segment {
    /// Matches itself.
    Literal(String),
    /// `{name}`: matches one segment.
    Parameter(String),
    /// `{name+}`: matches all the rest; only ever the last.
    Greedy(String),
}

/// A token bucket's size and pace.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Throttle {
    /// Thousandths of a request for each second: templates may give fractions.
    pub rate_milli: u64,
    /// How many requests may come at once.
    pub burst: u64,
}
