//! The API's `Auth`: its authorizers, which are functions or verify JWTs, and the default one.

mod identity;
mod permission;
mod pool;

use std::collections::BTreeMap;
use std::time::Duration;

pub use identity::{source, time};
pub use pool::name_pools;

use super::elsewhere::{self, Place};
use super::functions::{self, Declared};
use super::model::{Authorizer, IdentitySource, JwtAuthorizer, LambdaAuthorizer};
use super::node::{Entry, Fault, Node, Value};
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
    /// Why each of the others cannot be asked here.
    unfit: BTreeMap<String, String>,
    /// The one that every route has which says nothing else.
    pub default: Option<String>,
    /// The guard, and the scopes, that an OpenAPI document gives to every route which then still has none.
    pub document: Option<(Guard, Vec<String>)>,
}

/// Who stands before a route.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Guard {
    /// Nobody.
    Open,
    /// This authorizer.
    By(String),
    /// Somebody who cannot be asked here, and why: such a route is never opened.
    Unfit(String),
}

/// What SAM calls IAM's own authorization.
const IAM: &str = "AWS_IAM";
/// Why nobody is asked.
pub const NO_IAM: &str = "IAM authorization (AWS_IAM) is not checked here";

impl Auth {
    /// The guard of a route with this choice and these scopes of its own (`Auth` of its event), and its scopes.
    pub fn choose(
        &self,
        choice: Option<&Node>,
        scopes: Option<&Node>,
        method: &str,
    ) -> Result<(Guard, Vec<String>), Fault> {
        let guard = match (choice, &self.document) {
            (Some(node), _) => {
                let name = node.text("Authorizer")?;
                if name == "NONE" && self.default.is_none() {
                    return Err(node.fault("SAM takes the Authorizer NONE only where the API has a DefaultAuthorizer."));
                }
                self.named(name).ok_or_else(|| node.fault(format!("there is no authorizer `{name}`.")))?
            }
            (None, document) => match (self.by_default(method), document) {
                (Some(guard), _) => guard,
                (None, Some((guard, general))) if scopes.is_none() => return Ok((guard.clone(), general.clone())),
                (None, Some((guard, _))) => guard.clone(),
                (None, None) => Guard::Open,
            },
        };
        let scopes = self.scopes(&guard, scopes)?;
        Ok((guard, scopes))
    }

    /// The guard of a route that makes no choice.
    pub fn by_default(&self, method: &str) -> Option<Guard> {
        // SAM leaves explicit OPTIONS routes open, so that preflights get through.
        self.default.as_deref().filter(|_| method != "OPTIONS").and_then(|name| self.named(name))
    }

    /// The guard of this name.
    pub fn named(&self, name: &str) -> Option<Guard> {
        if self.authorizers.contains_key(name) {
            return Some(Guard::By(name.to_owned()));
        }
        match (self.unfit.get(name), name) {
            (Some(why), _) => Some(Guard::Unfit(why.clone())),
            (None, "NONE") => Some(Guard::Open),
            (None, IAM) => Some(Guard::Unfit(NO_IAM.to_owned())),
            (None, _) => None,
        }
    }

    /// Whether one has this name, also if it cannot be asked.
    pub fn has(&self, name: &str) -> bool {
        self.authorizers.contains_key(name) || self.unfit.contains_key(name)
    }

    /// Adds an authorizer, or why it cannot be asked.
    pub fn add(&mut self, name: &str, authorizer: Result<Authorizer, String>) {
        match authorizer {
            Ok(authorizer) => drop(self.authorizers.insert(name.to_owned(), authorizer)),
            Err(why) => drop(self.unfit.insert(name.to_owned(), why)),
        }
    }

    /// Whether the authorizer of this name verifies JWTs.
    pub fn verifies_jwts(&self, name: &str) -> bool {
        matches!(self.authorizers.get(name), Some(Authorizer::Jwt(_)))
    }

