//! The API's access log format: text with `$context` variables, of which an HTTP API has its own set.
//! <https://docs.aws.amazon.com/apigateway/latest/developerguide/http-api-logging-variables.html>

use super::node::Fault;
use super::section::Section;
use super::traps;

/// The variables that say whose line it is, one of which AWS insists on.
/// <https://docs.aws.amazon.com/apigatewayv2/latest/api-reference/apis-apiid-stages.html>
const IDS: [&str; 2] = ["requestId", "extendedRequestId"];

/// A format, taken apart.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AccessFormat {
    /// Text and variables in their order.
    pub parts: Vec<Part>,
    /// Whether what it makes is a JSON object.
    pub is_json: bool,
}

/// A piece of a format.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Part {
    /// Stands as it is.
    Text(String),
    /// Is another for each request.
    Variable {
        /// What it says.
        variable: Variable,
        /// Whether it stands inside a JSON string.
        in_string: bool,
    },
}

/// A variable of an HTTP API's access log.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Variable {
    /// `accountId`
    AccountId,
    /// `apiId`
    ApiId,
    /// `authorizer.error`
    AuthorizerError,
    /// `authorizer.x` and `authorizer.claims.x`: what the authorizer found out, by the names on the way to it.
    Authorizer(Vec<String>),
    /// `domainName`
    DomainName,
    /// `domainPrefix`
    DomainPrefix,
    /// `error.message`
    Error,
    /// `error.messageString`: the same in quotation marks.
    QuotedError,
    /// `httpMethod`
    Method,
    /// `identity.sourceIp`
    SourceIp,
    /// `identity.userAgent`
    UserAgent,
    /// `integration.error`, `integrationErrorMessage`
    IntegrationError,
    /// `integration.latency`, `integrationLatency`
    IntegrationLatency,
    /// `integration.integrationStatus`, `integrationStatus`: Lambda's own.
    LambdaStatus,
    /// `integration.status`: the function's.
    FunctionStatus,
    /// `integration.requestId`, `awsEndpointRequestId`
    InvocationId,
    /// `path`
    Path,
    /// `protocol`
    Protocol,
    /// `requestId`, `extendedRequestId`
    RequestId,
    /// `requestTime`
    Time,
    /// `requestTimeEpoch`
    Epoch,
    /// `responseLatency`
    Latency,
    /// `responseLength`
    Length,
    /// `routeKey`
    RouteKey,
    /// `stage`
    Stage,
    /// `status`
    Status,
    /// What there is only in AWS: signatures by IAM, Cognito, client certificates, custom domains' mappings.
    OnlyInAws,
    /// One that the documentation does not have: nothing is logged for it.
    Unknown(String),
}

/// Reads `AccessLogSettings`.
pub fn read(api: &mut Section<'_>, warnings: &mut Vec<String>) -> Result<Option<AccessFormat>, Fault> {
    let Some(mut settings) = api.section("AccessLogSettings")? else { return Ok(None) };
    settings.pass(&["DestinationArn"]);
    let format = match settings.take("Format")? {
        Some(node) => {
            let format = AccessFormat::parse(node.text("Format")?).map_err(|message| node.fault(message))?;
            traps::unknown_variables(&format, node.line, warnings);
            Some(format)
        }
        None => None,
    };
    settings.close()?;
    Ok(format)
}

impl AccessFormat {
    /// Reads a format.
    ///
    /// # Errors
    /// Why AWS refuses it, in one sentence. It does refuse lines
    /// (<https://github.com/ministryofjustice/cloud-platform-environments/pull/12962>).
    pub fn parse(format: &str) -> Result<AccessFormat, String> {
        let format = format.trim_end_matches(['\r', '\n']);
        if format.contains(['\r', '\n']) {
            return Err("the access log's Format must be one line: write it with `>-`.".to_owned());
        }
        let (mut parts, mut names) = (Vec::new(), Vec::new());
        let mut rest = format;
        while let Some((before, after)) = rest.split_once("$context") {
            let name = after
                .strip_prefix('.')
                .map(name)
                .filter(|name| !name.is_empty())
                .ok_or("`$context` alone is nothing that an access log can say: name a variable of it.")?;
            let variable = variable(name).unwrap_or_else(|| Variable::Unknown(name.to_owned()));
            parts.push(Part::Text(before.to_owned()));
            parts.push(Part::Variable { variable, in_string: false });
            names.push(name);
            rest = after.get(1 + name.len()..).unwrap_or_default();
        }
        parts.push(Part::Text(rest.to_owned()));
        if !names.iter().any(|name| IDS.contains(name)) {
            return Err("the access log's Format must contain $context.requestId, or AWS refuses it.".to_owned());
        }
        let is_json = find_strings(&mut parts);
        parts.retain(|part| !matches!(part, Part::Text(text) if text.is_empty()));
        Ok(AccessFormat { parts, is_json })
    }
}

/// The variable's name that this text begins with. A point at its end is the sentence's.
fn name(text: &str) -> &str {
    let is_part = |character: char| character.is_ascii_alphanumeric() || matches!(character, '.' | '_');
    let end = text.find(|character| !is_part(character)).unwrap_or(text.len());
    text.get(..end).unwrap_or_default().trim_end_matches('.')
}

