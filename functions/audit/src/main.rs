//! The Lambda function `audit`.

use std::sync::Arc;

use audit::{App, Config};

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), lambda_runtime::Error> {
    let config = Config::read(|key| std::env::var(key).ok())?;
    let app = Arc::new(App::new(config));
    // It runs once a day and nobody waits for it, so it opens no connection ahead of its work.
    lambda_runtime::run(lambda_runtime::service_fn(move |event| Arc::clone(&app).handle(event))).await
}
