//! The Lambda function `payments`.

use std::sync::Arc;

use payments::{App, Config};
use shared::telemetry::started;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), lambda_runtime::Error> {
    let config = Config::read(|key| std::env::var(key).ok())?;
    let app = Arc::new(App::new(config));
    started("payments", app.warm_up()).await;
    lambda_runtime::run(lambda_runtime::service_fn(move |event| Arc::clone(&app).handle(event))).await
}
