//! What a failed call means: the violated condition, "not now", or a bug.

use aws_sdk_dynamodb::error::{ProvideErrorMetadata, SdkError};

use super::built;
use super::deadline::TooLate;
use crate::error::Error;

/// Whether a write's own condition is what stood in its way.
pub fn condition_failed<E: ProvideErrorMetadata, R>(error: &SdkError<E, R>) -> bool {
    error.code() == Some("ConditionalCheckFailedException")
}

/// What a failed call means for the request: repeat it later, or a bug.
impl<E, R> From<SdkError<E, R>> for Error
where
    E: ProvideErrorMetadata + std::error::Error + 'static,
    R: std::fmt::Debug + 'static,
{
    fn from(error: SdkError<E, R>) -> Error {
        match &error {
            SdkError::ConstructionFailure(_) => match innermost(&error) {
                cause if cause.is::<TooLate>() => Error::Unavailable(cause.to_string()),
                cause => built(cause),
            },
            SdkError::TimeoutError(_) | SdkError::DispatchFailure(_) | SdkError::ResponseError(_) => {
                Error::Unavailable(describe(&error))
            }
            SdkError::ServiceError(service) if is_passing(service.err().code()) => Error::Unavailable(describe(&error)),
            _ => Error::Internal(describe(&error)),
        }
    }
}

/// Codes that mean "not now": throttled, gone for the moment, failed inside AWS.
fn is_passing(code: Option<&str>) -> bool {
    matches!(
        code,
        Some(
            "DependencyTimeoutException"
                | "KeyUnavailableException"
                | "KMSInternalException"
                | "ProvisionedThroughputExceededException"
                | "RequestLimitExceeded"
                | "ThrottlingException"
                | "TooManyRequestsException"
                | "InternalServerError"
                | "ServiceException"
                | "ServiceUnavailable"
                | "ResourceNotFoundException"
                | "TransactionConflictException"
                | "TransactionInProgressException"
        ) | None
    )
}

fn describe<E: ProvideErrorMetadata, R>(error: &SdkError<E, R>) -> String {
    let code = error.code().unwrap_or_default();
    let message = error.message().unwrap_or_default();
    match error {
        SdkError::TimeoutError(_) => "the call took too long".to_owned(),
        SdkError::DispatchFailure(failure) => match failure.as_connector_error() {
            Some(connector) => format!("no connection: {}", innermost(connector)),
            None => "no connection".to_owned(),
        },
        SdkError::ResponseError(_) => "the answer could not be read".to_owned(),
        _ => format!("{code}: {message}"),
    }
}

fn innermost<'a>(error: &'a (dyn std::error::Error + 'static)) -> &'a (dyn std::error::Error + 'static) {
    let mut innermost = error;
    while let Some(source) = innermost.source() {
        innermost = source;
    }
    innermost
}

/// Names the violated condition where the write is.
pub trait OnConditionFailed<T> {
    /// Turns a failed condition into `outcome`, and everything else into what [`Error`] says of it.
    ///
    /// # Errors
    /// The write was not done.
    fn on_condition_failed(self, outcome: impl FnOnce() -> Error) -> Result<T, Error>;
}

impl<T, E, R> OnConditionFailed<T> for Result<T, SdkError<E, R>>
where
    E: ProvideErrorMetadata + std::error::Error + 'static,
    R: std::fmt::Debug + 'static,
{
    fn on_condition_failed(self, outcome: impl FnOnce() -> Error) -> Result<T, Error> {
        self.map_err(|error| if condition_failed(&error) { outcome() } else { error.into() })
    }
}
