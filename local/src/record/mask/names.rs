//! Which names stand before a secret: of headers, members of JSON, parameters, fields of forms, in other text.

use super::MASK;

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

/// Whether a secret's name in this text has a value: `password=x`, `password: "x"`, `{password:x`. The colon of a sentence
/// (`password: too short`), of a scope (`token:read`) or of a variable (`(password: $x`) gives none.
pub fn gives_a_secret(text: &str) -> bool {
    let opens = text.find(['{', '(']);
    text.match_indices(['=', ':']).any(|(at, sign)| {
        let before = text[..at].trim_end_matches(is_beside);
        let (before, name) = before.split_at(before.trim_end_matches(is_of_name).len());
        let after = &text[at + 1..];
        is_secret(name) && if sign == "=" { has_value(after) } else { has_member(before, after, opens) }
    })
}

/// Whether this begins with a value that no mask stands for.
fn has_value(after: &str) -> bool {
    let value = after.trim_start_matches(['=', ' ', '\t', '"', '\'', '`', '\\']);
    match value.strip_prefix(MASK) {
        Some(rest) => rest.starts_with(char::is_alphanumeric),
        None => value.starts_with(|char: char| !char.is_whitespace() && !",;&)}]".contains(char)),
    }
}

/// Whether a member's value comes after its name and a colon: one in quotes; or, where the name is in a list, by what is
/// before it, a number, or what no space sets apart. Scopes are in lists, too, but in no brackets, the first of which
/// `opens`.
fn has_member(before: &str, after: &str, opens: Option<usize>) -> bool {
    let value = after.trim_start_matches([' ', '\t']);
    let is_quoted = value.starts_with(['"', '\'', '`', '\\']);
    let list = before.trim_end_matches(is_beside);
    let is_bracketed = opens.is_some_and(|opens| opens < list.len());
    let is_listed = list.ends_with(['{', '(', ';', '&']) || is_bracketed && list.ends_with(',');
    let is_close = value.len() == after.len() && !value.starts_with('$');
    let is_number = value.starts_with(|char: char| char.is_ascii_digit());
    (is_quoted || is_listed && (is_close || is_number)) && has_value(value)
}

/// What may stand between a name and the sign after it.
fn is_beside(char: char) -> bool {
    char.is_whitespace() || "\"'`\\]".contains(char)
}

fn is_of_name(char: char) -> bool {
    char.is_alphanumeric() || matches!(char, '-' | '_')
}

fn bare(name: &str) -> String {
    name.chars().filter(|char| char.is_alphanumeric()).flat_map(char::to_lowercase).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_secrets_name_may_have_a_value_in_any_text() {
        for given in [
            "a;token=xyz",
            "db;User=sa;Password=hunter2",
            "1,pass=hunter2",
            "1;password:hunter2",
            "{user:ada,password:hunter2}",
            "the api_key = 'abc' of mine",
            "user[password]=x",
            "mutation{login(password:\"hunter2\")}",
            "mutation {\n  login(password: \"hunter2\")\n}",
            "mutation{check(user: \"ada\", pin: 1234)}",
            "{\"password\": \"hunter2\", ",
            "{\\\"password\\\": \\\"hunter2\\\", ",
            "see https://a.example/?access_token=abc, please",
            "token=***abc",
        ] {
            assert!(gives_a_secret(given), "{given}");
        }
    }

    #[test]
    fn a_secrets_name_alone_gives_nothing() {
        for innocent in [
            "Your password: is wrong",
            "invalid token: expired",
            "(password, token: see below)",
            "query($password: String!){login(password: $password) a}",
            "query($password:String!){login(password:$password)}",
            "tokens:read secrets:write",
            "orders:read,tokens:read,secrets:write",
            "arn:aws:secretsmanager:eu-central-1:123456789012:secret:mine",
            "at check (/var/task/token.js:10:5)",
            "Bearer error=\"invalid_token\", error_description=\"gone\"",
            "token_type=Bearer",
            "password=",
            "password=&a=b",
            "password: \"\"",
            "https://a.example/?token=***#a",
            "Passwords\n=========\nThey are long.",
            "opinion=good",
            "\u{e4}=\u{e4}:\u{e4}",
            "=:=",
        ] {
            assert!(!gives_a_secret(innocent), "{innocent}");
        }
    }
}
