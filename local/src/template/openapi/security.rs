//! `components.securitySchemes` with `x-amazon-apigateway-authorizer`, and `security`.
//! <https://docs.aws.amazon.com/apigateway/latest/developerguide/api-gateway-swagger-extensions-authorizer.html>

use super::dereferenced;
use crate::template::authorizers::{self, Asked, Auth, NO_IAM};
use crate::template::functions::Declared;
use crate::template::model::Authorizer;
use crate::template::node::{Entry, Fault, Node, Value};

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
        if value.get("x-amazon-apigateway-authtype").is_some_and(|kind| kind.text("it") == Ok("awsSigv4")) {
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

/// Who stands before an operation by its own or the document's `security`, and with which scopes. An empty list is
/// nobody, if nothing else says otherwise.
pub fn of(operation: &Node, document: &Node) -> Result<Option<(String, Vec<String>)>, Fault> {
    // As REST APIs write it.
    if let Some(kind) = operation.get("x-amazon-apigateway-auth").and_then(|auth| auth.get("type"))
        && !kind.text("type")?.eq_ignore_ascii_case("NONE")
    {
        return Ok(Some(("AWS_IAM".to_owned(), Vec::new())));
    }
    let Some(security) = operation.get("security").or_else(|| document.get("security")) else { return Ok(None) };
    let Some(first) = security.list("security")?.first() else { return Ok(None) };
    let Some(Entry { key, value, .. }) = first.map("security")?.first() else { return Ok(None) };
    let scopes = match &value.value {
        Value::Null => Vec::new(),
        _ => authorizers::texts(value, key)?,
    };
    Ok(Some((key.clone(), scopes)))
}
