//! Each trap in a small template that has it, and the same template without it.

use crate::template::{Given, Template};

/// An API with an authorizer and nothing that a warning would be due to. `api` are more properties of it, `authorizer`
/// of the authorizer's function, `handler` of the function behind the routes, `routes` its events' properties.
struct Shop {
    api: &'static str,
    authorizer: &'static str,
    handler: &'static str,
    routes: &'static [&'static str],
}

const CORS: &str = "CorsConfiguration: {AllowOrigins: ['https://shop.example'], AllowMethods: [GET, PUT], AllowHeaders: [authorization]}";

impl Default for Shop {
    fn default() -> Self {
        Shop { api: "", authorizer: "", handler: "", routes: &["Method: GET, Path: /a"] }
    }
}

impl Shop {
    fn source(&self) -> String {
        let Shop { api, authorizer, handler, routes } = self;
        let mut source = format!(
            "Resources:
  Api:
    Type: AWS::Serverless::HttpApi
    Properties:
      Auth:
        DefaultAuthorizer: Token
        Authorizers:
          Token:
            FunctionArn: !GetAtt Authorizer.Arn
            AuthorizerPayloadFormatVersion: 2.0
            EnableSimpleResponses: true
            EnableFunctionDefaultPermissions: true
            Identity: {{Headers: [Authorization]}}
      {api}
  Authorizer:
    Type: AWS::Serverless::Function
    Properties: {{CodeUri: target/lambda/authorizer/, {authorizer}}}
  Fn:
    Type: AWS::Serverless::Function
    Properties:
      CodeUri: target/lambda/fn/
      {handler}
      Events:
"
        );
        for (at, route) in routes.iter().enumerate() {
            source.push_str(&format!("        E{at}: {{Type: HttpApi, Properties: {{ApiId: !Ref Api, {route}}}}}\n"));
        }
        source
    }

    fn warnings(&self) -> Vec<String> {
        let source = self.source();
        let read = Template::parse(&source, &Given::defaults("shop"));
        read.unwrap_or_else(|fault| panic!("{}: {}\n{source}", fault.line, fault.message)).warnings
    }

    /// Exactly one warning, and it says this.
    fn warns(&self, expected: &str) {
        let warnings = self.warnings();
        assert!(matches!(&warnings[..], [only] if only.contains(expected)), "{expected}: {warnings:#?}");
    }

    fn is_quiet(&self) {
        assert_eq!(self.warnings(), Vec::<String>::new());
    }

    fn is_refused(&self, expected: &str) {
        let fault = Template::parse(&self.source(), &Given::defaults("shop")).expect_err(expected);
        assert_eq!(fault.message, expected);
        assert!(fault.line > 1);
    }
}

#[test]
fn a_template_without_traps_has_no_warning() {
    Shop::default().is_quiet();
    Shop { api: CORS, ..Shop::default() }.is_quiet();
}

#[test]
fn a_route_that_takes_every_method_takes_preflights_too() {
    let takes_all: [&'static [&'static str]; 3] =
        [&["Method: ANY, Path: /a"], &["Method: ANY, Path: '/{all+}'"], &["PayloadFormatVersion: 2.0"]];
    for routes in takes_all {
        Shop { routes, ..Shop::default() }.is_quiet();
        Shop { api: CORS, routes, ..Shop::default() }.warns("its authorizer refuses it");
    }
    let open = &["Method: ANY, Path: /a, Auth: {Authorizer: NONE}"];
    Shop { api: CORS, routes: open, ..Shop::default() }.warns("`ANY /a` (line 24) takes every preflight before");
    let shielded = &[
        "Method: ANY, Path: '/a/{x}'",
        "Method: OPTIONS, Path: '/a/{y}', Auth: {Authorizer: NONE}",
        "PayloadFormatVersion: 2.0",
        "Method: OPTIONS, Path: '/{all+}', Auth: {Authorizer: NONE}",
    ];
    Shop { api: CORS, routes: shielded, ..Shop::default() }.is_quiet();
}

