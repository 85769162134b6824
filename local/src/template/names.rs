//! What the template's own resources are called, and what their attributes are, as far as it follows from the template:
//! the return values that AWS documents for each type, with the account, the region and the names of this machine.
//! <https://docs.aws.amazon.com/AWSCloudFormation/latest/TemplateReference/introduction.html>

mod returns;

use returns::{FUNCTION, known};

use super::node::{Fault, Node, Value};
use super::scope::{ACCOUNT_ID, REGION, Resource, Scope};

impl Scope {
    /// What `Ref` gives for a resource.
    pub(super) fn referred(&self, node: &Node, id: &str) -> Result<Value, Fault> {
        if !self.resources.contains_key(id) {
            if let Some((resource, attribute)) = id.split_once('.') {
                return self.attribute(node, resource, attribute);
            }
            return self.made_by_sam(node, id);
        }
        let resource = self.resource(node, id)?;
        match (known(&resource.kind), resource.kind.as_str()) {
            (Some(kind), _) => Ok(Value::Text(self.fill(id, resource, kind.reference)?)),
            (None, "AWS::Lambda::Alias") => self.qualified(node, id, resource, resource.property("Name")),
            (None, "AWS::Lambda::Version") => self.qualified(node, id, resource, None),
            (None, other) => Ok(Value::Unknown(format!("what `!Ref {id}` gives is known only in AWS (a {other})."))),
        }
    }

    /// What a resource is called: the last part of its ARN, or an API's id.
    pub fn name(&self, node: &Node, id: &str) -> Result<String, Fault> {
        let resource = self.resource(node, id)?;
        match known(&resource.kind) {
            Some(kind) if kind.reference == "{id:10}" => self.fill(id, resource, kind.reference),
            _ => self.fill(id, resource, "{name}"),
        }
    }

    /// What `GetAtt` gives.
    pub(super) fn attribute(&self, node: &Node, id: &str, attribute: &str) -> Result<Value, Fault> {
        if !self.resources.contains_key(id) {
            return self.made_by_sam(node, id);
        }
        let resource = self.resource(node, id)?;
        let kind = resource.kind.as_str();
        if let Some(given) = self.attributes.get(&format!("{id}.{attribute}")) {
            return Ok(Value::Text(given.clone()));
        }
        let pattern = known(kind).and_then(|kind| kind.attributes.iter().find(|(known, _)| *known == attribute));
        match (pattern, kind, attribute) {
            (Some((_, pattern)), ..) => Ok(Value::Text(self.fill(id, resource, pattern)?)),
            (None, "AWS::Serverless::Function", "Alias") => match resource.property("AutoPublishAlias") {
                Some(alias) => {
                    let alias = self.text(alias, "AutoPublishAlias")?;
                    Ok(Value::Text(self.fill(id, resource, &format!("{FUNCTION}:{alias}"))?))
                }
                None => Err(node.fault(format!("`{id}` has no alias: it has no AutoPublishAlias."))),
            },
            (None, "AWS::Serverless::Function", "Version") => {
                Ok(Value::Text(self.fill(id, resource, &format!("{FUNCTION}:1"))?))
            }
            (None, "AWS::Serverless::HttpApi", "Stage") => Ok(Value::Text(self.stage(resource)?)),
            (None, "AWS::Lambda::Alias", "AliasArn") => self.qualified(node, id, resource, resource.property("Name")),
            (None, "AWS::Lambda::Version", "FunctionArn") => self.qualified(node, id, resource, None),
            (None, "AWS::SSM::Parameter", "Value") => match resource.property("Value") {
                Some(value) => Ok(self.value(value, "Value")?.value),
                None => Err(node.fault(format!("`{id}` has no Value."))),
            },
            _ => Ok(Value::Unknown(format!("`{id}.{attribute}` is not known on one machine (a {kind})."))),
        }
    }

    /// A version or alias of a function: the function's ARN, and what it is called.
    fn qualified(&self, node: &Node, id: &str, resource: &Resource, name: Option<&Node>) -> Result<Value, Fault> {
        let function = resource.property("FunctionName");
        let function = function.ok_or_else(|| node.fault(format!("`{id}` has no FunctionName.")))?;
        let function = self.text(function, "FunctionName")?;
        let arn = match function.starts_with("arn:") {
            true => function,
            false => format!("arn:aws:lambda:{REGION}:{ACCOUNT_ID}:function:{function}"),
        };
        let qualifier = name.map(|name| self.text(name, "Name")).transpose()?;
        Ok(Value::Text(format!("{arn}:{}", qualifier.as_deref().unwrap_or("1"))))
    }

