//! Any value of the header `Authorization`: only a token that was signed gets through, and as what was signed.
#![no_main]

use std::sync::LazyLock;

use authorizer::Verifier;
use libfuzzer_sys::fuzz_target;

/// What the signed text of an accepted token has to be: nobody here signs another one.
const SIGNED: &str = include_str!("../seeds/signed");

static VERIFIER: LazyLock<Verifier> = LazyLock::new(fuzz::verifier);

fuzz_target!(|data: &[u8]| {
    let value = String::from_utf8_lossy(data);
    if let Ok(claims) = VERIFIER.verify(&value, fuzz::now()) {
        let (scheme, token) = value.split_at("Bearer ".len());
        assert!(scheme.eq_ignore_ascii_case("Bearer "), "the scheme {scheme:?}");
        let (signed, _) = token.rsplit_once('.').expect("a signature");
        assert_eq!(signed, SIGNED.trim_end(), "nobody signed this");
        assert_eq!(claims.sub.as_str(), "usr_aaaaaaaaaaaaaaaaaaaaaaaaaa");
    }
});