    /// The scopes of a route with this guard and these scopes of its own.
    pub fn scopes(&self, guard: &Guard, own: Option<&Node>) -> Result<Vec<String>, Fault> {
        match (own, guard) {
            (_, Guard::Unfit(_)) => Ok(Vec::new()),
            (Some(node), Guard::By(name)) if self.verifies_jwts(name) => texts(node, "AuthorizationScopes"),
            (Some(node), _) => Err(node.fault("AuthorizationScopes are for routes whose authorizer verifies JWTs.")),
            (None, Guard::By(name)) => Ok(self.scopes.get(name).cloned().unwrap_or_default()),
            (None, Guard::Open) => Ok(Vec::new()),
        }
    }
}

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
                Some(configuration) => {
                    let source = one.take("IdentitySource")?;
                    one.close()?;
                    jwt(&configuration, source.as_ref(), line)?.map(Authorizer::Jwt)
                }
                None if auth.scopes.contains_key(&name) => {
                    return Err(Fault::new(line, format!("`{name}` has AuthorizationScopes and verifies no JWTs.")));
                }
                None => lambda(&name, one, functions, warnings)?.map(Authorizer::Lambda),
            };
            auth.add(&name, authorizer);
        }
    }
    let iam = section.take("EnableIamAuthorizer")?;
    iam.map_or(Ok(false), |node| node.boolean("EnableIamAuthorizer"))?;
    if let Some(node) = name(&mut section, "DefaultAuthorizer")? {
        let name = node.text("DefaultAuthorizer")?;
        if name == "NONE" || auth.named(name).is_none() {
            return Err(node.fault(format!("there is no authorizer `{name}`.")));
        }
        auth.default = Some(name.to_owned());
    }
    section.close()?;
    Ok(auth)
}

/// Takes the name of an authorizer. SAM looks it up before CloudFormation resolves any function; only parameters have
/// their values by then.
pub fn name(section: &mut Section<'_>, key: &str) -> Result<Option<Node>, Fault> {
    let Some(node) = section.take_raw(key) else { return Ok(None) };
    match &node.value {
        Value::Call(function, _) if function != "Ref" && function != "Sub" => {
            Err(node.fault(format!("SAM needs {key} as a name, and not as what `{function}` gives: write the name.")))
        }
        _ => section.scope().resolve(&node),
    }
}

/// <https://docs.aws.amazon.com/serverless-application-model/latest/developerguide/sam-property-httpapi-lambdaauthorizer.html>
fn lambda(
    name: &str,
    mut section: Section<'_>,
    functions: &[Declared],
    warnings: &mut Vec<String>,
) -> Result<Result<LambdaAuthorizer, String>, Fault> {
    let line = section.line();
    let function = section.required("FunctionArn")?;
    let version = section.required("AuthorizerPayloadFormatVersion")?;
    let version = Some(version.text("AuthorizerPayloadFormatVersion")?.to_owned());
    let truth = |node: Option<Node>, key| node.map_or(Ok(false), |node| node.boolean(key));
    let simple = truth(section.take("EnableSimpleResponses")?, "EnableSimpleResponses")?;
    let permitted = truth(section.take("EnableFunctionDefaultPermissions")?, "EnableFunctionDefaultPermissions")?;
    let role = section.take("FunctionInvokeRole")?.is_some_and(|role| role.text("it") != Ok("NONE"));
    if !permitted && !role && !permission::given(section.scope(), functions, &function) {
        warnings.push(format!(
            "authorizer `{name}` has neither EnableFunctionDefaultPermissions nor FunctionInvokeRole, and its function no \
             AWS::Lambda::Permission: once deployed, the API may not invoke it, and every protected call is a 500."
        ));
    }
    let (sources, ttl) = match section.section("Identity")? {
        Some(identity) => identity::read(identity)?,
        None => (Vec::new(), None),
    };
    section.close()?;
    let asked = Asked { name, line, function: &function, version, simple, sources, ttl };
    Ok(asked.authorizer(functions, warnings))
}

