//! What a stage says: its name, its variables, and the limits of its routes.

use std::collections::BTreeMap;

use super::access_log::{self, AccessFormat};
use super::elsewhere::{self, Place};
use super::model::Throttle;
use super::node::{Entry, Fault, Node};
use super::section::Section;
use super::traps;

/// AWS's own limits for an account, which hold where a block of settings gives only one of the two.
/// <https://docs.aws.amazon.com/apigateway/latest/developerguide/limits.html>
pub const ACCOUNT_RATE_MILLI: u64 = 10_000_000;
/// As many requests at once.
pub const ACCOUNT_BURST: u64 = 5_000;
/// How many characters a stage's name has at most.
const MAX_STAGE: usize = 128;

/// A part of `RouteSettings` or `DefaultRouteSettings`: each limit as far as it is given.
#[derive(Debug, Clone, Copy, Default)]
pub struct Limits {
    rate_milli: Option<u64>,
    burst: Option<u64>,
}

impl Limits {
    /// Reads a block of settings and warns of limits that are none, or refuse everything.
    pub fn read(mut section: Section<'_>, what: &str, warnings: &mut Vec<String>) -> Result<Self, Fault> {
        elsewhere::refuse(&section, Place::Settings)?;
        section.pass(&["DetailedMetricsEnabled"]);
        let line = section.line();
        let rate_milli = section.take("ThrottlingRateLimit")?.map(|node| milli(&node)).transpose()?;
        let burst =
            section.take("ThrottlingBurstLimit")?.map(|node| node.number("ThrottlingBurstLimit")).transpose()?;
        section.close()?;
        traps::limits(what, line, rate_milli, burst, warnings);
        Ok(Self { rate_milli, burst })
    }

    /// These limits, and `general` where they say nothing.
    pub fn or(self, general: Self) -> Self {
        Self { rate_milli: self.rate_milli.or(general.rate_milli), burst: self.burst.or(general.burst) }
    }

    /// The token bucket that they make.
    pub fn throttle(self) -> Option<Throttle> {
        match (self.rate_milli, self.burst) {
            (None, None) => None,
            (rate, burst) => {
                Some(Throttle { rate_milli: rate.unwrap_or(ACCOUNT_RATE_MILLI), burst: burst.unwrap_or(ACCOUNT_BURST) })
            }
        }
    }
}

/// A stage's name: `$default`, or letters, digits, hyphens and underscores.
/// <https://docs.aws.amazon.com/apigatewayv2/latest/api-reference/apis-apiid-stages-stagename.html>
pub fn stage(node: &Node) -> Result<String, Fault> {
    let name = node.text("StageName")?;
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'-' || byte == b'_';
    if name == "$default" || (1..=MAX_STAGE).contains(&name.len()) && name.bytes().all(plain) {
        return Ok(name.to_owned());
    }
    Err(node.fault(format!(
        "AWS refuses the stage name `{name}`: it is $default, or up to {MAX_STAGE} letters, digits, hyphens and underscores."
    )))
}

/// What a stage has beside its name, whether it stands by itself or in SAM's HTTP API.
#[derive(Debug, Default)]
pub struct StageSettings {
    /// `StageVariables`
    pub variables: BTreeMap<String, String>,
    /// `AccessLogSettings.Format`
    pub access_log_format: Option<AccessFormat>,
    /// `DefaultRouteSettings`
    pub general: Limits,
    /// `RouteSettings`, by route key, with their lines.
    pub particular: BTreeMap<String, (usize, Limits)>,
}

impl StageSettings {
    /// Takes them out of a section.
    pub fn read(section: &mut Section<'_>, warnings: &mut Vec<String>) -> Result<Self, Fault> {
        let variables = stage_variables(section)?;
        let access_log_format = access_log::read(section, warnings)?;
        let general = match section.section("DefaultRouteSettings")? {
            Some(settings) => Limits::read(settings, "DefaultRouteSettings", warnings)?,
            None => Limits::default(),
        };
        Ok(Self { variables, access_log_format, general, particular: particular(section, warnings)? })
    }
}