fn variable(name: &str) -> Option<Variable> {
    Some(match name {
        "accountId" => Variable::AccountId,
        "apiId" => Variable::ApiId,
        "authorizer.error" => Variable::AuthorizerError,
        "domainName" => Variable::DomainName,
        "domainPrefix" => Variable::DomainPrefix,
        "error.message" => Variable::Error,
        "error.messageString" => Variable::QuotedError,
        "httpMethod" => Variable::Method,
        "identity.sourceIp" => Variable::SourceIp,
        "identity.userAgent" => Variable::UserAgent,
        "integration.error" | "integrationErrorMessage" => Variable::IntegrationError,
        "integration.latency" | "integrationLatency" => Variable::IntegrationLatency,
        "integration.integrationStatus" | "integrationStatus" => Variable::LambdaStatus,
        "integration.status" => Variable::FunctionStatus,
        "integration.requestId" | "awsEndpointRequestId" => Variable::InvocationId,
        "path" => Variable::Path,
        "protocol" => Variable::Protocol,
        "requestId" | "extendedRequestId" => Variable::RequestId,
        "requestTime" => Variable::Time,
        "requestTimeEpoch" => Variable::Epoch,
        "responseLatency" => Variable::Latency,
        "responseLength" => Variable::Length,
        "routeKey" => Variable::RouteKey,
        "stage" => Variable::Stage,
        "status" => Variable::Status,
        "awsEndpointRequestId2"
        | "customDomain.basePathMatched"
        | "dataProcessed"
        | "error.responseType"
        | "identity.accountId"
        | "identity.caller"
        | "identity.clientCert.clientCertPem"
        | "identity.clientCert.issuerDN"
        | "identity.clientCert.serialNumber"
        | "identity.clientCert.subjectDN"
        | "identity.clientCert.validity.notAfter"
        | "identity.clientCert.validity.notBefore"
        | "identity.cognitoAuthenticationProvider"
        | "identity.cognitoAuthenticationType"
        | "identity.cognitoIdentityId"
        | "identity.cognitoIdentityPoolId"
        | "identity.principalOrgId"
        | "identity.user"
        | "identity.userArn" => Variable::OnlyInAws,
        _ => {
            let names: Vec<String> = name.strip_prefix("authorizer.")?.split('.').map(str::to_owned).collect();
            // Only claims have names below them.
            let known = names.len() == 1 || names.len() == 2 && names.first().is_some_and(|name| name == "claims");
            (known && names.iter().all(|name| !name.is_empty())).then_some(Variable::Authorizer(names))?
        }
    })
}

/// Notes which variables stand inside JSON strings; whether the whole is a JSON object.
fn find_strings(parts: &mut [Part]) -> bool {
    let (mut inside, mut escaped, mut example) = (false, false, String::new());
    for part in parts {
        match part {
            Part::Text(text) => {
                for character in text.chars() {
                    match character {
                        _ if escaped => escaped = false,
                        '\\' => escaped = inside,
                        '"' => inside = !inside,
                        _ => {}
                    }
                }
                example.push_str(text);
            }
            Part::Variable { in_string, .. } => {
                *in_string = inside;
                // A digit is something in a string, and a value outside of one.
                example.push('0');
            }
        }
    }
    serde_json::from_str::<serde_json::Map<String, serde_json::Value>>(&example).is_ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_format_is_taken_apart() {
        let format = AccessFormat::parse(r#"{"id":"$context.requestId","status":$context.status}"#).unwrap();
        let text = |text: &str| Part::Text(text.to_owned());
        assert!(format.is_json);
        assert_eq!(
            format.parts,
            [
                text(r#"{"id":""#),
                Part::Variable { variable: Variable::RequestId, in_string: true },
                text(r#"","status":"#),
                Part::Variable { variable: Variable::Status, in_string: false },
                text("}"),
            ]
        );
        let clf = r#"$context.identity.sourceIp - - [$context.requestTime] "$context.httpMethod $context.routeKey $context.protocol" $context.status $context.responseLength $context.requestId"#;
        let clf = AccessFormat::parse(&format!("{clf}\n")).unwrap();
        assert!(!clf.is_json);
        assert_eq!(clf.parts.iter().filter(|part| matches!(part, Part::Variable { .. })).count(), 8);
        assert!(!AccessFormat::parse(r#"["$context.requestId"]"#).unwrap().is_json);
        assert!(!AccessFormat::parse(r#"{"id":"$context.requestId"#).unwrap().is_json);
    }

    #[test]
    fn what_an_authorizer_found_out_goes_by_any_name() {
        let authorizer = |names: &[&str]| Some(Variable::Authorizer(names.iter().map(|name| (*name).into()).collect()));
        assert_eq!(variable("authorizer.user_id"), authorizer(&["user_id"]));
        assert_eq!(variable("authorizer.claims.sub"), authorizer(&["claims", "sub"]));
        assert_eq!(variable("authorizer.error"), Some(Variable::AuthorizerError));
        for wrong in ["authorizer", "authorizer.", "authorizer.a.b", "authorizer..a", "authorizer.claims."] {
            assert_eq!(variable(wrong), None, "{wrong}");
        }
    }

    #[test]
    fn what_aws_refuses_is_refused_with_a_sentence() {
        for (format, why) in [
            ("$context.requestId $context", "`$context` alone"),
            ("$context.requestId $context.", "`$context` alone"),
            ("$context.requestId\n$context.status", "must be one line"),
            ("$context.status", "must contain $context.requestId"),
            ("", "must contain $context.requestId"),
        ] {
            let error = AccessFormat::parse(format).unwrap_err();
            assert!(error.contains(why), "{format}: {error}");
        }
        let unknown = AccessFormat::parse("$context.requestId $context.resourcePath").unwrap();
        let variable = Variable::Unknown("resourcePath".to_owned());
        assert_eq!(unknown.parts.last(), Some(&Part::Variable { variable, in_string: false }));
        assert!(AccessFormat::parse("$context.extendedRequestId has ended with $context.status.").is_ok());
    }
}
