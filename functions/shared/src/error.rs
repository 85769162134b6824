//! What can go wrong, as one enum of outcomes. Each has a status, a stable code and a text for the client;
//! a cause, where there is one, is for the log only.

use std::fmt;

use lambda_runtime::Diagnostic;
use serde::{Deserialize, Serialize};

use crate::contract::{OrderAndPayment, OrderStatus};
use crate::ids::ProductId;
use crate::money::Money;

/// An outcome other than success. [`crate::http::problem`] makes the answer of it.
#[derive(Debug)]
pub enum Error {
    /// 400: fields of the body or parameters of the query that cannot be accepted.
    Invalid(Vec<Fault>),
    /// 400: the body is not JSON.
    MalformedJson(String),
    /// 400: no `Idempotency-Key`, or a malformed one.
    InvalidIdempotencyKey(&'static str),
    /// 400: a cursor that is damaged or comes from another list.
    InvalidCursor,
    /// 400: something in the body looks like a card number.
    CardDataRefused,
    /// 400: the sender of a webhook does not prove that it is the payment provider.
    InvalidSignature,
    /// 400: a token for a new password that is unknown, used, expired or replaced by what happened since.
    InvalidResetToken,
    /// 401: no caller in the event.
    Unauthenticated,
    /// 401: unknown user or wrong password, which look the same.
    InvalidCredentials,
    /// 401: a refresh token that is unknown, used or expired, or whose session is over.
    InvalidRefreshToken,
    /// 402: the provider declined the payment; the order has failed and its stock is back.
    PaymentDeclined(Box<OrderAndPayment>),
    /// 403: the caller's role does not allow this.
    Forbidden,
    /// 403: the request came round the edge.
    NotThroughEdge,
    /// 404: there is no such thing, or it belongs to somebody else.
    NotFound(&'static str),
    /// 409: another user has this name.
    UsernameTaken,
    /// 409: less in stock than asked for.
    OutOfStock(Vec<Shortage>),
    /// 409: products that do not exist or are no longer sold.
    ProductUnavailable(Vec<ProductId>),
    /// 409: the first request under this key is still being worked on.
    RequestInProgress {
        /// When it will be over, in seconds.
        retry_after: u64,
    },
    /// 409: the order is not in a status from which this step goes.
    WrongStatus(OrderStatus),
    /// 409: the prices of now do not give the total that the client expects.
    PriceChanged(Money),
    /// 409: the order can no longer be cancelled, or never could.
    NotCancellable(OrderStatus),
    /// 409: the order was left half way and given up before any charge; its stock is back.
    OrderLapsed(Box<OrderAndPayment>),
    /// 409: what became of the payment is another thing than what it is said to be.
    WrongPaymentStatus,
    /// 409: a stock change would take away more than is there.
    StockTooLow {
        /// What is there.
        available: i64,
    },
    /// 413: the body is over [`crate::http::BODY_LIMIT`].
    BodyTooLarge,
    /// 422: the key was used for another request.
    IdempotencyKeyReused,
    /// 429: so many attempts were made that this one is not looked at.
    TooManyAttempts(Quota),
    /// 503: something this needs is throttled, gone or does not answer; nothing has been charged.
    Unavailable(String),
    /// 500: a bug, or data that should not be there.
    Internal(String),
}

/// One thing wrong with a request.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Fault {
    /// Where in the body: a JSON Pointer (RFC 6901).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub pointer: Option<String>,
    /// Which parameter of the query.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub parameter: Option<&'static str>,
    /// What is wrong with it.
    pub detail: String,
}

/// How many attempts there may be in a while, all of which were made.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Quota {
    /// What the limit is called.
    pub name: &'static str,
    /// How many attempts.
    pub attempts: u32,
    /// In how many seconds.
    pub window: u64,
    /// Seconds until another one may be made.
    pub reset: u64,
}

impl Quota {
    /// The limit, as the header `RateLimit-Policy` says it (draft-ietf-httpapi-ratelimit-headers-10 §3).
    pub fn policy(&self) -> String {
        format!(r#""{}";q={};w={}"#, self.name, self.attempts, self.window)
    }

    /// What is left of it, as the header `RateLimit` says it (§4 there).
    pub fn state(&self) -> String {
        format!(r#""{}";r=0;t={}"#, self.name, self.reset)
    }
}

/// A line of an order that the stock could not fill.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Shortage {
    /// The product.
    pub product_id: ProductId,
    /// How many were asked for.
    pub asked: i64,
    /// How many there are.
    pub available: i64,
}

impl Error {
    /// One field of the body that cannot be accepted.
    pub fn field(pointer: impl Into<String>, detail: impl Into<String>) -> Error {
        Error::Invalid(vec![Fault { pointer: Some(pointer.into()), parameter: None, detail: detail.into() }])
    }

