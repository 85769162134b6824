//! The API's `CorsConfiguration`: which pages of other origins a browser lets use it. What AWS refuses to deploy is an
//! error; what it deploys to no use is warned of in `traps.rs`.

use super::model::Cors;
use super::node::{Fault, Node, Value};
use super::scope::Scope;
use super::section::Section;
use super::traps;

/// For how many seconds a preflight may hold at most; -1 asks a browser to keep none.
/// <https://docs.aws.amazon.com/apigatewayv2/latest/api-reference/apis-apiid.html#apis-apiid-model-cors>
const MAX_AGE: std::ops::RangeInclusive<i64> = -1..=86_400;

/// Reads the API's `CorsConfiguration`; `None` where there is none, or it is `AWS::NoValue`.
pub fn read(scope: &Scope, api: &mut Section<'_>, warnings: &mut Vec<String>) -> Result<Option<Cors>, Fault> {
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
        _ => configuration(scope, &node, warnings).map(Some),
    }
}

/// Reads a mapping of CORS settings.
pub fn configuration(scope: &Scope, node: &Node, warnings: &mut Vec<String>) -> Result<Cors, Fault> {
    let mut section = Section::open(scope, node, "CorsConfiguration")?;
    let origins = origins(&mut section, warnings)?;
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

/// AWS refuses an origin of another scheme: "Invalid format for origin". One that only AWS knows is left out, and named.
fn origins(section: &mut Section<'_>, warnings: &mut Vec<String>) -> Result<Vec<String>, Fault> {
    let node = section.take("AllowOrigins")?;
    let written = match &node {
        Some(node) if node.unknown().is_some() => std::slice::from_ref(node),
        Some(node) => node.list("AllowOrigins")?,
        None => &[],
    };
    if written.is_empty() {
        traps::no_origins(warnings);
    }
    let mut origins = Vec::new();
    for node in written {
        if section.scope().is_unknown(node, "an origin of AllowOrigins is not let in") {
            continue;
        }
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

#[cfg(test)]
mod tests {
    use crate::template::{Fault, Given, Template};

    #[test]
    fn an_origin_that_only_aws_knows_is_left_out_and_named() {
        for (origins, known, why) in [
            (
                "[!Sub 'https://${Site.DomainName}', 'http://localhost:5173']",
                &["http://localhost:5173"][..],
                "`Site.DomainName` is not known on one machine (a AWS::CloudFront::Distribution).",
            ),
            ("['https://{{resolve:ssm:/host}}']", &[], "it is a dynamic reference, which one machine cannot look up."),
            (
                "!Ref Origins",
                &[],
                "parameter `Origins` has a value in Systems Manager, which nobody asks here: give it with --parameter Origins=VALUE.",
            ),
        ] {
            let source = format!(
                "Parameters: {{Origins: {{Type: 'AWS::SSM::Parameter::Value<List<String>>', Default: /origins}}}}
Resources:
  Api: {{Type: AWS::Serverless::HttpApi, Properties: {{CorsConfiguration: {{AllowOrigins: {origins}}}}}}}
  Site: {{Type: AWS::CloudFront::Distribution}}
"
            );
            let template = Template::parse(&source, &Given::defaults("shop"));
            let template = template.unwrap_or_else(|Fault { line, message }| panic!("{line}: {message}"));
            assert_eq!(template.api.cors.unwrap().origins, known);
            let named = format!("line 3: an origin of AllowOrigins is not let in: {why}");
            assert!(template.not_emulated.contains(&named), "{:?}", template.not_emulated);
            assert_eq!(template.warnings, Vec::<String>::new(), "the template names some");
        }
    }
}
