//! An API in resources of `AWS::ApiGatewayV2`: what of it is served, and what is left out.

use crate::template::{Authorizer, Fault, Given, HttpApi, Template};

const API: &str = "Resources:
  Api: {Type: AWS::ApiGatewayV2::Api, Properties: {Name: things, ProtocolType: HTTP}}
  Stage:
    Type: AWS::ApiGatewayV2::Stage
    Properties:
      ApiId: !Ref Api
      StageName: prod
      AutoDeploy: true
      StageVariables: {color: blue}
      DefaultRouteSettings: {ThrottlingRateLimit: 10, ThrottlingBurstLimit: 20}
      RouteSettings: {'GET /a': {ThrottlingRateLimit: 1, ThrottlingBurstLimit: 2}}
  ToFn:
    Type: AWS::ApiGatewayV2::Integration
    Properties: {ApiId: !Ref Api, IntegrationType: AWS_PROXY, IntegrationUri: !GetAtt Fn.Arn, PayloadFormatVersion: '2.0', TimeoutInMillis: 5000}
  ToElsewhere:
    Type: AWS::ApiGatewayV2::Integration
    Properties: {ApiId: !Ref Api, IntegrationType: HTTP_PROXY, IntegrationMethod: GET, IntegrationUri: 'https://other.example', PayloadFormatVersion: '1.0'}
  Jwt:
    Type: AWS::ApiGatewayV2::Authorizer
    Properties: {ApiId: !Ref Api, AuthorizerType: JWT, Name: jwt, IdentitySource: [$request.header.Authorization], JwtConfiguration: {Issuer: 'https://id.example', Audience: [shop]}}
  Request:
    Type: AWS::ApiGatewayV2::Authorizer
    Properties: {ApiId: !Ref Api, AuthorizerType: REQUEST, Name: request, IdentitySource: [$request.header.Authorization], AuthorizerUri: !Sub 'arn:aws:apigateway:${AWS::Region}:lambda:path/2015-03-31/functions/${Fn.Arn}/invocations', AuthorizerPayloadFormatVersion: '2.0', EnableSimpleResponses: true, AuthorizerResultTtlInSeconds: 0}
  Fn:
    Type: AWS::Lambda::Function
    Properties: {Code: target/lambda/fn, Handler: bootstrap, Runtime: provided.al2023, Role: 'arn:aws:iam::123456789012:role/fn'}
  A: {Type: AWS::ApiGatewayV2::Route, Properties: {ApiId: !Ref Api, RouteKey: GET /a, Target: !Join [/, [integrations, !Ref ToFn]]}}
";

fn parse(source: &str) -> Template {
    let read = Template::parse(source, &Given::defaults("shop"));
    read.unwrap_or_else(|Fault { line, message }| panic!("{line}: {message}\n{source}"))
}

fn keys(api: &HttpApi) -> Vec<String> {
    api.routes.iter().map(|route| route.key()).collect()
}

/// A route `GET /b` with these properties.
fn with_route(more: &str) -> Template {
    let route =
        format!("  B: {{Type: AWS::ApiGatewayV2::Route, Properties: {{ApiId: !Ref Api, RouteKey: GET /b, {more}}}}}\n");
    parse(&format!("{API}{route}"))
}

#[test]
fn an_api_is_put_together_of_its_parts() {
    let template = parse(API);
    let api = &template.api;
    assert_eq!((api.logical_id.as_str(), api.stage.as_str(), keys(api)), ("Api", "prod", vec!["GET /a".to_owned()]));
    assert_eq!(api.stage_variables["color"], "blue");
    let route = &api.routes[0];
    assert_eq!((route.function.as_str(), route.integration_timeout.as_secs()), ("Fn", 5));
    assert_eq!(route.throttle.map(|throttle| (throttle.rate_milli, throttle.burst)), Some((1_000, 2)));
    assert_eq!(template.functions[0].binary(), "fn");
    assert_eq!((template.warnings, template.not_emulated), (Vec::new(), Vec::new()));
}

#[test]
fn a_routes_authorizer_is_one_of_the_apis() {
    let target = "Target: !Sub 'integrations/${ToFn}'";
    let jwt =
        with_route(&format!("{target}, AuthorizationType: JWT, AuthorizerId: !Ref Jwt, AuthorizationScopes: [read]"));
    assert_eq!((jwt.api.routes[1].authorizer.as_deref(), jwt.api.routes[1].scopes.len()), (Some("Jwt"), 1));
    let request = with_route(&format!("{target}, AuthorizationType: CUSTOM, AuthorizerId: !Ref Request"));
    assert_eq!(request.api.routes[1].authorizer.as_deref(), Some("Request"));
    assert!(
        matches!(&request.api.authorizers["Request"], Authorizer::Lambda(one) if one.simple && one.function == "Fn")
    );
}

