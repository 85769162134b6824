//! The template's functions, with `Globals.Function` merged in as SAM does it.

use std::time::Duration;

use super::kinds::Missed;
use super::model::{Architecture, Function};
use super::node::{Entry, Fault, Node, Value};
use super::scope::{ACCOUNT_ID, REGION, Scope};
use super::section::Section;
use super::{code, events, variables};

/// A function and its events, which the API reads.
pub struct Declared {
    /// The function.
    pub function: Function,
    /// Its `Events` of the type `HttpApi`, as written.
    pub events: Vec<Entry>,
}

/// What matters only in AWS: permissions, packaging, logs, scaling. All of a SAM function and of a plain one.
/// <https://docs.aws.amazon.com/serverless-application-model/latest/developerguide/sam-resource-function.html>
/// <https://docs.aws.amazon.com/AWSCloudFormation/latest/TemplateReference/aws-resource-lambda-function.html>
const ONLY_IN_AWS: [&str; 34] = [
    "AssumeRolePolicyDocument",
    "AutoPublishAlias",
    "AutoPublishAliasAllProperties",
    "AutoPublishCodeSha256",
    "CapacityProviderConfig",
    "CodeSigningConfigArn",
    "DeadLetterConfig",
    "DeadLetterQueue",
    "DeploymentPreference",
    "Description",
    "EphemeralStorage",
    "EventInvokeConfig",
    "FunctionName",
    "FunctionScalingConfig",
    "KmsKeyArn",
    "LoggingConfig",
    "PermissionsBoundary",
    "Policies",
    "PropagateTags",
    "ProvisionedConcurrencyConfig",
    "PublishToLatestPublished",
    "RecursiveLoop",
    "Role",
    "RolePath",
    "RuntimeManagementConfig",
    "SnapStart",
    "SourceKMSKeyArn",
    "Tags",
    "TenancyConfig",
    "Tracing",
    "TracingConfig",
    "VersionDeletionPolicy",
    "VersionDescription",
    "VpcConfig",
];

/// What a function has in AWS and not here.
const NOT_HERE: [(&str, &str); 4] = [
    ("DurableConfig", "is not durable here: an execution that ends is not taken up again"),
    ("FileSystemConfigs", "has no file systems here: nothing is mounted"),
    ("FunctionUrlConfig", "has no URL of its own here: only the HTTP API is served"),
    ("Layers", "gets no layers here: what it needs of them must lie beside its program"),
];

/// Reads one function, a plain one if so. `properties` has the globals in it already; `metadata` stands beside them.
pub fn read(
    scope: &Scope,
    (id, line, plain): (&str, usize, bool),
    properties: &Node,
    metadata: Option<&Node>,
    missed: &mut Missed,
) -> Result<Declared, Fault> {
    let mut section = Section::open(scope, properties, format!("function `{id}`"))?;
    section.pass(&ONLY_IN_AWS);
    for (property, becomes) in NOT_HERE {
        if let Some(node) = section.asks_for(property)? {
            scope.not_emulated(node.line, format!("`{id}` {becomes}."));
        }
    }
    let here = Node { line, value: Value::Null };
    let name = scope.name(&here, id)?;
    let noted = |path: [&str; 2]| -> Result<Option<String>, Fault> {
        let found = metadata.and_then(|metadata| match path {
            [key, ""] => metadata.get(key),
            [key, inner] => metadata.get(key)?.get(inner),
        });
        found.map(|node| scope.text(node, path[0])).transpose()
    };
    let built_binary = noted(["BuildProperties", "Binary"])?;
    let code_uri = match plain {
        true => code::read_plain(&mut section, id, noted(["aws:asset:path", ""])?)?,
        false => code::read(&mut section, id, line)?,
    };
    let handler = section.text("Handler")?.unwrap_or_default();
    let runtime = section.text("Runtime")?.unwrap_or_default();
    let reserved_concurrency = match section.take("ReservedConcurrentExecutions")? {
        Some(node) => match u32::try_from(node.number("ReservedConcurrentExecutions")?) {
            Ok(reserved) => Some(reserved),
            Err(_) => return Err(node.fault("ReservedConcurrentExecutions is too large.")),
        },
        None => None,
    };
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
    let environment = variables::read(&mut section, id)?;
    let (events, schedules) = match plain {
        true => (Vec::new(), Vec::new()),
        false => events::read(&mut section, id, missed)?,
    };
    section.close()?;
    let function = Function {
        logical_id: id.to_owned(),
        arn: arn(&name),
        name,
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

fn arn(name: &str) -> String {
    format!("arn:aws:lambda:{REGION}:{ACCOUNT_ID}:function:{name}")
}

/// The function that an ARN means, with or without a version or an alias, alone or within the address at which an
/// integration or an authorizer invokes it: `arn:…:lambda:path/2015-03-31/functions/{ARN}/invocations`.
pub fn by_arn<'d>(functions: &'d [Declared], text: &str) -> Option<&'d Function> {
    let text = text.split_once("/functions/").map_or(text, |(_, arn)| arn.trim_end_matches("/invocations"));
    let meant = |function: &&Function| match text.strip_prefix(function.arn.as_str()) {
        Some(rest) => rest.is_empty() || rest.starts_with(':'),
        None => false,
    };
    functions.iter().map(|declared| &declared.function).find(meant)
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
