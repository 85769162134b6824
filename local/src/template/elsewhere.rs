//! What other gateways have and an HTTP API has not: each of it is refused with a sentence that says what to use
//! instead, wherever a template asks for it of its HTTP API. A REST API beside that is only named.
//!
//! The properties are those that SAM gives `AWS::Serverless::Api` and its events, and not `AWS::Serverless::HttpApi`:
//! <https://docs.aws.amazon.com/serverless-application-model/latest/developerguide/sam-resource-api.html>. What the two
//! kinds of API have: <https://docs.aws.amazon.com/apigateway/latest/developerguide/http-api-vs-rest.html>.

use super::node::{Fault, Node, Value};
use super::scope::Scope;
use super::section::Section;

/// Where in a template a name stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Place {
    /// A property of the API.
    Api,
    /// A property of the API's `Auth`.
    Auth,
    /// A property of an authorizer.
    Authorizer,
    /// A property of an authorizer's `Identity`.
    Identity,
    /// A property of a block of route settings.
    Settings,
    /// The type of a function's event.
    Event,
    /// A property of a route.
    Route,
    /// A property of a route's `Auth`.
    RouteAuth,
    /// A section of `Globals`.
    Globals,
    /// The type of a resource.
    Resource,
}

use Place::{Api, Auth, Authorizer, Event, Globals, Identity, Resource, Route, RouteAuth, Settings};

