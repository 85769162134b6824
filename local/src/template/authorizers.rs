//! The API's `Auth`: its authorizers, which are functions or verify JWTs, and the default one.

use std::collections::BTreeMap;
use std::time::Duration;

use super::elsewhere::{self, Place};
use super::functions::Declared;
use super::model::{Authorizer, IdentitySource, JwtAuthorizer, LambdaAuthorizer};
use super::node::{Entry, Fault, Node};
use super::section::Section;

/// How long an HTTP API waits for an authorizer.
/// <https://docs.aws.amazon.com/apigateway/latest/developerguide/http-api-lambda-authorizer.html>
pub const AUTHORIZER_TIMEOUT: Duration = Duration::from_secs(10);

/// `Auth` of the API.
#[derive(Debug, Default)]
pub struct Auth {
    /// The authorizers by name.
    pub authorizers: BTreeMap<String, Authorizer>,
    /// The scopes of each that has some, which hold for every route that names none itself.
    scopes: BTreeMap<String, Vec<String>>,
    /// The one that every route has which says nothing else.
    pub default: Option<String>,
}

impl Auth {
    /// The authorizer of a route with this choice of its own (`Auth.Authorizer` of its event).
    pub fn choose(&self, choice: Option<&Node>, method: &str) -> Result<Option<String>, Fault> {
        match choice {
            Some(node) => match node.text("Authorizer")? {
                "NONE" => Ok(None),
                "AWS_IAM" => Err(node.fault(NO_IAM)),
                name if self.authorizers.contains_key(name) => Ok(Some(name.to_owned())),
                name => Err(node.fault(format!("there is no authorizer `{name}`."))),
            },
            // SAM leaves explicit OPTIONS routes open, so that preflights get through.
            None if method == "OPTIONS" => Ok(None),
            None => Ok(self.default.clone()),
        }
    }

    /// The scopes of a route with this authorizer and these scopes of its own.
    pub fn scopes(&self, authorizer: Option<&str>, own: Option<&Node>) -> Result<Vec<String>, Fault> {
        let chosen = authorizer.and_then(|name| Some((name, self.authorizers.get(name)?)));
        match (own, chosen) {
            (Some(node), Some((_, Authorizer::Jwt(_)))) => texts(node, "AuthorizationScopes"),
            (Some(node), _) => Err(node.fault("AuthorizationScopes are for routes whose authorizer verifies JWTs.")),
            (None, Some((name, _))) => Ok(self.scopes.get(name).cloned().unwrap_or_default()),
            (None, None) => Ok(Vec::new()),
        }
    }
}

const NO_IAM: &str = "IAM authorization (AWS_IAM) is not understood by the local shop.";

/// Reads `Auth` out of the API's properties.
pub fn read(api: &mut Section<'_>, functions: &[Declared], warnings: &mut Vec<String>) -> Result<Auth, Fault> {
    let Some(mut section) = api.section("Auth")? else { return Ok(Auth::default()) };
    elsewhere::refuse(&section, Place::Auth)?;
    let mut auth = Auth::default();
    if let Some(mut authorizers) = section.section("Authorizers")? {
        for (name, line, mut one) in authorizers.sections()? {
            elsewhere::refuse(&one, Place::Authorizer)?;
            if let Some(node) = one.take("AuthorizationScopes")? {
                auth.scopes.insert(name.clone(), texts(&node, "AuthorizationScopes")?);
            }
            let authorizer = match one.take("JwtConfiguration")? {
                Some(configuration) => Authorizer::Jwt(jwt(&configuration, one)?),
                None if auth.scopes.contains_key(&name) => {
                    return Err(Fault::new(line, format!("`{name}` has AuthorizationScopes and verifies no JWTs.")));
                }
                None => Authorizer::Lambda(lambda(&name, one, functions, warnings)?),
            };
            auth.authorizers.insert(name, authorizer);
        }
    }
    if let Some(node) = section.take("EnableIamAuthorizer")?
        && node.boolean("EnableIamAuthorizer")?
    {
        return Err(node.fault(NO_IAM));
    }
    if let Some(node) = section.take("DefaultAuthorizer")? {
        let name = node.text("DefaultAuthorizer")?;
        if !auth.authorizers.contains_key(name) {
            return Err(node.fault(format!("there is no authorizer `{name}`.")));
        }
        auth.default = Some(name.to_owned());
    }
    section.close()?;
    Ok(auth)
}

