//! Which API is served, and that everything else is named, once.

use crate::template::{Fault, Given, Template};

fn read(resources: &str, given: &Given) -> Result<Template, String> {
    let source = format!(
        "Globals: {{HttpApi: {{CorsConfiguration: true}}}}\nResources:\n{resources}Conditions: {{Never: !Equals [a, b]}}\n"
    );
    Template::parse(&source, given).map_err(|Fault { line, message }| format!("{line}: {message}"))
}

fn parse(resources: &str) -> Template {
    read(resources, &Given::defaults("shop")).unwrap_or_else(|error| panic!("{error}\n{resources}"))
}

/// A function with an event of these properties.
fn function(id: &str, event: &str) -> String {
    format!("  {id}: {{Type: AWS::Serverless::Function, Properties: {{CodeUri: x/{id}, Events: {{E: {event}}}}}}}\n")
}

fn request(id: &str, api: &str) -> String {
    function(id, &format!("{{Type: HttpApi, Properties: {{{api}Method: GET, Path: /{id}}}}}"))
}

fn api(id: &str) -> String {
    format!("  {id}: {{Type: AWS::Serverless::HttpApi}}\n")
}

#[test]
fn events_that_name_no_api_have_one_of_their_own() {
    let told = "  Told: {Type: AWS::Serverless::Function, Properties: {CodeUri: x/told, Environment: {Variables: {
      ID: !Ref ServerlessHttpApi, URL: !Sub 'https://${ServerlessHttpApi}.example', END: !GetAtt ServerlessHttpApi.ApiEndpoint}}}}\n";
    let template = parse(&format!("{}{}{told}", request("a", ""), function("b", "{Type: HttpApi}")));
    let keys: Vec<String> = template.api.routes.iter().map(|route| route.key()).collect();
    assert_eq!(
        (template.api.logical_id.as_str(), keys),
        ("ServerlessHttpApi", vec!["GET /a".to_owned(), "$default".to_owned()])
    );
    assert_eq!(template.api.cors.as_ref().map(|cors| cors.origins.len()), Some(1), "Globals hold for it");
    let environment = &template.function("Told").unwrap().environment;
    assert_eq!(environment["ID"], template.api.api_id);
    assert_eq!(environment["URL"], format!("https://{}.example", template.api.api_id));
    assert_eq!(environment["END"], format!("https://{}", template.api.domain_name()));
}

#[test]
fn of_several_apis_the_first_with_routes_is_served_unless_one_is_chosen() {
    let resources = format!(
        "{}{}{}{}",
        api("A"),
        api("B"),
        request("b", "ApiId: !Ref B, "),
        request("c", "ApiId: C, ") + &api("C")
    );
    let template = parse(&resources);
    assert_eq!(template.api.logical_id, "B");
    assert_eq!(
        template.not_emulated,
        [
            "line 3: the HTTP API `A` is not served: one address is for one API, and that is `B`; --api A chooses this one.",
            "line 7: the HTTP API `C` is not served: one address is for one API, and that is `B`; --api C chooses this one.",
        ]
    );
    let given = |api: &str| Given { api: Some(api.to_owned()), ..Given::defaults("shop") };
    let chosen = read(&resources, &given("C")).unwrap().api;
    assert_eq!((chosen.logical_id.as_str(), chosen.routes[0].key()), ("C", "GET /c".to_owned()));
    assert_eq!(read(&resources, &given("D")).unwrap_err(), "1: there is no HTTP API `D` to serve.");
    let astray = format!("{}{}", api("A"), request("b", "ApiId: nowhere, "));
    assert_eq!(read(&astray, &Given::defaults("shop")).unwrap_err(), "4: ApiId is not an HTTP API of this template.");
}

