//! Authorizers as templates declare them: what is read, what is refused, what is warned of.

use crate::template::{Authorizer, Fault, Given, IdentitySource, Template};

/// A template with the authorizer `A`, which `auth` declares, and a route of whose `Auth` are these properties.
fn parse(auth: &str, route: &str) -> Result<Template, String> {
    let source = format!(
        "Resources:
  Api: {{Type: AWS::Serverless::HttpApi, Properties: {{Auth: {{DefaultAuthorizer: A, Authorizers: {{A: {{{auth}}}}}}}}}}}
  Fn:
    Type: AWS::Serverless::Function
    Properties:
      CodeUri: target/lambda/fn/
      Events:
        Get: {{Type: HttpApi, Properties: {{ApiId: !Ref Api, Method: GET, Path: /a, Auth: {{{route}}}}}}}
"
    );
    Template::parse(&source, &Given::defaults("shop")).map_err(|Fault { line, message }| format!("{line}: {message}"))
}

/// A Lambda authorizer with these properties beside the needed ones.
fn lambda(more: &str) -> String {
    format!(
        "FunctionArn: !GetAtt Fn.Arn, AuthorizerPayloadFormatVersion: '2.0', EnableFunctionDefaultPermissions: true{more}"
    )
}

const JWT: &str = "JwtConfiguration: {issuer: 'https://id.example', audience: [shop]}";

#[test]
fn policies_are_the_answers_unless_simple_ones_are_enabled() {
    for (more, simple) in
        [("", false), (", EnableSimpleResponses: false", false), (", EnableSimpleResponses: true", true)]
    {
        let template = parse(&lambda(more), "Authorizer: A").unwrap();
        let Authorizer::Lambda(authorizer) = &template.api.authorizers["A"] else { panic!("a function") };
        assert_eq!((authorizer.simple, authorizer.ttl), (simple, None), "{more}");
    }
}

#[test]
fn identity_and_its_time_are_read() {
    let identity =
        ", Identity: {Context: [routeKey], StageVariables: [v], QueryStrings: [q], Headers: [H], ReauthorizeEvery: 30}";
    let template = parse(&lambda(identity), "Authorizer: A").unwrap();
    let Authorizer::Lambda(authorizer) = &template.api.authorizers["A"] else { panic!("a function") };
    let text = str::to_owned;
    assert_eq!(
        authorizer.identity_sources,
        [
            IdentitySource::Header(text("h")),
            IdentitySource::Query(text("q")),
            IdentitySource::StageVariable(text("v")),
            IdentitySource::Context(text("routeKey")),
        ]
    );
    assert_eq!(authorizer.ttl.map(|ttl| ttl.as_secs()), Some(30));
    assert_eq!(template.warnings, Vec::<String>::new());
}

#[test]
fn a_jwt_authorizer_has_scopes_that_a_route_may_replace() {
    let scoped = format!("{JWT}, IdentitySource: $request.querystring.token, AuthorizationScopes: [read]");
    let scopes = |route: &str| parse(&scoped, route).unwrap().api.routes[0].scopes.clone();
    assert_eq!(scopes("Authorizer: A"), ["read"]);
    assert_eq!(scopes("Authorizer: A, AuthorizationScopes: [write]"), ["write"]);
    assert_eq!(scopes("Authorizer: A, AuthorizationScopes: []"), Vec::<String>::new());
    assert_eq!(scopes("Authorizer: NONE"), Vec::<String>::new());
    let template = parse(&scoped, "Authorizer: A").unwrap();
    let Authorizer::Jwt(authorizer) = &template.api.authorizers["A"] else { panic!("JWTs") };
    assert_eq!(
        (authorizer.issuer.as_str(), authorizer.audience.as_slice()),
        ("https://id.example", &["shop".to_owned()][..])
    );
    assert_eq!(authorizer.identity_source, IdentitySource::Query("token".to_owned()));
}

