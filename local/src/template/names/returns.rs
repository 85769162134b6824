//! What `Ref` and `GetAtt` return, by the type of the resource, as patterns: `{name}` is the resource's name, `{id:10}` an
//! id of so many characters, `{path}` where a role or policy lies, `{region}` and `{account}` those of this machine.

/// A type of resources.
pub struct Kind {
    kind: &'static str,
    /// The property that names one.
    pub named_by: &'static str,
    /// What `Ref` gives: a pattern with `{name}`.
    pub reference: &'static str,
    /// What `GetAtt` gives, by the attribute.
    pub attributes: &'static [(&'static str, &'static str)],
}

const fn kind(
    kind: &'static str,
    named_by: &'static str,
    reference: &'static str,
    attributes: &'static [(&'static str, &'static str)],
) -> Kind {
    Kind { kind, named_by, reference, attributes }
}

/// A function's ARN.
pub const FUNCTION: &str = "arn:aws:lambda:{region}:{account}:function:{name}";
const TABLE: &[(&str, &str)] = &[("Arn", "arn:aws:dynamodb:{region}:{account}:table/{name}")];
const TOPIC: &str = "arn:aws:sns:{region}:{account}:{name}";
const MACHINE: &str = "arn:aws:states:{region}:{account}:stateMachine:{name}";
const LAYER: &str = "arn:aws:lambda:{region}:{account}:layer:{name}:1";
const SECRET: &str = "arn:aws:secretsmanager:{region}:{account}:secret:{name}-{id:6}";
const API: &[(&str, &str)] =
    &[("ApiId", "{id:10}"), ("ApiEndpoint", "https://{id:10}.execute-api.{region}.amazonaws.com")];

