//! What gives a secret away whatever its name is: the look of a JWT, the word `Bearer` before it, the digits of a card.

use base64::Engine;
use base64::prelude::{BASE64_STANDARD, BASE64_URL_SAFE_NO_PAD};

use super::MASK;

/// Schemes of `Authorization` that say how a secret is shown, and stay.
const SCHEMES: [&str; 9] =
    ["Bearer", "Basic", "Digest", "DPoP", "Negotiate", "HMAC", "Token", "ApiKey", "AWS4-HMAC-SHA256"];
/// A card's number has no shorter group of digits, and no more digits.
const SHORTEST_GROUP: usize = 3;
const LONGEST_CARD: usize = 19;
/// After `Bearer`, less is a word or a parameter's name.
const SHORTEST_TOKEN: usize = 8;

/// The scheme that this text begins with, and what comes after it.
pub fn scheme(text: &str) -> Option<(&str, &str)> {
    let (scheme, secret) = text.trim_start().split_once(' ')?;
    SCHEMES.iter().any(|known| scheme.eq_ignore_ascii_case(known)).then_some((scheme, secret.trim()))
}

/// The text without its tokens; `None` where it has none.
pub fn without_tokens(text: &str) -> Option<String> {
    let mut masked = String::new();
    let (mut copied, mut at) = (0, 0);
    let mut after_bearer = false;
    while let Some(start) = text[at..].find(is_of_token).map(|found| at + found) {
        let end = text[start..].find(|char| !is_of_token(char)).map_or(text.len(), |found| start + found);
        let run = &text[start..end];
        let is_between = text[at..start].chars().all(|char| char == ' ');
        let is_parameter = run.ends_with('=') && text[end..].starts_with('"');
        let secret = match after_bearer && is_between && run.len() >= SHORTEST_TOKEN && !is_parameter {
            true => Some(start),
            false => jwt(run).map(|inside| start + inside),
        };
        if let Some(secret) = secret {
            masked.push_str(&text[copied..secret]);
            masked.push_str(MASK);
            copied = end;
        }
        after_bearer = run.len() >= 6 && run.as_bytes()[run.len() - 6..].eq_ignore_ascii_case(b"bearer");
        at = end;
    }
    (copied > 0).then(|| masked + &text[copied..])
}

/// A token's characters: RFC 6750's `b68token`, and the dots of a JWT.
fn is_of_token(char: char) -> bool {
    char.is_ascii_alphanumeric() || matches!(char, '-' | '.' | '_' | '~' | '+' | '/' | '=')
}

/// Where a JWT begins: three parts in base64url, the first of which is an object of JSON.
fn jwt(run: &str) -> Option<usize> {
    // A first part has two dots after it.
    let last = run.rmatch_indices('.').nth(1).map(|(at, _)| at)?;
    let begins = |at: &usize| {
        let first = run.get(*at..*at + 4).and_then(|four| BASE64_URL_SAFE_NO_PAD.decode(four).ok());
        first.is_some_and(|first| first[0] == b'{' && b"\" \t\r\n".contains(&first[1]))
    };
    run[..last].match_indices('e').map(|(at, _)| at).find(begins)
}

/// Whether this is a payment card's number: its length, its first digit, and the check digit of ISO/IEC 7812.
pub fn is_card_number(text: &str) -> bool {
    if text.len() > 40 || !text.bytes().all(|byte| byte.is_ascii_digit() || matches!(byte, b' ' | b'-')) {
        return false;
    }
    let digits: Vec<u32> = text.chars().filter_map(|char| char.to_digit(10)).collect();
    let doubled = |digit: u32| if digit > 4 { 2 * digit - 9 } else { 2 * digit };
    let places = digits.iter().rev().enumerate();
    let sum: u32 = places.map(|(at, digit)| if at % 2 == 1 { doubled(*digit) } else { *digit }).sum();
    (13..=19).contains(&digits.len()) && (2..=6).contains(&digits[0]) && sum.is_multiple_of(10)
}

/// The text without the numbers of payment cards in it; `None` where it has none.
pub fn without_cards(text: &str) -> Option<String> {
    let mut masked = String::new();
    let (mut copied, mut at) = (0, 0);
    while let Some(start) = text[at..].find(|char: char| char.is_ascii_digit()).map(|found| at + found) {
        let groups = groups(&text[start..]);
        at = start + groups.first().copied().unwrap_or(1);
        if goes_on(text[..start].chars().rev()) {
            continue;
        }
        let is_card = |length: &usize| {
            let (number, after) = text[start..].split_at(*length);
            is_card_number(number) && !goes_on(after.chars())
        };
        if let Some(length) = groups.into_iter().rev().find(is_card) {
            masked.push_str(&text[copied..start]);
            masked.push_str(MASK);
            (copied, at) = (start + length, start + length);
        }
    }
    (copied > 0).then(|| masked + &text[copied..])
}

/// Where the groups of digits end with which this begins: there is a space or a dash between them, none is shorter than
/// any on a card, and all have no more digits than a card.
fn groups(text: &str) -> Vec<usize> {
    let (mut ends, mut from) = (Vec::new(), 0);
    loop {
        let rest = &text[from..];
        let length = rest.find(|char: char| !char.is_ascii_digit()).unwrap_or(rest.len());
        if length < SHORTEST_GROUP || from + length > LONGEST_CARD + ends.len() {
            // A number that is too long is passed over as a whole.
            return if ends.is_empty() { vec![length] } else { ends };
        }
        ends.push(from + length);
        if !text[from + length..].starts_with([' ', '-']) {
            return ends;
        }
        from += length + 1;
    }
}

/// Whether a number goes on in what is beside it, from the nearest character on: it is part of a word, or of a fraction.
fn goes_on(mut beside: impl Iterator<Item = char>) -> bool {
    match beside.next() {
        Some('.') => beside.next().is_some_and(|char| char.is_ascii_digit()),
        Some(char) => char == '_' || char.is_alphanumeric(),
        None => false,
    }
}

/// The JSON object or array that this is the base64 of.
pub fn json_in_base64(text: &str) -> Option<String> {
    // These are what `{` and `[` begin with.
    if !text.starts_with(['e', 'W']) || text.len() < 4 {
        return None;
    }
    String::from_utf8(BASE64_STANDARD.decode(text).ok()?).ok()
}