#[test]
fn what_aws_would_refuse_is_refused() {
    for (auth, route, expected) in [
        (
            lambda(", Identity: {ReauthorizeEvery: 5}"),
            "Authorizer: A",
            "AWS keeps no answers (ReauthorizeEvery) of an authorizer without identity sources.",
        ),
        (
            lambda(", Identity: {Headers: [A], ReauthorizeEvery: 3601}"),
            "Authorizer: A",
            "ReauthorizeEvery must be between 0 and 3600 seconds.",
        ),
        (
            lambda(", Identity: {Context: [authorizer.x]}"),
            "Authorizer: A",
            "`$context.authorizer.x` is not understood here.",
        ),
        (
            lambda(""),
            "Authorizer: A, AuthorizationScopes: [read]",
            "AuthorizationScopes are for routes whose authorizer verifies JWTs.",
        ),
        (lambda(", AuthorizationScopes: [read]"), "", "`A` has AuthorizationScopes and verifies no JWTs."),
        (JWT.replace("https", "http"), "Authorizer: A", "JwtConfiguration needs an issuer, an https URL."),
        (JWT.replace("[shop]", "[]"), "Authorizer: A", "JwtConfiguration needs an audience: a list of at least one."),
        (
            format!("{JWT}, IdentitySource: $request.body.token"),
            "Authorizer: A",
            "`$request.body.token` is no identity source: it is $request.header.… or the like.",
        ),
    ] {
        let refusal = parse(&auth, route).map(|_| ()).expect_err(expected);
        assert!(refusal.ends_with(expected), "{refusal}");
    }
}

#[test]
fn who_stands_before_a_route_is_a_name_and_not_what_a_function_gives() {
    let chosen = parse(&lambda(""), "Authorizer: !If [Never, A, NONE]").map(|_| ()).unwrap_err();
    assert_eq!(chosen, "8: SAM needs Authorizer as a name, and not as what `If` gives: write the name.");
    let by_default = |default: &str, authorizer: &str| {
        let source = format!(
            "Parameters: {{P: {{Type: String, Default: A}}}}
Resources:
  Api: {{Type: AWS::Serverless::HttpApi, Properties: {{Auth: {{{default} Authorizers: {{A: {{{}}}}}}}}}}}
  Fn: {{Type: AWS::Serverless::Function, Properties: {{CodeUri: x/fn, Events: {{Get: {{Type: HttpApi, Properties: {{
    ApiId: !Ref Api, Method: GET, Path: /a, Auth: {{Authorizer: {authorizer}}}}}}}}}}}}}
",
            lambda("")
        );
        let read = Template::parse(&source, &Given::defaults("shop"));
        read.map(|template| template.api.routes[0].authorizer.clone()).map_err(|Fault { message, .. }| message)
    };
    assert_eq!(by_default("", "!Ref P"), Ok(Some("A".to_owned())));
    assert_eq!(by_default("DefaultAuthorizer: !Sub '${P}',", "NONE"), Ok(None));
    for (default, authorizer, expected) in [
        ("", "NONE", "SAM takes the Authorizer NONE only where the API has a DefaultAuthorizer."),
        ("DefaultAuthorizer: NONE,", "A", "there is no authorizer `NONE`."),
        (
            "DefaultAuthorizer: !Select [0, [A]],",
            "A",
            "SAM needs DefaultAuthorizer as a name, and not as what `Select` gives: write the name.",
        ),
    ] {
        assert_eq!(by_default(default, authorizer).unwrap_err(), expected);
    }
}

