//! The API's `CorsConfiguration`: which pages of other origins a browser lets use it.

use super::model::Cors;
use super::node::{Fault, Node};
use super::scope::Scope;
use super::section::Section;

/// Reads the API's `CorsConfiguration`; `None` where there is none, or it is `AWS::NoValue`.
pub fn read(scope: &Scope, api: &mut Section<'_>) -> Result<Option<Cors>, Fault> {
    let Some(node) = api.take("CorsConfiguration")? else { return Ok(None) };
    let mut section = Section::open(scope, &node, "CorsConfiguration")?;
    let origins = list(&mut section, "AllowOrigins")?;
    let cors = Cors {
        methods: list(&mut section, "AllowMethods")?,
        headers: list(&mut section, "AllowHeaders")?,
        exposed: list(&mut section, "ExposeHeaders")?,
        max_age: section.take("MaxAge")?.map(|node| node.number("MaxAge")).transpose()?,
        credentials: section.take("AllowCredentials")?.map_or(Ok(false), |node| node.boolean("AllowCredentials"))?,
        origins,
    };
    section.close()?;
    if cors.credentials && cors.origins.iter().any(|origin| origin == "*") {
        return Err(node.fault("AWS refuses AllowCredentials together with the origin `*`: name the origins."));
    }
    Ok(Some(cors))
}

fn list(section: &mut Section<'_>, key: &str) -> Result<Vec<String>, Fault> {
    let Some(node) = section.take(key)? else { return Ok(Vec::new()) };
    let text = |node: &Node| node.text(key).map(|text| text.trim().to_owned());
    node.list(key)?.iter().map(text).collect()
}
