//! The template as a whole: what the project's own one says, and what is refused.

use std::path::PathBuf;

use super::*;

fn parse(source: &str) -> Result<Template, String> {
    Template::parse(source, &Given::defaults("shop")).map_err(|Fault { line, message }| format!("{line}: {message}"))
}

/// What the project's own template needs.
fn project() -> Given {
    let attributes = BTreeMap::from([("Keyring.Jwks".to_owned(), "the keys".to_owned())]);
    Given { attributes, ..Given::defaults("shop") }
}

fn own() -> Template {
    let path = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../template.yaml");
    Template::load(&path, &project()).unwrap()
}

#[test]
fn attributes_that_only_aws_knows_are_given() {
    let authorizer = own().function_of("authorizer").cloned().unwrap();
    assert_eq!(authorizer.environment.get("JWKS").map(String::as_str), Some("the keys"));
    assert_eq!(own().not_emulated, Vec::<String>::new());
    let path = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../template.yaml");
    let template = Template::load(&path, &Given::defaults("shop")).unwrap();
    assert!(!template.function_of("authorizer").unwrap().environment.contains_key("JWKS"));
    let expected = "`AuthorizerFunction` gets no JWKS: `Keyring.Jwks` is not known on one machine (a Custom::Keyring).";
    let named = &template.not_emulated;
    assert!(named.iter().any(|sentence| sentence.ends_with(expected)), "{named:?}");
}

/// A small template; `api` are more properties of the API, `event` of the route, both in flow style.
fn small(api: &str, event: &str) -> String {
    format!(
        "Resources:
  Api:
    Type: AWS::Serverless::HttpApi
    Properties:
      StageName: $default
      Auth: {{Authorizers: {{A: {{FunctionArn: !GetAtt Fn.Arn, AuthorizerPayloadFormatVersion: 2.0, EnableSimpleResponses: true, Identity: {{Headers: [Authorization]}}}}}}, DefaultAuthorizer: A}}
      {api}
  Fn:
    Type: AWS::Serverless::Function
    Properties:
      CodeUri: target/lambda/fn/
      Events:
        Get:
          Type: HttpApi
          Properties: {{ApiId: !Ref Api, {event}}}
"
    )
}

#[test]
fn the_projects_own_template_is_understood() {
    let template = own();
    assert_eq!(template.warnings, Vec::<String>::new());
    let users = template.function("UsersFunction").unwrap();
    assert_eq!((users.name.as_str(), users.binary(), users.memory_mb), ("shop-UsersFunction", "users", 512));
    assert_eq!(users.timeout.as_secs(), 15, "from Globals");
    assert_eq!(users.environment["USERS_TABLE"], "shop-UsersTable");
    let checkout = template.function("CheckoutFunction").unwrap();
    assert_eq!(checkout.environment["ORDERS_FUNCTION"], "shop-OrdersFunction");

    let route = |key: &str| template.api.routes.iter().find(|route| route.key() == key).unwrap().clone();
    assert_eq!(route("POST /login").throttle, Some(Throttle { rate_milli: 10_000, burst: 20 }));
    assert_eq!(route("GET /products").throttle, Some(Throttle { rate_milli: 100_000, burst: 200 }));
    assert_eq!(route("POST /login").authorizer, None);
    assert_eq!(route("GET /users/me").authorizer.as_deref(), Some("AccessToken"));
    let Authorizer::Lambda(authorizer) = &template.api.authorizers["AccessToken"] else { panic!("a function") };
    assert!(authorizer.simple && authorizer.ttl.is_none());
    assert_eq!(authorizer.function, "AuthorizerFunction");
    assert_eq!(authorizer.identity_sources, [IdentitySource::Header("authorization".to_owned())]);
    assert!(template.api.access_log_format.as_ref().is_some_and(|format| format.is_json));

    let products = template.table("ProductsTable").unwrap();
    assert_eq!(
        (products.name.as_str(), products.key_schema.len(), products.indexes.len()),
        ("shop-ProductsTable", 2, 2)
    );
    assert_eq!(products.ttl_attribute.as_deref(), Some("expires_at"));
}