    /// One parameter of the query that cannot be accepted.
    pub fn parameter(parameter: &'static str, detail: impl Into<String>) -> Error {
        Error::Invalid(vec![Fault { pointer: None, parameter: Some(parameter), detail: detail.into() }])
    }

    /// The same as something that may be gone when the request is repeated: for steps that can be.
    pub fn passing(self) -> Error {
        Error::Unavailable(self.cause().unwrap_or(self.code()).to_owned())
    }

    /// The HTTP status.
    pub fn status(&self) -> u16 {
        match self {
            Error::Invalid(_)
            | Error::MalformedJson(_)
            | Error::InvalidIdempotencyKey(_)
            | Error::InvalidCursor
            | Error::CardDataRefused
            | Error::InvalidSignature
            | Error::InvalidResetToken => 400,
            Error::Unauthenticated | Error::InvalidCredentials | Error::InvalidRefreshToken => 401,
            Error::PaymentDeclined(_) => 402,
            Error::Forbidden | Error::NotThroughEdge => 403,
            Error::NotFound(_) => 404,
            Error::UsernameTaken
            | Error::OutOfStock(_)
            | Error::ProductUnavailable(_)
            | Error::RequestInProgress { .. }
            | Error::WrongStatus(_)
            | Error::NotCancellable(_)
            | Error::OrderLapsed(_)
            | Error::PriceChanged(_)
            | Error::WrongPaymentStatus
            | Error::StockTooLow { .. } => 409,
            Error::BodyTooLarge => 413,
            Error::IdempotencyKeyReused => 422,
            Error::TooManyAttempts(_) => 429,
            Error::Internal(_) => 500,
            Error::Unavailable(_) => 503,
        }
    }

    /// The stable code: `code` of the problem, the end of its `type`, `error.code` in the log.
    pub fn code(&self) -> &'static str {
        match self {
            Error::Invalid(_) => "invalid-request",
            Error::MalformedJson(_) => "malformed-json",
            Error::InvalidIdempotencyKey(_) => "invalid-idempotency-key",
            Error::InvalidCursor => "invalid-cursor",
            Error::CardDataRefused => "card-data-refused",
            Error::InvalidSignature => "invalid-signature",
            Error::InvalidResetToken => "invalid-reset-token",
            Error::Unauthenticated => "unauthenticated",
            Error::InvalidCredentials => "invalid-credentials",
            Error::InvalidRefreshToken => "invalid-refresh-token",
            Error::PaymentDeclined(_) => "payment-declined",
            Error::Forbidden => "forbidden",
            Error::NotThroughEdge => "not-through-edge",
            Error::NotFound(_) => "not-found",
            Error::UsernameTaken => "username-taken",
            Error::OutOfStock(_) => "out-of-stock",
            Error::ProductUnavailable(_) => "product-unavailable",
            Error::RequestInProgress { .. } => "request-in-progress",
            Error::WrongStatus(_) => "wrong-status",
            Error::NotCancellable(_) => "not-cancellable",
            Error::OrderLapsed(_) => "order-lapsed",
            Error::PriceChanged(_) => "price-changed",
            Error::WrongPaymentStatus => "wrong-payment-status",
            Error::StockTooLow { .. } => "stock-too-low",
            Error::BodyTooLarge => "body-too-large",
            Error::IdempotencyKeyReused => "idempotency-key-reused",
            Error::TooManyAttempts(_) => "too-many-attempts",
            Error::Unavailable(_) => "unavailable",
            Error::Internal(_) => "internal",
        }
    }