/// A Lambda authorizer, wherever it was written.
pub struct Asked<'n> {
    /// Its name.
    pub name: &'n str,
    /// Its line.
    pub line: usize,
    /// The function's ARN, or where it is invoked.
    pub function: &'n Node,
    /// The version of its payload format.
    pub version: Option<String>,
    /// Whether it gives simple answers.
    pub simple: bool,
    /// What must be there before it is asked.
    pub sources: Vec<IdentitySource>,
    /// How long its answers hold.
    pub ttl: Option<Duration>,
}

impl Asked<'_> {
    /// The authorizer, or why it cannot be asked here.
    pub fn authorizer(self, functions: &[Declared], warnings: &mut Vec<String>) -> Result<LambdaAuthorizer, String> {
        let Asked { name, line, function, version, simple, sources: identity_sources, ttl } = self;
        let function = match &function.value {
            Value::Text(arn) => functions::by_arn(functions, arn)
                .ok_or_else(|| format!("the function of its authorizer `{name}` is not in this template"))?,
            _ => return Err(format!("where the function of its authorizer `{name}` is, is known only in AWS")),
        };
        match version.as_deref() {
            Some("2.0") => {}
            Some(version) => {
                return Err(format!(
                    "its authorizer `{name}` wants events of the payload format {version}, and only 2.0 is made here"
                ));
            }
            None => {
                return Err(format!("its authorizer `{name}` does not say that it wants the payload format 2.0"));
            }
        }
        if simple && ttl.is_some() && !identity_sources.contains(&IdentitySource::Context("routeKey".to_owned())) {
            warnings.push(format!(
                "authorizer `{name}` gives simple answers and keeps them (ReauthorizeEvery): a yes for one route is a yes for \
                 every route. Add routeKey to Identity.Context, or set ReauthorizeEvery to 0."
            ));
        }
        Ok(LambdaAuthorizer { function: function.logical_id.clone(), simple, identity_sources, ttl, line })
    }
}

/// Reads what a JWT authorizer verifies, or why that is not known here.
/// <https://docs.aws.amazon.com/serverless-application-model/latest/developerguide/sam-property-httpapi-oauth2authorizer.html>
pub fn jwt(configuration: &Node, identity: Option<&Node>, line: usize) -> Result<Result<JwtAuthorizer, String>, Fault> {
    let (mut issuer, mut audience) = (None, Vec::new());
    for Entry { key, value, .. } in configuration.map("JwtConfiguration")? {
        let items: &[Node] = if let Value::List(items) = &value.value { items } else { &[] };
        if [value].into_iter().chain(items).any(|one| one.unknown().is_some()) {
            return Ok(Err(format!("the {key} that its JWTs must have is known only in AWS")));
        }
        match key.to_ascii_lowercase().as_str() {
            "issuer" => issuer = Some(value.text("issuer")?.to_owned()),
            "audience" => audience = texts(value, "audience")?,
            _ => return Err(value.fault(format!("{key} of JwtConfiguration is not understood here."))),
        }
    }
    let issuer = issuer.filter(|issuer| issuer.starts_with("https://"));
    let issuer = issuer.ok_or_else(|| configuration.fault("JwtConfiguration needs an issuer, an https URL."))?;
    if audience.is_empty() {
        return Err(configuration.fault("JwtConfiguration needs an audience: a list of at least one."));
    }
    let identity_source = match identity {
        Some(node) => source(node.text("IdentitySource")?, node)?,
        // SAM's own default.
        None => IdentitySource::Header("authorization".to_owned()),
    };
    Ok(Ok(JwtAuthorizer { issuer, audience, identity_source, line }))
}

/// A list of texts.
pub fn texts(node: &Node, what: &str) -> Result<Vec<String>, Fault> {
    node.list(what)?.iter().map(|one| Ok(one.text(what)?.to_owned())).collect()
}

#[cfg(test)]
mod tests;
