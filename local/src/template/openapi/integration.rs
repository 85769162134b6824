//! `x-amazon-apigateway-integration`: what stands behind a route.
//! <https://docs.aws.amazon.com/apigateway/latest/developerguide/api-gateway-swagger-extensions-integration.html>

use std::time::Duration;

use super::dereferenced;
use crate::template::functions::{self, Declared};
use crate::template::node::{Fault, Node, Value};
use crate::template::routes::{self, PAYLOAD_1};
use crate::template::scope::Scope;

/// The function's logical id, or why none can be called, and how long the API waits for it.
pub type Integration = (Result<String, String>, Option<Duration>);

/// Reads an integration.
pub fn read(scope: &Scope, document: &Node, node: &Node, functions: &[Declared]) -> Result<Integration, Fault> {
    let node = dereferenced(document, node)?;
    let text = |key: &str| node.get(key).map(|value| value.text(key)).transpose();
    for key in ["requestParameters", "responseParameters"] {
        if let Some(value) = node.get(key).filter(|value| value.map(key).is_ok_and(|entries| !entries.is_empty())) {
            scope.not_emulated(value.line, format!("{key} of an integration change nothing here."));
        }
    }
    let timeout = node.get("timeoutInMillis").map(|value| routes::timeout(value, "timeoutInMillis")).transpose()?;
    let asked = Asked {
        kind: text("type")?,
        subtype: text("integrationSubtype")?,
        uri: node.get("uri"),
        payload: text("payloadFormatVersion")?,
    };
    Ok((asked.function(functions), timeout))
}

/// What is asked of an integration, wherever it was written.
pub struct Asked<'n> {
    /// Its type.
    pub kind: Option<&'n str>,
    /// The service that it calls instead of a function.
    pub subtype: Option<&'n str>,
    /// Where the function is invoked, or its ARN.
    pub uri: Option<&'n Node>,
    /// The version of the event's format.
    pub payload: Option<&'n str>,
}

impl Asked<'_> {
    /// The function's logical id, or why none can be called.
    pub fn function(&self, functions: &[Declared]) -> Result<String, String> {
        if let Some(service) = self.subtype {
            return Err(format!("it calls the service {service}, which is not here"));
        }
        match self.kind.map(str::to_ascii_uppercase).as_deref() {
            Some("AWS_PROXY") => {}
            Some(other) => {
                return Err(format!("its integration is of the type {other}, and only functions are called here"));
            }
            None => return Err("its integration has no type".to_owned()),
        }
        let uri = match self.uri.map(|uri| &uri.value) {
            Some(Value::Text(uri)) => uri,
            Some(Value::Unknown(why)) => return Err(why.trim_end_matches('.').to_owned()),
            _ => return Err("its integration names no function".to_owned()),
        };
        let function =
            functions::by_arn(functions, uri).ok_or_else(|| format!("the function `{uri}` is not in this template"))?;
        match self.payload {
            Some("2.0") => Ok(function.logical_id.clone()),
            Some("1.0") => Err(PAYLOAD_1.to_owned()),
            Some(other) => Err(format!("there is no payload format `{other}`")),
            None => Err("its integration does not say that it wants the payload format 2.0".to_owned()),
        }
    }
}
