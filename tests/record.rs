//! What a shop that records leaves behind: every invocation of a customer's journey, and none of the customer's secrets.
//! What was recorded can be sent again.

use std::path::{Path, PathBuf};

use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use local::record::Record;
use local::record::files::function_of;
use local::replay::{Comparison, replay};
use serde_json::{Value, json};

use crate::shop::{Setup, Shop, VISA, an_order, new_username, options, random};

const WHY: &str = "reads what is recorded";

/// A shop that records into this folder.
fn recording(folder: &Path, secrets: bool) -> Setup {
    let say = Box::new(|sentence: &str| panic!("the record is not whole: {sentence}"));
    Setup { record: Some(Record { folder: folder.join("record"), secrets, say }), ..Setup::default() }
}

/// The recorded files, in the order of their names.
fn files(folder: &Path) -> Vec<PathBuf> {
    let entries = std::fs::read_dir(folder.join("record")).expect("a folder");
    let mut files: Vec<PathBuf> = entries.map(|entry| entry.expect("an entry").path()).collect();
    files.sort();
    files
}

/// The recorded events of this function.
fn events(folder: &Path, function: &str) -> Vec<PathBuf> {
    files(folder).into_iter().filter(|file| function_of(file) == Some(function)).collect()
}

/// Everything that can be read in a file, also in base64.
fn everything(file: &Path) -> String {
    let mut all = std::fs::read_to_string(file).expect("text");
    let json: Value = serde_json::from_str(&all).unwrap_or_else(|error| panic!("{}: {error}", file.display()));
    if let Some(body) = json["body"].as_str().and_then(|body| BASE64_STANDARD.decode(body).ok()) {
        all.push_str(&String::from_utf8_lossy(&body));
    }
    all
}

/// Signs in, orders, changes the password and signs out. What is given back opens something, or did.
async fn journey(shop: &Shop) -> Vec<String> {
    let (username, password, new_password) = (new_username(), random(), random());
    let product = shop.product(3).await;
    shop.register(&username, &password).await.is(201);
    let answer = shop.anonymous().post("/login", &json!({"username": username, "password": password})).await.is(200);
    let (token, refresh) = (answer.text_at("/token"), answer.text_at("/refresh_token"));
    let customer = shop.anonymous().with_token(&token);
    let order = customer.post("/orders", &an_order(&product, 1, VISA)).key(&random());
    order.header("cookie", &format!("sid={new_password}; theme=dark")).await.is(201);
    let next = shop.anonymous().post("/token/refresh", &json!({"refresh_token": refresh})).await.is(200);
    let (next_token, next_refresh) = (next.text_at("/token"), next.text_at("/refresh_token"));
    let passwords = json!({"current_password": password, "new_password": new_password});
    customer.put("/users/me/password", &passwords).await;
    // Nothing of what is no JSON, or no token, either.
    shop.anonymous().call(http::Method::POST, "/login").text(&format!("{{\"password\":\"{password}")).await.is(400);
    customer.get("/orders").query("token", &refresh).await;
    shop.anonymous().with_token(&refresh).get("/users/me").await.is(403);
    shop.anonymous().post("/logout", &json!({"refresh_token": next_refresh})).await;
    // A signature alone makes a token of what anybody may know.
    let signature = |token: &str| token.rsplit('.').next().expect("a signature").to_owned();
    vec![password, new_password, signature(&token), signature(&next_token), refresh, next_refresh]
}

#[tokio::test]
async fn a_record_has_every_invocation_and_no_secret() {
    let folder = tempfile::tempdir().expect("a folder");
    let Some(shop) = Shop::in_process(WHY, recording(folder.path(), false)).await else { return };
    let secrets = journey(&shop).await;
    shop.stop().await;

    let files = files(folder.path());
    for file in &files {
        let all = everything(file);
        for secret in &secrets {
            assert!(!all.contains(secret.as_str()), "{secret} is in {}: {all}", file.display());
        }
        #[cfg(unix)]
        {
            use std::os::unix::fs::PermissionsExt;
            assert_eq!(file.metadata().expect("metadata").permissions().mode() & 0o777, 0o600, "{}", file.display());
        }
    }
    let events: Vec<&PathBuf> = files.iter().filter(|file| function_of(file).is_some()).collect();
    assert_eq!(files.len(), 2 * events.len(), "each event has its answer");
    let functions: Vec<&str> = events.iter().filter_map(|file| function_of(file)).collect();
    let order = ["authorizer", "checkout", "orders", "payments", "orders"];
    assert!(functions.windows(order.len()).any(|part| part == order), "{functions:?}");
    // Sign-in of the admin and of the customer, registration, two refusals and the rest of the sessions.
    assert_eq!(functions.iter().filter(|function| **function == "users").count(), 7, "{functions:?}");

    let checkout: Value = json_in(&events_of(&events, "checkout")[0]);
    assert_eq!(checkout["headers"]["authorization"], "Bearer ***");
    assert_eq!(checkout["cookies"], json!(["sid=***", "theme=***"]));
    assert_eq!(checkout["routeKey"], "POST /orders");
    assert!(checkout["body"].as_str().is_some_and(|body| body.contains("\"pm_card_visa\"")), "the rest stays");
    assert!(checkout["requestContext"]["authorizer"]["lambda"]["token_id"].as_str().is_some_and(|id| id != "***"));
}

