//! HTTP at a function's edge: a view of the request that the API has routed already, and the answers.

use std::collections::HashMap;
use std::future::Future;
use std::net::IpAddr;

use lambda_http::http::header::{CACHE_CONTROL, CONTENT_TYPE, HeaderName, RETRY_AFTER, X_CONTENT_TYPE_OPTIONS};
use lambda_http::http::{HeaderValue, StatusCode};
use lambda_http::request::RequestContext;
use lambda_http::{Body, RequestExt};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Deserializer, Serialize};
use serde_json::Value;
use serde_path_to_error::Segment;

use crate::contract::{OrderAndPayment, OrderStatus};
use crate::edge::{ADDRESS_HEADER, Lock, Refused, SECRET_HEADER};
use crate::error::{Error, Fault, Shortage};
use crate::identity::{Caller, Role};
use crate::ids::{IdempotencyKey, ProductId, UserId};
use crate::money::Money;
use crate::telemetry::{Subject, Telemetry};

/// The largest body that is read, in bytes.
pub const BODY_LIMIT: usize = 64 * 1024;

/// How deep objects and arrays may lie in each other. No contract needs a third of it; serde_json would allow 128.
pub const DEPTH_LIMIT: usize = 32;

/// Says that an answer repeats the first one under its idempotency key.
pub const REPLAYED: HeaderName = HeaderName::from_static("idempotency-replayed");

/// What draft-ietf-httpapi-ratelimit-headers has a client told of a limit, and of what is left of it.
const RATE_LIMIT_POLICY: HeaderName = HeaderName::from_static("ratelimit-policy");
const RATE_LIMIT: HeaderName = HeaderName::from_static("ratelimit");

/// An answer.
pub type Response = lambda_http::Response<Body>;

/// What a function was invoked with, told apart by its shape.
pub enum Event {
    /// A request that the HTTP API has routed here.
    Http(Box<Request>),
    /// Anything else: the JSON of a direct invocation.
    Direct(String),
}

impl Event {
    /// Reads an event. A request that `lock` does not let in becomes one that [`serve`] refuses.
    pub fn read(mut event: lambda_http::Request, lock: &Lock) -> Event {
        match event.request_context_ref() {
            Some(RequestContext::ApiGatewayV2(context)) => {
                let caller = context.authorizer.as_ref().and_then(|authorizer| caller(&authorizer.fields));
                let seen = context.http.source_ip.as_deref().and_then(|address| address.parse().ok());
                // Nobody after this has a use for the secret.
                let secret = event.headers_mut().remove(SECRET_HEADER);
                let address = event.headers().get(ADDRESS_HEADER).and_then(|value| value.to_str().ok());
                let source_ip = lock.admit(secret.as_ref().map(HeaderValue::as_bytes), address, seen);
                Event::Http(Box::new(Request { event, caller, source_ip }))
            }
            _ => Event::Direct(String::from_utf8_lossy(event.body()).into_owned()),
        }
    }
}

/// A routed request (payload format 2.0).
pub struct Request {
    event: lambda_http::Request,
    caller: Option<Caller>,
    source_ip: Result<Option<IpAddr>, Refused>,
}

/// The authorizer's context is the only place that a caller is read from.
fn caller(context: &HashMap<String, Value>) -> Option<Caller> {
    let fields = context.iter().map(|(name, value)| (name.clone(), value.clone())).collect();
    serde_json::from_value(Value::Object(fields)).ok()
}

impl Request {
    fn context(&self) -> Option<&lambda_http::aws_lambda_events::apigw::ApiGatewayV2httpRequestContext> {
        match self.event.request_context_ref() {
            Some(RequestContext::ApiGatewayV2(context)) => Some(context),
            _ => None,
        }
    }

    /// The route that the API chose: `GET /products/{product_id}`.
    pub fn route_key(&self) -> &str {
        self.context().and_then(|context| context.route_key.as_deref()).unwrap_or_default()
    }

