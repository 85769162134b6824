//! Routes that cannot be emulated: each keeps its requests, whatever else would take them.

use super::authorizers::Guarded;
use super::*;

const TEMPLATE: &str = "Resources:
  Api:
    Type: AWS::Serverless::HttpApi
    Properties:
      CorsConfiguration: {AllowOrigins: ['https://shop.example'], AllowMethods: [GET], AllowHeaders: [authorization]}
      RouteSettings: {GET /admin: {ThrottlingRateLimit: 0, ThrottlingBurstLimit: 0}}
      Auth:
        EnableIamAuthorizer: true
        Authorizers:
          Old: {FunctionArn: !GetAtt Guard.Arn, AuthorizerPayloadFormatVersion: '1.0', EnableFunctionDefaultPermissions: true}
          New: {FunctionArn: !GetAtt Guard.Arn, AuthorizerPayloadFormatVersion: '2.0', EnableSimpleResponses: true, EnableFunctionDefaultPermissions: true}
  Guard: {Type: AWS::Serverless::Function, Properties: {CodeUri: target/lambda/guard/}}
  Main:
    Type: AWS::Serverless::Function
    Properties:
      CodeUri: target/lambda/main/
      Events:
        All: {Type: HttpApi, Properties: {ApiId: !Ref Api, Method: GET, Path: '/{proxy+}'}}
        Iam: {Type: HttpApi, Properties: {ApiId: !Ref Api, Method: GET, Path: /admin, Auth: {Authorizer: AWS_IAM}}}
        Old: {Type: HttpApi, Properties: {ApiId: !Ref Api, Method: ANY, Path: '/old/{id}', Auth: {Authorizer: Old}}}
        One: {Type: HttpApi, Properties: {ApiId: !Ref Api, Method: GET, Path: /one, Auth: {Authorizer: New}, PayloadFormatVersion: '1.0'}}
";

#[tokio::test]
async fn a_route_that_is_not_served_never_opens() {
    let guarded = Guarded::start(TEMPLATE, &[], |_| json!({"isAuthorized": true})).await;
    for (path, key, why) in [
        ("/admin", "GET /admin", "IAM authorization (AWS_IAM) is not checked here"),
        ("/old/7", "ANY /old/{id}", "its authorizer `Old` wants events of the payload format 1.0"),
        ("/one", "GET /one", "it wants events of the payload format 1.0"),
    ] {
        let (status, head, body) = guarded.get(path, "origin: https://shop.example\r\n").await;
        assert_eq!((status, body), (501, json!({"message": "Not Implemented"})), "{path}");
        assert!(head.contains("access-control-allow-origin: https://shop.example"), "a page may read why: {head}");
        let line = guarded.lines.lock().unwrap().pop().unwrap();
        assert_eq!((line.status, line.route_key.as_deref(), line.is_own), (501, Some(key), true));
        assert!(line.failure.as_deref().is_some_and(|failure| failure.starts_with(why)), "{:?}", line.failure);
        assert!(line.function.is_none() && !line.throttled, "{line:?}");
    }
    assert_eq!(guarded.asked(), 0);
    for path in ["/admin/", "/old", "/anything"] {
        assert_eq!(guarded.status(path, "").await, 200, "{path} is another route's");
    }
}

#[tokio::test]
async fn a_preflight_for_it_is_answered_as_for_any_other() {
    let guarded = Guarded::start(TEMPLATE, &[], |_| json!({"isAuthorized": true})).await;
    let preflight = "Host: localhost\r\nOrigin: https://shop.example\r\nAccess-Control-Request-Method: GET\r\n";
    for (path, expected) in [("/admin", 204), ("/one", 204), ("/old/7", 501)] {
        let mut client = Client::connect(guarded.running.address()).await;
        client.send(format!("OPTIONS {path} HTTP/1.1\r\n{preflight}\r\n")).await;
        assert_eq!(client.answer().await.status, expected, "{path}: one for ANY takes OPTIONS itself");
    }
}
