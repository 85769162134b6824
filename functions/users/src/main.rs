//! The Lambda function `users`.

use std::sync::Arc;

use shared::telemetry::started;
use users::{App, Config};

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), lambda_http::Error> {
    let config = Config::read(|key| std::env::var(key).ok())?;
    let app = Arc::new(App::new(config));
    started("users", app.warm_up()).await;
    lambda_http::run(lambda_http::service_fn(move |event| Arc::clone(&app).handle(event))).await
}