    /// The API's id of this request.
    pub fn request_id(&self) -> &str {
        self.context().and_then(|context| context.request_id.as_deref()).unwrap_or_default()
    }

    /// The X-Ray trace header's value.
    pub fn trace_id(&self) -> Option<&str> {
        self.header("x-amzn-trace-id")
    }

    /// The caller's address: the one that the API saw the request come from, or, where the edge stands in front, the one
    /// that the edge names. No other header is asked: a client may write there what it likes.
    pub fn source_ip(&self) -> Option<IpAddr> {
        self.source_ip.ok().flatten()
    }

    /// A header's value, if it is text.
    pub fn header(&self, name: &str) -> Option<&str> {
        self.event.headers().get(name).and_then(|value| value.to_str().ok())
    }

    /// A parameter of the route as an identifier.
    ///
    /// # Errors
    /// [`Error::NotFound`] for text that cannot be one: there is no such thing.
    pub fn id<T: std::str::FromStr>(&self, parameter: &str, what: &'static str) -> Result<T, Error> {
        let text = self.event.path_parameters_ref().and_then(|all| all.first(parameter)).unwrap_or_default();
        text.parse().map_err(|_| Error::NotFound(what))
    }

    /// A parameter of the query.
    ///
    /// # Errors
    /// It is there twice.
    pub fn query(&self, name: &'static str) -> Result<Option<&str>, Error> {
        match self.event.query_string_parameters_ref().and_then(|all| all.all(name)).as_deref() {
            None | Some([]) => Ok(None),
            Some(&[value]) => Ok(Some(value)),
            Some(_) => Err(Error::parameter(name, "may be given once")),
        }
    }

    /// Who is calling.
    ///
    /// # Errors
    /// [`Error::Unauthenticated`] when the event has none: a route without its authorizer stays closed.
    pub fn caller(&self) -> Result<Caller, Error> {
        self.caller.clone().ok_or(Error::Unauthenticated)
    }

    /// Who is calling, if it is an admin.
    ///
    /// # Errors
    /// [`Error::Unauthenticated`] or [`Error::Forbidden`].
    pub fn admin(&self) -> Result<Caller, Error> {
        let caller = self.caller()?;
        if caller.role == Role::Admin { Ok(caller) } else { Err(Error::Forbidden) }
    }

    /// The header `Idempotency-Key`.
    ///
    /// # Errors
    /// It is missing or malformed.
    pub fn idempotency_key(&self) -> Result<IdempotencyKey, Error> {
        let text = self.event.headers().get("idempotency-key");
        let text = text.ok_or(Error::InvalidIdempotencyKey("The header Idempotency-Key is missing"))?;
        text.to_str().unwrap_or_default().parse().map_err(Error::InvalidIdempotencyKey)
    }

    /// The body's bytes.
    ///
    /// # Errors
    /// [`Error::BodyTooLarge`].
    pub fn body(&self) -> Result<&[u8], Error> {
        let body: &[u8] = self.event.body();
        if body.len() > BODY_LIMIT { Err(Error::BodyTooLarge) } else { Ok(body) }
    }

    /// The body as JSON of a known shape.
    ///
    /// # Errors
    /// It is too large, not JSON, or has a field that `T` refuses; then the error points at it.
    pub fn json<T: DeserializeOwned>(&self) -> Result<T, Error> {
        from_json(self.body()?)
    }
}

/// Reads JSON from a client.
///
/// # Errors
/// As [`Request::json`], the size aside.
pub fn from_json<T: DeserializeOwned>(body: &[u8]) -> Result<T, Error> {
    if body.is_empty() {
        return Err(Error::MalformedJson("A JSON body is needed.".to_owned()));
    }
    if depth(body) > DEPTH_LIMIT {
        return Err(Error::MalformedJson(format!("The body is nested deeper than {DEPTH_LIMIT} levels.")));
    }
    let mut deserializer = serde_json::Deserializer::from_slice(body);
    let value = serde_path_to_error::deserialize(&mut deserializer).map_err(|error| {
        let pointer: String = error.path().iter().map(pointer_token).collect();
        refusal(pointer, error.inner())
    })?;
    deserializer.end().map_err(|error| refusal(String::new(), &error))?;
    // serde would also read a struct from an array of its values, which no contract mentions.
    if body.trim_ascii_start().starts_with(b"[") {
        return Err(Error::field("", "must be an object"));
    }
    Ok(value)
}

