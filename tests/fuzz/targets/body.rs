//! Any body: it is read, or refused with a sentence and a pointer; what is read is read the same when written again.
#![no_main]

use libfuzzer_sys::fuzz_target;
use serde_json::Value;
use shared::contract::{Envelope, OrdersCommand, PaymentsCommand};
use shared::error::Error;
use shared::http;

fuzz_target!(|data: &[u8]| {
    read::<Value>(data);
    read::<Envelope<OrdersCommand>>(data);
    read::<Envelope<PaymentsCommand>>(data);
});

fn read<T: serde::de::DeserializeOwned + serde::Serialize>(data: &[u8]) {
    match http::from_json::<T>(data) {
        Ok(value) => {
            let text = serde_json::to_vec(&value).expect("what was read can be written");
            let again: T = http::from_json(&text).expect("what was written can be read");
            assert_eq!(serde_json::to_vec(&again).expect("JSON"), text);
        }
        Err(error @ (Error::Invalid(_) | Error::MalformedJson(_))) => {
            assert_eq!(http::problem(&error, "request").status(), 400);
        }
        Err(error) => panic!("{error:?}"),
    }
}
