//! That no call outlasts the invocation that makes it.

use std::time::Duration;

use aws_sdk_dynamodb::config::interceptors::BeforeSerializationInterceptorContextRef;
use aws_sdk_dynamodb::config::timeout::TimeoutConfig;
use aws_sdk_dynamodb::config::{ConfigBag, Intercept};
use aws_sdk_dynamodb::error::BoxError;

use crate::errand;

/// How long a call may take, with all its attempts.
pub const CALL: Duration = Duration::from_millis(2500);

/// Gives each call what its errand has left, 2.5 s at most.
#[derive(Debug)]
pub struct Deadline;

impl Intercept for Deadline {
    fn name(&self) -> &'static str {
        "deadline"
    }

    fn read_before_execution(
        &self,
        _: &BeforeSerializationInterceptorContextRef<'_>,
        config: &mut ConfigBag,
    ) -> Result<(), BoxError> {
        let time = errand::time_for(CALL).ok_or(TooLate)?;
        config.interceptor_state().store_put(TimeoutConfig::builder().operation_timeout(time).build());
        Ok(())
    }
}

/// Why a call was not started.
#[derive(Debug)]
pub struct TooLate;

impl std::fmt::Display for TooLate {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("too little time is left for a call")
    }
}

impl std::error::Error for TooLate {}

#[cfg(test)]
mod tests {
    use std::time::Instant;

    use lambda_runtime::Context;
    use tokio::net::TcpListener;

    use crate::aws::Config;
    use crate::clock::Clock;
    use crate::config::Environment;
    use crate::errand::Errand;
    use crate::error::Error;

    use super::*;

    /// Asks a database that never answers, with this much of Lambda's time left. How that failed, and after how long.
    async fn ask(left: Duration) -> (String, Duration) {
        let deaf = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let url = format!("http://{}", deaf.local_addr().expect("an address"));
        let environment = Environment::new(|key: &str| match key {
            "AWS_ENDPOINT_URL" => Some(url.clone()),
            "AWS_REGION" | "AWS_ACCESS_KEY_ID" | "AWS_SECRET_ACCESS_KEY" => Some("none".to_owned()),
            _ => None,
        });
        let client = Config::read(&environment).expect("a configuration").ssm();
        let clock = Clock::system();
        let mut context = Context::default();
        context.deadline = u64::try_from(clock.now().plus(left).as_millis()).expect("a time after 1970");
        let begun = Instant::now();
        let call = client.get_parameter().name("x").send();
        let answer = Errand::of(Some(&context), &clock).run(call).await;
        match answer.map_err(Error::from) {
            Err(Error::Unavailable(cause)) => (cause, begun.elapsed()),
            other => panic!("{other:?}"),
        }
    }

    #[tokio::test]
    async fn a_call_is_given_up_before_lambda_ends_its_errand_and_none_is_started_too_late() {
        let (cause, took) = ask(Duration::from_millis(900)).await;
        assert_eq!(cause, "the call took too long");
        assert!(took < Duration::from_millis(700), "{took:?}");
        assert_eq!(ask(Duration::from_millis(600)).await.0, TooLate.to_string());
    }
}