/// <https://docs.aws.amazon.com/serverless-application-model/latest/developerguide/sam-property-httpapi-lambdaauthorizer.html>
fn lambda(
    name: &str,
    mut section: Section<'_>,
    functions: &[Declared],
    warnings: &mut Vec<String>,
) -> Result<LambdaAuthorizer, Fault> {
    let line = section.line();
    let arn = section.required("FunctionArn")?;
    let function = functions
        .iter()
        .find(|declared| arn.text("FunctionArn").is_ok_and(|arn| arn == declared.function.arn))
        .ok_or_else(|| arn.fault("FunctionArn is not the Arn of a function of this template."))?;
    let version = section.required("AuthorizerPayloadFormatVersion")?;
    if version.text("AuthorizerPayloadFormatVersion")? != "2.0" {
        return Err(version.fault("the local shop speaks only version 2.0 to an authorizer."));
    }
    let truth = |node: Option<Node>, key| node.map_or(Ok(false), |node| node.boolean(key));
    let simple = truth(section.take("EnableSimpleResponses")?, "EnableSimpleResponses")?;
    let permitted = truth(section.take("EnableFunctionDefaultPermissions")?, "EnableFunctionDefaultPermissions")?;
    let role = section.text("FunctionInvokeRole")?.is_some_and(|role| role != "NONE");
    if !permitted && !role {
        warnings.push(format!(
            "authorizer `{name}` has neither EnableFunctionDefaultPermissions nor FunctionInvokeRole: \
             once deployed, the API may not invoke it, and every protected call is a 500."
        ));
    }
    let (identity_sources, ttl) = match section.section("Identity")? {
        Some(identity) => identity_of(identity)?,
        None => (Vec::new(), None),
    };
    section.close()?;
    if simple && ttl.is_some() && !identity_sources.contains(&IdentitySource::Context("routeKey".to_owned())) {
        warnings.push(format!(
            "authorizer `{name}` gives simple answers and keeps them (ReauthorizeEvery): a yes for one route is a yes for \
             every route. Add routeKey to Identity.Context, or set ReauthorizeEvery to 0."
        ));
    }
    Ok(LambdaAuthorizer { function: function.function.logical_id.clone(), simple, identity_sources, ttl, line })
}

/// The variables of the request context that may identify a caller here.
const CONTEXT: [&str; 12] = [
    "accountId",
    "apiId",
    "domainName",
    "domainPrefix",
    "httpMethod",
    "identity.sourceIp",
    "identity.userAgent",
    "path",
    "protocol",
    "requestId",
    "routeKey",
    "stage",
];

/// The longest that AWS lets an authorizer's answer hold, in seconds.
const MAX_TTL: u64 = 3600;

fn identity_of(mut identity: Section<'_>) -> Result<(Vec<IdentitySource>, Option<Duration>), Fault> {
    elsewhere::refuse(&identity, Place::Identity)?;
    let ttl = identity.take("ReauthorizeEvery")?;
    let mut sources = Vec::new();
    for (key, prefix) in [
        ("Headers", "$request.header."),
        ("QueryStrings", "$request.querystring."),
        ("StageVariables", "$stageVariables."),
        ("Context", "$context."),
    ] {
        if let Some(names) = identity.take(key)? {
            for node in names.list(key)? {
                sources.push(source(&format!("{prefix}{}", node.text(key)?), node)?);
            }
        }
    }
    identity.close()?;
    let Some(node) = ttl else { return Ok((sources, None)) };
    match node.number("ReauthorizeEvery")? {
        0 => Ok((sources, None)),
        _ if sources.is_empty() => {
            Err(node.fault("AWS keeps no answers (ReauthorizeEvery) of an authorizer without identity sources."))
        }
        seconds @ 1..=MAX_TTL => Ok((sources, Some(Duration::from_secs(seconds)))),
        _ => Err(node.fault(format!("ReauthorizeEvery must be between 0 and {MAX_TTL} seconds."))),
    }
}

/// Reads a selection expression such as `$request.header.Authorization`.
fn source(expression: &str, node: &Node) -> Result<IdentitySource, Fault> {
    let named = |prefix| expression.strip_prefix(prefix).filter(|name: &&str| !name.is_empty());
    if let Some(name) = named("$request.header.") {
        Ok(IdentitySource::Header(name.to_ascii_lowercase()))
    } else if let Some(name) = named("$request.querystring.") {
        Ok(IdentitySource::Query(name.to_owned()))
    } else if let Some(name) = named("$stageVariables.") {
        Ok(IdentitySource::StageVariable(name.to_owned()))
    } else if let Some(name) = named("$context.") {
        match CONTEXT.contains(&name) {
            true => Ok(IdentitySource::Context(name.to_owned())),
            false => Err(node.fault(format!("`$context.{name}` is not understood by the local shop."))),
        }
    } else {
        Err(node.fault(format!("`{expression}` is no identity source: it is $request.header.… or the like.")))
    }
}

/// <https://docs.aws.amazon.com/serverless-application-model/latest/developerguide/sam-property-httpapi-oauth2authorizer.html>
fn jwt(configuration: &Node, mut section: Section<'_>) -> Result<JwtAuthorizer, Fault> {
    let line = section.line();
    let (mut issuer, mut audience) = (None, Vec::new());
    for Entry { key, value, .. } in configuration.map("JwtConfiguration")? {
        match key.to_ascii_lowercase().as_str() {
            "issuer" => issuer = Some(value.text("issuer")?.to_owned()),
            "audience" => audience = texts(value, "audience")?,
            _ => return Err(value.fault(format!("{key} of JwtConfiguration is not understood by the local shop."))),
        }
    }
    let issuer = issuer.filter(|issuer| issuer.starts_with("https://"));
    let issuer = issuer.ok_or_else(|| configuration.fault("JwtConfiguration needs an issuer, an https URL."))?;
    if audience.is_empty() {
        return Err(configuration.fault("JwtConfiguration needs an audience: a list of at least one."));
    }
    let identity_source = match section.take("IdentitySource")? {
        Some(node) => source(node.text("IdentitySource")?, &node)?,
        // SAM's own default.
        None => IdentitySource::Header("authorization".to_owned()),
    };
    section.close()?;
    Ok(JwtAuthorizer { issuer, audience, identity_source, line })
}

fn texts(node: &Node, what: &str) -> Result<Vec<String>, Fault> {
    node.list(what)?.iter().map(|one| Ok(one.text(what)?.to_owned())).collect()
}

#[cfg(test)]
mod tests;
