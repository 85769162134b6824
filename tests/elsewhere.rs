//! A gateway whose functions run in another process's place: behind the Invoke API of a second shop.

use http::Method;

use crate::client::Client;
use crate::shop::{Setup, Shop, VISA, an_order, random};

const WHY: &str = "puts a gateway of its own in front of a shop's functions";

/// Where nobody listens: the port is not one that a program may be given.
const NOWHERE: &str = "http://127.0.0.1:1";

#[tokio::test]
async fn a_gateway_in_front_of_functions_elsewhere_is_the_whole_shop() {
    let Some(functions) = Shop::in_process(WHY, Setup::default()).await else { return };
    let gateway = functions.in_front_of(&format!("http://{}", functions.inner().lambda_address())).await;
    let (customer, product) = (gateway.customer().await, gateway.product(3).await);
    let placed = customer.post("/orders", &an_order(&product, 2, VISA)).key(&random()).await.is(201);
    let placed = placed.has("/order/status", "CONFIRMED").has("/payment/status", "CAPTURED");
    assert_eq!(functions.stock(&product).await, 1);
    gateway.anonymous().get("/users/me").await.message(401, "Unauthorized");
    customer.with_token("nonsense").get("/users/me").await.message(403, "Forbidden");

    // The gateway logged the request, and the functions logged theirs, where they are.
    let request = placed.request_id();
    assert_eq!(gateway.access_log().line_of(&request).await["status"], 201);
    assert_eq!(functions.log().of_request(&request).len(), 5, "authorizer, checkout, orders, payments, orders");
    assert_eq!(gateway.log().text(), Vec::<String>::new());
    gateway.stop().await;
    functions.stop().await;
}

#[tokio::test]
async fn functions_that_are_not_there_are_a_500_whose_reason_is_in_the_log() {
    let Some(functions) = Shop::in_process(WHY, Setup::default()).await else { return };
    let gateway = functions.in_front_of(NOWHERE).await;
    // Not through a client, which fails a test for any 500.
    let Client { http, base, .. } = gateway.anonymous();
    for (method, path) in [(Method::POST, "/login"), (Method::GET, "/users/me")] {
        let token = [("authorization".to_owned(), "Bearer any".to_owned())];
        let received = http.send(&method, &base.join(path).expect("a path"), &token, b"{}").await;
        let (status, headers, body) = received.expect("an answer");
        assert_eq!((status, body.as_slice()), (500, &br#"{"message":"Internal Server Error"}"#[..]), "{path}");
        let request = headers["apigw-requestid"].to_str().expect("an id");
        let line = gateway.access_log().line_of(request).await["everything"].to_string();
        assert!(line.contains(&format!("no functions answer at {NOWHERE} (")), "{line}");
        assert!(line.contains("start `cargo lambda watch` or `sam local start-lambda` there"), "{line}");
    }
}
