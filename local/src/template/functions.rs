//! The template's functions, with `Globals.Function` merged in as SAM does it.

use std::collections::BTreeMap;
use std::time::Duration;

use super::model::{Architecture, Function};
use super::node::{Entry, Fault, Node, Value};
use super::schedules;
use super::scope::Scope;
use super::section::Section;

/// A function and its events, which the API reads.
pub struct Declared {
    /// The function.
    pub function: Function,
    /// Its `Events` that are no schedules, as written.
    pub events: Vec<Entry>,
}

/// What matters only in AWS: permissions, packaging, logs, scaling.
const ONLY_IN_AWS: [&str; 24] = [
    "AssumeRolePolicyDocument",
    "AutoPublishAlias",
    "AutoPublishAliasAllProperties",
    "AutoPublishCodeSha256",
    "CodeSigningConfigArn",
    "DeploymentPreference",
    "Description",
    "EphemeralStorage",
    "EventInvokeConfig",
    "FunctionName",
    "KmsKeyArn",
    "Layers",
    "LoggingConfig",
    "PermissionsBoundary",
    "Policies",
    "PropagateTags",
    "ProvisionedConcurrencyConfig",
    "Role",
    "RolePath",
    "SnapStart",
    "Tags",
    "Tracing",
    "VersionDescription",
    "VpcConfig",
];

/// Reads one function. `properties` has the globals in it already; `metadata` stands beside them.
pub fn read(
    scope: &Scope,
    id: &str,
    line: usize,
    properties: &Node,
    metadata: Option<&Node>,
) -> Result<Declared, Fault> {
    let mut section = Section::open(scope, properties, format!("function `{id}`"))?;
    section.pass(&ONLY_IN_AWS);
    let here = Node { line, value: Value::Null };
    let name = scope.name(&here, id)?;
    let code_uri = section.required_text("CodeUri")?;
    let handler = section.text("Handler")?.unwrap_or_default();
    let runtime = section.text("Runtime")?.unwrap_or_default();
    let reserved_concurrency = match section.take("ReservedConcurrentExecutions")? {
        Some(node) => match u32::try_from(node.number("ReservedConcurrentExecutions")?) {
            Ok(reserved) => Some(reserved),
            Err(_) => return Err(node.fault("ReservedConcurrentExecutions is too large.")),
        },
        None => None,
    };
    let built_binary = metadata.and_then(|metadata| metadata.get("BuildProperties")?.get("Binary"));
    let built_binary = built_binary.map(|binary| scope.text(binary, "Binary")).transpose()?;
    let architecture = match section.take("Architectures")? {
        Some(node) => architecture(&node)?,
        // Lambda's own default.
        None => Architecture::X86_64,
    };
    let timeout = match section.take("Timeout")? {
        Some(node) => match node.number("Timeout")? {
            seconds @ 1..=900 => Duration::from_secs(seconds),
            _ => return Err(node.fault("Timeout must be between 1 and 900 seconds.")),
        },
        // Lambda's own default.
        None => Duration::from_secs(3),
    };
    let memory_mb = match section.take("MemorySize")? {
        Some(node) => match u32::try_from(node.number("MemorySize")?) {
            Ok(megabytes @ 128..=10_240) => megabytes,
            _ => return Err(node.fault("MemorySize must be between 128 and 10240.")),
        },
        None => 128,
    };
    let mut environment = BTreeMap::new();
    if let Some(mut variables) = section.section("Environment")? {
        if let Some(node) = variables.take("Variables")? {
            for Entry { key, value, .. } in node.map("Variables")? {
                let text = value.text(key)?;
                let known = match (text.contains("{{resolve:"), scope.secrets.get(key)) {
                    (false, _) => text,
                    (true, Some(given)) => given,
                    (true, None) => {
                        return Err(
                            value.fault(format!("{key} is a dynamic reference, which one machine cannot look up."))
                        );
                    }
                };
                environment.insert(key.clone(), known.to_owned());
            }
        }
        variables.close()?;
    }
    let (mut events, mut schedules) = (Vec::new(), Vec::new());
    for event in section.section("Events")?.map(|mut events| events.rest()).unwrap_or_default() {
        match schedules::read(scope, id, &event)? {
            Some(schedule) => schedules.push(schedule),
            None => events.push(event),
        }
    }
    section.close()?;
    let arn = format!("arn:aws:lambda:{}:{}:function:{name}", super::scope::REGION, super::scope::ACCOUNT_ID);
    let logical_id = id.to_owned();
    let function = Function {
        logical_id,
        name,
        arn,
        code_uri,
        handler,
        runtime,
        built_binary,
        reserved_concurrency,
        architecture,
        timeout,
        memory_mb,
        environment,
        schedules,
        line,
    };
    Ok(Declared { function, events })
}

fn architecture(node: &Node) -> Result<Architecture, Fault> {
    let [one] = node.list("Architectures")? else {
        return Err(node.fault("Architectures must have exactly one entry."));
    };
    match one.text("an architecture")? {
        "arm64" => Ok(Architecture::Arm64),
        "x86_64" => Ok(Architecture::X86_64),
        other => Err(one.fault(format!("there is no architecture `{other}`: it is arm64 or x86_64."))),
    }
}

/// SAM's rule for globals: mappings merge, lists are joined (the global one first), anything else of the resource wins.
pub fn with_globals(global: Option<&Node>, own: &Node) -> Node {
    let Some(global) = global else { return own.clone() };
    let value = match (&global.value, &own.value) {
        (Value::Map(global), Value::Map(own)) => {
            let mut merged = Vec::with_capacity(global.len() + own.len());
            for entry in global {
                let value = match own.iter().find(|candidate| candidate.key == entry.key) {
                    Some(mine) => with_globals(Some(&entry.value), &mine.value),
                    None => entry.value.clone(),
                };
                merged.push(Entry { value, ..entry.clone() });
            }
            merged.extend(own.iter().filter(|entry| !global.iter().any(|other| other.key == entry.key)).cloned());
            Value::Map(merged)
        }
        (Value::List(global), Value::List(own)) => Value::List(global.iter().chain(own).cloned().collect()),
        (_, Value::Null) => global.value.clone(),
        (_, own) => own.clone(),
    };
    Node { line: own.line, value }
}