#[test]
fn what_cannot_be_emulated_is_left_out_and_named() {
    let target = "Target: !Sub 'integrations/${ToFn}'";
    for (route, why) in [
        ("Target: !Sub 'integrations/${ToElsewhere}'".to_owned(), "is of the type HTTP_PROXY"),
        (format!("{target}, AuthorizationType: AWS_IAM"), "IAM authorization (AWS_IAM) is not checked here"),
        (
            format!("{target}, AuthorizationType: CUSTOM, AuthorizerId: abc123"),
            "its authorizer is not in this template",
        ),
        (format!("{target}, AuthorizerId: !Ref Jwt"), "it has an AuthorizerId, but no AuthorizationType"),
        (
            format!("{target}, AuthorizationType: NONE, AuthorizerId: !Ref Jwt"),
            "it has an AuthorizerId, but no AuthorizationType",
        ),
        (
            format!("{target}, AuthorizationType: JWT, AuthorizerId: !Ref Request"),
            "its AuthorizationType is JWT, and its authorizer `Request` is of the other type",
        ),
        (
            format!("{target}, AuthorizationType: CUSTOM, AuthorizerId: !Ref Jwt"),
            "its AuthorizationType is CUSTOM, and its authorizer `Jwt` is of the other type",
        ),
        ("Target: integrations/abc123".to_owned(), "its integration is not in this template"),
        ("OperationName: nothing".to_owned(), "it has no Target"),
    ] {
        let template = with_route(&route);
        assert_eq!(keys(&template.api), ["GET /a"], "{route}");
        let [named] = &template.not_emulated[..] else { panic!("{route}: {:?}", template.not_emulated) };
        assert!(named.contains("`GET /b` answers 501: ") && named.contains(why), "{named}");
    }
}

#[test]
fn a_quick_create_has_one_route() {
    let function = "  Fn: {Type: AWS::Lambda::Function, Properties: {Code: {ZipFile: x}, Role: r}}\n";
    for (route, key) in [("", "$default"), (", RouteKey: GET /a", "GET /a")] {
        let template = parse(&format!(
            "Resources:\n  Api: {{Type: AWS::ApiGatewayV2::Api, Properties: {{Name: a, ProtocolType: HTTP, Target: !GetAtt Fn.Arn{route}}}}}\n{function}"
        ));
        assert_eq!((keys(&template.api), template.api.stage.as_str()), (vec![key.to_owned()], "$default"));
        assert_eq!(template.functions[0].binary(), "Fn", "no path names it");
        assert!(
            template.not_emulated[0].contains("is in the template itself (ZipFile)"),
            "{:?}",
            template.not_emulated
        );
    }
}

#[test]
fn an_api_without_a_stage_is_warned_of() {
    let start = API.find("  Stage:").unwrap();
    let end = API.find("  ToFn:").unwrap();
    let template = parse(&format!("{}{}", &API[..start], &API[end..]));
    assert!(
        template.warnings[0].contains("has no stage, so nothing reaches it once deployed"),
        "{:?}",
        template.warnings
    );
}

#[test]
fn sam_adds_no_route_to_a_plain_api() {
    let function = "  G: {Type: AWS::Serverless::Function, Properties: {CodeUri: g/, Events: {E: {Type: HttpApi, Properties: {ApiId: !Ref Api, Method: GET, Path: /g}}}}}\n";
    let template = parse(&format!("{API}{function}"));
    assert_eq!(keys(&template.api), ["GET /a"]);
    assert!(template.warnings[0].contains("makes no route of `Api`"), "{:?}", template.warnings);
}