#[test]
fn a_default_may_have_a_stand_in_where_there_is_such_a_parameter() {
    let text = |pairs: &[(&str, &str)]| pairs.iter().map(|(a, b)| ((*a).to_owned(), (*b).to_owned())).collect();
    let limit = |given: Given| {
        let path = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../template.yaml");
        let template = Template::load(&path, &given).unwrap();
        template.function_of("users").unwrap().environment["ATTEMPTS_PER_MINUTE"].clone()
    };
    let stand_ins: BTreeMap<String, String> = text(&[("AttemptsPerMinute", "1000"), ("NoSuchParameter", "1")]);
    assert_eq!(limit(project()), "20");
    assert_eq!(limit(Given { stand_ins: stand_ins.clone(), ..project() }), "1000");
    assert_eq!(limit(Given { stand_ins, parameters: text(&[("AttemptsPerMinute", "7")]), ..project() }), "7");
}

#[test]
fn parameters_reach_the_throttles() {
    let path = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../template.yaml");
    let given = Given { parameters: BTreeMap::from([("LoginRate".to_owned(), "0.5".to_owned())]), ..project() };
    let template = Template::load(&path, &given).unwrap();
    let login = template.api.routes.iter().find(|route| route.key() == "POST /login").unwrap();
    assert_eq!(login.throttle, Some(Throttle { rate_milli: 500, burst: 20 }));
}

#[test]
fn cors_is_configured_by_a_parameter() {
    let path = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../template.yaml");
    assert_eq!(own().api.cors, None, "by default there is none");
    let origins = "https://shop.example,http://localhost:5173".to_owned();
    let given = Given { parameters: BTreeMap::from([("CorsOrigins".to_owned(), origins)]), ..project() };
    let cors = Template::load(&path, &given).unwrap().api.cors.unwrap();
    assert_eq!(cors.origins, ["https://shop.example", "http://localhost:5173"]);
    assert!(cors.headers.contains(&"idempotency-key".to_owned()) && !cors.credentials, "{cors:?}");
    assert_eq!(cors.max_age, Some(3600));
}

#[test]
fn a_small_template_has_its_routes_and_a_warning() {
    let template = parse(&small("", "Method: get, Path: '/a/{id}'")).unwrap();
    assert_eq!(template.api.routes[0].key(), "GET /a/{id}");
    assert_eq!(template.api.routes[0].authorizer.as_deref(), Some("A"));
    assert_eq!(template.api.routes[0].throttle, None);
    assert!(template.warnings[0].contains("EnableFunctionDefaultPermissions"), "{:?}", template.warnings);
    let open = parse(&small("", "Method: get, Path: /a, Auth: {Authorizer: NONE}")).unwrap();
    assert_eq!(open.api.routes[0].authorizer, None);
    let preflight = parse(&small("", "Method: options, Path: /a")).unwrap();
    assert_eq!(preflight.api.routes[0].authorizer, None);
    let default = parse(&small("", "PayloadFormatVersion: '2.0'")).unwrap();
    assert_eq!(default.api.routes[0].key(), "$default");
}

