//! `AWS::ApiGatewayV2::Route` and `AWS::ApiGatewayV2::Integration`.

use std::collections::BTreeMap;
use std::time::Duration;

use super::{Part, open};
use crate::template::authorizers::{Auth, Guard, NO_IAM};
use crate::template::elsewhere::{self, Place};
use crate::template::functions::Declared;
use crate::template::node::{Fault, Node, Value};
use crate::template::openapi::Integration;
use crate::template::routes;
use crate::template::scope::Scope;
use crate::template::section::Section;
use crate::template::settings::Limits;
use crate::template::surface::Draft;

/// The one route of an API that names its target itself.
pub fn quick(api: &mut Section<'_>, target: &Node, functions: &[Declared]) -> Result<Draft, Fault> {
    let key = api.take("RouteKey")?;
    let here = Node { line: target.line, value: Value::Text("$default".to_owned()) };
    let uri = matches!(&target.value, Value::Text(uri) if uri.starts_with("http"));
    let asked = Integration {
        kind: Some(if uri { "HTTP_PROXY" } else { "AWS_PROXY" }),
        subtype: None,
        uri: Some(target),
        payload: Some("2.0"),
    };
    let draft = draft(target.line, key.as_ref().unwrap_or(&here))?;
    Ok(Draft { function: asked.function(functions), ..draft })
}

/// A route of this key, without anything else.
fn draft(line: usize, key: &Node) -> Result<Draft, Fault> {
    let text = |text: &str| Node { line: key.line, value: Value::Text(text.to_owned()) };
    let (method, path, segments) = match key.text("RouteKey")? {
        "$default" => (String::new(), String::new(), Vec::new()),
        written => match written.split_once(' ') {
            Some((method, path)) => routes::route_key(&text(method), &text(path))?,
            None => return Err(key.fault(format!("`{written}` is no route key: it is `GET /path`, or $default."))),
        },
    };
    let function = Err("it has no Target".to_owned());
    let (guard, scopes, timeout, limits) = (Guard::Open, Vec::new(), None, Limits::default());
    Ok(Draft { line, method, path, segments, function, guard, scopes, timeout, limits })
}

/// The function's logical id, or why none can be called, and how long the API waits for it.
pub type Target = (Result<String, String>, Option<Duration>);

/// Reads a route. `names` has the authorizers by what `Ref` gives for them.
pub fn read(
    scope: &Scope,
    part: &Part,
    integrations: &BTreeMap<String, Target>,
    names: &BTreeMap<String, String>,
    auth: &Auth,
) -> Result<Draft, Fault> {
    let mut section = open(scope, part)?;
    section.pass(&[
        "ModelSelectionExpression",
        "OperationName",
        "RequestModels",
        "RequestParameters",
        "RouteResponseSelectionExpression",
    ]);
    elsewhere::refuse(&section, Place::Route)?;
    section.asks_for("ApiKeyRequired")?;
    let mut draft = draft(part.line, &section.required("RouteKey")?)?;
    if let Some(target) = section.take("Target")? {
        let found = match &target.value {
            Value::Text(target) => integrations.get(target).cloned(),
            _ => None,
        };
        (draft.function, draft.timeout) =
            found.unwrap_or_else(|| (Err("its integration is not in this template".to_owned()), None));
    }
    let by = section.take("AuthorizerId")?;
    let scopes = section.take("AuthorizationScopes")?;
    draft.guard = match section.text("AuthorizationType")?.as_deref() {
        None | Some("NONE") if by.is_some() => {
            Guard::Unfit("it has an AuthorizerId, but no AuthorizationType (JWT or CUSTOM) to go with it".to_owned())
        }
        None | Some("NONE") => Guard::Open,
        Some("AWS_IAM") => Guard::Unfit(NO_IAM.to_owned()),
        Some(kind @ ("CUSTOM" | "JWT")) => {
            let named = by.as_ref().and_then(|by| by.text("AuthorizerId").ok()).and_then(|by| names.get(by));
            match named.and_then(|name| auth.named(name)) {
                Some(Guard::By(name)) if auth.verifies_jwts(&name) != (kind == "JWT") => Guard::Unfit(format!(
                    "its AuthorizationType is {kind}, and its authorizer `{name}` is of the other type"
                )),
                Some(guard) => guard,
                None => Guard::Unfit("its authorizer is not in this template".to_owned()),
            }
        }
        Some(other) => {
            return Err(Fault::new(part.line, format!("an HTTP API has no authorization of the type {other}.")));
        }
    };
    draft.scopes = auth.scopes(&draft.guard, scopes.as_ref())?;
    section.close()?;
    Ok(draft)
}

/// Reads an integration.
pub fn integration(scope: &Scope, part: &Part, functions: &[Declared]) -> Result<Target, Fault> {
    let mut section = open(scope, part)?;
    section.pass(&[
        "ConnectionId",
        "ConnectionType",
        "ContentHandlingStrategy",
        "CredentialsArn",
        "Description",
        "IntegrationMethod",
        "PassthroughBehavior",
        "RequestTemplates",
        "TemplateSelectionExpression",
        "TlsConfig",
    ]);
    for key in ["RequestParameters", "ResponseParameters"] {
        if let Some(node) = section.asks_for(key)? {
            scope.not_emulated(node.line, format!("{key} of the integration `{}` change nothing here.", part.id));
        }
    }
    let (kind, subtype) = (section.text("IntegrationType")?, section.text("IntegrationSubtype")?);
    let (uri, payload) = (section.take("IntegrationUri")?, section.text("PayloadFormatVersion")?);
    let timeout = section.take("TimeoutInMillis")?;
    let timeout = timeout.map(|node| routes::timeout(&node, "TimeoutInMillis")).transpose()?;
    section.close()?;
    let asked = Integration {
        kind: kind.as_deref(),
        subtype: subtype.as_deref(),
        uri: uri.as_ref(),
        payload: payload.as_deref(),
    };
    Ok((asked.function(functions), timeout))
}