#[test]
fn a_route_for_options_beside_cors_is_for_nothing() {
    let open = &["Method: OPTIONS, Path: /a, Auth: {Authorizer: NONE}"];
    Shop { routes: open, ..Shop::default() }.is_quiet();
    Shop { api: CORS, routes: open, ..Shop::default() }.warns("`OPTIONS /a` (line 24) takes preflights before");
    let protected = &["Method: OPTIONS, Path: /a, Auth: {Authorizer: Token}"];
    Shop { routes: protected, ..Shop::default() }.is_quiet();
    Shop { api: CORS, routes: protected, ..Shop::default() }.warns("and its authorizer refuses it");
}

#[test]
fn a_route_that_the_default_authorizer_leaves_open_is_named() {
    let routes = &["Method: OPTIONS, Path: /a"];
    Shop { routes, ..Shop::default() }.warns("`OPTIONS /a` (line 24) is open, because SAM leaves");
}

#[test]
fn a_function_that_outlives_its_request_is_named() {
    Shop { handler: "Timeout: 30", ..Shop::default() }.is_quiet();
    Shop { handler: "Timeout: 31", ..Shop::default() }.warns("function `Fn` (line 18) may run for 31s, but `GET /a`");
    let routes = &["Method: GET, Path: /a, TimeoutInMillis: 2500", "Method: GET, Path: /b"];
    Shop { routes, ..Shop::default() }.warns("`GET /a` (line 24) waits for 2.5s");
    Shop { handler: "Timeout: 2", routes, ..Shop::default() }.is_quiet();
}

#[test]
fn functions_that_globals_give_too_much_time_are_named_once() {
    let template = "Globals: {Function: {CodeUri: ., Timeout: 40}}
Resources:
  A: {Type: AWS::Serverless::Function, Properties: {Events: {E: {Type: HttpApi, Properties: {Method: GET, Path: /a}}}}}
  B: {Type: AWS::Serverless::Function, Properties: {Events: {E: {Type: HttpApi, Properties: {Method: GET, Path: /b}}}}}
  C: {Type: AWS::Serverless::Function, Properties: {Events: {E: {Type: HttpApi, Properties: {Method: GET, Path: /c}}}}}
";
    assert_eq!(
        Template::parse(template, &Given::defaults("shop")).unwrap().warnings,
        [
            "function `A` (line 3) and 2 others may run for 40s, but `GET /a` (line 3), say, waits for 30s: the client then has \
          a 503 while the function goes on; lower its Timeout."
        ]
    );
}

#[test]
fn an_authorizer_that_outlives_the_apis_patience_is_named() {
    Shop { authorizer: "Timeout: 10", ..Shop::default() }.is_quiet();
    Shop { authorizer: "Timeout: 11", ..Shop::default() }.warns("function `Authorizer` (line 15) may run for 11s");
}

#[test]
fn a_throttle_of_nothing_or_above_the_accounts_is_named() {
    let settings = |api| Shop { api, ..Shop::default() };
    settings("DefaultRouteSettings: {ThrottlingRateLimit: 10000, ThrottlingBurstLimit: 5000}").is_quiet();
    settings("DefaultRouteSettings: {ThrottlingRateLimit: 0, ThrottlingBurstLimit: 0}")
        .warns("DefaultRouteSettings (line 14) has a throttle of 0");
    settings("RouteSettings: {GET /a: {ThrottlingRateLimit: 10000.5}}").warns("RouteSettings for `GET /a` (line 14)");
    settings("DefaultRouteSettings: {ThrottlingBurstLimit: 5001}").warns("above the account's own of 10000 requests");
}

#[test]
fn a_slash_at_the_end_is_named() {
    Shop { routes: &["Method: GET, Path: /"], ..Shop::default() }.is_quiet();
    Shop { routes: &["Method: GET, Path: /a/"], ..Shop::default() }.warns("`GET /a/` (line 24) ends in a slash");
}

