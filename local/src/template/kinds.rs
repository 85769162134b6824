//! Resources that are neither functions nor tables nor an HTTP API: most only matter in AWS, and are passed over; what a
//! client or a function would miss is named, many of one sort in one sentence.

use std::collections::BTreeMap;

use super::domain;
use super::elsewhere::{self, Place};
use super::node::{Entry, Fault, Node, Value};
use super::scope::Scope;

/// What a client or a function would miss, and why. A `*` stands for all that begins so.
const MISSED: [(&str, &str); 26] = [
    ("AWS::ApiGatewayV2::ApiGatewayManagedOverrides", "what a quick create makes is served as it is made"),
    ("AWS::AppSync::*", "no GraphQL API is served here"),
    ("AWS::Cognito::IdentityPool", "nobody hands out identities here"),
    ("AWS::CloudFormation::CustomResource", CUSTOM),
    ("AWS::CloudFormation::Stack", "nested stacks are not run here: name their template with --template"),
    ("AWS::Events::Rule", "no rule calls a function here: invoke it directly"),
    ("AWS::IoT::TopicRule", "no rule calls a function here: invoke it directly"),
    ("AWS::Lambda::EventSourceMapping", "nobody reads queues and streams for a function here: invoke it directly"),
    ("AWS::Lambda::LayerVersion", LAYER),
    ("AWS::Lambda::MicrovmImage", "no micro VMs run here"),
    ("AWS::Lambda::Url", "of functions' addresses, only the HTTP API is served here"),
    ("AWS::Logs::SubscriptionFilter", "nobody reads logs for a function here: invoke it directly"),
    ("AWS::Pipes::Pipe", "nobody reads queues and streams for a function here: invoke it directly"),
    ("AWS::S3ObjectLambda::AccessPoint", "there is no S3 here to call a function: invoke it directly"),
    ("AWS::SNS::Subscription", "nobody delivers messages here: invoke the function directly"),
    ("AWS::Scheduler::Schedule", "only a function's own events of the types Schedule and ScheduleV2 run here"),
    ("AWS::Serverless::Application", "nested applications are not run here"),
    ("AWS::Serverless::GraphQLApi", "no GraphQL API is served here"),
    ("AWS::Serverless::LayerVersion", LAYER),
    ("AWS::Serverless::MicroVMImage", "no micro VMs run here"),
    ("AWS::Serverless::StateMachine", MACHINE),
    ("AWS::Serverless::WebFunction", "only functions behind an HTTP API are served here"),
    ("AWS::Serverless::WebSocketApi", "of APIs, only an HTTP API is served here"),
    ("AWS::StepFunctions::Activity", MACHINE),
    ("AWS::StepFunctions::StateMachine", MACHINE),
    ("Custom::*", CUSTOM),
];

/// Properties in which a resource says which function its events call.
const CALLS: [(&str, &[&str]); 3] = [
    ("AWS::Cognito::UserPool", &["LambdaConfig"]),
    ("AWS::S3::Bucket", &["NotificationConfiguration", "LambdaConfigurations"]),
    ("AWS::SNS::Topic", &["Subscription"]),
];

const CUSTOM: &str = "the function behind it is not called here, as a deployment would: invoke it directly";
const EVENTS: &str = "the functions that its events would call are not called here: invoke them directly";

const LAYER: &str = "layers are not loaded here: what a function needs of one must lie beside its program";
const MACHINE: &str = "nobody runs state machines here";

