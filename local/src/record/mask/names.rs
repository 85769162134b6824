//! Which names stand before a secret: of headers, members of JSON, parameters, fields of forms.

/// A name that contains one of these, case and punctuation aside, is a secret's.
const SECRET: [&str; 22] = [
    "authorization",
    "cookie",
    "token",
    "secret",
    "password",
    "passwd",
    "passphrase",
    "passcode",
    "credential",
    "signature",
    "apikey",
    "accesskey",
    "authkey",
    "privatekey",
    "signingkey",
    "cardnumber",
    "securitycode",
    "cvc",
    "cvv",
    "pwd",
    "sessionid",
    "sessid",
];
/// These are a secret's as the whole of a name only: other words contain them.
const WHOLE: [&str; 7] = ["pass", "pin", "otp", "totp", "auth", "xauth", "session"];
/// Names that say something about a token, and are none.
const HARMLESS: [&str; 3] = ["tokentype", "tokenid", "tokenuse"];
/// What follows a cookie in a set-cookie.
const ATTRIBUTES: [&str; 9] =
    ["domain", "expires", "httponly", "max-age", "partitioned", "path", "priority", "samesite", "secure"];
/// In bytes that are no text, shorter names stand by chance.
const SHORTEST: usize = 5;

/// Whether what has this name is a secret.
pub fn is_secret(name: &str) -> bool {
    let name = bare(name);
    !HARMLESS.contains(&name.as_str())
        && (WHOLE.contains(&name.as_str()) || SECRET.iter().any(|secret| name.contains(secret)))
}

/// Whether what has this name is cookies, each of which has a name of its own, and not one secret.
pub fn has_cookies(name: &str) -> bool {
    ["cookie", "cookies", "setcookie", "setcookie2"].contains(&bare(name).as_str())
}

/// Whether this is an attribute of a set-cookie, which looks like a cookie.
/// <https://developer.mozilla.org/en-US/docs/Web/HTTP/Reference/Headers/Set-Cookie>
pub fn is_attribute(name: &str) -> bool {
    ATTRIBUTES.iter().any(|attribute| name.eq_ignore_ascii_case(attribute))
}

/// Whether this is a name and nothing beside it.
pub fn is_plain(name: &str) -> bool {
    name.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"_-.~*+$:@![]%/".contains(&byte))
}

/// Whether the name of a secret is somewhere in this text, which `is_text` or was read as if it were.
pub fn names_a_secret(text: &str, is_text: bool) -> bool {
    let text: String = text.chars().filter(|char| !matches!(char, '-' | '_')).flat_map(char::to_lowercase).collect();
    SECRET.iter().any(|secret| (is_text || secret.len() >= SHORTEST) && text.contains(secret))
        || is_text && WHOLE.iter().any(|name| is_marked(&text, name))
}

/// Whether this name is in the text as that of a member, an attribute or an element.
fn is_marked(text: &str, name: &str) -> bool {
    let (opens, closes) = (['<', '"', '\''], ['>', '"', '\'', '=', ' ']);
    text.match_indices(name).any(|(at, _)| text[..at].ends_with(opens) && text[at + name.len()..].starts_with(closes))
}

fn bare(name: &str) -> String {
    name.chars().filter(|char| char.is_alphanumeric()).flat_map(char::to_lowercase).collect()
}
