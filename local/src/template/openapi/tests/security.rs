//! Who stands before the routes of a document: its own security, the API's authorizers, and those of events.

use super::*;

const SCHEMES: &str = "securitySchemes: {
          Fn: {type: apiKey, name: Authorization, in: header, x-amazon-apigateway-authorizer: {type: request,
            authorizerUri: !GetAtt Fn.Arn, authorizerPayloadFormatVersion: '2.0', enableSimpleResponses: true,
            identitySource: '$request.header.Authorization, $context.routeKey', authorizerResultTtlInSeconds: 60}},
          Old: {type: apiKey, x-amazon-apigateway-authorizer: {type: request, authorizerUri: !GetAtt Fn.Arn,
            authorizerPayloadFormatVersion: '1.0'}},
          Jwt: {type: oauth2, x-amazon-apigateway-authorizer: {type: jwt, identitySource: $request.header.Authorization,
            jwtConfiguration: {issuer: 'https://id.example', audience: [shop]}}},
          Iam: {type: apiKey, x-amazon-apigateway-authtype: awsSigv4},
          Key: {type: apiKey}}";

#[test]
fn a_second_event_on_an_operation_leaves_the_first_ones_authorizer() {
    let path = format!("/a: {{get: {{{}}}}}", integration(", uri: !GetAtt Fn.Arn"));
    let silent = "{Type: HttpApi, Properties: {ApiId: !Ref Api, Method: GET, Path: /a}}";
    let chosen = "{Type: HttpApi, Properties: {ApiId: !Ref Api, Method: GET, Path: /a, Auth: {Authorizer: Fn}, RouteSettings: {ThrottlingBurstLimit: 7}}}";
    for (first, second) in [(silent, chosen), (chosen, silent)] {
        let events = format!("Events:\n        A: {first}\n        B: {second}");
        let template = parse(&source(&path, SCHEMES, &events));
        assert_eq!(routes(&template.api), ["GET /a → Fn by Fn"]);
        assert_eq!(template.api.routes[0].throttle.map(|throttle| throttle.burst), Some(7));
    }
}

#[test]
fn the_apis_own_authorizer_comes_before_a_scheme_of_the_same_name() {
    let path = format!("/a: {{get: {{security: [{{Fn: []}}], {}}}}}", integration(", uri: !GetAtt Fn.Arn"));
    let own = "      Auth: {Authorizers: {Fn: {FunctionArn: !GetAtt Guard.Arn, AuthorizerPayloadFormatVersion: '2.0', EnableFunctionDefaultPermissions: true}}}\n      DefinitionBody:";
    let written = source(&path, SCHEMES, "").replace("      DefinitionBody:", own);
    let template =
        parse(&format!("{written}  Guard: {{Type: AWS::Serverless::Function, Properties: {{CodeUri: guard}}}}\n"));
    assert_eq!(template.api.authorizers["Fn"].function(), Some("Guard"));
}

#[test]
fn an_events_authorizer_stands_beside_the_operations_own_and_opens_nothing() {
    let to_fn = integration(", uri: !GetAtt Fn.Arn");
    let path = format!("/a: {{get: {{security: [{{Jwt: []}}], {to_fn}}}}}");
    for (choice, served) in [("", true), (", Auth: {Authorizer: Fn}", false), (", Auth: {Authorizer: Jwt}", true)] {
        let event =
            format!("Events: {{A: {{Type: HttpApi, Properties: {{ApiId: !Ref Api, Method: GET, Path: /a{choice}}}}}}}");
        let template = parse(&source(&path, SCHEMES, &event));
        let expected: &[&str] = if served { &["GET /a → Fn by Jwt"] } else { &[] };
        assert_eq!(routes(&template.api), expected, "{choice}");
        assert_eq!(template.api.unserved.is_empty(), served, "{choice}");
    }
}

#[test]
fn a_scheme_with_an_authorizer_stands_before_its_routes() {
    let to_fn = integration(", uri: !GetAtt Fn.Arn");
    let path = |name: &str, scopes: &str| format!("/{name}: {{get: {{security: [{{{name}: [{scopes}]}}], {to_fn}}}}}");
    let paths = [path("Fn", ""), path("Jwt", "read"), path("Old", ""), path("Iam", ""), path("Key", "")].join(", ");
    let template = parse(&source(&format!("{paths}, /open: {{get: {{{to_fn}}}}}"), SCHEMES, ""));
    assert_eq!(routes(&template.api), ["GET /Fn → Fn by Fn", "GET /Jwt → Fn by Jwt", "GET /open → Fn"]);
    assert_eq!(template.api.routes[1].scopes, ["read"]);
    let Authorizer::Lambda(authorizer) = &template.api.authorizers["Fn"] else { panic!("a function") };
    assert_eq!((authorizer.simple, authorizer.ttl.map(|ttl| ttl.as_secs())), (true, Some(60)));
    assert_eq!(authorizer.identity_sources[0], IdentitySource::Header("authorization".to_owned()));
    for (sentence, why) in template.not_emulated.iter().zip(["`Iam`", "`Key`", "`Old`"]) {
        let route = why.replace('`', "");
        assert!(sentence.contains(&format!("`GET /{route}` answers 501")), "never opened: {sentence}");
    }
    assert_eq!(template.not_emulated.len(), 3);
}

