//! An OpenAPI document with API Gateway's extensions, as `DefinitionBody` of a SAM API or `Body` of a plain one: routes,
//! integrations, who stands before a route, CORS. Whatever describes the API and does nothing is passed over.
//! <https://docs.aws.amazon.com/apigateway/latest/developerguide/http-api-open-api.html>

mod integration;
mod security;

pub use integration::Asked as Integration;

use security::Security;

use super::authorizers::{Auth, Guard};
use super::cors;
use super::functions::Declared;
use super::model::Cors;
use super::node::{Entry, Fault, Node, Value};
use super::routes;
use super::scope::Scope;
use super::settings::Limits;
use super::surface::Draft;

/// What a document says.
pub struct Document {
    /// The routes, in its order.
    pub operations: Vec<Operation>,
    /// `x-amazon-apigateway-cors`
    pub cors: Option<Cors>,
}

/// A method of a path.
pub struct Operation {
    /// The route.
    pub draft: Draft,
    /// Whether it has an integration.
    pub integrated: bool,
    /// Whether it says itself who stands before it.
    pub secured: bool,
}

/// The methods that a path may have; whatever else stands beside them is no route.
const METHODS: [&str; 9] =
    ["get", "put", "post", "delete", "options", "head", "patch", "trace", "x-amazon-apigateway-any-method"];

/// Reads a document, whose functions are resolved already, and adds its authorizers to those of the API.
pub fn read(
    scope: &Scope,
    document: &Node,
    functions: &[Declared],
    auth: &mut Auth,
    warnings: &mut Vec<String>,
) -> Result<Document, Fault> {
    if let Value::Unknown(why) = &document.value {
        return Err(document.fault(why));
    }
    document.map("the OpenAPI document")?;
    security::authorizers(document, functions, auth, warnings)?;
    security::of_document(document, auth, warnings)?;
    let mut operations = Vec::new();
    for path in document.get("paths").map(|paths| paths.map("paths")).transpose()?.unwrap_or_default() {
        if path.key.starts_with("x-") {
            continue;
        }
        for method in path.value.map(&path.key)? {
            if method.key == "$ref" {
                operations.extend(elsewhere(path, method.line)?);
            }
            if METHODS.contains(&method.key.to_ascii_lowercase().as_str()) {
                operations.push(operation(scope, document, path, method, functions, auth)?);
            }
        }
    }
    let cors = match document.get("x-amazon-apigateway-cors") {
        Some(node) => Some(cors::configuration(scope, &as_in_cloudformation(node), warnings)?),
        None => None,
    };
    Ok(Document { operations, cors })
}

/// Stands for the routes of a path item that lies elsewhere, so that no other route gets their requests.
fn elsewhere(path: &Entry, line: usize) -> Result<Option<Operation>, Fault> {
    if path.value.get("x-amazon-apigateway-any-method").is_some() {
        return Ok(None);
    }
    let text = |text: &str| Node { line, value: Value::Text(text.to_owned()) };
    let (method, route, segments) = routes::route_key(&text("ANY"), &text(&path.key))?;
    let draft = Draft {
        line,
        method,
        path: route,
        segments,
        function: Err("its routes are behind a $ref, which is not followed: write them there".to_owned()),
        guard: Guard::Open,
        scopes: Vec::new(),
        timeout: None,
        limits: Limits::default(),
    };
    // No event makes it another one.
    Ok(Some(Operation { draft, integrated: true, secured: true }))
}

fn operation(
    scope: &Scope,
    document: &Node,
    path: &Entry,
    method: &Entry,
    functions: &[Declared],
    auth: &Auth,
) -> Result<Operation, Fault> {
    let text = |entry: &Entry| Node { line: entry.line, value: Value::Text(entry.key.clone()) };
    let (verb, route, segments) = routes::route_key(&text(method), &text(path))?;
    let security = security::of_operation(&method.value)?;
    // SAM writes its default authorizer into every operation that asks for nobody itself, but for OPTIONS.
    let (guard, scopes) = match security {
        Security::Silent => auth.choose(None, None, &verb)?,
        Security::Nobody => {
            let guard = auth.by_default(&verb).unwrap_or(Guard::Open);
            let scopes = auth.scopes(&guard, None)?;
            (guard, scopes)
        }
        Security::Scheme(..) | Security::Several => security.guard(auth),
    };
    let secured = matches!(security, Security::Scheme(..) | Security::Several);
    let (function, timeout, integrated) = match method.value.get("x-amazon-apigateway-integration") {
        Some(node) => {
            let (function, timeout) = integration::read(scope, document, node, functions)?;
            (function, timeout, true)
        }
        None => (Err("it has no x-amazon-apigateway-integration".to_owned()), None, false),
    };
    let limits = Limits::default();
    let draft =
        Draft { line: method.line, method: verb, path: route, segments, function, guard, scopes, timeout, limits };
    Ok(Operation { draft, integrated, secured })
}

/// What a reference within the document means, such as `#/components/…`.
fn dereferenced<'d>(document: &'d Node, node: &'d Node) -> Result<&'d Node, Fault> {
    let Some(reference) = node.get("$ref") else { return Ok(node) };
    let reference = reference.text("$ref")?;
    let missing = || node.fault(format!("`{reference}` is nothing in this document."));
    let mut found = document;
    for part in reference.strip_prefix("#/").ok_or_else(missing)?.split('/') {
        found = found.get(&part.replace("~1", "/").replace("~0", "~")).ok_or_else(missing)?;
    }
    Ok(found)
}

/// `allowOrigins` as `AllowOrigins`, and one text where CloudFormation has a list.
fn as_in_cloudformation(node: &Node) -> Node {
    let Value::Map(entries) = &node.value else { return node.clone() };
    let renamed = entries.iter().map(|entry| {
        let (first, rest) = entry.key.split_at_checked(1).unwrap_or_default();
        let key = format!("{}{rest}", first.to_ascii_uppercase());
        let lists = ["AllowOrigins", "AllowMethods", "AllowHeaders", "ExposeHeaders"].contains(&key.as_str());
        let value = match &entry.value.value {
            Value::Text(_) if lists => Node { line: entry.value.line, value: Value::List(vec![entry.value.clone()]) },
            _ => entry.value.clone(),
        };
        Entry { key, line: entry.line, value }
    });
    Node { line: node.line, value: Value::Map(renamed.collect()) }
}

#[cfg(test)]
mod tests;