/// A SAM function with a route, and `GET /secret` as a resource of its own, for this API and with these properties.
fn beside_sam(api: &str, more: &str) -> String {
    let id = if api == "ServerlessHttpApi" { String::new() } else { format!("ApiId: !Ref {api}, ") };
    format!(
        "  G: {{Type: AWS::Serverless::Function, Properties: {{CodeUri: g/, Events: {{E: {{Type: HttpApi, Properties: {{{id}Method: GET, Path: /g}}}}}}}}}}
  ToG: {{Type: AWS::ApiGatewayV2::Integration, Properties: {{ApiId: !Ref {api}, IntegrationType: AWS_PROXY, IntegrationUri: !GetAtt G.Arn, PayloadFormatVersion: '2.0'}}}}
  Token: {{Type: AWS::ApiGatewayV2::Authorizer, Properties: {{ApiId: !Ref {api}, AuthorizerType: JWT, Name: t, IdentitySource: [$request.header.Authorization], JwtConfiguration: {{Issuer: 'https://id.example', Audience: [shop]}}}}}}
  Secret: {{Type: AWS::ApiGatewayV2::Route, Properties: {{ApiId: !Ref {api}, RouteKey: GET /secret, Target: !Sub 'integrations/${{ToG}}'{more}}}}}
"
    )
}

#[test]
fn routes_of_their_own_belong_to_a_sam_api_too() {
    let own = "  Sam:
    Type: AWS::Serverless::HttpApi
    Properties:
      RouteSettings: {GET /secret: {ThrottlingRateLimit: 1, ThrottlingBurstLimit: 2}}
      Auth: {Authorizers: {Token: {FunctionArn: !GetAtt G.Arn, AuthorizerPayloadFormatVersion: '2.0', EnableSimpleResponses: true, EnableFunctionDefaultPermissions: true}}}\n";
    let jwt = ", AuthorizationType: JWT, AuthorizerId: !Ref Token";
    let template = parse(&format!("Resources:\n{own}{}", beside_sam("Sam", jwt)));
    assert_eq!(keys(&template.api), ["GET /g", "GET /secret"]);
    let secret = &template.api.routes[1];
    assert_eq!((secret.function.as_str(), secret.throttle.map(|one| one.burst)), ("G", Some(2)));
    let guard = &template.api.authorizers[secret.authorizer.as_ref().unwrap()];
    assert!(matches!(guard, Authorizer::Jwt(_)), "SAM's own authorizer has the same name: {guard:?}");

    let template = parse(&format!("Resources:\n{}", beside_sam("ServerlessHttpApi", ", AuthorizationType: AWS_IAM")));
    assert_eq!((keys(&template.api), template.api.unserved.len()), (vec!["GET /g".to_owned()], 1));
    assert!(template.not_emulated[0].contains("`GET /secret` answers 501"), "{:?}", template.not_emulated);
}

#[test]
fn a_part_of_no_api_is_named() {
    let of = |api: &str| {
        format!("  Lost: {{Type: AWS::ApiGatewayV2::Route, Properties: {{ApiId: {api}, RouteKey: GET /lost}}}}\n")
    };
    for api in ["abc123", "'{{resolve:ssm:api}}'"] {
        let template = parse(&format!("{API}{}", of(api)));
        assert_eq!(keys(&template.api), ["GET /a"]);
        let [named] = &template.not_emulated[..] else { panic!("{api}: {:?}", template.not_emulated) };
        assert!(
            named.contains("`Lost` (AWS::ApiGatewayV2::Route) is not served: its ApiId is no API of this template.")
        );
    }
    let sockets = "  Chat: {Type: AWS::ApiGatewayV2::Api, Properties: {ProtocolType: WEBSOCKET}}\n";
    let template = parse(&format!("{API}{sockets}{}", of("!Ref Chat")));
    let [named] = &template.not_emulated[..] else { panic!("{:?}", template.not_emulated) };
    assert!(named.contains("`Chat` is a WebSocket API"), "and its parts are not named again: {named}");
}

#[test]
fn a_base_path_that_changes_imported_routes_is_named() {
    let named = |base_path: &str, servers: &str| {
        let body = format!("{servers}openapi: 3.0.1, paths: {{}}");
        let source = format!(
            "Resources:\n  Api: {{Type: AWS::ApiGatewayV2::Api, Properties: {{BasePath: {base_path}, Body: {{{body}}}}}}}\n"
        );
        parse(&source).not_emulated
    };
    let servers = "servers: [{url: 'https://a.example/v1'}], ";
    for base_path in ["prepend", "split"] {
        assert_eq!(
            named(base_path, servers),
            ["line 2: the routes of `Api` have no base path here, whatever BasePath makes of `servers`."]
        );
    }
    assert_eq!((named("ignore", servers), named("prepend", "")), (Vec::new(), Vec::new()));
}