#[test]
fn iam_in_either_spelling_opens_nothing() {
    let to_fn = integration(", uri: !GetAtt Fn.Arn");
    let auth = format!("/a: {{get: {{x-amazon-apigateway-auth: {{type: AWS_IAM}}, {to_fn}}}}}");
    let template = parse(&source(&auth, "", ""));
    assert_eq!(routes(&template.api), Vec::<String>::new());
    assert!(template.not_emulated[0].contains("IAM authorization"), "{:?}", template.not_emulated);
}

/// A template whose document has a `security` of its own, and whose API more properties.
fn secured(paths: &str, security: &str, more: &str, events: &str) -> Template {
    let written = source(paths, SCHEMES, events);
    parse(
        &written
            .replace("        info:", &format!("        security: {security}\n        info:"))
            .replace("      DefinitionBody:", &format!("      {more}\n      DefinitionBody:")),
    )
}

#[test]
fn security_of_the_whole_document_holds_where_an_operation_says_nothing() {
    let to_fn = integration(", uri: !GetAtt Fn.Arn");
    let paths = format!("/a: {{get: {{{to_fn}}}}}, /b: {{get: {{security: [], {to_fn}}}}}");
    let events = "Events:
        A: {Type: HttpApi, Properties: {ApiId: !Ref Api, Method: GET, Path: /a}}
        C: {Type: HttpApi, Properties: {ApiId: !Ref Api, Method: GET, Path: /c}}";
    let template = secured(&paths, "[{Jwt: [read]}]", "", events);
    assert_eq!(routes(&template.api), ["GET /a → Fn by Jwt", "GET /b → Fn", "GET /c → Fn by Jwt"]);
    assert_eq!(template.api.routes[2].scopes, ["read"]);
    let expected = "the OpenAPI document's own `security` (line 8)";
    assert!(template.warnings.iter().any(|warning| warning.starts_with(expected)), "{:?}", template.warnings);
}

#[test]
fn the_apis_own_authorizers_come_before_security_of_the_whole_document() {
    let to_fn = integration(", uri: !GetAtt Fn.Arn");
    let paths = format!(
        "/a: {{get: {{{to_fn}}}}}, /b: {{get: {{{to_fn}}}}}, /c: {{get: {{security: [], {to_fn}}}}}, \
         /d: {{get: {{security: [{{Jwt: []}}], {to_fn}}}}}"
    );
    let authorizer = "{FunctionArn: !GetAtt Fn.Arn, AuthorizerPayloadFormatVersion: '2.0'}";
    let auth = format!("Auth: {{DefaultAuthorizer: A, Authorizers: {{A: {authorizer}, B: {authorizer}}}}}");
    let events = "Events:
        B: {Type: HttpApi, Properties: {ApiId: !Ref Api, Method: GET, Path: /b, Auth: {Authorizer: B}}}";
    let template = secured(&paths, "[{Jwt: []}]", &auth, events);
    assert_eq!(
        routes(&template.api),
        ["GET /a → Fn by A", "GET /b → Fn by B", "GET /c → Fn by A", "GET /d → Fn by Jwt"]
    );
    let noted = template.warnings.iter().find(|warning| warning.contains("document's own"));
    assert_eq!(noted, None, "the default stands before everything");
}

#[test]
fn whoever_asks_for_several_schemes_or_for_none_of_them_opens_nothing() {
    let to_fn = integration(", uri: !GetAtt Fn.Arn");
    for security in ["[{}, {Fn: []}]", "[{Fn: [], Jwt: []}]", "[{Fn: []}, {Jwt: []}]", "[{}]"] {
        let why = "does not ask for exactly one security scheme";
        let own = parse(&source(&format!("/a: {{get: {{security: {security}, {to_fn}}}}}"), SCHEMES, ""));
        let general = secured(&format!("/a: {{get: {{{to_fn}}}}}"), security, "", "");
        for template in [own, general] {
            let named = template.not_emulated.iter().any(|sentence| sentence.contains(why));
            assert!(named, "{security}: {:?}", template.not_emulated);
            assert!(!routes(&template.api).contains(&"GET /a → Fn".to_owned()), "{security}");
        }
    }
}
