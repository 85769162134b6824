//! The good token in another spelling, another scheme or another serialisation (RFC 7515 §7, RFC 6750 §2.1).

use base64::Engine;
use base64::prelude::{BASE64_STANDARD, BASE64_URL_SAFE};
use serde_json::json;

use super::forge::{Forge, decode, encode};
use super::wire::Attack;

/// What is not written as an access token is.
pub fn table(forge: &Forge) -> Vec<Attack> {
    let mut all = schemes(forge);
    all.extend(spellings(forge));
    all
}

fn schemes(forge: &Forge) -> Vec<Attack> {
    let good = &forge.good;
    [
        ("no scheme", good.clone()),
        ("the scheme alone", "Bearer".to_owned()),
        ("the scheme Basic", format!("Basic {good}")),
        (
            "the scheme Basic with the token as a password",
            format!("Basic {}", BASE64_STANDARD.encode(format!("x:{good}"))),
        ),
        ("the scheme Token", format!("Token {good}")),
        ("the scheme JWT", format!("JWT {good}")),
        ("the scheme DPoP", format!("DPoP {good}")),
        ("the scheme Digest", format!("Digest username=\"admin\", response=\"{good}\"")),
        ("the scheme Bearers", format!("Bearers {good}")),
        ("the scheme twice", format!("Bearer Bearer {good}")),
        ("two spaces", format!("Bearer  {good}")),
        ("a tab", format!("Bearer\t{good}")),
        ("a space and a tab", format!("Bearer \t{good}")),
        ("a colon after the scheme", format!("Bearer: {good}")),
        ("an equals sign after the scheme", format!("Bearer={good}")),
        ("an encoded space", format!("Bearer%20{good}")),
        ("a plus for the space", format!("Bearer+{good}")),
        ("a non-breaking space", format!("Bearer\u{a0}{good}")),
        ("a Cyrillic letter in the scheme", format!("B\u{435}arer {good}")),
        ("a zero-width space before the token", format!("Bearer \u{200b}{good}")),
        ("the token in quotes", format!("Bearer \"{good}\"")),
        ("the token as a parameter", format!("Bearer token=\"{good}\"")),
        ("the token in angle brackets", format!("Bearer <{good}>")),
        ("a list of the token twice", format!("Bearer {good}, Bearer {good}")),
        ("a list that ends with a comma", format!("Bearer {good},")),
        ("a list that begins with Basic", format!("Basic eDp4, Bearer {good}")),
        ("a parameter after the token", format!("Bearer {good}; role=admin")),
        ("a second token after a space", format!("Bearer {good} {good}")),
        ("an empty token in quotes", "Bearer \"\"".to_owned()),
        ("the word null", "Bearer null".to_owned()),
        ("the word undefined", "Bearer undefined".to_owned()),
        ("the word true", "Bearer true".to_owned()),
    ]
    .into_iter()
    .map(|(what, value)| Attack::value(403, format!("the scheme's text: {what}"), value))
    .collect()
}

fn spellings(forge: &Forge) -> Vec<Attack> {
    let good = &forge.good;
    let [header, claims, signature] = forge.parts();
    let respelled = |spell: &dyn Fn(&[u8]) -> String| {
        // As it is signed: a padded or standard spelling is another text, so it needs a signature of its own.
        let signed = format!("{}.{}", spell(&decode(header)), spell(&decode(claims)));
        let of_it = forge.sign_text(&signed);
        format!("{signed}.{}", spell(&decode(of_it.rsplit_once('.').expect("a signature").1)))
    };
    // Only where there is a character that the two alphabets write differently.
    let standard =
        (0..64).map(|spaces| forge.sign(forge.header.to_string(), format!("{}{}", forge.claims, " ".repeat(spaces))));
    let mut standard = standard.filter_map(|token| {
        let (signed, signature) = token.rsplit_once('.')?;
        signature.contains(['-', '_']).then(|| format!("{signed}.{}", signature.replace('-', "+").replace('_', "/")))
    });
    let standard = standard.next().expect("a signature with such a character");
    let (rest, last) = good.split_at(good.len() - 1);
    // The last character has four bits to spare: these decode to the same bytes, for whoever does not look.
    let spare = char::from(last.as_bytes()[0] + 1);
    let nested =
        forge.sign(json!({"alg": "ES256", "typ": "at+jwt", "kid": forge.jwk.kid, "cty": "JWT"}).to_string(), good);
    let flattened = json!({"protected": header, "payload": claims, "signature": signature}).to_string();
    [
        ("nothing", String::new()),
        ("dots", "..".to_owned()),
        ("many dots", ".".repeat(2000)),
        ("a part too many", format!("{good}.{signature}")),
        ("five parts, as a JWE has", format!("{header}.{claims}.{claims}.{claims}.{signature}")),
        ("a part too few", format!("{header}.{signature}")),
        ("an empty header", format!(".{claims}.{signature}")),
        ("empty claims, as if detached", format!("{header}..{signature}")),
        ("a dot before", format!(".{good}")),
        ("a dot after", format!("{good}.")),
        ("cut off", good[..good.len() - 10].to_owned()),
        ("without its first character", good[1..].to_owned()),
        ("with a character more", format!("{good}A")),
        ("with bits to spare set", format!("{rest}{spare}")),
        ("padded", respelled(&|bytes| BASE64_URL_SAFE.encode(bytes))),
        ("padded only at the end", format!("{good}==")),
        ("with its signature in standard base64", standard),
        ("in hexadecimal", respelled(&|bytes| data_encoding::HEXLOWER.encode(bytes))),
        ("without base64", forge.sign_text(&format!("{}.{}", forge.header, forge.claims))),
        ("in base64 as a whole", encode(good)),
        ("in upper case", good.to_uppercase()),
        ("backwards", good.chars().rev().collect()),
        ("with a space inside", format!("{header}. {claims}.{signature}")),
        ("with encoded dots", good.replace('.', "%2E")),
        ("with full-width dots", good.replace('.', "\u{ff0e}")),
        ("with a Cyrillic letter", good.replacen('e', "\u{435}", 1)),
        ("with an asterisk for its signature", format!("{header}.{claims}.*")),
        ("nested in another", nested),
        ("serialised as JSON", flattened.clone()),
        ("serialised as JSON, in base64", encode(&flattened)),
        ("joined with commas", format!("{header},{claims},{signature}")),
        ("as PASETO writes it", format!("v4.public.{claims}")),
        ("as a refresh token looks", encode([7; 32])),
        ("as a refresh token with a prefix looks", format!("rt_{}", encode([7; 32]))),
        ("as an API key looks", "sk_live_aaaaaaaaaaaaaaaaaaaaaaaa".to_owned()),
        ("a user's id", forge.claims["sub"].as_str().expect("text").to_owned()),
        ("the token's id", forge.claims["jti"].as_str().expect("text").to_owned()),
        ("a template's text", "{{7*7}}${7*7}".to_owned()),
    ]
    .into_iter()
    .map(|(what, token)| Attack::bearer(403, format!("the token's text: {what}"), &token))
    .collect()
}