#[test]
fn other_events_come_from_nobody() {
    for kind in ["SQS", "SNS", "S3", "DynamoDB", "Kinesis", "EventBridgeRule", "Cognito", "MSK", "Api"] {
        let template = parse(&(api("Api") + &function("Fn", &format!("{{Type: {kind}, Properties: {{A: 1}}}}"))));
        assert!(template.function("Fn").is_some() && template.api.routes.is_empty());
        let [named] = &template.not_emulated[..] else { panic!("{kind}: {:?}", template.not_emulated) };
        assert!(named.starts_with("line 4: event `E` of function `Fn`") && named.contains(kind), "{named}");
    }
}

#[test]
fn a_template_with_nothing_but_another_api_is_refused() {
    let rest = "this belongs to a REST API, and only an HTTP API is served here: use AWS::Serverless::HttpApi, and events of \
                the type HttpApi.";
    for (resources, expected) in [
        (
            "  Api: {Type: AWS::Serverless::HttpApi, Condition: Never}\n".to_owned(),
            "3: there is no HTTP API while the condition `Never` of `Api` is false: give the parameters that make it true."
                .to_owned(),
        ),
        (
            function("Fn", "{Type: HttpApi}").replace("Properties:", "Condition: Never, Properties:"),
            "3: there is no HTTP API while the condition `Never` of `Fn` is false: give the parameters that make it true."
                .to_owned(),
        ),
        ("  Api: {Type: AWS::Serverless::Api}\n".to_owned(), format!("3: AWS::Serverless::Api: {rest}")),
        (function("Fn", "{Type: Api, Properties: {}}"), format!("3: an event of the type Api: {rest}")),
        (
            "  Chat: {Type: AWS::ApiGatewayV2::Api, Properties: {ProtocolType: WEBSOCKET}}\n".to_owned(),
            "3: there is no resource of the type AWS::Serverless::HttpApi.".to_owned(),
        ),
    ] {
        assert_eq!(read(&resources, &Given::defaults("shop")).map(|_| ()).unwrap_err(), expected);
    }
}

#[test]
fn what_a_resource_itself_would_call_is_named() {
    let resources = api("Api")
        + "  Fn: {Type: AWS::Serverless::Function, Properties: {CodeUri: x/fn}}
  Seed: {Type: Custom::Seed, Properties: {ServiceToken: !GetAtt Fn.Arn}}
  Other: {Type: AWS::CloudFormation::CustomResource, Properties: {ServiceToken: !GetAtt Fn.Arn}}
  Keys: {Type: Custom::Keys, Properties: {ServiceToken: !GetAtt Fn.Arn}}
  Uploads: {Type: AWS::S3::Bucket, Properties: {NotificationConfiguration: {LambdaConfigurations: [{Function: !GetAtt Fn.Arn}]}}}
  Users: {Type: AWS::Cognito::UserPool, Properties: {LambdaConfig: {PreSignUp: !GetAtt Fn.Arn}}}
  News: {Type: AWS::SNS::Topic, Properties: {Subscription: [{Protocol: lambda, Endpoint: !GetAtt Fn.Arn}]}}
  Quiet: {Type: AWS::S3::Bucket, Properties: {NotificationConfiguration: {LambdaConfigurations: []}}}
  Mail: {Type: AWS::SNS::Topic, Properties: {Subscription: [{Protocol: email, Endpoint: a@b.example}]}}
  Off: {Type: AWS::Cognito::UserPool, Properties: {LambdaConfig: !If [Never, {PreSignUp: x}, !Ref AWS::NoValue]}}
";
    let attributes = [("Keys.Public".to_owned(), "the keys".to_owned())].into();
    let template = read(&resources, &Given { attributes, ..Given::defaults("shop") }).unwrap();
    assert_eq!(
        template.not_emulated,
        [
            "line 5: `Seed`, `Other` (AWS::CloudFormation::CustomResource, Custom::Seed): the function behind it \
             is not called here, as a deployment would: invoke it directly.",
            "line 8: `Uploads`, `Users`, `News` (AWS::Cognito::UserPool, AWS::S3::Bucket, AWS::SNS::Topic): the functions \
             that its events would call are not called here: invoke them directly.",
        ]
    );
}

