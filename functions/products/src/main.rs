//! The function's entry point: configuration from the environment, a warm connection, then one request after another.

use std::sync::Arc;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), lambda_runtime::Error> {
    let config = products::Config::read(|key| std::env::var(key).ok())?;
    let app = Arc::new(products::App::new(config));
    started("products", app.warm_up()).await;
    lambda_http::run(lambda_http::service_fn(move |event| app.clone().handle(event))).await
}
