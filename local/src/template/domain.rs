//! Domain names of the API, of which there are none here: what one does beside naming the API is said.

use super::node::{Node, Value};
use super::scope::Scope;
use super::section::Section;

/// Names what a domain name or a mapping of one does, as resources of `AWS::ApiGatewayV2`.
/// <https://docs.aws.amazon.com/apigateway/latest/developerguide/http-api-mappings.html>
pub fn look(scope: &Scope, id: &str, kind: &str, properties: &Node) {
    if matches!(kind, "AWS::ApiGatewayV2::ApiMapping" | "AWS::ApiGatewayV2::DomainName") {
        note(scope, properties, &format!("`{id}` ({kind})"));
    }
}

/// Names what a domain name does; `what` is where it stands.
/// <https://docs.aws.amazon.com/serverless-application-model/latest/developerguide/sam-property-httpapi-httpapidomainconfiguration.html>
pub fn note(scope: &Scope, domain: &Node, what: &str) {
    // All else of a domain name matters only in AWS, and so does what of it cannot be read here.
    let Ok(mut section) = Section::open(scope, domain, what) else { return };
    if let Ok(Some(node)) = section.asks_for("MutualTlsAuthentication") {
        scope.not_emulated(node.line, format!("{what} has mutual TLS: nobody asks for certificates of clients here."));
    }
    for key in ["ApiMappingKey", "BasePath"] {
        if let Some(node) = section.take_raw(key)
            && scope.resolve(&node).is_ok_and(|path| path.is_some_and(|path| !is_root(&path)))
        {
            scope
                .not_emulated(node.line, format!("{what} maps a path ({key}): routes have only their own paths here."));
        }
    }
}

fn is_root(path: &Node) -> bool {
    match &path.value {
        Value::Null => true,
        Value::Text(path) => path.is_empty() || path == "/",
        Value::List(paths) => paths.iter().all(is_root),
        Value::Map(_) | Value::Call(..) | Value::Unknown(_) => false,
    }
}

#[cfg(test)]
mod tests {
    use crate::template::{Fault, Given, Template};

    /// What is named of a domain name that SAM's API has, and of other resources.
    fn named(domain: &str, resources: &str) -> Vec<String> {
        let source = format!(
            "Parameters: {{Stage: {{Type: String, Default: dev}}, Certificate: {{Type: String}}}}
Conditions: {{Never: !Equals [a, b]}}
Resources:
  Api: {{Type: AWS::Serverless::HttpApi, Properties: {{Domain: {domain}}}}}
{resources}"
        );
        let read = Template::parse(&source, &Given::defaults("shop"));
        read.unwrap_or_else(|Fault { line, message }| panic!("{line}: {message}\n{source}")).not_emulated
    }

    #[test]
    fn what_a_domain_of_the_api_does_is_named() {
        let tls = "line 4: Domain of HTTP API `Api` has mutual TLS: nobody asks for certificates of clients here.";
        let path = "line 4: Domain of HTTP API `Api` maps a path (BasePath): routes have only their own paths here.";
        for (more, expected) in [
            ("BasePath: [v1], MutualTlsAuthentication: {TruststoreUri: 's3://a/b'}", &[tls, path][..]),
            ("BasePath: [!Ref Stage]", &[path]),
            ("BasePath: [/]", &[]),
            ("MutualTlsAuthentication: !If [Never, {TruststoreUri: 's3://a/b'}, !Ref AWS::NoValue]", &[]),
            ("SecurityPolicy: TLS_1_2", &[]),
        ] {
            let domain = format!("{{DomainName: api.example, CertificateArn: !Ref Certificate, {more}}}");
            assert_eq!(named(&domain, ""), expected, "{more}");
        }
        assert_eq!(named("!Ref AWS::NoValue", ""), Vec::<String>::new());
    }

    #[test]
    fn what_domain_names_of_their_own_do_is_named() {
        let resources = "  Name: {Type: AWS::ApiGatewayV2::DomainName, Properties: {DomainName: a.example, MutualTlsAuthentication: {TruststoreUri: 's3://a/b'}}}
  Root: {Type: AWS::ApiGatewayV2::ApiMapping, Properties: {ApiId: !Ref Api, DomainName: a.example, Stage: $default}}
  V1: {Type: AWS::ApiGatewayV2::ApiMapping, Properties: {ApiId: !Ref Api, DomainName: a.example, Stage: $default, ApiMappingKey: v1}}
";
        assert_eq!(
            named("!Ref AWS::NoValue", resources),
            [
                "line 5: `Name` (AWS::ApiGatewayV2::DomainName) has mutual TLS: nobody asks for certificates of clients here.",
                "line 7: `V1` (AWS::ApiGatewayV2::ApiMapping) maps a path (ApiMappingKey): routes have only their own paths here.",
            ]
        );
    }
}
