//! What the suite needs of a deployment besides its front door: an admin, which it makes by the command that IAM guards.
//!
//! `USERS_FUNCTION` names the function that takes the command (the stack's output `UsersFunctionName`), and AWS's own
//! variables (`AWS_REGION`, `AWS_ACCESS_KEY_ID`, …) say who may invoke it. `API_STAND_IN` says that the API is not
//! Amazon's, and names whose it is: what such a stand-in does otherwise is not held against the shop.

use std::collections::BTreeSet;
use std::io::Write;
use std::sync::Mutex;

use aws_sdk_lambda::primitives::Blob;
use serde_json::json;
use shared::aws::Config;
use shared::config::Environment;
use tokio::sync::OnceCell;

use crate::shop::{Shop, new_username, random};

/// The one admin of the whole run.
static ADMIN: OnceCell<(String, String)> = OnceCell::const_new();

/// The name and the password of an admin.
pub async fn admin(shop: &Shop) -> &'static (String, String) {
    ADMIN.get_or_init(|| new_admin(shop)).await
}

async fn new_admin(shop: &Shop) -> (String, String) {
    let environment = Environment::new(|name: &str| std::env::var(name).ok());
    let function = environment
        .required("USERS_FUNCTION")
        .unwrap_or_else(|_| panic!("set USERS_FUNCTION to the deployment's output UsersFunctionName"));
    let lambda = Config::read(&environment).unwrap_or_else(|error| panic!("{error}")).lambda();

    let (username, password) = (new_username(), random());
    shop.register(&username, &password).await.is(201);
    let command = json!({"command": "make_admin", "username": username}).to_string();
    let invoked = lambda.invoke().function_name(&function).payload(Blob::new(command)).send().await;
    let invoked = invoked.unwrap_or_else(|error| panic!("{function} cannot be invoked: {error:?}"));
    if let Some(kind) = invoked.function_error() {
        let payload = invoked.payload().map(|payload| String::from_utf8_lossy(payload.as_ref()));
        panic!("{function} made no admin ({kind}): {}", payload.unwrap_or_default());
    }
    (username, password)
}

/// Whether the API is a stand-in, which differs from Amazon's in this: then what depends on it cannot be tested there.
/// Says so, once.
pub fn stand_in_differs(how: &'static str) -> bool {
    static SAID: Mutex<BTreeSet<&str>> = Mutex::new(BTreeSet::new());
    let Some(name) = std::env::var_os("API_STAND_IN") else { return false };
    if SAID.lock().expect("whole").insert(how) {
        let _ = writeln!(std::io::stderr().lock(), "not applicable on {}: {how}", name.display());
    }
    true
}