#[test]
fn what_would_change_behaviour_is_refused_with_its_line() {
    let route = "Method: GET, Path: /a";
    for (source, expected) in [
        (
            small("CorsConfiguration: {AllowOrigin: ['*']}", route),
            "7: AllowOrigin of CorsConfiguration is not understood here.",
        ),
        (
            small("CorsConfiguration: {AllowOrigins: ['*'], AllowCredentials: true}", route),
            "7: AWS refuses AllowCredentials together with the origin `*`: name the origins.",
        ),
        (small("Nonsense: 1", route), "7: Nonsense of HTTP API `Api` is not understood here."),
        (
            small("TracingEnabled: true", route),
            "7: TracingEnabled: an HTTP API does not trace requests: set Tracing on the functions.",
        ),
        (
            small("RouteSettings: {GET /b: {ThrottlingRateLimit: 1}}", route),
            "7: RouteSettings has `GET /b`, but no route has that key.",
        ),
        (
            small("RouteSettings: {GET /a: {ThrottlingRate: 1}}", route),
            "7: ThrottlingRate of `GET /a` in RouteSettings of HTTP API `Api` is not understood here.",
        ),
        (
            small("DefaultRouteSettings: {ThrottlingRateLimit: fast}", route),
            "7: ThrottlingRateLimit must be a number of requests a second, not `fast`.",
        ),
        (small("", "Method: GET, Path: a"), "15: the path `a` does not begin with a slash."),
        (small("", "Method: GET, Path: '/{a+}/b'"), "15: the path `/{a+}/b` goes on after its greedy segment."),
        (small("", "Method: GET, Path: '/{a}/{a}'"), "15: the path `/{a}/{a}` has two parameters of the same name."),
        (small("", "Method: GET, Path: '/x{a}'"), "15: the path `/x{a}` has a brace inside a segment."),
        (small("", "Method: GET"), "13: event `Get` of function `Fn` must have both Method and Path, or neither."),
        (small("", "Method: FETCH, Path: /a"), "15: an HTTP API has no method `FETCH`."),
        (small("", "Method: GET, Path: /a, Auth: {Authorizer: B}"), "15: there is no authorizer `B`."),
        (
            small("", "Method: GET, Path: /a, Cache: 1"),
            "15: Cache of Properties of event `Get` of function `Fn` is not understood here.",
        ),
        (
            small("", route).replace("Type: HttpApi", "Type: S4"),
            "14: event `Get` of function `Fn` has a Type that is not understood here.",
        ),
        (small("", route).replace("!GetAtt Fn.Arn", "!GetAtt Gn.Arn"), "6: there is no parameter or resource `Gn`."),
        (
            small("", route) + "  Other:\n    Type: AWS::Serverless::SimpleTabel\n",
            "17: there is no resource type `AWS::Serverless::SimpleTabel`.",
        ),
        (small("", route) + "  Other:\n    Type: AWS::Logs\n", "17: there is no resource type `AWS::Logs`."),
        (
            "Resources:\n  A: {Type: AWS::Logs::LogGroup}\n".to_owned(),
            "2: there is no resource of the type AWS::Serverless::HttpApi.",
        ),
        ("a: b\n".to_owned(), "1: the template has no Resources."),
    ] {
        assert_eq!(parse(&source).expect_err(expected), expected);
    }
}

#[test]
fn two_routes_of_one_shape_are_refused() {
    let twice = small("", "Method: GET, Path: '/a/{x}'")
        + "        Again:\n          Type: HttpApi\n          Properties: {ApiId: !Ref Api, Method: GET, Path: '/a/{y}'}\n";
    assert_eq!(parse(&twice).unwrap_err(), "16: `GET /a/{y}` and `GET /a/{x}` (line 13) are the same route.");
}

#[test]
fn a_resource_whose_condition_is_false_is_not_there() {
    let source = small("", "Method: GET, Path: /a")
        + "  T:\n    Type: AWS::DynamoDB::Table\n    Condition: Never\nConditions:\n  Never: !Equals [a, b]\n";
    assert_eq!(parse(&source).unwrap().tables, []);
}

#[test]
fn a_missing_file_is_one_sentence() {
    let error = Template::load(Path::new("/nowhere/template.yaml"), &Given::defaults("shop")).unwrap_err();
    assert_eq!(
        error.to_string(),
        "/nowhere/template.yaml: cannot be read (No such file or directory (os error 2)); name another one with --template."
    );
}

#[test]
fn a_broken_template_is_one_sentence_with_file_and_line() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("template.yaml");
    let load = |text: &[u8]| {
        std::fs::write(&path, text).unwrap();
        let error = Template::load(&path, &Given::defaults("shop")).unwrap_err();
        let text = error.to_string();
        text.strip_prefix(&format!("{}", folder.path().display())).unwrap().to_owned()
    };
    let source = small("MinimumCompressionSize: 0", "Method: GET, Path: /a");
    assert_eq!(
        load(source.as_bytes()),
        "/template.yaml:7: MinimumCompressionSize: an HTTP API does not compress: put CloudFront in front of it."
    );
    assert_eq!(
        load("ä".repeat(600_000).as_bytes()),
        "/template.yaml:1: a template is at most 1 MB, as in CloudFormation."
    );
    assert!(load(b"\xff").starts_with("/template.yaml: cannot be read (it is not UTF-8)"), "{}", load(b"\xff"));
}

