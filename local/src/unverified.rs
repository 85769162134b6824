//! Every point in which nobody has shown yet what API Gateway does, and what is done here until somebody does. README
//! lists them by name; the files under `local/conformance` that rest on one name it as their source.

use std::time::Duration;

use http::StatusCode;

// Routing.

/// Unverified on AWS: whether `/x/{proxy+}` also takes `/x/`. Here it does, as in AWS's own test tool for .NET, and its
/// parameter is empty.
pub const GREEDY_TAKES_NOTHING: bool = true;
/// Unverified on AWS: whether doubled slashes at a path's begin count as one when the route is chosen. Here they do,
/// and `rawPath` keeps them; only an emulator says so.
pub const LEADING_SLASHES_COLLAPSE: bool = true;
/// Unverified on AWS: whether `%2F` parts segments when the route is chosen. Here it is a character of its segment, so
/// `/pets/{id}` takes `/pets/a%2Fb`. That `rawPath` then has a plain slash is recorded.
pub const ENCODED_SLASH_PARTS_SEGMENTS: bool = false;
/// Unverified on AWS, though reported of it: a path ends where it has `%3F`, before the route is chosen; what comes
/// after it reaches no function. Its query is that of the request.
pub const ENCODED_QUESTION_MARK_ENDS_PATH: bool = true;
/// Unverified on AWS: whether a path is decoded a second time, so that `%2541` is `A`. Here `%25` is a percent sign and
/// nothing more.
pub const PATH_IS_DECODED_TWICE: bool = false;
/// Unverified on AWS: what a path is answered with that is not UTF-8 once it is decoded.
pub const BROKEN_PATH: StatusCode = StatusCode::BAD_REQUEST;

// The event.

/// Unverified on AWS: whether `application/problem+json` and its like are text in an event. Here they are base64.
pub const JSON_SUFFIX_IS_TEXT: bool = false;
/// Unverified on AWS: whether a body that calls itself text and is not UTF-8 stays text. Here it does, with
/// replacement characters for what cannot be read; else it would be base64.
pub const BROKEN_TEXT_STAYS_TEXT: bool = true;
/// Unverified on AWS: whether an `X-Amzn-Trace-Id` that a client sends goes on to the function. Here every request
/// begins a trace of its own.
pub const CALLERS_TRACE_GOES_ON: bool = false;
/// Unverified on AWS: whether an `X-Forwarded-For` that a client sends is kept, and the peer's address put after it
/// with `, `. Here it is; else the peer's address would stand alone.
pub const FORWARDED_FOR_GROWS: bool = true;
/// Unverified on AWS: whether an `X-Forwarded-Port` and `X-Forwarded-Proto` that a client sends go on. Here they are
/// replaced with those of the API.
pub const CALLERS_PROTOCOL_GOES_ON: bool = false;

// The answer.

/// Unverified on AWS: whether `"statusCode": "200"` is as good as `200`. Here it is, as `sam local` has it.
pub const STATUS_MAY_BE_TEXT: bool = true;
/// Unverified on AWS: the lowest and the highest status code that a function may answer with. That 0 and 200.5 are a
/// 500 is recorded.
pub const STATUS_CODES: std::ops::RangeInclusive<u16> = 200..=599;
/// Unverified on AWS: whether headers may be numbers and truth values (then their text is sent) and null (then none
/// is). Here they may; else such an answer would be malformed.
pub const HEADERS_MAY_BE_SCALARS: bool = true;
/// Unverified on AWS: whether a header that HTTP cannot carry makes the whole answer malformed, a 500. Here it does;
/// else it would be left out.
pub const BROKEN_HEADER_IS_MALFORMED: bool = true;
/// Unverified on AWS: whether `isBase64Encoded` with a body that is not base64 is malformed, a 500. Here it is; else
/// the text would be sent as it is.
pub const BROKEN_BASE64_IS_MALFORMED: bool = true;
/// Unverified on AWS: whether an answer with a status code must have text as its body. Here anything else is malformed;
/// else its JSON would be sent. There are reports of both.
pub const BODY_MUST_BE_TEXT: bool = true;
/// Unverified on AWS: what becomes of a function's `connection`, `content-length`, `date`, `transfer-encoding` and
/// `upgrade`. Here they are dropped; else they would be sent with `x-amzn-remapped-` before their names, as a REST API
/// does with some.
pub const OWN_HEADERS_ARE_DROPPED: bool = true;

// CORS.

