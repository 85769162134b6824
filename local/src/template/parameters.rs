//! A template's parameters: what is given or stands as their default, checked as CloudFormation checks it, but for
//! `Rules`, and for an AllowedPattern that looks around itself.
//! <https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/parameters-section-structure.html>

use regex_lite::Regex;

use super::node::{Fault, Node, Value};

/// A parameter.
#[derive(Debug)]
pub enum Parameter {
    /// It has this value.
    Known(Value),
    /// It has none, which only matters to whoever refers to it.
    Missing(String),
}

impl Parameter {
    /// Reads a declaration, with the value that is given for it.
    pub fn read(name: &str, declaration: &Node, given: Option<&String>) -> Result<Parameter, Fault> {
        let line = declaration.line;
        let kind =
            declaration.get("Type").ok_or_else(|| Fault::new(line, format!("parameter `{name}` has no Type.")))?;
        let kind = kind.text("Type")?;
        // Its Default is the name under which Systems Manager has the value.
        let looked_up = kind.starts_with("AWS::SSM::Parameter::Value<");
        let value = match (given, declaration.get("Default")) {
            (Some(given), _) => given.clone(),
            (None, _) if looked_up => {
                let why = format!(
                    "parameter `{name}` has a value in Systems Manager, which nobody asks here: give it with --parameter \
                     {name}=VALUE."
                );
                return Ok(Parameter::Known(Value::Unknown(why)));
            }
            (None, Some(Node { value: Value::Null, .. })) => String::new(),
            (None, Some(default @ Node { value: Value::List(_), .. })) => {
                let items: Result<Vec<&str>, _> = default.list("Default")?.iter().map(|one| one.text("it")).collect();
                items?.join(",")
            }
            (None, Some(default)) => default.text("Default")?.to_owned(),
            (None, None) => {
                return Ok(Parameter::Missing(format!(
                    "parameter `{name}` has no Default and was given no value: give it with --parameter {name}=VALUE."
                )));
            }
        };
        let inner = kind.strip_prefix("AWS::SSM::Parameter::Value<").and_then(|kind| kind.strip_suffix('>'));
        let kind = inner.unwrap_or(kind);
        let is_list = kind == "CommaDelimitedList" || kind.starts_with("List<");
        let items: Vec<&str> = if is_list { value.split(',').map(str::trim).collect() } else { vec![&value] };
        for item in &items {
            check(name, kind, declaration, item)?;
        }
        let text = |item: &&str| Value::Text((*item).to_owned());
        let value = match is_list {
            true => Value::List(items.iter().map(|item| Node { line, value: text(item) }).collect()),
            false => Value::Text(value.clone()),
        };
        Ok(Parameter::Known(value))
    }

    /// What it gives to whoever refers to it.
    pub fn value(&self, node: &Node) -> Result<Value, Fault> {
        match self {
            Parameter::Known(value) => Ok(value.clone()),
            Parameter::Missing(why) => Err(node.fault(why)),
        }
    }
}

fn check(name: &str, kind: &str, declaration: &Node, value: &str) -> Result<(), Fault> {
    let wrong = |why: String| Err(declaration.fault(format!("parameter `{name}` {why}.")));
    // With NoEcho, a value is shown nowhere.
    let hidden = declaration.get("NoEcho").map_or(Ok(false), |hidden| hidden.boolean("NoEcho"))?;
    let not = if hidden { String::new() } else { format!(", not `{value}`") };
    if let Some(allowed) = declaration.get("AllowedValues") {
        let allowed: Result<Vec<&str>, _> = allowed.list("AllowedValues")?.iter().map(|one| one.text("it")).collect();
        let allowed = allowed?;
        if !allowed.contains(&value) {
            let is = if hidden { String::new() } else { format!("is `{value}`, but ") };
            return wrong(format!("{is}must be one of {}", allowed.join(", ")));
        }
    }
    if let Some(pattern) = declaration.get("AllowedPattern") {
        let pattern = pattern.text("AllowedPattern")?;
        let whole = Regex::new(&format!("^(?:{pattern})$"));
        if whole.is_ok_and(|whole| !whole.is_match(value)) {
            return wrong(format!("must match the pattern {pattern}{not}"));
        }
    }
    let is_number = is_number(value);
    let known = ["String", "Number", "CommaDelimitedList", "List<Number>", "List<String>"].contains(&kind);
    match kind {
        "Number" | "List<Number>" if !is_number => return wrong(format!("must be a number{not}")),
        // AWS looks whether there is such a thing; here there is only the text.
        _ if known || kind.starts_with("AWS::") || kind.starts_with("List<AWS::") => {}
        _ => return wrong(format!("has the type {kind}, which does not exist")),
    }
    let bound = |key: &str| declaration.get(key).map(|node| node.number(key)).transpose();
    let length = u64::try_from(value.chars().count()).unwrap_or(u64::MAX);
    if let Some(least) = bound("MinLength")?.filter(|least| length < *least) {
        return wrong(format!("must have at least {least} characters"));
    }
    if let Some(most) = bound("MaxLength")?.filter(|most| length > *most) {
        return wrong(format!("must have at most {most} characters"));
    }
    let limit = |key: &str| -> Option<f64> { declaration.get(key)?.text(key).ok()?.parse().ok() };
    if let (true, Ok(number)) = (is_number, value.parse::<f64>()) {
        if let Some(least) = limit("MinValue").filter(|least| number < *least) {
            return wrong(format!("must be at least {least}{not}"));
        }
        if let Some(most) = limit("MaxValue").filter(|most| number > *most) {
            return wrong(format!("must be at most {most}{not}"));
        }
    }
    Ok(())
}