fn events_of(events: &[&PathBuf], function: &str) -> Vec<PathBuf> {
    events.iter().filter(|file| function_of(file) == Some(function)).map(|file| (*file).clone()).collect()
}

fn json_in(file: &Path) -> Value {
    serde_json::from_slice(&std::fs::read(file).expect("a file")).expect("JSON")
}

#[tokio::test]
async fn a_record_keeps_the_secrets_that_it_is_told_to_keep() {
    let folder = tempfile::tempdir().expect("a folder");
    let Some(shop) = Shop::in_process(WHY, recording(folder.path(), true)).await else { return };
    let secrets = journey(&shop).await;
    shop.stop().await;
    let all: String = files(folder.path()).iter().map(|file| everything(file)).collect();
    for secret in secrets {
        assert!(all.contains(&secret), "{secret} is nowhere");
    }
}

#[tokio::test]
async fn what_was_recorded_can_be_sent_again() {
    let folder = tempfile::tempdir().expect("a folder");
    let data = Some(folder.path().join("shop.db"));
    let setup = Setup { data: data.clone(), ..recording(folder.path(), false) };
    let Some(shop) = Shop::in_process(WHY, setup).await else { return };
    let customer = shop.customer().await;
    shop.anonymous().get("/products").query("limit", 2).await.is(200);
    customer.get("/orders").await.is(200);
    shop.stop().await;

    let setup = || Setup { data: data.clone(), ..Setup::default() };
    let again = async |file: &Path, function: Option<&str>| {
        let lines = Default::default();
        replay(options(setup(), &lines, &lines), file, function).await
    };
    let products = &events(folder.path(), "products")[0];
    let replayed = again(products, None).await.expect("a replay");
    assert_eq!(replayed.comparison, Some(Comparison::Same));
    assert!(!replayed.is_masked);
    let answer: Value = serde_json::from_slice(&replayed.outcome.expect("an answer")).expect("JSON");
    assert_eq!(answer["statusCode"], 200);

    // The authorizer has said who calls, so what an event of orders has masked is not needed.
    let orders = &events(folder.path(), "orders")[0];
    let replayed = again(orders, Some("OrdersFunction")).await.expect("a replay");
    assert_eq!((replayed.is_masked, replayed.comparison), (true, Some(Comparison::Same)));

    // The authorizer itself needs it.
    let authorizer = &events(folder.path(), "authorizer")[0];
    let replayed = again(authorizer, None).await.expect("a replay");
    assert_eq!(replayed.comparison, Some(Comparison::Differs("/context".to_owned())));
    assert_eq!(replayed.outcome.expect("an answer"), r#"{"isAuthorized":false}"#);

    let error = again(products, Some("nobody")).await.err().expect("a refusal").to_string();
    assert!(error.contains("has no function nobody: name one of "), "{error}");
    let elsewhere = folder.path().join("event.json");
    std::fs::copy(products, &elsewhere).expect("a copy");
    let error = again(&elsewhere, None).await.err().expect("a refusal").to_string();
    assert!(error.ends_with("does not say whose event it is: name the function with --function."), "{error}");
    let replayed = again(&elsewhere, Some("products")).await.expect("a replay");
    assert_eq!(replayed.comparison, None);
}

#[tokio::test]
async fn what_was_recorded_can_be_sent_to_functions_elsewhere() {
    let folder = tempfile::tempdir().expect("a folder");
    let Some(shop) = Shop::in_process(WHY, recording(folder.path(), false)).await else { return };
    shop.anonymous().get("/products").query("limit", 2).await.is(200);
    let inner = shop.inner();
    inner.recorder().expect("a recorder").flush().await;
    let url = format!("http://{}", inner.lambda_address());
    let database = inner.base().database.access().clone();
    let setup = Setup { functions: Some((url, database, "portico".to_owned())), ..Setup::default() };
    let lines = Default::default();
    let products = &events(folder.path(), "products")[0];
    let replayed = replay(options(setup, &lines, &lines), products, None).await.expect("a replay");
    assert_eq!(replayed.comparison, Some(Comparison::Same));
}
