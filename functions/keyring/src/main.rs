//! The Lambda function `keyring`.

use std::sync::Arc;

use keyring::{App, Config};

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), lambda_runtime::Error> {
    let config = Config::read(|key| std::env::var(key).ok())?;
    let app = Arc::new(App::new(config));
    lambda_runtime::run(lambda_runtime::service_fn(move |event| Arc::clone(&app).handle(event))).await
}