fn is_number(text: &str) -> bool {
    let digits = text.strip_prefix('-').unwrap_or(text);
    let (whole, fraction) = digits.split_once('.').unwrap_or((digits, "0"));
    [whole, fraction].iter().all(|part| !part.is_empty() && part.bytes().all(|byte| byte.is_ascii_digit()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(declaration: &str, given: Option<&str>) -> Result<Value, String> {
        let node = Node::parse(declaration).unwrap();
        let given = given.map(str::to_owned);
        let parameter = Parameter::read("P", &node, given.as_ref()).map_err(|fault| fault.message)?;
        parameter.value(&node).map_err(|fault| fault.message)
    }

    #[test]
    fn any_type_takes_the_text_that_is_given() {
        let text = |text: &str| Ok(Value::Text(text.to_owned()));
        assert_eq!(read("{Type: AWS::EC2::VPC::Id, Default: vpc-1}", None), text("vpc-1"));
        assert_eq!(read("{Type: 'AWS::SSM::Parameter::Value<String>', Default: /a}", Some("b")), text("b"));
        for list in ["CommaDelimitedList", "List<AWS::EC2::Subnet::Id>", "AWS::SSM::Parameter::Value<List<String>>"] {
            let value = read(&format!("{{Type: '{list}'}}"), Some("a, b"));
            assert!(matches!(&value, Ok(Value::List(items)) if items.len() == 2), "{list}: {value:?}");
        }
    }

    #[test]
    fn a_value_that_nobody_knows_is_asked_for_by_its_name() {
        assert_eq!(
            read("{Type: String}", None).unwrap_err(),
            "parameter `P` has no Default and was given no value: give it with --parameter P=VALUE."
        );
        let value = read("{Type: 'AWS::SSM::Parameter::Value<String>', Default: /a}", None).unwrap();
        assert!(matches!(value, Value::Unknown(why) if why.contains("--parameter P=VALUE")));
    }

    #[test]
    fn what_cloudformation_refuses_is_refused() {
        for (declaration, given, why) in [
            ("{Type: Number, MinValue: 2.5}", "2", "parameter `P` must be at least 2.5, not `2`."),
            ("{Type: Number, MaxValue: 2}", "3", "parameter `P` must be at most 2, not `3`."),
            ("{Type: String, MinLength: 2}", "a", "parameter `P` must have at least 2 characters."),
            ("{Type: String, MaxLength: 2}", "abc", "parameter `P` must have at most 2 characters."),
            (
                "{Type: CommaDelimitedList, AllowedValues: [a, b]}",
                "a,c",
                "parameter `P` is `c`, but must be one of a, b.",
            ),
            (
                "{Type: String, AllowedPattern: '[a-z]+'}",
                "a1",
                "parameter `P` must match the pattern [a-z]+, not `a1`.",
            ),
            ("{Type: Strin}", "a", "parameter `P` has the type Strin, which does not exist."),
        ] {
            assert_eq!(read(declaration, Some(given)).unwrap_err(), why);
        }
    }

    #[test]
    fn a_value_that_is_not_to_be_shown_is_in_no_error() {
        for declaration in [
            "{Type: Number, NoEcho: true}",
            "{Type: String, NoEcho: 'true', AllowedValues: [a, b]}",
            "{Type: String, NoEcho: true, AllowedPattern: '[0-9]+'}",
            "{Type: String, NoEcho: true, MaxLength: 3}",
        ] {
            let error = read(declaration, Some("geheim")).unwrap_err();
            assert!(!error.contains("geheim"), "{error}");
        }
        for bounds in ["MinValue: 20001", "MaxValue: 1"] {
            let error = read(&format!("{{Type: Number, NoEcho: true, {bounds}}}"), Some("20000")).unwrap_err();
            assert!(!error.contains("20000"), "{error}");
        }
    }
}
