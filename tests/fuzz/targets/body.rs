//! Any body: it is read, or refused with a sentence and a pointer; a command is read the same when written again.
#![no_main]

use libfuzzer_sys::fuzz_target;
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::Value;
use shared::contract::{Envelope, OrdersCommand, PaymentsCommand};
use shared::error::Error;
use shared::http;

fuzz_target!(|data: &[u8]| {
    // Not again: numbers that are no integers lose digits, which is why no contract has any.
    read::<Value>(data);
    read_again(read::<Envelope<OrdersCommand>>(data));
    read_again(read::<Envelope<PaymentsCommand>>(data));
});

fn read<T: DeserializeOwned>(data: &[u8]) -> Option<T> {
    match http::from_json::<T>(data) {
        Ok(value) => Some(value),
        Err(error @ (Error::Invalid(_) | Error::MalformedJson(_))) => {
            assert_eq!(http::problem(&error, "request").status(), 400);
            None
        }
        Err(error) => panic!("{error:?}"),
    }
}

fn read_again<T: DeserializeOwned + Serialize>(value: Option<T>) {
    let Some(value) = value else { return };
    let text = serde_json::to_vec(&value).expect("what was read can be written");
    let again: T = http::from_json(&text).expect("what was written can be read");
    assert_eq!(serde_json::to_vec(&again).expect("JSON"), text);
}