const KINDS: [Kind; 38] = [
    kind("AWS::ApiGateway::RestApi", "", "{id:10}", &[("RestApiId", "{id:10}")]),
    kind("AWS::ApiGatewayV2::Api", "", "{id:10}", API),
    kind("AWS::ApiGatewayV2::Authorizer", "", "{name}", &[("AuthorizerId", "{name}")]),
    kind("AWS::ApiGatewayV2::Deployment", "", "{name}", &[("DeploymentId", "{name}")]),
    kind("AWS::ApiGatewayV2::DomainName", "DomainName", "{name}", &[]),
    kind("AWS::ApiGatewayV2::Integration", "", "{name}", &[("IntegrationId", "{name}")]),
    kind("AWS::ApiGatewayV2::Route", "", "{name}", &[("RouteId", "{name}")]),
    kind("AWS::ApiGatewayV2::Stage", "StageName", "{name}", &[]),
    kind(
        "AWS::Cognito::UserPool",
        "",
        "{region}_{id:9}",
        &[
            ("Arn", "arn:aws:cognito-idp:{region}:{account}:userpool/{region}_{id:9}"),
            ("ProviderName", "cognito-idp.{region}.amazonaws.com/{region}_{id:9}"),
            ("ProviderURL", "https://cognito-idp.{region}.amazonaws.com/{region}_{id:9}"),
            ("UserPoolId", "{region}_{id:9}"),
        ],
    ),
    kind("AWS::Cognito::UserPoolClient", "", "{id:26}", &[("ClientId", "{id:26}")]),
    kind("AWS::DynamoDB::GlobalTable", "TableName", "{name}", TABLE),
    kind("AWS::DynamoDB::Table", "TableName", "{name}", TABLE),
    kind(
        "AWS::ECR::Repository",
        "RepositoryName",
        "{name}",
        &[
            ("Arn", "arn:aws:ecr:{region}:{account}:repository/{name}"),
            ("RepositoryUri", "{account}.dkr.ecr.{region}.amazonaws.com/{name}"),
        ],
    ),
    kind(
        "AWS::Events::EventBus",
        "Name",
        "{name}",
        &[("Arn", "arn:aws:events:{region}:{account}:event-bus/{name}"), ("Name", "{name}")],
    ),
    kind("AWS::Events::Rule", "Name", "{name}", &[("Arn", "arn:aws:events:{region}:{account}:rule/{name}")]),
    kind("AWS::IAM::ManagedPolicy", "ManagedPolicyName", "arn:aws:iam::{account}:policy{path}{name}", &[]),
    kind("AWS::IAM::Role", "RoleName", "{name}", &[("Arn", "arn:aws:iam::{account}:role{path}{name}")]),
    kind("AWS::KMS::Alias", "AliasName", "{name}", &[]),
    kind("AWS::KMS::Key", "", "{name}", &[("Arn", "arn:aws:kms:{region}:{account}:key/{name}"), ("KeyId", "{name}")]),
    kind("AWS::Kinesis::Stream", "Name", "{name}", &[("Arn", "arn:aws:kinesis:{region}:{account}:stream/{name}")]),
    kind(
        "AWS::KinesisFirehose::DeliveryStream",
        "DeliveryStreamName",
        "{name}",
        &[("Arn", "arn:aws:firehose:{region}:{account}:deliverystream/{name}")],
    ),
    kind("AWS::Lambda::Function", "FunctionName", "{name}", &[("Arn", FUNCTION)]),
    kind("AWS::Lambda::LayerVersion", "LayerName", LAYER, &[("LayerVersionArn", LAYER)]),
    kind(
        "AWS::Logs::LogGroup",
        "LogGroupName",
        "{name}",
        &[("Arn", "arn:aws:logs:{region}:{account}:log-group:{name}:*")],
    ),
    kind(
        "AWS::S3::Bucket",
        "BucketName",
        "{name}",
        &[
            ("Arn", "arn:aws:s3:::{name}"),
            ("DomainName", "{name}.s3.amazonaws.com"),
            ("DualStackDomainName", "{name}.s3.dualstack.{region}.amazonaws.com"),
            ("RegionalDomainName", "{name}.s3.{region}.amazonaws.com"),
            ("WebsiteURL", "http://{name}.s3-website.{region}.amazonaws.com"),
        ],
    ),
    kind("AWS::SNS::Topic", "TopicName", TOPIC, &[("TopicArn", TOPIC), ("TopicName", "{name}")]),
    kind(
        "AWS::SQS::Queue",
        "QueueName",
        "https://sqs.{region}.amazonaws.com/{account}/{name}",
        &[
            ("Arn", "arn:aws:sqs:{region}:{account}:{name}"),
            ("QueueName", "{name}"),
            ("QueueUrl", "https://sqs.{region}.amazonaws.com/{account}/{name}"),
        ],
    ),
    kind("AWS::SSM::Parameter", "Name", "{name}", &[]),
    kind("AWS::Scheduler::Schedule", "Name", "{name}", &[]),
    kind("AWS::SecretsManager::Secret", "Name", SECRET, &[("Id", SECRET)]),
    kind("AWS::Serverless::Api", "", "{id:10}", &[("RestApiId", "{id:10}")]),
    kind("AWS::Serverless::Function", "FunctionName", "{name}", &[("Arn", FUNCTION)]),
    kind("AWS::Serverless::HttpApi", "", "{id:10}", API),
    kind("AWS::Serverless::LayerVersion", "LayerName", LAYER, &[("LayerVersionArn", LAYER)]),
    kind("AWS::Serverless::SimpleTable", "TableName", "{name}", TABLE),
    kind("AWS::Serverless::StateMachine", "Name", MACHINE, &[("Arn", MACHINE), ("Name", "{name}")]),
    kind("AWS::StepFunctions::Activity", "Name", "arn:aws:states:{region}:{account}:activity:{name}", &[]),
    kind("AWS::StepFunctions::StateMachine", "StateMachineName", MACHINE, &[("Arn", MACHINE), ("Name", "{name}")]),
];

/// What is known of a type.
pub fn known(kind: &str) -> Option<&'static Kind> {
    KINDS.iter().find(|known| known.kind == kind)
}
