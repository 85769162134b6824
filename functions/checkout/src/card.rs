//! Card numbers must not get in: not into a table, not into a log.

use serde_json::Value;
use unicode_normalization::UnicodeNormalization;

/// Whether any text or number in this JSON, member names included, looks like a card number: 13 to 19 digits that pass
/// Luhn (ISO/IEC 7812-1), whatever stands between them that is neither a letter nor a digit.
pub fn is_in(json: &Value) -> bool {
    match json {
        Value::Null | Value::Bool(_) => false,
        Value::Number(number) => looks_like_one(&number.to_string()),
        Value::String(text) => looks_like_one(text),
        Value::Array(values) => values.iter().any(is_in),
        Value::Object(members) => members.iter().any(|(name, value)| looks_like_one(name) || is_in(value)),
    }
}

fn looks_like_one(text: &str) -> bool {
    // Digits of other scripts and widths count as what they are compatible with.
    let text: String = text.nfkc().collect();
    text.split(char::is_alphabetic).any(|stretch| {
        let groups: Vec<&str> =
            stretch.split(|c: char| !c.is_ascii_digit()).filter(|group| !group.is_empty()).collect();
        (0..groups.len()).any(|first| starts_one(&groups[first..]))
    })
}

/// Whether the first of these groups of digits begins a card number that ends with one of them.
fn starts_one(groups: &[&str]) -> bool {
    let mut digits = String::new();
    for group in groups {
        digits.push_str(group);
        if digits.len() > 19 {
            return false;
        }
        if digits.len() >= 13 && passes_luhn(&digits) {
            return true;
        }
    }
    false
}

fn passes_luhn(digits: &str) -> bool {
    let sum: u32 = digits
        .bytes()
        .rev()
        .enumerate()
        .map(|(index, digit)| {
            let value = u32::from(digit - b'0');
            match (index % 2, value) {
                (0, _) => value,
                (_, 0..=4) => value * 2,
                _ => value * 2 - 9,
            }
        })
        .sum();
    sum.is_multiple_of(10)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn card_numbers_are_found_wherever_they_hide() {
        for hidden in [
            json!("4242424242424242"),
            json!("4242 4242 4242 4242"),
            json!("4242-4242-4242-4242"),
            json!("card 4242 4242 4242 4242, 12/30"),
            json!("4242 4242 4242 4242 12 30"),
            json!("4242  4242 - 4242__4242"),
            json!("\u{ff14}242 4242 4242 4242"),
            json!(4_242_424_242_424_242_u64),
            json!({"a": [{"b": "378282246310005"}]}),
            json!({"6011111111111117": true}),
        ] {
            assert!(is_in(&hidden), "{hidden}");
        }
    }

    #[test]
    fn other_numbers_are_let_through() {
        for harmless in [json!("4242424242424241"), json!("+49 30 1234567"), json!(1999)] {
            assert!(!is_in(&harmless), "{harmless}");
        }
    }
}
