//! Documents as templates have them: which routes they make, who stands before those, what is left out.

use crate::template::{Authorizer, Fault, Given, HttpApi, IdentitySource, Template};

/// A template with a document of these paths and components, in flow style, and `more` properties of the function.
fn source(paths: &str, components: &str, more: &str) -> String {
    format!(
        "Resources:
  Api:
    Type: AWS::Serverless::HttpApi
    Properties:
      DefinitionBody:
        openapi: 3.0.1
        info: {{title: things}}
        paths: {{{paths}}}
        components: {{{components}}}
  Fn:
    Type: AWS::Serverless::Function
    Properties:
      CodeUri: target/lambda/fn/
      {more}
"
    )
}

fn parse(source: &str) -> Template {
    let read = Template::parse(source, &Given::defaults("shop"));
    read.unwrap_or_else(|Fault { line, message }| panic!("{line}: {message}\n{source}"))
}

/// `GET /a → Fn by A`, for every route.
fn routes(api: &HttpApi) -> Vec<String> {
    let by = |name: &Option<String>| name.as_ref().map(|name| format!(" by {name}")).unwrap_or_default();
    api.routes.iter().map(|route| format!("{} → {}{}", route.key(), route.function, by(&route.authorizer))).collect()
}

const URI: &str = "!Sub 'arn:aws:apigateway:${AWS::Region}:lambda:path/2015-03-31/functions/${Fn.Arn}/invocations'";

fn integration(more: &str) -> String {
    format!("x-amazon-apigateway-integration: {{type: aws_proxy, httpMethod: POST, payloadFormatVersion: '2.0'{more}}}")
}

#[test]
fn every_path_and_method_is_a_route() {
    let to_fn = integration(&format!(", uri: {URI}, timeoutInMillis: 2500"));
    let shared =
        "x-amazon-apigateway-integrations: {fn: {type: AWS_PROXY, payloadFormatVersion: 2.0, uri: !GetAtt Fn.Arn}}";
    let by_reference = "x-amazon-apigateway-integration: {$ref: '#/components/x-amazon-apigateway-integrations/fn'}";
    let template = parse(&source(
        &format!(
            "'/a/{{id}}': {{parameters: [], get: {{{to_fn}}}, post: {{{by_reference}}}}}, \
             /b: {{x-amazon-apigateway-any-method: {{{to_fn}}}}}, \
             '/$default': {{x-amazon-apigateway-any-method: {{isDefaultRoute: true, {to_fn}}}}}"
        ),
        shared,
        "",
    ));
    let expected = ["GET /a/{id} → Fn", "POST /a/{id} → Fn", "ANY /b → Fn", "$default → Fn"];
    assert_eq!(routes(&template.api), expected);
    assert_eq!(template.api.routes[0].integration_timeout.as_millis(), 2500);
    assert_eq!(template.not_emulated, Vec::<String>::new());
}

#[test]
fn what_has_no_function_here_is_left_out_and_named() {
    let other = "arn:aws:lambda:eu-central-1:123456789012:function:other";
    for (operation, why) in [
        (
            integration(&format!(", uri: '{other}'")),
            "the function `arn:aws:lambda:eu-central-1:123456789012:function:other` is not",
        ),
        (integration(", uri: !GetAtt Fn.Arn").replace("2.0", "1.0"), "payload format 1.0"),
        (integration(", uri: !GetAtt Fn.Arn").replace("aws_proxy", "http_proxy"), "is of the type HTTP_PROXY"),
        (integration(", integrationSubtype: SQS-SendMessage"), "it calls the service SQS-SendMessage"),
        (integration(""), "its integration names no function"),
        ("responses: {}".to_owned(), "it has no x-amazon-apigateway-integration"),
    ] {
        let template = parse(&source(&format!("/a: {{get: {{{operation}}}}}"), "", ""));
        assert_eq!(routes(&template.api), Vec::<String>::new(), "{operation}");
        let named = &template.not_emulated[0];
        assert!(named.starts_with("line 8: `GET /a` answers 501: ") && named.contains(why), "{named}");
    }
}

#[test]
fn a_route_that_is_left_out_keeps_its_requests() {
    let (one, all) = (integration("").replace("aws_proxy", "http_proxy"), integration(", uri: !GetAtt Fn.Arn"));
    let template = parse(&source(
        &format!("/a/b: {{get: {{{one}}}}}, '/a/{{x+}}': {{x-amazon-apigateway-any-method: {{{all}}}}}"),
        "",
        "",
    ));
    let [unserved] = &template.api.unserved[..] else { panic!("{:?}", template.api.unserved) };
    assert_eq!((unserved.key.as_str(), unserved.segments.len()), ("GET /a/b", 2));
    assert!(unserved.why.contains("HTTP_PROXY"), "{}", unserved.why);
}