#[test]
fn limits_of_an_event_come_before_those_of_the_stage() {
    let settings = "RouteSettings: {GET /a: {ThrottlingRateLimit: 1, ThrottlingBurstLimit: 2}}";
    let event = "Method: GET, Path: /a, RouteSettings: {ThrottlingRateLimit: 3}";
    let api = parse(&small(settings, event)).unwrap().api;
    assert_eq!(api.routes[0].throttle, Some(Throttle { rate_milli: 3_000, burst: 2 }));
}

#[test]
fn an_event_may_name_the_api_that_sam_makes() {
    let function = |id: &str, api: &str| {
        format!(
            "  {id}: {{Type: AWS::Serverless::Function, Properties: {{CodeUri: x/, Events: {{E: {{Type: HttpApi, Properties: {{{api}Method: GET, Path: /{id}}}}}}}}}}}\n"
        )
    };
    let template =
        parse(&format!("Resources:\n{}{}", function("A", "ApiId: !Ref ServerlessHttpApi, "), function("B", "")));
    assert_eq!(template.unwrap().api.routes.len(), 2);
}

#[test]
fn a_variable_that_no_access_log_has_is_warned_of() {
    let format = "AccessLogSettings: {Format: '$context.requestId $context.resourcePath'}";
    let template = parse(&small(format, "Method: GET, Path: /a")).unwrap();
    let warned = |sentence: &String| sentence.starts_with("`$context.resourcePath` (line 7) is no variable");
    assert!(template.warnings.iter().any(warned), "{:?}", template.warnings);
}

#[test]
fn a_route_that_cannot_be_guarded_is_left_out_and_never_opened() {
    let route = "Method: GET, Path: /a";
    let iam = format!("{route}, Auth: {{Authorizer: AWS_IAM}}");
    for (source, why) in [
        (small("", &iam), "IAM authorization (AWS_IAM) is not checked here."),
        (
            small("", route).replace("DefaultAuthorizer: A", "EnableIamAuthorizer: true, DefaultAuthorizer: AWS_IAM"),
            "IAM authorization (AWS_IAM) is not checked here.",
        ),
        (
            small("", route).replace("2.0", "1.0"),
            "its authorizer `A` wants events of the payload format 1.0, and only 2.0 is made here.",
        ),
        (
            small("", route).replace("!GetAtt Fn.Arn", "'arn:aws:lambda:eu-central-1:123456789012:function:other'"),
            "the function of its authorizer `A` is not in this template.",
        ),
        (
            small("", &format!("{route}, PayloadFormatVersion: '1.0'")),
            "it wants events of the payload format 1.0, and only 2.0 is made here.",
        ),
    ] {
        let template = parse(&source).unwrap();
        assert!(template.api.routes.is_empty(), "{why}");
        assert_eq!(template.api.unserved[0].key, "GET /a");
        let expected = format!("line 13: `GET /a` answers 501: {why}");
        assert_eq!(template.not_emulated, [expected]);
    }
}

#[test]
fn whole_sections_may_depend_on_a_condition() {
    let event = "Method: GET, Path: /a";
    let source = small("CorsConfiguration: !If [Never, {AllowOrigins: ['*']}, !Ref AWS::NoValue]", event)
        + "        Other: !If [Never, {Type: Nonsense}, !Ref AWS::NoValue]
        Post: !If [Never, !Ref AWS::NoValue, {Type: HttpApi, Properties: {ApiId: !Ref Api, Method: POST, Path: /a}}]
Conditions:
  Never: !Equals [a, b]
";
    let api = parse(&source).unwrap().api;
    assert_eq!((api.cors, api.routes.len()), (None, 2));
}

