//! The verifier against what nobody thought of.

use proptest::prelude::*;

use super::*;

/// What a token says, in parts that are as likely good as nearly good.
#[derive(Clone, Debug)]
struct Said {
    alg: String,
    typ: String,
    kid: String,
    iss: String,
    aud: String,
    sub: String,
    issued: i64,
    ends: i64,
    jti: String,
    role: String,
}

impl Said {
    /// The rules, once more and as plainly as can be.
    fn is_good(&self) -> bool {
        let base32 =
            |text: &str| text.len() == 26 && text.chars().all(|c| "abcdefghijklmnopqrstuvwxyz234567".contains(c));
        (self.alg.as_str(), self.typ.as_str(), self.kid.as_str()) == ("ES256", "at+jwt", "k1")
            && (self.iss.as_str(), self.aud.as_str()) == ("urn:portico", "portico")
            && self.sub.strip_prefix("usr_").is_some_and(base32)
            && base32(&self.jti)
            && ["customer", "admin"].contains(&self.role.as_str())
            && (1..=900).contains(&(i128::from(self.ends) - i128::from(self.issued)))
            && i128::from(self.issued) <= i128::from(NOW) + 5
            && i128::from(NOW) < i128::from(self.ends) + 5
    }

    fn token(&self) -> String {
        let Said { alg, typ, kid, iss, aud, sub, issued, ends, jti, role } = self;
        let header = json!({"kid": kid, "typ": typ, "alg": alg});
        let claims = json!({"role": role, "jti": jti, "exp": ends, "iat": issued, "sub": sub, "aud": aud, "iss": iss});
        sign(header.to_string(), claims.to_string())
    }
}

/// Mostly this text; else one that is close to it, or any.
fn mostly(good: &'static str) -> impl Strategy<Value = String> {
    let close = (0..=good.len(), any::<char>()).prop_map(move |(at, c)| format!("{}{c}{}", &good[..at], &good[at..]));
    prop_oneof![
        18 => Just(good.to_owned()),
        1 => close,
        1 => (0..good.len()).prop_map(move |at| good[..at].to_owned()),
        1 => any::<String>(),
        1 => Just(good.to_uppercase()),
    ]
}

fn time() -> impl Strategy<Value = i64> {
    prop_oneof![20 => NOW - 910..NOW + 10, 1 => any::<i64>(), 1 => -10..10_i64]
}

fn length() -> impl Strategy<Value = i64> {
    prop_oneof![10 => Just(900_i64), 5 => 890..910_i64, 5 => -5..900_i64, 1 => any::<i64>()]
}

fn said() -> impl Strategy<Value = Said> {
    let names = (mostly("ES256"), mostly("at+jwt"), mostly("k1"), mostly("urn:portico"), mostly("portico"));
    let who = (mostly(USER), mostly(TOKEN), prop_oneof![mostly("customer"), mostly("admin")]);
    (names, who, time(), length()).prop_map(|((alg, typ, kid, iss, aud), (sub, jti, role), issued, length)| {
        let ends = issued.saturating_add(length);
        Said { alg, typ, kid, iss, aud, sub, issued, ends, jti, role }
    })
}

/// Any JSON, not too deep.
fn any_json() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        any::<f64>().prop_map(Value::from),
        ".{0,8}".prop_map(Value::from),
    ];
    leaf.prop_recursive(3, 16, 4, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..4).prop_map(Value::from),
            prop::collection::btree_map("[a-z]{0,4}", inner, 0..4).prop_map(|map| map.into_iter().collect()),
        ]
    })
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn a_token_is_judged_as_the_rules_say(said in said()) {
        let verified = verify(&format!("Bearer {}", said.token()));
        prop_assert_eq!(verified.is_ok(), said.is_good());
        if let Ok(claims) = verified {
            prop_assert_eq!((claims.sub.as_str(), claims.exp, claims.jti), (&*said.sub, said.ends, said.jti));
        }
    }

    #[test]
    fn a_good_token_with_one_character_changed_is_refused(at in any::<prop::sample::Index>(), with in any::<char>()) {
        let good: Vec<char> = good().chars().collect();
        let at = at.index(good.len());
        prop_assume!(good[at] != with);
        let mut replaced = good.clone();
        replaced[at] = with;
        let mut inserted = good.clone();
        inserted.insert(at, with);
        let mut removed = good.clone();
        removed.remove(at);
        for changed in [replaced, inserted, removed] {
            let changed: String = changed.into_iter().collect();
            prop_assert!(!accepts(&format!("Bearer {changed}")), "{}", changed);
        }
    }

    #[test]
    fn a_claim_of_any_other_value_is_refused(name in "iss|aud|sub|iat|exp|jti|role|nbf|[a-z]{1,5}", value in any_json()) {
        let mut claims = claims();
        prop_assume!(claims.get(&name) != Some(&value));
        let whole = value.as_i64();
        claims[&name] = value;
        // Whole numbers, of which some are good, are judged above.
        prop_assert!(whole.is_some() || !accepts_claims(claims.to_string()), "{}", claims);
    }

    #[test]
    fn any_bytes_are_refused_without_a_panic(
        bytes in prop::collection::vec(any::<u8>(), 0..200),
        parts in prop::collection::vec(prop::collection::vec(any::<u8>(), 0..60), 1..5),
        signed in prop::collection::vec(any::<u8>(), 0..60),
    ) {
        let parts: Vec<String> = parts.iter().map(encode).collect();
        let text = String::from_utf8_lossy(&bytes);
        for value in [text.to_string(), format!("Bearer {text}"), format!("Bearer {}", parts.join("."))] {
            prop_assert!(!accepts(&value), "{}", value);
        }
        prop_assert!(!accepts_claims(&signed) && !accepts_header(&signed));
    }
}