/// What only matters in AWS, of the services whose types are all known here.
const ONLY_IN_AWS: [&str; 22] = [
    "AWS::ApiGatewayV2::ApiMapping",
    "AWS::ApiGatewayV2::Deployment",
    "AWS::ApiGatewayV2::DomainName",
    "AWS::ApiGatewayV2::IntegrationResponse",
    "AWS::ApiGatewayV2::Portal",
    "AWS::ApiGatewayV2::PortalProduct",
    "AWS::ApiGatewayV2::ProductPage",
    "AWS::ApiGatewayV2::ProductRestEndpointPage",
    "AWS::ApiGatewayV2::RouteResponse",
    "AWS::ApiGatewayV2::RoutingRule",
    "AWS::ApiGatewayV2::VpcLink",
    "AWS::Lambda::Alias",
    "AWS::Lambda::CapacityProvider",
    "AWS::Lambda::CodeSigningConfig",
    "AWS::Lambda::EventInvokeConfig",
    "AWS::Lambda::LayerVersionPermission",
    "AWS::Lambda::Permission",
    "AWS::Lambda::ResourcePolicy",
    "AWS::Lambda::Version",
    "AWS::Serverless::CapacityProvider",
    "AWS::Serverless::Connector",
    "AWS::Serverless::NetworkConnector",
];

/// Services of which every type is known here: another one is a slip.
const KNOWN: [&str; 3] = ["AWS::Serverless::", "AWS::DynamoDB::", "AWS::ApiGatewayV2::"];

/// What functions are told of and would call.
const CALLED: [&str; 13] = [
    "AWS::Cognito::UserPool",
    "AWS::Events::EventBus",
    "AWS::Kinesis::Stream",
    "AWS::KinesisFirehose::DeliveryStream",
    "AWS::S3::Bucket",
    "AWS::SNS::Topic",
    "AWS::SQS::Queue",
    "AWS::SSM::Parameter",
    "AWS::SecretsManager::Secret",
    "AWS::Serverless::Api",
    "AWS::Serverless::StateMachine",
    "AWS::StepFunctions::Activity",
    "AWS::StepFunctions::StateMachine",
];

/// How many names a sentence has at most.
const NAMES: usize = 4;

/// What is not emulated, by the sentence about it.
#[derive(Debug, Default)]
pub struct Missed {
    by_sentence: BTreeMap<String, Vec<(usize, String, String)>>,
    /// The first of what belongs to a REST API.
    rest: Option<Fault>,
}

impl Missed {
    /// Looks at a resource of a type that is not read.
    ///
    /// # Errors
    /// There is no such type, or AWS would refuse the resource.
    pub fn look(
        &mut self,
        scope: &Scope,
        id: &str,
        kind: &str,
        resource: &Node,
        properties: &Node,
    ) -> Result<(), Fault> {
        let at = resource.get("Type").unwrap_or(resource);
        elsewhere::refuse_firewall(scope, at, kind, properties)?;
        domain::look(scope, id, kind, properties);
        let lacking = elsewhere::sentence(Place::Resource, kind);
        if lacking == Some(elsewhere::REST) {
            self.rest(at.line, kind);
        }
        let covers = |known: &str| match known.strip_suffix('*') {
            Some(family) => kind.starts_with(family),
            None => known == kind,
        };
        let missed = MISSED.iter().find(|(known, _)| covers(known)).map(|(_, sentence)| *sentence);
        // A custom resource whose result is given has been run, so to speak.
        let is_given = |attribute: &String| attribute.split_once('.').is_some_and(|(resource, _)| resource == id);
        let missed = missed.filter(|sentence| *sentence != CUSTOM || !scope.attributes.keys().any(is_given));
        let calls = CALLS.iter().any(|(known, path)| *known == kind && asks(scope, properties, path));
        if let Some(sentence) = lacking.or(missed).or(calls.then_some(EVENTS)) {
            self.add(sentence, at.line, id, kind);
            return Ok(());
        }
        let well_formed = kind.starts_with("Custom::") || kind.starts_with("AWS::") && kind.split("::").count() == 3;
        let third_party = kind.split("::").count() >= 3 && !kind.starts_with("AWS::");
        if kind.starts_with("AWS::Lambda::") && !ONLY_IN_AWS.contains(&kind) {
            self.add("what a resource of this type does is not known here", at.line, id, kind);
        }
        let slip = KNOWN.iter().any(|service| kind.starts_with(service)) && !ONLY_IN_AWS.contains(&kind);
        match (well_formed || third_party) && !slip {
            true => Ok(()),
            false => Err(at.fault(format!("there is no resource type `{kind}`."))),
        }
    }

