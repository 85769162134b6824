//! Any `Stripe-Signature`, a line end, any event: without the secret nothing is genuine, and no event breaks anything.
#![no_main]

use libfuzzer_sys::fuzz_target;

// Payments keeps these to itself.
#[allow(dead_code)]
#[path = "../../../functions/payments/src/stripe/event.rs"]
mod event;
#[allow(dead_code)]
#[path = "../../../functions/payments/src/stripe/signature.rs"]
mod signature;

/// The one good signature that the fuzzer is shown: of the body that it belongs to.
const GENUINE: &[u8] = br#"{"id":"evt_1"}"#;

fuzz_target!(|data: &[u8]| {
    let at = data.iter().position(|byte| *byte == b'\n').unwrap_or(data.len());
    let (header, body) = data.split_at(at);
    let body = body.get(1..).unwrap_or_default();
    let header = String::from_utf8_lossy(header);
    if signature::is_genuine(&header, body, "whsec_test", fuzz::now()) {
        assert_eq!(body, GENUINE, "nobody signed this");
    }
    let Some(order) = event::order(body) else { return };
    assert!(String::from_utf8_lossy(body).contains("ord_") || body.contains(&b'\\'), "{order} is not in there");
});