#[test]
fn a_permission_in_the_template_is_one() {
    let warnings = |permission: &str| {
        let source = format!(
            "Resources:
  Api: {{Type: AWS::Serverless::HttpApi, Properties: {{Auth: {{Authorizers: {{A: {{
    FunctionArn: !GetAtt Fn.Arn, AuthorizerPayloadFormatVersion: '2.0'}}}}}}}}}}
  Fn: {{Type: AWS::Serverless::Function, Properties: {{CodeUri: x/fn}}}}
  May: {{Type: AWS::Lambda::Permission, Properties: {{Action: lambda:InvokeFunction, {permission}}}}}
"
        );
        Template::parse(&source, &Given::defaults("shop")).unwrap().warnings.len()
    };
    for name in ["!Ref Fn", "!GetAtt Fn.Arn"] {
        assert_eq!(warnings(&format!("FunctionName: {name}, Principal: apigateway.amazonaws.com")), 0, "{name}");
    }
    assert_eq!(warnings("FunctionName: other, Principal: apigateway.amazonaws.com"), 1);
    assert_eq!(warnings("FunctionName: !Ref Fn, Principal: events.amazonaws.com"), 1);
}

#[test]
fn what_works_here_and_fails_once_deployed_is_warned_of() {
    let warnings = |auth: &str| parse(auth, "Authorizer: A").unwrap().warnings;
    let unpermitted = lambda("").replace("EnableFunctionDefaultPermissions: true", "FunctionInvokeRole: NONE");
    assert!(warnings(&unpermitted)[0].contains("the API may not invoke it"), "NONE is no role");
    let role = unpermitted.replace("NONE", "arn:aws:iam::123456789012:role/api");
    assert_eq!(warnings(&role), Vec::<String>::new());
    let kept = ", EnableSimpleResponses: true, Identity: {Headers: [A], ReauthorizeEvery: 5}";
    assert!(warnings(&lambda(kept))[0].contains("a yes for one route is a yes for every route"));
    assert_eq!(warnings(&lambda(&kept.replace("true", "false"))), Vec::<String>::new(), "a policy names the routes");
}

#[test]
fn a_jwt_authorizer_that_only_aws_knows_is_never_open() {
    let issuer = JWT.replace("https://id.example", "{{resolve:ssm:/issuer}}");
    let within = JWT.replace("'https://id.example'", "!Sub 'https://${AWS::Region}.{{resolve:ssm:/host}}'");
    for (auth, key) in
        [(issuer, "issuer"), (within, "issuer"), (JWT.replace("shop", "'{{resolve:ssm:/client}}'"), "audience")]
    {
        let template = parse(&auth, "Authorizer: A").unwrap();
        assert!(template.api.routes.is_empty(), "{auth}");
        let expected = format!("line 8: `GET /a` answers 501: the {key} that its JWTs must have is known only in AWS.");
        assert_eq!(template.not_emulated, [expected], "{auth}");
    }
}

#[test]
fn what_tokens_of_the_templates_own_user_pool_must_have_is_named() {
    let jwt = "JwtConfiguration: {
    issuer: !Sub 'https://cognito-idp.${AWS::Region}.amazonaws.com/${Pool}', audience: [!Ref Web, !Ref App]}";
    let source = format!(
        "Resources:
  Api: {{Type: AWS::Serverless::HttpApi, Properties: {{Auth: {{Authorizers: {{A: {{{jwt}}}, B: {{{JWT}}}}}}}}}}}
  Pool: {{Type: AWS::Cognito::UserPool}}
  Spare: {{Type: AWS::Cognito::UserPool}}
  Web: {{Type: AWS::Cognito::UserPoolClient}}
  App: {{Type: AWS::Cognito::UserPoolClient}}
"
    );
    let template = Template::parse(&source, &Given::defaults("shop")).unwrap();
    let Authorizer::Jwt(pool) = &template.api.authorizers["A"] else { panic!("JWTs") };
    let ([web, app], issuer) = (&pool.audience[..], &pool.issuer) else { panic!("{:?}", pool.audience) };
    let expected = format!(
        "line 2: there are no user pools here: authorizer `A` takes tokens whose iss is {issuer} and whose aud or client_id \
         is {web} or {app}; give their keys with --jwks {issuer}=FILE."
    );
    assert_eq!(template.not_emulated, [expected]);
}
