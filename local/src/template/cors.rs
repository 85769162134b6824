//! The API's `CorsConfiguration`: which pages of other origins a browser lets use it. What AWS refuses to deploy is an
//! error; what it deploys to no use is warned of in `traps.rs`.

use super::model::Cors;
use super::node::{Fault, Node, Value};
use super::scope::Scope;
use super::section::Section;

/// For how many seconds a preflight may hold at most; -1 asks a browser to keep none.
/// <https://docs.aws.amazon.com/apigatewayv2/latest/api-reference/apis-apiid.html#apis-apiid-model-cors>
const MAX_AGE: std::ops::RangeInclusive<i64> = -1..=86_400;

/// Reads the API's `CorsConfiguration`; `None` where there is none, or it is `AWS::NoValue`.
pub fn read(scope: &Scope, api: &mut Section<'_>) -> Result<Option<Cors>, Fault> {
    let Some(node) = api.take("CorsConfiguration")? else { return Ok(None) };
    match &node.value {
        Value::Null => Ok(None),
        // SAM takes it for every origin.
        Value::Text(_) => Ok(node.boolean("CorsConfiguration")?.then(|| Cors {
            origins: vec!["*".to_owned()],
            methods: Vec::new(),
            headers: Vec::new(),
            exposed: Vec::new(),
            max_age: None,
            credentials: false,
        })),
        _ => configuration(scope, &node).map(Some),
    }
}

/// Reads a mapping of CORS settings.
pub fn configuration(scope: &Scope, node: &Node) -> Result<Cors, Fault> {
    let mut section = Section::open(scope, node, "CorsConfiguration")?;
    let origins = origins(&mut section)?;
    let cors = Cors {
        methods: list(&mut section, "AllowMethods")?,
        headers: list(&mut section, "AllowHeaders")?,
        exposed: list(&mut section, "ExposeHeaders")?,
        max_age: section.take("MaxAge")?.map(|node| max_age(&node)).transpose()?,
        credentials: section.take("AllowCredentials")?.map_or(Ok(false), |node| node.boolean("AllowCredentials"))?,
        origins,
    };
    section.close()?;
    if cors.credentials && cors.origins.iter().any(|origin| origin == "*") {
        return Err(node.fault("AWS refuses AllowCredentials together with the origin `*`: name the origins."));
    }
    Ok(cors)
}

/// AWS refuses an origin of another scheme: "Invalid format for origin".
fn origins(section: &mut Section<'_>) -> Result<Vec<String>, Fault> {
    let Some(node) = section.take("AllowOrigins")? else { return Ok(Vec::new()) };
    let mut origins = Vec::new();
    for node in node.list("AllowOrigins")? {
        let origin = node.text("AllowOrigins")?.trim();
        if origin != "*" && !origin.starts_with("https://") && !origin.starts_with("http://") {
            return Err(node.fault(format!(
                "AWS refuses the origin `{origin}`: it has to begin with https:// or http://, or be `*`."
            )));
        }
        origins.push(origin.to_owned());
    }
    Ok(origins)
}

fn max_age(node: &Node) -> Result<i64, Fault> {
    let text = node.text("MaxAge")?;
    match text.parse() {
        Ok(seconds) if MAX_AGE.contains(&seconds) => Ok(seconds),
        _ => Err(node.fault(format!("MaxAge must be a number of seconds between -1 and 86400, not `{text}`."))),
    }
}

fn list(section: &mut Section<'_>, key: &str) -> Result<Vec<String>, Fault> {
    let Some(node) = section.take(key)? else { return Ok(Vec::new()) };
    let text = |node: &Node| node.text(key).map(|text| text.trim().to_owned());
    node.list(key)?.iter().map(text).collect()
}
