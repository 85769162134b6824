//! `AWS::ApiGatewayV2::Authorizer`.

use super::{Part, open};
use crate::template::authorizers::{self, Auth};
use crate::template::functions::Declared;
use crate::template::model::Authorizer;
use crate::template::node::{Fault, Node};
use crate::template::scope::Scope;

/// Reads an authorizer, and adds it to those of the API; its name among them.
pub fn read(
    scope: &Scope,
    part: &Part,
    functions: &[Declared],
    auth: &mut Auth,
    warnings: &mut Vec<String>,
) -> Result<String, Fault> {
    let mut section = open(scope, part)?;
    section.pass(&["AuthorizerCredentialsArn", "IdentityValidationExpression", "Name"]);
    let line = part.line;
    // Those of SAM's Auth and of an OpenAPI document have names of their own, which may be the same.
    let name = match auth.named(&part.id) {
        Some(_) => format!("{} of line {line}", part.id),
        None => part.id.clone(),
    };
    let sources = section.take("IdentitySource")?;
    let sources = match &sources {
        Some(node) => node.list("IdentitySource")?,
        None => &[],
    };
    let kind = section.required("AuthorizerType")?;
    let authorizer = match kind.text("AuthorizerType")? {
        "JWT" => {
            let configuration = section.required("JwtConfiguration")?;
            authorizers::jwt(&configuration, sources.first(), line)?.map(Authorizer::Jwt)
        }
        "REQUEST" => {
            let text = |node: &Node| authorizers::source(node.text("IdentitySource")?, node);
            let sources: Vec<_> = sources.iter().map(text).collect::<Result<_, _>>()?;
            let ttl = match section.take("AuthorizerResultTtlInSeconds")? {
                Some(node) => authorizers::time(&node, "AuthorizerResultTtlInSeconds", &sources)?,
                None => None,
            };
            let simple = section.take("EnableSimpleResponses")?;
            let asked = authorizers::Asked {
                name: &name,
                line,
                function: &section.required("AuthorizerUri")?,
                version: section.text("AuthorizerPayloadFormatVersion")?,
                simple: simple.map_or(Ok(false), |node| node.boolean("EnableSimpleResponses"))?,
                sources,
                ttl,
            };
            asked.authorizer(functions, warnings).map(Authorizer::Lambda)
        }
        other => return Err(kind.fault(format!("an HTTP API has no authorizers of the type {other}."))),
    };
    section.close()?;
    auth.add(&name, authorizer);
    Ok(name)
}