    /// Notes the first of what belongs to a REST API.
    pub fn rest(&mut self, line: usize, what: &str) {
        self.rest.get_or_insert_with(|| Fault::new(line, format!("{what}: {}.", elsewhere::REST)));
    }

    /// What is wrong with a template without an HTTP API.
    pub fn no_http_api(self, resources: &Node) -> Fault {
        let none = || resources.fault("there is no resource of the type AWS::Serverless::HttpApi.");
        self.rest.or_else(|| absent_api(resources)).unwrap_or_else(none)
    }

    /// Adds the resources that functions are told of, and that are not here.
    pub fn told(&mut self, scope: &Scope, used: impl IntoIterator<Item = String>) {
        for id in used {
            let Some(resource) = scope.resources.get(&id).filter(|one| CALLED.contains(&one.kind.as_str())) else {
                continue;
            };
            self.add("functions are told where it is, but it is not here", resource.line, &id, &resource.kind);
        }
    }

    fn add(&mut self, sentence: &str, line: usize, id: &str, kind: &str) {
        let all = self.by_sentence.entry(sentence.to_owned()).or_default();
        all.push((line, id.to_owned(), kind.to_owned()));
    }

    /// Names everything, once.
    pub fn note(self, scope: &Scope) {
        for (sentence, mut all) in self.by_sentence {
            all.sort();
            let ids: Vec<String> = all.iter().take(NAMES).map(|(_, id, _)| format!("`{id}`")).collect();
            let more = match all.len().saturating_sub(NAMES) {
                0 => String::new(),
                more => format!(" and {more} more"),
            };
            let mut kinds: Vec<&str> = all.iter().map(|(_, _, kind)| kind.as_str()).collect();
            kinds.sort_unstable();
            kinds.dedup();
            kinds.truncate(NAMES);
            let line = all.first().map_or(1, |(line, ..)| *line);
            scope.not_emulated(line, format!("{}{more} ({}): {sentence}.", ids.join(", "), kinds.join(", ")));
        }
    }
}

/// Whether a resource has this property, and in it what calls a function. What is wrong with it is for AWS to say.
fn asks(scope: &Scope, node: &Node, path: &[&str]) -> bool {
    let Ok(Some(node)) = scope.choose(node) else { return false };
    match (path, &node.value) {
        ([first, rest @ ..], _) => node.get(first).is_some_and(|inner| asks(scope, inner, rest)),
        ([], Value::Map(entries)) => !entries.is_empty(),
        // A topic has subscribers of other kinds, too.
        ([], Value::List(items)) => items.iter().any(|item| {
            let protocol = item.get("Protocol").map(|protocol| scope.text(protocol, "Protocol"));
            protocol.is_none_or(|protocol| protocol.as_deref() == Ok("lambda"))
        }),
        _ => false,
    }
}

/// Where an HTTP API, or a function that would be behind one, has a condition, and so is not there.
fn absent_api(resources: &Node) -> Option<Fault> {
    let typed = |node: &Node, kinds: &[&str]| {
        node.get("Type").and_then(|kind| kind.text("it").ok()).is_some_and(|kind| kinds.contains(&kind))
    };
    for Entry { key, line, value } in resources.map("Resources").ok()? {
        let Some(condition) = value.get("Condition").and_then(|condition| condition.text("it").ok()) else { continue };
        let events = value.get("Properties").and_then(|properties| properties.get("Events"));
        let events = events.and_then(|events| events.map("Events").ok()).unwrap_or_default();
        let asks = events.iter().any(|event| typed(&event.value, &["HttpApi"]));
        if typed(value, &["AWS::Serverless::HttpApi", "AWS::ApiGatewayV2::Api"]) || asks {
            let message = format!(
                "there is no HTTP API while the condition `{condition}` of `{key}` is false: give the parameters that make \
                 it true."
            );
            return Some(Fault::new(*line, message));
        }
    }
    None
}