    /// The problem's `title`: the same for every occurrence of a code (RFC 9457 §3.1.3).
    pub fn title(&self) -> &'static str {
        match self {
            Error::Invalid(_) => "The request has invalid values",
            Error::MalformedJson(_) => "The body is not the JSON that is expected",
            Error::InvalidIdempotencyKey(_) => "A valid Idempotency-Key is needed",
            Error::InvalidCursor => "The cursor does not belong to this list",
            Error::CardDataRefused => "Card numbers are not accepted here",
            Error::InvalidSignature => "The signature is not the payment provider's",
            Error::InvalidResetToken => "The reset token is not valid",
            Error::Unauthenticated => "Sign in first",
            Error::InvalidCredentials => "Unknown user or wrong password",
            Error::InvalidRefreshToken => "The refresh token is not valid",
            Error::PaymentDeclined(_) => "The payment was declined",
            Error::Forbidden => "This is not allowed for you",
            Error::NotThroughEdge => "This is not the shop's address",
            Error::NotFound(_) => "Not found",
            Error::UsernameTaken => "This username is taken",
            Error::OutOfStock(_) => "Not enough in stock",
            Error::ProductUnavailable(_) => "A product is not for sale",
            Error::RequestInProgress { .. } => "The first request is still in progress",
            Error::WrongStatus(_) => "The order's status does not allow this",
            Error::NotCancellable(_) => "The order cannot be cancelled",
            Error::OrderLapsed(_) => "The order was given up",
            Error::PriceChanged(_) => "The total is another one",
            Error::WrongPaymentStatus => "Something else is recorded of the payment",
            Error::StockTooLow { .. } => "Not enough in stock to take away",
            Error::BodyTooLarge => "The body is too large",
            Error::IdempotencyKeyReused => "The Idempotency-Key was used for another request",
            Error::TooManyAttempts(_) => "Too many attempts",
            Error::Unavailable(_) => "Try again",
            Error::Internal(_) => "Something went wrong",
        }
    }

    /// The problem's `detail`: what to do about this occurrence. Never a cause.
    pub fn detail(&self) -> String {
        match self {
            Error::Invalid(_) => "See errors for each of them.".to_owned(),
            Error::MalformedJson(detail) => detail.clone(),
            Error::InvalidIdempotencyKey(detail) => format!("{detail}."),
            Error::InvalidCursor => "Start again without a cursor.".to_owned(),
            Error::CardDataRefused => {
                "A value looks like a card number. Send the payment method's id instead; nothing was stored.".to_owned()
            }
            Error::InvalidSignature => {
                "Sign the body with the endpoint's secret, and send it within five minutes.".to_owned()
            }
            Error::Unauthenticated => "Send an access token as Authorization: Bearer <token>.".to_owned(),
            Error::InvalidResetToken => "It works once and for an hour. Ask for a new one.".to_owned(),
            Error::InvalidCredentials => "Check both and try again.".to_owned(),
            Error::InvalidRefreshToken => "Sign in again.".to_owned(),
            Error::PaymentDeclined(_) => {
                "Nothing was charged and the stock is free again. To try again, order under a new Idempotency-Key."
                    .to_owned()
            }
            Error::Forbidden => "It takes another role.".to_owned(),
            Error::NotThroughEdge => "Send the request to the shop's public address.".to_owned(),
            Error::NotFound(what) => format!("There is no such {what}."),
            Error::UsernameTaken => "Choose another one.".to_owned(),
            Error::OutOfStock(_) => "See lines for what is available; the Idempotency-Key is still unused.".to_owned(),
            Error::ProductUnavailable(_) => "See product_ids; the Idempotency-Key is still unused.".to_owned(),
            Error::RequestInProgress { .. } => "Repeat the same request after Retry-After seconds.".to_owned(),
            Error::WrongStatus(status) | Error::NotCancellable(status) => format!("The order is {}.", status.as_str()),
            Error::OrderLapsed(_) => {
                "It was left half way before anything was charged, and its stock is free again. Order under a new \
                 Idempotency-Key."
                    .to_owned()
            }
            Error::PriceChanged(_) => {
                "Nothing was stored. See total; to accept it, send it as expected_total under the same key.".to_owned()
            }
            Error::WrongPaymentStatus => "Read the order, and compare with the provider what became of it.".to_owned(),
            Error::StockTooLow { available } => format!("Only {available} can be taken away."),
            Error::BodyTooLarge => format!("At most {} bytes are accepted.", crate::http::BODY_LIMIT),
            Error::IdempotencyKeyReused => "Nothing was changed. Use a new key for a new request.".to_owned(),
            Error::TooManyAttempts(_) => "This one was not looked at. Try again after Retry-After seconds.".to_owned(),
            Error::Unavailable(_) => "Repeat the same request after Retry-After seconds.".to_owned(),
            Error::Internal(_) => "It was logged under request_id.".to_owned(),
        }
    }

    /// The cause, for the log.
    pub fn cause(&self) -> Option<&str> {
        match self {
            Error::Unavailable(cause) | Error::Internal(cause) => Some(cause),
            _ => None,
        }
    }

    /// Seconds after which to repeat the request (`Retry-After`, RFC 9110 §10.2.3).
    pub fn retry_after(&self) -> Option<u64> {
        match self {
            Error::RequestInProgress { retry_after } => Some(*retry_after),
            Error::TooManyAttempts(quota) => Some(quota.reset),
            Error::Unavailable(_) => Some(1),
            _ => None,
        }
    }
}

/// A function that was invoked directly has failed: the Invoke API answers 200 with `X-Amz-Function-Error`,
/// and `errorType` is the outcome's code.
#[derive(Debug)]
pub struct FunctionError(pub Error);

impl fmt::Display for FunctionError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.0.title())
    }
}

impl std::error::Error for FunctionError {}

impl From<FunctionError> for Diagnostic {
    fn from(error: FunctionError) -> Diagnostic {
        Diagnostic { error_type: error.0.code().to_owned(), error_message: error.to_string() }
    }
}