#[test]
fn a_template_may_be_json() {
    let source = r#"{
  "AWSTemplateFormatVersion": "2010-09-09",
  "Transform": ["AWS::LanguageExtensions", "AWS::Serverless-2016-10-31"],
  "Resources": {
    "Fn": {
      "Type": "AWS::Serverless::Function",
      "Properties": {
        "CodeUri": "./",
        "Environment": {"Variables": {"NAME": {"Fn::Sub": "${AWS::StackName}\u002dx"}}},
        "Events": {"Get": {"Type": "HttpApi", "Properties": {"Method": "get", "Path": "/a"}}}
      }
    }
  }
}"#;
    let template = parse(&source.replace("  ", "\t")).unwrap();
    assert_eq!(template.api.routes[0].key(), "GET /a");
    assert_eq!((template.functions[0].binary(), template.functions[0].environment["NAME"].as_str()), ("Fn", "shop-x"));
}

#[test]
fn merge_keys_are_written_out_as_the_tools_that_deploy_do_it() {
    let source = small("", "Method: GET, Path: /a")
        + "  Merged:
    Type: AWS::Serverless::Function
    Properties:
      MemorySize: 256
      <<: [{Timeout: 5}, *defaults]
      CodeUri: x/merged
      Environment: {Variables: {JSON: !ToJsonString {Timeout: x, <<: *defaults}}}
Metadata:
  Nothing: &defaults {Timeout: 9, MemorySize: 512, Handler: bootstrap, CodeUri: y}
";
    // An anchor comes before its alias.
    let (head, tail) = source.split_once("Metadata:").unwrap();
    let template = parse(&format!("Metadata:{tail}{head}")).unwrap();
    let merged = template.function("Merged").unwrap();
    assert_eq!((merged.timeout.as_secs(), merged.memory_mb), (5, 256));
    assert_eq!((merged.handler.as_str(), merged.code_uri.as_str()), ("bootstrap", "x/merged"));
    let json = r#"{"Timeout":"x","MemorySize":512,"Handler":"bootstrap","CodeUri":"y"}"#;
    assert_eq!(merged.environment["JSON"], json);
    let warned = template.warnings.iter().filter(|warning| warning.starts_with("merge keys (`<<`, line 22) are"));
    assert_eq!(warned.count(), 1, "{:?}", template.warnings);
    for wrong in ["a", "[{}, a]", "!Ref Api", ""] {
        let error = parse(&format!("a: {{<<: {wrong}}}\n")).map(|_| ()).unwrap_err();
        assert_eq!(error, "1: a merge key (`<<`) takes a mapping, or a list of mappings, and no function.", "{wrong}");
    }
}

#[test]
fn a_binary_is_named_by_its_folder() {
    let binary = |uri: &str| {
        let source = small("", "Method: GET, Path: /a").replace("CodeUri: target/lambda/fn/", uri);
        parse(&source).unwrap().functions[0].binary().to_owned()
    };
    for (uri, expected) in [
        ("CodeUri: target/lambda/things", "things"),
        ("CodeUri: ../things/", "things"),
        ("CodeUri: target/lambda/things/bootstrap.zip", "things"),
        ("CodeUri: things.zip", "things"),
        ("CodeUri: .", "Fn"),
        ("CodeUri: ../", "Fn"),
        ("CodeUri: {Bucket: b, Key: k}", "Fn"),
        ("CodeUri: s3://b/k", "Fn"),
        ("InlineCode: x", "Fn"),
        ("Timeout: 5", "Fn"),
    ] {
        assert_eq!(binary(uri), expected, "{uri}");
    }
}

#[test]
fn what_only_a_macro_knows_is_named() {
    let source = small("", "Method: GET, Path: /a")
        + "  Fn::Transform: {Name: Macro}
Transform: [AWS::Serverless-2016-10-31, Own]
";
    let template = parse(&source).unwrap();
    assert_eq!(
        template.not_emulated,
        [
            "line 16: the resources that a macro adds (Fn::Transform) are known only in AWS.",
            "line 17: the macro Own is not run: the template is read as it stands.",
        ]
    );
}

#[test]
fn of_a_key_that_comes_twice_the_last_one_holds() {
    let source = small("StageName: v1", "Method: GET, Path: /a");
    let template = parse(&source).unwrap();
    assert_eq!(template.api.stage, "v1");
    let expected = "the key `StageName` comes twice (lines 5 and 7): the last one holds, as with `sam`; another tool may \
                    refuse it, so leave one out.";
    assert!(template.warnings.iter().any(|warning| warning == expected), "{:?}", template.warnings);
}