/// How deep the brackets of a JSON text lie in each other, those inside strings aside. Of a text that is no JSON it says
/// nothing that matters: the parser refuses that.
fn depth(json: &[u8]) -> usize {
    let (mut depth, mut deepest, mut in_string, mut escaped) = (0_usize, 0, false, false);
    for byte in json {
        match (in_string, byte) {
            _ if escaped => escaped = false,
            (true, b'\\') => escaped = true,
            (_, b'"') => in_string = !in_string,
            (false, b'{' | b'[') => {
                depth += 1;
                deepest = deepest.max(depth);
            }
            (false, b'}' | b']') => depth = depth.saturating_sub(1),
            _ => {}
        }
    }
    deepest
}

/// For a member that may be absent (`None`), null (`Some(None)`) or there: `#[serde(default, deserialize_with = "…")]`.
///
/// # Errors
/// As `T`.
pub fn present<'de, T: Deserialize<'de>, D: Deserializer<'de>>(deserializer: D) -> Result<Option<T>, D::Error> {
    T::deserialize(deserializer).map(Some)
}

fn pointer_token(segment: &Segment) -> String {
    match segment {
        Segment::Seq { index } => format!("/{index}"),
        Segment::Map { key } => format!("/{}", key.replace('~', "~0").replace('/', "~1")),
        Segment::Enum { .. } | Segment::Unknown => String::new(),
    }
}

fn refusal(pointer: String, error: &serde_json::Error) -> Error {
    let message = error.to_string();
    if !error.is_data() {
        return Error::MalformedJson(format!("The body is not valid JSON: {message}."));
    }
    // serde_json appends where in the text it stopped; the pointer says it better.
    let detail = message.rsplit_once(" at line ").map_or(message.as_str(), |(detail, _)| detail);
    Error::Invalid(vec![Fault { pointer: Some(pointer), parameter: None, detail: without_the_value(detail) }])
}

/// serde's sentence without the value that it is about, which may be a password in the wrong place: "invalid type: string
/// \"…\", expected a map" becomes "invalid type, expected a map". Field names stay: the pointer has them anyway.
fn without_the_value(detail: &str) -> String {
    let about_a_value = ["invalid type", "invalid value", "unknown variant"];
    match (about_a_value.iter().find(|kind| detail.starts_with(**kind)), detail.rsplit_once(", expected ")) {
        (Some(kind), Some((_, expected))) => format!("{kind}, expected {expected}"),
        (Some(kind), None) => (*kind).to_owned(),
        (None, _) => detail.to_owned(),
    }
}

/// An answer with a JSON body. [`serve`] keeps everybody on its way from storing it, unless its headers say otherwise.
///
/// # Errors
/// The value cannot be JSON, which would be a bug.
pub fn json(status: StatusCode, value: &impl Serialize) -> Result<Response, Error> {
    let body = serde_json::to_string(value).map_err(|error| Error::Internal(error.to_string()))?;
    Ok(with_type("application/json", status, body))
}

/// An answer without a body.
pub fn empty(status: StatusCode) -> Response {
    let mut response = Response::new(Body::Empty);
    *response.status_mut() = status;
    response
}

fn with_type(media_type: &'static str, status: StatusCode, body: String) -> Response {
    let mut response = Response::new(Body::Text(body));
    *response.status_mut() = status;
    response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static(media_type));
    response
}

/// Sets a header of an answer.
///
/// # Errors
/// The value cannot stand in a header, which would be a bug.
pub fn set(response: &mut Response, name: HeaderName, value: &str) -> Result<(), Error> {
    let value = HeaderValue::from_str(value).map_err(|error| Error::Internal(error.to_string()))?;
    response.headers_mut().insert(name, value);
    Ok(())
}

