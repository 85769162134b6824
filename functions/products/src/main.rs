//! The Lambda function `products`.

use std::sync::Arc;

use products::{App, Config};
use shared::telemetry::started;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), lambda_http::Error> {
    let config = Config::read(|key| std::env::var(key).ok())?;
    let app = Arc::new(App::new(config));
    started("products", app.warm_up()).await;
    lambda_http::run(lambda_http::service_fn(move |event| Arc::clone(&app).handle(event))).await
}
