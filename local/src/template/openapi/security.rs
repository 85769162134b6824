//! `components.securitySchemes` with `x-amazon-apigateway-authorizer`, and `security`.
//! <https://docs.aws.amazon.com/apigateway/latest/developerguide/api-gateway-swagger-extensions-authorizer.html>

use super::dereferenced;
use crate::template::authorizers::{self, Asked, Auth, Guard, NO_IAM};
use crate::template::functions::Declared;
use crate::template::model::Authorizer;
use crate::template::node::{Entry, Fault, Node, Value};
use crate::unverified::DOCUMENT_SECURITY_HOLDS;

/// Adds the authorizers of a document to those of the API.
pub fn authorizers(
    document: &Node,
    functions: &[Declared],
    auth: &mut Auth,
    warnings: &mut Vec<String>,
) -> Result<(), Fault> {
    let Some(schemes) = document.get("components").and_then(|components| components.get("securitySchemes")) else {
        return Ok(());
    };
    for Entry { key, value, .. } in schemes.map("securitySchemes")? {
        if auth.has(key) {
            // SAM writes its own over that of the document.
        } else if value.get("x-amazon-apigateway-authtype").is_some_and(|kind| kind.text("it") == Ok("awsSigv4")) {
            auth.add(key, Err(NO_IAM.to_owned()));
        } else if let Some(node) = value.get("x-amazon-apigateway-authorizer") {
            let node = dereferenced(document, node)?;
            auth.add(key, authorizer(key, node, functions, warnings)?);
        }
    }
    Ok(())
}

fn authorizer(
    name: &str,
    node: &Node,
    functions: &[Declared],
    warnings: &mut Vec<String>,
) -> Result<Result<Authorizer, String>, Fault> {
    let text = |key: &str| node.get(key).map(|value| value.text(key)).transpose();
    let kind = text("type")?.unwrap_or_default();
    match kind.to_ascii_lowercase().as_str() {
        "jwt" => {
            let configuration = node.get("jwtConfiguration");
            let configuration =
                configuration.ok_or_else(|| node.fault(format!("`{name}` has no jwtConfiguration.")))?;
            Ok(authorizers::jwt(configuration, node.get("identitySource"), node.line)?.map(Authorizer::Jwt))
        }
        "request" => {
            let mut sources = Vec::new();
            if let Some(value) = node.get("identitySource") {
                for one in value.text("identitySource")?.split(',').map(str::trim).filter(|one| !one.is_empty()) {
                    sources.push(authorizers::source(one, value)?);
                }
            }
            let ttl = match node.get("authorizerResultTtlInSeconds") {
                Some(value) => authorizers::time(value, "authorizerResultTtlInSeconds", &sources)?,
                None => None,
            };
            let simple = node.get("enableSimpleResponses");
            let nowhere = Node { line: node.line, value: Value::Null };
            let asked = Asked {
                name,
                line: node.line,
                function: node.get("authorizerUri").unwrap_or(&nowhere),
                version: text("authorizerPayloadFormatVersion")?.map(str::to_owned),
                simple: simple.map_or(Ok(false), |value| value.boolean("enableSimpleResponses"))?,
                sources,
                ttl,
            };
            Ok(asked.authorizer(functions, warnings).map(Authorizer::Lambda))
        }
        other => Ok(Err(format!("its authorizer `{name}` is of the type `{other}`, which an HTTP API does not have"))),
    }
}

/// What `security` of an operation or of a whole document asks for.
pub enum Security {
    /// It is not there.
    Silent,
    /// An empty list: nobody, if nothing else says otherwise.
    Nobody,
    /// This scheme, with these scopes.
    Scheme(String, Vec<String>),
    /// Several schemes, one of them or all of them together: an HTTP API has one authorizer for a route.
    Several,
}

impl Security {
    /// Who that is, and the scopes that a JWT needs.
    pub fn guard(&self, auth: &Auth) -> (Guard, Vec<String>) {
        match self {
            Security::Silent | Security::Nobody => (Guard::Open, Vec::new()),
            Security::Scheme(name, scopes) => {
                let unknown =
                    || Guard::Unfit(format!("its security scheme `{name}` has no authorizer that is known here"));
                let scopes = if auth.verifies_jwts(name) { scopes.clone() } else { Vec::new() };
                (auth.named(name).unwrap_or_else(unknown), scopes)
            }
            Security::Several => {
                (Guard::Unfit("it does not ask for exactly one security scheme".to_owned()), Vec::new())
            }
        }
    }
}

/// Reads `security` of an operation.
pub fn of_operation(operation: &Node) -> Result<Security, Fault> {
    // As REST APIs write it.
    match operation.get("x-amazon-apigateway-auth").and_then(|auth| auth.get("type")) {
        Some(kind) if !kind.text("type")?.eq_ignore_ascii_case("NONE") => {
            Ok(Security::Scheme("AWS_IAM".to_owned(), Vec::new()))
        }
        _ => of(operation),
    }
}

/// Adds the `security` of the whole document to what the API says of its routes.
pub fn of_document(document: &Node, auth: &mut Auth, warnings: &mut Vec<String>) -> Result<(), Fault> {
    let (guard, scopes) = of(document)?.guard(auth);
    if !DOCUMENT_SECURITY_HOLDS || guard == Guard::Open {
        return Ok(());
    }
    if auth.default.is_none() {
        let line = document.get("security").map_or(document.line, |security| security.line);
        warnings.push(format!(
            "the OpenAPI document's own `security` (line {line}) stands here before every route that says nothing itself; \
             whether API Gateway heeds it is not known, and those routes may be open once deployed: write it at each \
             operation."
        ));
    }
    auth.document = Some((guard, scopes));
    Ok(())
}

fn of(node: &Node) -> Result<Security, Fault> {
    let Some(security) = node.get("security") else { return Ok(Security::Silent) };
    let requirement = match security.list("security")? {
        [] => return Ok(Security::Nobody),
        [only] => only,
        _ => return Ok(Security::Several),
    };
    let [Entry { key, value, .. }] = requirement.map("security")? else { return Ok(Security::Several) };
    let scopes = match &value.value {
        Value::Null => Vec::new(),
        _ => authorizers::texts(value, key)?,
    };
    Ok(Security::Scheme(key.clone(), scopes))
}