#[derive(Serialize)]
struct Problem<'a> {
    r#type: String,
    title: &'a str,
    status: u16,
    detail: String,
    code: &'a str,
    request_id: &'a str,
    #[serde(flatten)]
    more: More<'a>,
}

/// The members that only some problems have.
#[derive(Serialize)]
#[serde(untagged)]
enum More<'a> {
    Errors { errors: &'a [Fault] },
    Lines { lines: &'a [Shortage] },
    Products { product_ids: &'a [ProductId] },
    Status { order_status: OrderStatus },
    Total { total: Money },
    Order(&'a OrderAndPayment),
    Nothing {},
}

/// The answer to an outcome that is not success: `application/problem+json` (RFC 9457).
pub fn problem(error: &Error, request_id: &str) -> Response {
    let more = match error {
        Error::Invalid(errors) => More::Errors { errors },
        Error::OutOfStock(lines) => More::Lines { lines },
        Error::ProductUnavailable(product_ids) => More::Products { product_ids },
        Error::WrongStatus(status) | Error::NotCancellable(status) => More::Status { order_status: *status },
        Error::PaymentDeclined(both) | Error::OrderLapsed(both) => More::Order(both),
        Error::PriceChanged(total) => More::Total { total: *total },
        _ => More::Nothing {},
    };
    let problem = Problem {
        r#type: format!("urn:portico:problem:{}", error.code()),
        title: error.title(),
        status: error.status(),
        detail: error.detail(),
        code: error.code(),
        request_id,
        more,
    };
    let status = StatusCode::from_u16(problem.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    let body = serde_json::to_string(&problem).unwrap_or_default();
    let mut response = with_type("application/problem+json", status, body);
    if let Some(seconds) = error.retry_after() {
        response.headers_mut().insert(RETRY_AFTER, HeaderValue::from(seconds));
    }
    if let Error::TooManyAttempts(quota) = error {
        for (name, value) in [(RATE_LIMIT_POLICY, quota.policy()), (RATE_LIMIT, quota.state())] {
            // Both are letters and numbers: a value that no header could have is left out.
            response.headers_mut().extend(HeaderValue::try_from(value).ok().map(|value| (name, value)));
        }
    }
    response
}

/// Runs the handler of a request, unless that came round the edge, logs it, and turns what went wrong into a problem.
pub async fn serve(
    telemetry: &Telemetry,
    request: &Request,
    handler: impl Future<Output = Result<Response, Error>>,
) -> Response {
    let subject = Subject {
        request_id: request.request_id().to_owned(),
        trace_id: request.trace_id().map(str::to_owned),
        route: Some(request.route_key().to_owned()),
        user_id: request.caller.as_ref().filter(|_| request.source_ip.is_ok()).map(|caller| caller.user_id.clone()),
        ..Subject::default()
    };
    let result = match request.source_ip {
        Ok(_) => telemetry.observe(&subject, describe, handler).await,
        Err(Refused) => telemetry.observe(&subject, describe, std::future::ready(Err(Error::NotThroughEdge))).await,
    };
    let mut response = result.unwrap_or_else(|error| problem(&error, &subject.request_id));
    secure(&mut response);
    response
}

fn describe(response: &Response) -> (u16, Option<&UserId>) {
    (response.status().as_u16(), None)
}

/// The headers that every answer of a function has, of those in OWASP's REST Security Cheat Sheet ("Security Headers"):
/// nothing is stored that does not say so itself, and nobody guesses another type than the one given. Its others are for
/// what a browser shows as a page (framing, scripts, features), which no JSON is; `Strict-Transport-Security` belongs to
/// whoever owns the domain: the API's own speaks HTTPS only.
/// <https://cheatsheetseries.owasp.org/cheatsheets/REST_Security_Cheat_Sheet.html>
fn secure(response: &mut Response) {
    let headers = response.headers_mut();
    headers.entry(CACHE_CONTROL).or_insert(HeaderValue::from_static("no-store"));
    headers.insert(X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
}

/// What a function's match says of a route that the template sends to it but that it does not know.
pub fn unknown_route(request: &Request) -> Error {
    Error::Internal(format!("no handler for the route {:?}", request.route_key()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::money::Quantity;

    #[derive(Debug, Deserialize)]
    #[serde(deny_unknown_fields)]
    struct Basket {
        #[serde(rename = "items")]
        _items: Vec<Quantity>,
    }

    fn pointer_of(body: &str) -> Option<String> {
        match from_json::<Basket>(body.as_bytes()) {
            Err(Error::Invalid(faults)) => faults[0].pointer.clone(),
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn a_refused_field_is_pointed_at() {
        assert_eq!(pointer_of(r#"{"items":[1,1000]}"#).as_deref(), Some("/items/1"));
        assert_eq!(pointer_of(r#"{"items":"x"}"#).as_deref(), Some("/items"));
        assert_eq!(pointer_of(r#"{"items":[],"a/b":1}"#).as_deref(), Some("/a~1b"));
        assert_eq!(pointer_of("{}").as_deref(), Some(""));
    }

    #[test]
    fn an_array_is_not_taken_for_an_object() {
        assert_eq!(pointer_of("[[1]]").as_deref(), Some(""));
    }

    #[test]
    fn a_refusal_does_not_repeat_the_value() {
        #[derive(Debug, Deserialize)]
        #[serde(tag = "kind", rename_all = "lowercase", deny_unknown_fields)]
        #[allow(dead_code)]
        enum Shape {
            Round { size: u8, name: String },
        }
        for body in [
            r#"{"items":"SECRET"}"#,
            r#"{"items":["SECRET, expected"]}"#,
            r#"{"items":{"SECRET":1}}"#,
            r#"{"items":[1],"more":"SECRET"}"#,
            r#"{"items":"SECRET at line 1"}"#,
        ] {
            let error = from_json::<Basket>(body.as_bytes()).unwrap_err();
            let Error::Invalid(faults) = error else { panic!("{error:?}") };
            assert!(!faults[0].detail.contains("SECRET"), "{}", faults[0].detail);
            assert!(faults[0].detail.contains("expected"), "{}", faults[0].detail);
        }
        for body in [
            r#"{"kind":"SECRET"}"#,
            r#"{"kind":"round","size":"SECRET","name":""}"#,
            r#"{"kind":"round","size":1,"name":4242424242424242}"#,
        ] {
            let error = from_json::<Shape>(body.as_bytes()).unwrap_err();
            assert!(!format!("{error:?}").contains("SECRET") && !format!("{error:?}").contains("4242"), "{error:?}");
        }
    }

    #[test]
    fn json_is_as_deep_as_the_limit_and_no_deeper() {
        let nested = |levels: usize| format!("{}{}", "[".repeat(levels), "]".repeat(levels));
        assert!(from_json::<Value>(format!("{{\"a\":{}}}", nested(DEPTH_LIMIT - 1)).as_bytes()).is_ok());
        let deeper = format!("{{\"a\":{}}}", nested(DEPTH_LIMIT));
        assert!(matches!(from_json::<Value>(deeper.as_bytes()), Err(Error::MalformedJson(_))));
        let beside = vec![nested(DEPTH_LIMIT - 2); 9].join(",");
        assert!(from_json::<Value>(format!("{{\"a\":[{beside}]}}").as_bytes()).is_ok());
        let in_text = format!(r#"{{"a":"\\\"{}\\","b":1}}"#, "[{".repeat(100));
        assert!(from_json::<Value>(in_text.as_bytes()).is_ok(), "{in_text}");
    }

    #[test]
    fn text_that_is_not_json_is_malformed_rather_than_invalid() {
        for body in ["", "{", "{}{}", "nonsense", &"[".repeat(2000)] {
            assert!(matches!(from_json::<serde_json::Value>(body.as_bytes()), Err(Error::MalformedJson(_))), "{body}");
        }
    }
}