#[test]
fn a_path_that_lies_elsewhere_is_named() {
    let template = parse(&source("/a: {$ref: 'other.yaml#/a'}", "", ""));
    assert_eq!(template.not_emulated, ["line 8: the routes of `/a` behind its $ref are not served: write them there."]);
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
fn an_event_replaces_the_payload_format_of_its_operation() {
    let to_fn = integration(", uri: !GetAtt Fn.Arn");
    for (written, asked, served) in [("2.0", "2.0", true), ("2.0", "1.0", false), ("1.0", "2.0", false)] {
        let path = format!("/a: {{get: {{{}}}}}", to_fn.replace("2.0", written));
        let event = format!(
            "Events: {{A: {{Type: HttpApi, Properties: {{ApiId: !Ref Api, Method: GET, Path: /a, PayloadFormatVersion: '{asked}'}}}}}}"
        );
        let template = parse(&source(&path, "", &event));
        assert_eq!(template.api.unserved.is_empty(), served, "{written} {asked}: {:?}", template.api.unserved);
    }
}

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

#[test]
fn events_add_to_the_document() {
    let to_fn = integration(", uri: !GetAtt Fn.Arn");
    let events = "Events:
        A: {Type: HttpApi, Properties: {ApiId: !Ref Api, Method: GET, Path: /a, TimeoutInMillis: 500}}
        B: {Type: HttpApi, Properties: {ApiId: !Ref Api, Method: GET, Path: /b}}
        C: {Type: HttpApi, Properties: {ApiId: !Ref Api, Method: GET, Path: /c}}";
    let template = parse(&source(&format!("/a: {{get: {{{to_fn}}}}}, /b: {{get: {{responses: {{}}}}}}"), "", events));
    assert_eq!(routes(&template.api), ["GET /a → Fn", "GET /b → Fn", "GET /c → Fn"]);
    assert_eq!(template.api.routes[0].integration_timeout.as_millis(), 500);
}

#[test]
fn cors_of_a_document_is_the_apis() {
    let cors =
        "        x-amazon-apigateway-cors: {allowOrigins: '*', allowMethods: [GET, PUT], maxAge: 60}\n        info:";
    let template = parse(&source("", "", "").replace("        info:", cors));
    let cors = template.api.cors.unwrap();
    assert_eq!((cors.origins, cors.methods.len(), cors.max_age), (vec!["*".to_owned()], 2, Some(60)));
}

#[test]
fn a_document_may_be_a_file_beside_the_template() {
    let folder = tempfile::tempdir().unwrap();
    let to_fn = integration(", uri: {'Fn::GetAtt': [Fn, Arn]}");
    std::fs::write(folder.path().join("api.yaml"), format!("openapi: 3.0.1\npaths: {{/a: {{get: {{{to_fn}}}}}}}\n"))
        .unwrap();
    let template = |api: &str| {
        let path = folder.path().join("template.yaml");
        let api = format!("Resources:\n  Api: {{Type: AWS::Serverless::HttpApi, Properties: {{{api}}}}}\n");
        let function = "  Fn: {Type: AWS::Serverless::Function, Properties: {CodeUri: fn/}}\n";
        std::fs::write(&path, format!("{api}{function}")).unwrap();
        Template::load(&path, &Given::defaults("shop")).map_err(|error| error.to_string())
    };
    for api in [
        "DefinitionUri: ./api.yaml",
        "DefinitionBody: {'Fn::Transform': {Name: AWS::Include, Parameters: {Location: ./api.yaml}}}",
    ] {
        let template = template(api).unwrap();
        assert_eq!(routes(&template.api), ["GET /a → Fn"], "{api}");
        let warned = template.warnings.iter().any(|warning| warning.contains("nobody resolves there once deployed"));
        assert_eq!(warned, api.starts_with("DefinitionUri"), "{:?}", template.warnings);
    }
    for (api, why) in [
        ("DefinitionUri: ../api.yaml", "lies outside of the template's folder, and is not read."),
        ("DefinitionUri: s3://bucket/api.yaml", "lies elsewhere, and is not fetched"),
        ("DefinitionUri: {Bucket: b, Key: k}", "DefinitionUri lies in S3, and is not fetched: name a local file."),
        ("DefinitionUri: api.yaml, DefinitionBody: {}", "SAM refuses DefinitionBody beside DefinitionUri"),
        ("DefinitionUri: api.yaml, Auth: {EnableIamAuthorizer: true}", "SAM refuses Auth beside DefinitionUri"),
        ("CorsConfiguration: true, DefinitionUri: api.yaml", "SAM refuses CorsConfiguration beside DefinitionUri"),
        ("DefinitionUri: none.yaml", "`none.yaml` cannot be read"),
    ] {
        let error = template(api).expect_err(api);
        assert!(error.contains(why), "{error}");
    }
}

#[test]
fn events_make_no_routes_beside_a_document_that_sam_does_not_read() {
    let folder = tempfile::tempdir().unwrap();
    let arn = "arn:aws:lambda:eu-central-1:123456789012:function:shop-Fn";
    let document = format!("paths: {{/a: {{get: {{{}}}}}}}\n", integration(&format!(", uri: '{arn}'")));
    std::fs::write(folder.path().join("api.yaml"), document).unwrap();
    let path = folder.path().join("template.yaml");
    let event = |path: &str| format!("{{Type: HttpApi, Properties: {{ApiId: !Ref Api, Method: GET, Path: {path}}}}}");
    let (known, lost) = (event("/a"), event("/b"));
    std::fs::write(
        &path,
        format!(
            "Resources:\n  Api: {{Type: AWS::Serverless::HttpApi, Properties: {{DefinitionUri: api.yaml}}}}\n  Fn: {{Type: \
             AWS::Serverless::Function, Properties: {{CodeUri: fn/, Events: {{A: {known}, B: {lost}}}}}}}\n"
        ),
    )
    .unwrap();
    let template = Template::load(&path, &Given::defaults("shop")).unwrap();
    assert_eq!(routes(&template.api), ["GET /a → Fn"]);
    let [warning] = &template.warnings[..] else { panic!("{:?}", template.warnings) };
    assert!(warning.starts_with("`GET /b` (line 3) is an event and makes no route of `Api`"), "{warning}");
}