    /// What SAM makes beside a resource begins with its name.
    fn made_by_sam(&self, node: &Node, id: &str) -> Result<Value, Fault> {
        let beside = |(owner, resource): (&String, &Resource)| {
            let rest = id.strip_prefix(owner.as_str());
            resource.kind.starts_with("AWS::Serverless::")
                && rest.is_some_and(|rest| rest.starts_with(|first: char| first.is_ascii_uppercase()))
        };
        for (owner, resource) in self.resources.iter().filter(|(_, one)| one.kind == "AWS::Serverless::HttpApi") {
            let Some(rest) = id.strip_prefix(owner.as_str()).filter(|rest| rest.contains("Stage")) else { continue };
            let stage = self.stage(resource)?;
            if is_stage(rest, &stage, resource.property("StageName")) {
                return Ok(Value::Text(stage));
            }
        }
        match self.resources.iter().any(beside) {
            true => Ok(Value::Unknown(format!("`{id}` is made by SAM, and not known on one machine."))),
            false => Err(node.fault(format!("there is no parameter or resource `{id}`."))),
        }
    }

    /// The name of an API's stage.
    fn stage(&self, api: &Resource) -> Result<String, Fault> {
        match api.property("StageName").map(|name| self.resolve(name)).transpose()?.flatten() {
            Some(name) => Ok(name.text("StageName")?.to_owned()),
            None => Ok("$default".to_owned()),
        }
    }

    /// A pattern with the names of this machine.
    fn fill(&self, id: &str, resource: &Resource, pattern: &str) -> Result<String, Fault> {
        let mut filled = pattern.replace("{region}", REGION).replace("{account}", ACCOUNT_ID);
        while let Some((before, after)) = filled.split_once("{id:") {
            let Some((length, after)) = after.split_once('}') else { break };
            filled = format!("{before}{}{after}", made_up(&self.stack, id, length.parse().unwrap_or(10)));
        }
        if filled.contains("{path}") {
            let path = resource.property("Path").map(|path| self.resolve(path)).transpose()?.flatten();
            let path = path.as_ref().map(|path| path.text("Path")).transpose()?.unwrap_or("/");
            filled = filled.replace("{path}", path);
        }
        if !filled.contains("{name}") {
            return Ok(filled);
        }
        let named_by = known(&resource.kind).map_or("", |kind| kind.named_by);
        let default = self.default_name(id, resource);
        let given = resource.property(named_by).map(|name| self.resolve(name)).transpose()?.flatten();
        let here = format_args!("the {named_by} of `{id}` is {default} here");
        let name = match given.filter(|name| !self.is_unknown(name, here)) {
            Some(name) => name.text("the name")?.to_owned(),
            None => default,
        };
        Ok(filled.replace("{name}", &name))
    }

    /// The name of a resource that the template does not name. AWS adds something random to most of them.
    fn default_name(&self, id: &str, resource: &Resource) -> String {
        let name = format!("{}-{id}", self.stack);
        let fifo = |key: &str| resource.property(key).is_some_and(|fifo| fifo.boolean(key) == Ok(true));
        match resource.kind.as_str() {
            "AWS::S3::Bucket" => name.to_ascii_lowercase(),
            "AWS::SQS::Queue" if fifo("FifoQueue") => name + ".fifo",
            "AWS::SNS::Topic" if fifo("FifoTopic") => name + ".fifo",
            _ => name,
        }
    }
}

/// Whether this follows the API's name in the name of its stage, which is called so and was written so.
fn is_stage(rest: &str, stage: &str, written: Option<&Node>) -> bool {
    if written.is_some_and(|name| matches!(&name.value, Value::Call(function, _) if function != "Ref")) {
        // SAM looks at the name before CloudFormation resolves it.
        return rest == "Stage";
    }
    if stage.bytes().all(|byte| byte.is_ascii_alphanumeric()) {
        return rest.strip_suffix("Stage") == Some(stage);
    }
    let hashed = |hash: &str| hash.len() == 10 && hash.bytes().all(|byte| byte.is_ascii_hexdigit());
    match stage {
        "$default" => rest == "ApiGatewayDefaultStage",
        _ => rest.strip_prefix("Stage").is_some_and(hashed),
    }
}

