//! The API's `Auth`: its Lambda authorizers and the default one.

use std::collections::BTreeMap;

use super::functions::Declared;
use super::model::{IdentitySource, LambdaAuthorizer};
use super::node::{Fault, Node};
use super::section::Section;

/// `Auth` of the API.
#[derive(Debug, Default)]
pub struct Auth {
    /// The authorizers by name.
    pub authorizers: BTreeMap<String, LambdaAuthorizer>,
    /// The one that every route has which says nothing else.
    pub default: Option<String>,
}

impl Auth {
    /// The authorizer of a route with this choice of its own (`Auth.Authorizer` of its event).
    pub fn choose(&self, choice: Option<&Node>, method: &str) -> Result<Option<String>, Fault> {
        match choice {
            Some(node) => match node.text("Authorizer")? {
                "NONE" => Ok(None),
                name if self.authorizers.contains_key(name) => Ok(Some(name.to_owned())),
                name => Err(node.fault(format!("there is no authorizer `{name}`."))),
            },
            // SAM leaves explicit OPTIONS routes open, so that preflights get through.
            None if method == "OPTIONS" => Ok(None),
            None => Ok(self.default.clone()),
        }
    }
}

/// Reads `Auth` out of the API's properties.
pub fn read(api: &mut Section<'_>, functions: &[Declared], warnings: &mut Vec<String>) -> Result<Auth, Fault> {
    let Some(mut section) = api.section("Auth")? else { return Ok(Auth::default()) };
    let mut auth = Auth::default();
    if let Some(mut authorizers) = section.section("Authorizers")? {
        for (name, _, one) in authorizers.sections()? {
            let one = authorizer(&name, one, functions, warnings)?;
            auth.authorizers.insert(name, one);
        }
    }
    if let Some(node) = section.take("EnableIamAuthorizer")?
        && node.boolean("EnableIamAuthorizer")?
    {
        return Err(node.fault("IAM authorization is not understood by the local shop."));
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

fn authorizer(
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
    let simple = section.required("EnableSimpleResponses")?;
    if !simple.boolean("EnableSimpleResponses")? {
        return Err(simple.fault("an authorizer that answers with IAM policies is not understood by the local shop."));
    }
    let permitted = section.take("EnableFunctionDefaultPermissions")?.map(|node| node.boolean("it")).transpose()?;
    let role = section.take("FunctionInvokeRole")?;
    if permitted != Some(true) && role.is_none() {
        warnings.push(format!(
            "authorizer `{name}` has neither EnableFunctionDefaultPermissions nor FunctionInvokeRole: \
             once deployed, the API may not invoke it, and every protected call is a 500."
        ));
    }
    let identity_sources = match section.section("Identity")? {
        Some(identity) => identity_sources(identity)?,
        None => Vec::new(),
    };
    section.close()?;
    Ok(LambdaAuthorizer { function: function.function.logical_id.clone(), identity_sources, line })
}

/// The variables of the request context that may identify a caller here.
const CONTEXT: [&str; 9] = [
    "accountId",
    "apiId",
    "httpMethod",
    "identity.sourceIp",
    "identity.userAgent",
    "path",
    "requestId",
    "routeKey",
    "stage",
];

fn identity_sources(mut identity: Section<'_>) -> Result<Vec<IdentitySource>, Fault> {
    if let Some(node) = identity.take("ReauthorizeEvery")?
        && node.number("ReauthorizeEvery")? != 0
    {
        return Err(node.fault("the local shop keeps no authorizer's answer; ReauthorizeEvery must be 0."));
    }
    let mut sources = Vec::new();
    for (key, source) in [
        ("Headers", IdentitySource::header as fn(&str) -> IdentitySource),
        ("QueryStrings", |name| IdentitySource::Query(name.to_owned())),
        ("Context", |name| IdentitySource::Context(name.to_owned())),
    ] {
        if let Some(names) = identity.take(key)? {
            for node in names.list(key)? {
                let name = node.text(key)?;
                if key == "Context" && !CONTEXT.contains(&name) {
                    return Err(node.fault(format!("`$context.{name}` is not understood by the local shop.")));
                }
                sources.push(source(name));
            }
        }
    }
    identity.close()?;
    Ok(sources)
}

impl IdentitySource {
    fn header(name: &str) -> Self {
        Self::Header(name.to_ascii_lowercase())
    }
}