/// A sentence without its full stop, and the names that ask for what it speaks of.
type Lack = (&'static str, &'static [(Place, &'static str)]);

const TABLE: [Lack; 19] = [
    (
        "an HTTP API has no response cache: put CloudFront in front of it",
        &[
            (Api, "CacheClusterEnabled"),
            (Api, "CacheClusterSize"),
            (Settings, "CachingEnabled"),
            (Settings, "CacheTtlInSeconds"),
            (Settings, "CacheDataEncrypted"),
        ],
    ),
    (
        "an HTTP API has no settings for methods: give throttles in DefaultRouteSettings and RouteSettings",
        &[(Api, "MethodSettings")],
    ),
    (
        "an HTTP API has no API keys: let an authorizer tell who is calling",
        &[
            (Api, "ApiKeySourceType"),
            (Auth, "ApiKeyRequired"),
            (Auth, "AddApiKeyRequiredToCorsPreflight"),
            (RouteAuth, "ApiKeyRequired"),
            (Resource, "AWS::ApiGateway::ApiKey"),
        ],
    ),
    (
        "an HTTP API has no usage plans and no limits for each client: throttle by route, and count callers in the function",
        &[
            (Auth, "UsagePlan"),
            (RouteAuth, "UsagePlan"),
            (Resource, "AWS::ApiGateway::UsagePlan"),
            (Resource, "AWS::ApiGateway::UsagePlanKey"),
        ],
    ),
    (
        "an HTTP API does not validate requests: the function has to",
        &[
            (Api, "Models"),
            (Route, "RequestModel"),
            (Route, "RequestParameters"),
            (Resource, "AWS::ApiGateway::Model"),
            (Resource, "AWS::ApiGateway::RequestValidator"),
            (Resource, "AWS::ApiGatewayV2::Model"),
        ],
    ),
    ("an HTTP API does not trace requests: set Tracing on the functions", &[(Api, "TracingEnabled")]),
    (
        "an HTTP API keeps no log of its own executions: use AccessLogSettings, and the functions' logs",
        &[(Settings, "DataTraceEnabled"), (Settings, "LoggingLevel")],
    ),
    (
        "an HTTP API's own answers cannot be changed: a function answers as it likes, and CloudFront may replace errors",
        &[(Api, "GatewayResponses"), (Resource, "AWS::ApiGateway::GatewayResponse")],
    ),
    ("an HTTP API does not compress: put CloudFront in front of it", &[(Api, "MinimumCompressionSize")]),
    (
        "an HTTP API has no list of binary media types: whether a body is binary goes by its Content-Type, and by the \
         answer's isBase64Encoded",
        &[(Api, "BinaryMediaTypes")],
    ),
    (
        "an HTTP API has no canaries: shift traffic between versions of a function with its DeploymentPreference",
        &[(Api, "CanarySetting")],
    ),
    (
        "an HTTP API has no resource policy: let an authorizer decide, or put CloudFront with a firewall in front of it",
        &[(Api, "Policy"), (Auth, "ResourcePolicy"), (RouteAuth, "ResourcePolicy"), (RouteAuth, "OverrideApiAuth")],
    ),
    (
        "an HTTP API is regional, neither at the edge nor private: put CloudFront in front of it, or a private REST API \
         in its place",
        &[(Api, "EndpointConfiguration")],
    ),
    (
        "an HTTP API invokes functions with no role of its own: SAM gives it the permission",
        &[(Auth, "InvokeRole"), (RouteAuth, "InvokeRole")],
    ),
    (
        "an HTTP API has no Cognito authorizers: use a JWT authorizer with the user pool as issuer",
        &[(Authorizer, "UserPoolArn")],
    ),
    (
        "an HTTP API has no TOKEN authorizers: its authorizers are all of the type REQUEST, with \
         AuthorizerPayloadFormatVersion and Identity.Headers",
        &[(Authorizer, "FunctionPayloadType"), (Identity, "Header"), (Identity, "ValidationExpression")],
    ),
    (
        "an HTTP API answers preflights by its CorsConfiguration, and no authorizer sees them",
        &[(Api, "Cors"), (Auth, "AddDefaultAuthorizerToCorsPreflight")],
    ),
    (
        "this is a property of REST APIs; an HTTP API has AccessLogSettings, StageVariables and Domain, and deploys \
         each change by itself",
        &[
            (Api, "AccessLogSetting"),
            (Api, "AlwaysDeploy"),
            (Api, "MergeDefinitions"),
            (Api, "Mode"),
            (Api, "OpenApiVersion"),
            (Api, "SecurityPolicy"),
            (Api, "Variables"),
            (Authorizer, "DisableFunctionDefaultPermissions"),
            (Route, "ResponseTransferMode"),
            (Route, "RestApiId"),
        ],
    ),
    (REST, &[(Event, "Api"), (Globals, "Api"), (Resource, "AWS::Serverless::Api"), (Resource, "AWS::ApiGateway::*")]),
];

/// The sentence about whatever belongs to a REST API.
pub const REST: &str = "this belongs to a REST API, and only an HTTP API is served here: use AWS::Serverless::HttpApi, and events \
    of the type HttpApi";

/// What a firewall is bound with to what it protects.
const FIREWALLS: [&str; 2] = ["AWS::WAFv2::WebACLAssociation", "AWS::WAFRegional::WebACLAssociation"];
/// The sentence about them.
const FIREWALL: &str = "AWS WAF does not protect an HTTP API: put CloudFront in front of it, and the firewall there";

/// The sentence about a name, if an HTTP API has nothing of the kind.
pub fn sentence(place: Place, name: &str) -> Option<&'static str> {
    let exactly = |(at, known): &&(Place, &str)| *at == place && *known == name;
    let family = |(at, known): &&(Place, &str)| {
        *at == place && known.strip_suffix('*').is_some_and(|family| name.starts_with(family))
    };
    let rows = || TABLE.iter().flat_map(|(sentence, names)| names.iter().map(move |name| (sentence, name)));
    let found = rows().find(|(_, name)| exactly(name)).or_else(|| rows().find(|(_, name)| family(name)));
    found.map(|(sentence, _)| *sentence)
}

/// Refuses a mapping that asks for what an HTTP API has not.
pub fn refuse(section: &Section<'_>, place: Place) -> Result<(), Fault> {
    for entry in section.entries() {
        if let Some(sentence) = sentence(place, &entry.key) {
            return Err(Fault::new(entry.line, format!("{}: {sentence}.", entry.key)));
        }
    }
    Ok(())
}

/// Refuses a firewall bound to the HTTP API.
pub fn refuse_firewall(scope: &Scope, at: &Node, kind: &str, properties: &Node) -> Result<(), Fault> {
    let Some(protected) = properties.get("ResourceArn").filter(|_| FIREWALLS.contains(&kind)) else { return Ok(()) };
    // `arn:aws:apigateway:{region}::/apis/{api}/stages/{stage}`, in whatever way it is put together.
    let resolved = scope.text(protected, "ResourceArn").unwrap_or_default();
    let rest = resolved.contains("/restapis/") || mentions(protected, "/restapis/");
    if !rest && (resolved.contains(":apigateway:") || mentions(protected, "apigateway")) {
        return Err(at.fault(format!("{kind}: {FIREWALL}.")));
    }
    Ok(())
}

fn mentions(node: &Node, word: &str) -> bool {
    match &node.value {
        Value::Null => false,
        Value::Text(text) | Value::Unknown(text) => text.contains(word),
        Value::List(items) => items.iter().any(|item| mentions(item, word)),
        Value::Map(entries) => entries.iter().any(|entry| mentions(&entry.value, word)),
        Value::Call(_, argument) => mentions(argument, word),
    }
}

#[cfg(test)]
mod tests;