#[test]
fn many_resources_of_one_sort_are_named_in_one_sentence() {
    let queues: String = (1..=6).map(|at| format!("  Q{at}: {{Type: AWS::SQS::Queue}}\n")).collect();
    let mappings: String = (1..=6)
        .map(|at| {
            format!("  M{at}: {{Type: AWS::Lambda::EventSourceMapping, Properties: {{FunctionName: !Ref Fn}}}}\n")
        })
        .collect();
    let told = "  Fn: {Type: AWS::Serverless::Function, Properties: {CodeUri: x/fn, Environment: {Variables: {Q: !Ref Q2, None: !Ref AWS::NoValue}}}}\n";
    let template = parse(&format!("{}{told}{queues}{mappings}", api("Api")));
    assert_eq!(
        template.not_emulated,
        [
            "line 6: `Q2` (AWS::SQS::Queue): functions are told where it is, but it is not here.",
            "line 11: `M1`, `M2`, `M3`, `M4` and 2 more (AWS::Lambda::EventSourceMapping): nobody reads queues and streams \
             for a function here: invoke it directly.",
        ]
    );
}

#[test]
fn a_loop_is_written_out() {
    let template = parse(
        "  Fn::ForEach::Fns:
    - Name
    - [One, Two]
    - Fn${Name}:
        Type: AWS::Serverless::Function
        Properties: {CodeUri: !Sub 'x/${Name}', Events: {E: {Type: HttpApi, Properties: {Method: GET, Path: '/${Name}'}}}}
",
    );
    let keys: Vec<String> = template.api.routes.iter().map(|route| route.key()).collect();
    assert_eq!(keys, ["GET /One", "GET /Two"]);
    assert_eq!(template.functions[1].logical_id, "FnTwo");
}

#[test]
fn a_loops_item_in_a_logical_id_has_letters_and_digits_only() {
    let template = parse(
        "  Fn::ForEach::Fns:
    - Name
    - [get-one, b.2]
    - Fn&{Name}:
        Type: AWS::Serverless::Function
        Properties: {CodeUri: x/, Events: {E: {Type: HttpApi, Properties: {Method: GET, Path: '/${Name}'}}}}
",
    );
    let routes: Vec<_> = template.api.routes.iter().map(|route| (route.function.as_str(), route.key())).collect();
    assert_eq!(routes, [("Fngetone", "GET /get-one".to_owned()), ("Fnb2", "GET /b.2".to_owned())]);
}

#[test]
fn a_variable_that_only_aws_knows_is_left_out_and_named() {
    let variables = "{A: !GetAtt Db.Endpoint.Address, B: '{{resolve:ssm:x}}', C: !Sub 'c-${Vpc}', D: d}";
    let template = parse(&format!(
        "{}  Db: {{Type: AWS::RDS::DBInstance}}\n  Vpc: {{Type: AWS::EC2::VPC}}\n  Fn: {{Type: AWS::Serverless::Function, Properties: {{CodeUri: x/fn, \
         Environment: {{Variables: {variables}}}}}}}\n",
        api("Api")
    ));
    let environment = &template.function("Fn").unwrap().environment;
    assert_eq!(environment.iter().collect::<Vec<_>>(), [(&"D".to_owned(), &"d".to_owned())]);
    for (sentence, expected) in template.not_emulated.iter().zip([
        "`Fn` gets no A: `Db.Endpoint.Address` is not known on one machine (a AWS::RDS::DBInstance).",
        "`Fn` gets no B: it is a dynamic reference, which one machine cannot look up.",
        "`Fn` gets no C: what `!Ref Vpc` gives is known only in AWS (a AWS::EC2::VPC).",
    ]) {
        assert_eq!(sentence, &format!("line 6: {expected}"));
    }
    assert_eq!(template.not_emulated.len(), 3);
}