#[test]
fn a_method_that_no_page_may_use_is_named() {
    let put = &["Method: PUT, Path: /a", "Method: POST, Path: /a", "Method: HEAD, Path: /a"];
    Shop { api: CORS, routes: put, ..Shop::default() }.is_quiet();
    let patch = &["Method: PATCH, Path: /a", "Method: PATCH, Path: /b"];
    Shop { api: CORS, routes: patch, ..Shop::default() }
        .warns("has no PATCH, so no page can call `PATCH /a` (line 24)");
    Shop { routes: patch, ..Shop::default() }.is_quiet();
    let all = "CorsConfiguration: {AllowOrigins: ['*'], AllowMethods: ['*'], AllowHeaders: [Authorization]}";
    Shop { api: all, routes: patch, ..Shop::default() }.is_quiet();
}

#[test]
fn a_header_that_no_page_may_send_is_named() {
    for api in [
        "CorsConfiguration: {AllowOrigins: ['*']}",
        // Browsers take the star for every header but this one.
        "CorsConfiguration: {AllowOrigins: ['*'], AllowHeaders: ['*']}",
    ] {
        Shop { api, ..Shop::default() }.warns("has no authorization, which authorizer `Token` asks for");
        Shop { api, routes: &["Method: GET, Path: /a, Auth: {Authorizer: NONE}"], ..Shop::default() }.is_quiet();
    }
}

#[test]
fn an_origin_that_no_browser_sends_is_named() {
    for (api, expected) in [
        ("['https://shop.example/']", "write it as `https://shop.example`"),
        ("['https://shop.example/a']", "write it as `https://shop.example`"),
        ("['https://shop.example:443']", "write it as `https://shop.example`"),
        ("['https://Shop.example']", "write it as `https://shop.example`"),
        ("['https://*.example']", "which is no origin"),
        ("['https://']", "which is no origin"),
        ("[]", "has no AllowOrigins"),
        ("['https://*'], AllowCredentials: true", "act with a visitor's cookies"),
    ] {
        let api = format!("CorsConfiguration: {{AllowHeaders: [authorization], AllowOrigins: {api}}}");
        Shop { api: api.leak(), ..Shop::default() }.warns(expected);
    }
    for api in ["['*']", "['https://*', 'http://*']", "['http://localhost:5173'], AllowCredentials: true"] {
        let api = format!("CorsConfiguration: {{AllowHeaders: [authorization], AllowOrigins: {api}}}");
        Shop { api: api.leak(), ..Shop::default() }.is_quiet();
    }
}

#[test]
fn what_aws_refuses_to_deploy_is_an_error() {
    for (api, expected) in [
        (
            "CorsConfiguration: {AllowOrigins: [shop.example]}",
            "AWS refuses the origin `shop.example`: it has to begin with https:// or http://, or be `*`.",
        ),
        (
            "CorsConfiguration: {AllowOrigins: ['capacitor://localhost']}",
            "AWS refuses the origin `capacitor://localhost`: it has to begin with https:// or http://, or be `*`.",
        ),
        ("CorsConfiguration: {MaxAge: 86401}", "MaxAge must be a number of seconds between -1 and 86400, not `86401`."),
        ("CorsConfiguration: {MaxAge: -2}", "MaxAge must be a number of seconds between -1 and 86400, not `-2`."),
        (
            "StageName: a/b",
            "AWS refuses the stage name `a/b`: it is $default, or up to 128 letters, digits, hyphens and underscores.",
        ),
        (
            "StageName: ''",
            "AWS refuses the stage name ``: it is $default, or up to 128 letters, digits, hyphens and underscores.",
        ),
    ] {
        Shop { api, ..Shop::default() }.is_refused(expected);
    }
    Shop { api: "StageName: v1-beta_2", ..Shop::default() }.is_quiet();
    let short = "CorsConfiguration: {AllowOrigins: ['*'], AllowHeaders: [authorization], MaxAge: -1}";
    Shop { api: short, ..Shop::default() }.is_quiet();
}
