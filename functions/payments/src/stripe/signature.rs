//! Whether a webhook's body is Stripe's: the header `Stripe-Signature` has a time and signatures of time and body.
//! <https://docs.stripe.com/webhooks#verify-manually>

use std::time::Duration;

use data_encoding::HEXLOWER_PERMISSIVE;
use hmac::{Hmac, Mac};
use sha2::Sha256;
use shared::clock::Timestamp;

/// How far the time of signing may be from ours, either way: an old event is somebody's who has overheard it.
const TOLERANCE: Duration = Duration::from_secs(300);

/// Whether one of the signatures is by `secret`. While a secret is being replaced, there is one for each.
pub fn is_genuine(header: &str, body: &[u8], secret: &str, now: Timestamp) -> bool {
    let parts: Vec<(&str, &str)> = header.split(',').filter_map(|part| part.trim().split_once('=')).collect();
    let Some(signed_at) = parts.iter().find(|(name, _)| *name == "t").map(|(_, value)| *value) else { return false };
    let Some(time) = signed_at.parse().ok().and_then(|seconds: i64| seconds.checked_mul(1000)) else { return false };
    let time = Timestamp::from_millis(time);
    if now.since(time).max(time.since(now)) > TOLERANCE {
        return false;
    }
    let Ok(mut mac) = Hmac::<Sha256>::new_from_slice(secret.as_bytes()) else { return false };
    mac.update(signed_at.as_bytes());
    mac.update(b".");
    mac.update(body);
    let signatures = parts.iter().filter(|(name, _)| *name == "v1");
    // `verify_slice` takes the same time wherever two signatures differ.
    signatures
        .filter_map(|(_, hex)| HEXLOWER_PERMISSIVE.decode(hex.as_bytes()).ok())
        .any(|signature| mac.clone().verify_slice(&signature).is_ok())
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECRET: &str = "whsec_test";
    const BODY: &[u8] = b"{\"id\":\"evt_1\"}";

    fn now() -> Timestamp {
        Timestamp::from_millis(1_700_000_000_000)
    }

    fn signature(secret: &str, at: i64, body: &[u8]) -> String {
        let mut mac = Hmac::<Sha256>::new_from_slice(secret.as_bytes()).expect("any key will do");
        mac.update(&[at.to_string().as_bytes(), b".", body].concat());
        HEXLOWER_PERMISSIVE.encode(&mac.finalize().into_bytes())
    }

    fn header(at: i64) -> String {
        format!("t={at},v1={}", signature(SECRET, at, BODY))
    }

    #[test]
    fn a_signature_is_what_other_tools_make_of_the_same() {
        // printf '1700000000.{"id":"evt_1"}' | openssl dgst -sha256 -hmac whsec_test
        let known = "c89214b5b5da833daed6f0b8c5bb6bd58cea9022bd80ccc78230f3942d632925";
        assert_eq!(signature(SECRET, 1_700_000_000, BODY), known);
        assert!(is_genuine(&format!("t=1700000000,v1={known}"), BODY, SECRET, now()));
    }

    #[test]
    fn one_good_signature_among_others_is_enough() {
        let (good, other) = (signature(SECRET, 1_700_000_000, BODY), signature("another", 1_700_000_000, BODY));
        for header in [
            format!("t=1700000000,v1={other},v1={good}"),
            format!("t=1700000000, v1={good}, v0={other}"),
            format!("v1={good},t=1700000000"),
        ] {
            assert!(is_genuine(&header, BODY, SECRET, now()), "{header}");
        }
    }

    #[test]
    fn what_is_forged_or_damaged_is_refused() {
        let good = signature(SECRET, 1_700_000_000, BODY);
        for header in [
            String::new(),
            "nonsense".to_owned(),
            format!("v1={good}"),
            "t=1700000000".to_owned(),
            format!("t=1700000001,v1={good}"),
            format!("t=x,v1={good}"),
            format!("t=9223372036854775807,v1={good}"),
            format!("t=1700000000,v0={good}"),
            format!("t=1700000000,v1={}", &good[..62]),
            format!("t=1700000000,v1={}", "zz".repeat(32)),
            format!("t=1700000000,v1={}", signature("another", 1_700_000_000, BODY)),
        ] {
            assert!(!is_genuine(&header, BODY, SECRET, now()), "{header}");
        }
        assert!(!is_genuine(&header(1_700_000_000), b"{\"id\":\"evt_2\"}", SECRET, now()));
    }

    #[test]
    fn a_signature_holds_for_five_minutes_either_way() {
        for (seconds, holds) in [(0, true), (-300, true), (300, true), (-301, false), (301, false)] {
            assert_eq!(is_genuine(&header(1_700_000_000 + seconds), BODY, SECRET, now()), holds, "{seconds}");
        }
    }
}
