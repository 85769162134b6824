//! What may become somebody's password (NIST SP 800-63B §3.1.1.2): long enough, and nothing that is tried first. How it is
//! composed does not matter.

use super::common::is_common;

/// The fewest characters of a new password.
const SHORTEST: usize = 15;
/// Text of so few characters is no secret, however often it is repeated.
const TRIVIAL: usize = 4;
/// As many characters must be left without the names that a stranger would try.
const BESIDE_NAMES: usize = 8;
/// This shop's own name, in lower case.
const SHOP: &str = "portico";

/// Why `password`, in normal form KC, may not become that of the user called `username`, in lower case; `None` if it may.
pub fn fault(password: &str, username: &str) -> Option<&'static str> {
    if password.chars().count() < SHORTEST {
        return Some("a password has 15 to 256 characters");
    }
    let lower = password.to_lowercase();
    if is_common(&lower) {
        return Some("this is a common password, which is tried first: choose another one");
    }
    if let Some(unit) = repeated(&lower)
        && (unit.chars().count() <= TRIVIAL || is_common(unit))
    {
        return Some("this repeats a common password or a few characters: choose another one");
    }
    let left = lower.replace(username, "").replace(SHOP, "");
    if left.len() < lower.len() && left.chars().count() < BESIDE_NAMES {
        return Some("this is little more than the user's or the shop's name: add 8 characters that are neither");
    }
    None
}

/// The shortest text of which `text` is a repetition; the last one may be cut short. `None` if that is the whole text.
fn repeated(text: &str) -> Option<&str> {
    let starts = text.char_indices().map(|(start, _)| start).skip(1);
    // A text that repeats after `start` bytes is its own beginning from there on.
    starts.into_iter().find(|start| text.starts_with(&text[*start..])).map(|start| &text[..start])
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn refused(password: &str, username: &str) -> bool {
        fault(password, username).is_some()
    }

    #[test]
    fn what_is_tried_first_is_refused_and_says_why() {
        for (password, why) in [
            ("fourteen chars", "15 to 256"),
            ("\u{1f511}\u{1f511}\u{1f511}\u{1f511}\u{1f511}\u{1f511}\u{1f511}", "15 to 256"),
            ("qwertyuiopasdfgh", "is a common password"),
            ("QwertyUIOPasdfgh", "is a common password"),
            ("thisismypassword", "is a common password"),
            ("dragondragondragon", "repeats"),
            ("DragonDRAGONdragon", "repeats"),
            ("michellemichell", "repeats"),
            ("%%%%%%%%%%%%%%%%%%%%", "repeats"),
            ("x7!qx7!qx7!qx7!qx7!", "repeats"),
            ("anna.lovelace-1842", "name"),
            ("anna.lovelaceanna.lovelace", "name"),
            ("PorticoPorticoPortico7654321", "name"),
            ("portico-anna.lovelace", "name"),
        ] {
            let said = fault(password, "anna.lovelace");
            assert!(said.is_some_and(|said| said.contains(why)), "{password}: {said:?}");
        }
    }

    #[test]
    fn a_long_password_may_be_anything_else() {
        for password in [
            "the rain in spain stays",
            "portico keeps the rain out",
            "anna.lovelace wrote the first program",
            "all lower case and no digit",
            "пароль из многих слов",
            "zxq9-dragon-dragon-7t",
            "         k     v    ",
        ] {
            assert!(!refused(password, "anna.lovelace"), "{password}");
        }
    }

    proptest! {
        #[test]
        fn a_few_characters_are_refused_however_often_they_repeat(unit in "\\PC{1,4}", times in 15_usize..60) {
            prop_assert!(refused(&unit.repeat(times), "anna"));
        }

        #[test]
        fn a_repetition_is_found_wherever_it_ends(unit in "[a-z]{5,9}", length in 20_usize..60) {
            let text: String = unit.chars().cycle().take(length).collect();
            let found = repeated(&text).expect("a repetition");
            prop_assert!(found.len() <= unit.len());
            prop_assert!(text.chars().zip(found.chars().cycle()).all(|(one, other)| one == other));
        }

        #[test]
        fn the_name_and_less_than_eight_others_are_refused(name in "[a-z]{8,30}", other in "[0-9]{0,7}") {
            prop_assume!(!name.contains(SHOP));
            let refused = |text: String| refused(&text, &name);
            prop_assert!(refused(format!("{name}{other}")), "{name}");
            prop_assert!(refused(format!("{other}{}", name.to_uppercase())), "{name}");
        }

        #[test]
        fn no_text_makes_it_panic(password in "\\PC{0,40}", name in "[a-z0-9._-]{3,12}") {
            refused(&password, &name);
        }
    }
}
