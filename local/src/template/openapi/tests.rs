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
fn a_path_that_lies_elsewhere_keeps_its_requests_from_other_routes() {
    let to_fn = integration(", uri: !GetAtt Fn.Arn");
    let paths = format!(
        "/a: {{$ref: 'other.yaml#/a', get: {{{to_fn}}}}}, '/$default': {{x-amazon-apigateway-any-method: {{{to_fn}}}}}"
    );
    let template = parse(&source(&paths, "", ""));
    assert_eq!(routes(&template.api), ["GET /a → Fn", "$default → Fn"]);
    assert_eq!(
        template.not_emulated,
        ["line 8: `ANY /a` answers 501: its routes are behind a $ref, which is not followed: write them there."]
    );
    let any = paths.replace("get:", "x-amazon-apigateway-any-method:");
    assert_eq!(routes(&parse(&source(&any, "", "")).api), ["ANY /a → Fn", "$default → Fn"]);
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
    let guarded = known.replace("Path: /a", "Path: /a, Auth: {Authorizer: AWS_IAM}");
    std::fs::write(
        &path,
        format!(
            "Resources:\n  Api: {{Type: AWS::Serverless::HttpApi, Properties: {{DefinitionUri: api.yaml}}}}\n  Fn: {{Type: \
             AWS::Serverless::Function, Properties: {{CodeUri: fn/, Events: {{A: {known}, B: {lost}, C: {guarded}}}}}}}\n"
        ),
    )
    .unwrap();
    let template = Template::load(&path, &Given::defaults("shop")).unwrap();
    assert_eq!(routes(&template.api), ["GET /a → Fn"]);
    let [lost, guarded] = &template.warnings[..] else { panic!("{:?}", template.warnings) };
    assert!(lost.starts_with("`GET /b` (line 3) is an event and makes no route of `Api`"), "{lost}");
    assert!(guarded.starts_with("`GET /a` (line 3) has an Auth that has no effect"), "{guarded}");
}

mod security;