/// `RouteSettings`: limits by route key.
fn particular(
    section: &mut Section<'_>,
    warnings: &mut Vec<String>,
) -> Result<BTreeMap<String, (usize, Limits)>, Fault> {
    let mut limits = BTreeMap::new();
    let Some(mut settings) = section.section("RouteSettings")? else { return Ok(limits) };
    for (key, line, block) in settings.sections()? {
        let block = Limits::read(block, &format!("RouteSettings for `{key}`"), warnings)?;
        limits.insert(key, (line, block));
    }
    Ok(limits)
}

/// `StageVariables`: texts by name, of the characters that AWS lets them have. One that only AWS knows is left out, and
/// named.
/// <https://docs.aws.amazon.com/apigatewayv2/latest/api-reference/apis-apiid-stages.html>
fn stage_variables(section: &mut Section<'_>) -> Result<BTreeMap<String, String>, Fault> {
    let Some(node) = section.take("StageVariables")? else { return Ok(BTreeMap::new()) };
    let mut variables = BTreeMap::new();
    for Entry { key, value, .. } in node.map("StageVariables")? {
        if !key.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_') {
            return Err(value.fault(format!("the stage variable `{key}` may have letters, digits and _ in its name.")));
        }
        if section.scope().is_unknown(value, format_args!("the stage variable `{key}` is left out")) {
            continue;
        }
        let text = value.text(key)?;
        if text.is_empty() || !text.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-._~:/?#&=,".contains(&byte)) {
            return Err(value.fault(format!("the stage variable `{key}` has a value that AWS refuses: `{text}`.")));
        }
        variables.insert(key.clone(), text.to_owned());
    }
    Ok(variables)
}

/// A rate may have a fraction: thousandths are kept.
fn milli(node: &Node) -> Result<u64, Fault> {
    let text = node.text("ThrottlingRateLimit")?;
    let wrong = || node.fault(format!("ThrottlingRateLimit must be a number of requests a second, not `{text}`."));
    let (whole, fraction) = text.split_once('.').unwrap_or((text, ""));
    let fraction = format!("{fraction:0<3}");
    let fraction = fraction.get(..3).ok_or_else(wrong)?;
    let whole: u64 = whole.parse().map_err(|_| wrong())?;
    let fraction: u64 = fraction.parse().map_err(|_| wrong())?;
    whole.checked_mul(1_000).and_then(|milli| milli.checked_add(fraction)).ok_or_else(wrong)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::template::node::Value;
    use crate::template::scope::Scope;
    use crate::template::{Fault, Given};

    #[test]
    fn a_stage_variable_that_only_aws_knows_is_left_out_and_named() {
        let template = "
Resources: {Db: {Type: AWS::RDS::DBInstance}}
Stage: {StageVariables: {host: !GetAtt Db.Endpoint.Address, color: '{{resolve:ssm:/color}}', size: big}}
";
        let root = Node::parse(template).unwrap();
        let scope = Scope::read(&root, &Given::defaults("shop")).unwrap();
        let mut section = Section::open(&scope, root.get("Stage").unwrap(), "the stage").unwrap();
        let variables = stage_variables(&mut section).unwrap_or_else(|Fault { message, .. }| panic!("{message}"));
        assert_eq!(variables, BTreeMap::from([("size".to_owned(), "big".to_owned())]));
        assert_eq!(
            scope.notes(),
            [
                "line 3: the stage variable `color` is left out: it is a dynamic reference, which one machine cannot look up.",
                "line 3: the stage variable `host` is left out: `Db.Endpoint.Address` is not known on one machine (a AWS::RDS::DBInstance).",
            ]
        );
    }

    #[test]
    fn a_rate_keeps_its_thousandths() {
        let read = |text: &str| milli(&Node { line: 1, value: Value::Text(text.to_owned()) });
        assert_eq!(read("10"), Ok(10_000));
        assert_eq!(read("0.5"), Ok(500));
        assert_eq!(read("2.0625"), Ok(2_062));
        assert!(read("-1").is_err() && read("many").is_err() && read("1.x").is_err());
    }
}