/// Unverified on AWS: what a preflight of a foreign origin is answered with. It has no CORS header in any case, so a
/// browser goes no further.
pub const FOREIGN_PREFLIGHT: StatusCode = StatusCode::NO_CONTENT;
/// Unverified on AWS: whether an `OPTIONS` without `Origin` and `Access-Control-Request-Method` is answered as a
/// preflight all the same. Here it is a request like any other.
pub const PLAIN_OPTIONS_IS_PREFLIGHT: bool = false;
/// Unverified on AWS, whose documentation speaks of answers of integrations: whether what the API answers itself (401,
/// 403, 404, 429 …) has the headers too. Without them a page could not tell a token that has ended from a broken line.
pub const CORS_ON_OWN_ANSWERS: bool = true;

// Authorizers.

/// Unverified on AWS: whether the `security` of a whole OpenAPI document stands before every route that says nothing
/// itself, as OpenAPI has it. Here it does; a REST API does not heed it.
pub const DOCUMENT_SECURITY_HOLDS: bool = true;
/// Unverified on AWS: whether an IAM policy without a `principalId`, which its examples all have, is an answer. Here it
/// is malformed, a 500.
pub const POLICY_NEEDS_A_PRINCIPAL: bool = true;
/// Unverified on AWS: how far the clocks of a JWT's issuer and the API may differ, in seconds.
pub const JWT_LEEWAY: i64 = 0;
/// Unverified on AWS: whether an event names all scopes of a JWT, or only those of them that the route wants. It is null
/// where the route wants none.
pub const EVENT_HAS_ALL_SCOPES: bool = true;
/// Unverified on AWS: what a claim that is an object is in an event, where every claim is text. Here it is its JSON; else
/// it would be left out.
pub const OBJECT_CLAIMS_ARE_JSON: bool = true;
/// Unverified on AWS: how long an issuer may take to show its keys.
pub const JWKS_TIMEOUT: Duration = Duration::from_secs(5);

// The access log.

/// Unverified on AWS: that `$context.requestTimeEpoch` is counted in these, as `timeEpoch` of the event is.
pub const LOGGED_EPOCH: Duration = Duration::from_millis(1);
/// Unverified on AWS: `$context.integration.integrationStatus`, Lambda's own status of an invocation that it answered,
/// whatever the function did.
pub const LOGGED_LAMBDA_STATUS: u16 = 200;
/// Unverified on AWS: whether `$context.path` is logged as it was sent. Here it is; in the event it is decoded.
pub const LOGGED_PATH_IS_AS_SENT: bool = true;

// Limits.

/// Unverified on AWS: what a request is answered with whose line and headers are over 10,240 bytes.
pub const HEAD_TOO_LARGE: StatusCode = StatusCode::REQUEST_HEADER_FIELDS_TOO_LARGE;
/// Unverified on AWS: how long a body may take to arrive.
pub const BODY_TIMEOUT: Duration = Duration::from_secs(30);
/// Unverified on AWS: what a request is answered with whose body took longer.
pub const BODY_LATE: StatusCode = StatusCode::REQUEST_TIMEOUT;
/// Unverified on AWS: the message of a 429. The status is documented.
pub const THROTTLED_MESSAGE: &str = r#"{"message":"Too Many Requests"}"#;
/// Unverified on AWS: what a request is answered with whose function has no reserved concurrency left. For a REST API a
/// 500 is reported.
pub const NO_CONCURRENCY_LEFT: StatusCode = StatusCode::SERVICE_UNAVAILABLE;

#[cfg(test)]
pub mod tests {
    /// The names of the constants in this file, with their documentation.
    pub fn constants() -> Vec<(&'static str, &'static str)> {
        let source = include_str!("unverified.rs");
        let pieces: Vec<&str> = source[..source.find("#[cfg(test)]").unwrap()].split("pub const ").collect();
        let documentation = |piece: &'static str| piece.split_once(";\n").map_or(piece, |(_, after)| after);
        pieces.windows(2).map(|pair| (pair[1].split(':').next().unwrap(), documentation(pair[0]))).collect()
    }

    #[test]
    fn every_constant_says_that_it_is_unverified_and_stands_in_the_readme() {
        let readme = include_str!("../../README.md");
        let start = readme.find("\n## How it differs from API Gateway\n").expect("README has the section");
        let section = &readme[start + 1..];
        let section = &section[..section.find("\n## ").unwrap_or(section.len())];
        let constants = constants();
        assert!(constants.len() > 20, "{constants:?}");
        for (name, documentation) in constants {
            assert!(documentation.contains("/// Unverified on AWS"), "{name} does not say so");
            assert!(section.contains(&format!("| `{name}` |")), "README's table has no row for {name}");
        }
    }
}
