//! Any cursor: it opens for no list but its own, as one position, whose cursor it is.
#![no_main]

use lambda_http::aws_lambda_events::apigw::ApiGatewayV2httpRequestContext;
use lambda_http::request::RequestContext;
use lambda_http::{Body, RequestExt};
use libfuzzer_sys::fuzz_target;
use shared::cursor::Scope;
use shared::http::{Event, Request};

const MINE: Scope<'static> = Scope { route: "GET /orders", filters: &["usr_a"] };
const ANOTHERS: Scope<'static> = Scope { route: "GET /orders", filters: &["usr_b"] };

fuzz_target!(|data: &[u8]| {
    let text = String::from_utf8_lossy(data);
    // A fuzzer finds no digest: every other input is the position, of which the cursor is made.
    let (cursor, made) = match text.strip_prefix('#') {
        Some(position) => (MINE.cursor(position).to_string(), Some(position)),
        None => (text.to_string(), None),
    };
    let request = asking(&cursor);
    let position = MINE.position(&request);
    if let Some(made) = made.filter(|made| (1..=1024).contains(&made.len())) {
        assert_eq!(position.as_ref().ok().and_then(Option::as_deref), Some(made));
    }
    if let Ok(position) = position {
        let position = position.expect("a cursor was given");
        assert_eq!(MINE.cursor(&position).to_string(), cursor);
        assert!(ANOTHERS.position(&request).is_err(), "it opens another list");
    }
});

/// A request with this cursor, and nothing else that matters.
fn asking(cursor: &str) -> Request {
    let parameters = [("cursor".to_owned(), vec![cursor.to_owned()])];
    let event = lambda_http::Request::new(Body::Empty)
        .with_query_string_parameters(std::collections::HashMap::from(parameters))
        .with_request_context(RequestContext::ApiGatewayV2(ApiGatewayV2httpRequestContext::default()));
    let Event::Http(request) = Event::read(event, &shared::edge::Lock::default()) else { panic!("not a request") };
    *request
}