/// An id of `a-z0-9`; the same stack always gets the same one (FNV-1a in base 36).
fn made_up(stack: &str, logical_id: &str, length: usize) -> String {
    let bytes = stack.bytes().chain([0]).chain(logical_id.bytes());
    let mut hash =
        bytes.fold(0xcbf2_9ce4_8422_2325_u64, |hash, byte| (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3));
    let mut id = String::with_capacity(length);
    for at in 0..length {
        // Twelve characters use a hash up.
        if at > 0 && at % 12 == 0 {
            hash = id.bytes().fold(hash ^ 0xcbf2_9ce4_8422_2325, |hash, byte| {
                (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3)
            });
        }
        id.push(char::from_digit(u32::try_from(hash % 36).unwrap_or(0), 36).unwrap_or('0'));
        hash /= 36;
    }
    id
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::template::Given;

    #[test]
    fn an_id_looks_like_one() {
        for length in [6, 10, 26] {
            let id = made_up("shop", "Api", length);
            let plain = id.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit());
            assert!(id.len() == length && plain, "{id}");
            assert_ne!(id, made_up("shop2", "Api", length));
        }
    }

    #[test]
    fn a_name_that_only_aws_knows_is_the_one_of_no_name() {
        let template = "
Resources:
  Looked: {Type: AWS::DynamoDB::Table, Properties: {TableName: '{{resolve:ssm:/name}}'}}
  Put: {Type: AWS::Lambda::Function, Properties: {FunctionName: !Sub 'fn-${Vpc}'}}
  Vpc: {Type: AWS::EC2::VPC}
";
        let scope = Scope::read(&Node::parse(template).unwrap(), &Given::defaults("shop")).unwrap();
        let node = Node { line: 1, value: Value::Null };
        assert_eq!(scope.name(&node, "Looked"), Ok("shop-Looked".to_owned()));
        assert_eq!(scope.referred(&node, "Put"), Ok(Value::Text("shop-Put".to_owned())));
        assert_eq!(
            scope.notes(),
            [
                "line 3: the TableName of `Looked` is shop-Looked here: it is a dynamic reference, which one machine cannot look up.",
                "line 4: the FunctionName of `Put` is shop-Put here: what `!Ref Vpc` gives is known only in AWS (a AWS::EC2::VPC).",
            ]
        );
    }

    #[test]
    fn references_give_what_aws_documents() {
        let template = "
Resources:
  Queue: {Type: AWS::SQS::Queue, Properties: {FifoQueue: true}}
  Topic: {Type: AWS::SNS::Topic}
  Bucket: {Type: AWS::S3::Bucket}
  Pool: {Type: AWS::Cognito::UserPool}
  Machine: {Type: AWS::Serverless::StateMachine}
  Setting: {Type: AWS::SSM::Parameter, Properties: {Value: !Ref Topic}}
  Fn: {Type: AWS::Serverless::Function, Properties: {AutoPublishAlias: live}}
  Plain: {Type: AWS::Lambda::Function, Properties: {FunctionName: mine}}
  Alias: {Type: AWS::Lambda::Alias, Properties: {FunctionName: !Ref Plain, Name: blue}}
  Vpc: {Type: AWS::EC2::VPC}
  Filed: {Type: AWS::Serverless::Function, Properties: {RolePath: /app/}}
  Role: {Type: AWS::IAM::Role, Properties: {Path: /app/, RoleName: mine}}
  Rules: {Type: AWS::IAM::ManagedPolicy, Properties: {Path: /app/}}
  Api: {Type: AWS::Serverless::HttpApi, Properties: {StageName: a-b}}
";
        let scope = Scope::read(&Node::parse(template).unwrap(), &Given::defaults("Shop")).unwrap();
        let node = Node { line: 1, value: Value::Null };
        let reference = |id: &str| scope.referred(&node, id).unwrap();
        let attribute = |id: &str, attribute: &str| scope.attribute(&node, id, attribute).unwrap();
        let text = |text: &str| Value::Text(text.to_owned());
        let lambda = "arn:aws:lambda:eu-central-1:123456789012:function:";
        assert_eq!(reference("Queue"), text("https://sqs.eu-central-1.amazonaws.com/123456789012/Shop-Queue.fifo"));
        assert_eq!(attribute("Setting", "Value"), text("arn:aws:sns:eu-central-1:123456789012:Shop-Topic"));
        assert_eq!(attribute("Bucket", "Arn"), text("arn:aws:s3:::shop-bucket"));
        assert_eq!(reference("Machine"), text("arn:aws:states:eu-central-1:123456789012:stateMachine:Shop-Machine"));
        assert_eq!(attribute("FnRole", "Arn"), text("arn:aws:iam::123456789012:role/Shop-FnRole"));
        assert_eq!(attribute("FiledRole", "Arn"), text("arn:aws:iam::123456789012:role/app/Shop-FiledRole"));
        assert_eq!(attribute("Role", "Arn"), text("arn:aws:iam::123456789012:role/app/mine"));
        assert_eq!(reference("Rules"), text("arn:aws:iam::123456789012:policy/app/Shop-Rules"));
        assert_eq!(reference("ApiStage0123456789"), text("a-b"), "SAM hashes what fits in no logical id");
        assert_eq!(reference("Fn.Alias"), text(&format!("{lambda}Shop-Fn:live")));
        assert_eq!(reference("Alias"), text(&format!("{lambda}mine:blue")));
        assert_eq!(reference("ServerlessHttpApi"), attribute("ServerlessHttpApi", "ApiId"));
        let Value::Text(url) = attribute("Pool", "ProviderURL") else { panic!("a text") };
        let Value::Text(pool) = reference("Pool") else { panic!("a text") };
        assert!(url.starts_with("https://cognito-idp.") && url.ends_with(&format!("/{pool}")), "{url}");
        for unknown in
            [reference("Vpc"), reference("FnUrl"), attribute("FnUrl", "FunctionUrl"), attribute("Setting", "Arn")]
        {
            assert!(matches!(unknown, Value::Unknown(_)), "{unknown:?}");
        }
        assert!(scope.referred(&node, "Fnn").is_err());
    }
}
