//! Every sequence of tokens shown, against what a plain list of them says.

use proptest::prelude::*;

use super::*;
use crate::token::RefreshToken;

const START: Timestamp = Timestamp::from_millis(1_700_000_000_000);

fn after(millis: u64) -> Timestamp {
    START.plus(Duration::from_millis(millis))
}

fn token() -> Hash {
    RefreshToken::random().hash()
}

fn session(first: &Hash) -> Session {
    Session::begin(&UserId::random(), 7, first.clone(), None, START)
}

fn goes_on(session: &Session, shown: &Hash, now: Timestamp) -> (Session, Hash) {
    let successor = token();
    match session.judge(7, shown, successor.clone(), now) {
        Verdict::Continued(session) => (session, successor),
        verdict => panic!("{verdict:?}"),
    }
}

#[test]
fn a_used_token_may_be_repeated_for_ten_seconds_and_its_first_successor_is_replaced() {
    let first = token();
    let begun = session(&first);
    let (rotated, second) = goes_on(&begun, &first, after(0));
    let (repeated, third) = goes_on(&rotated, &first, after(9_999));
    assert_eq!(repeated.judge(7, &second, token(), after(9_999)), Verdict::Reused);
    assert_eq!(repeated.judge(7, &first, token(), after(10_000)), Verdict::Reused);
    let (later, _) = goes_on(&repeated, &third, after(20_000));
    assert_eq!(later.judge(7, &first, token(), after(20_001)), Verdict::Reused);
}

#[test]
fn once_the_successor_was_used_a_repeat_is_reuse() {
    let first = token();
    let (rotated, second) = goes_on(&session(&first), &first, after(0));
    let (used, _) = goes_on(&rotated, &second, after(1));
    assert_eq!(used.judge(7, &first, token(), after(2)), Verdict::Reused);
}

#[test]
fn a_session_ends_thirty_days_after_its_last_use_and_with_its_epoch() {
    let first = token();
    let begun = session(&first);
    let day = 24 * 60 * 60 * 1000;
    assert_eq!(begun.judge(7, &first, token(), after(30 * day)), Verdict::Over);
    for epoch in [0, 6, 8] {
        assert_eq!(begun.judge(epoch, &first, token(), after(0)), Verdict::Over);
    }
    let (rotated, second) = goes_on(&begun, &first, after(30 * day - 1000));
    goes_on(&rotated, &second, after(60 * day - 2000));
    assert_eq!(rotated.judge(7, &second, token(), after(60 * day - 1000)), Verdict::Over);
}

proptest! {
    /// The token that was given out last is always good; the one that was used last for ten seconds, as long as its
    /// successor was not used; a token that was replaced, and every other one, is never good again.
    #[test]
    fn the_last_token_alone_goes_on(steps in prop::collection::vec((0_usize..6, 0_u64..12_000), 1..40)) {
        let mut tokens = vec![token()];
        let (mut current, mut previous) = (0, None);
        let mut session = session(&tokens[0]);
        let mut millis = 0;
        for (back, pause) in steps {
            millis += pause;
            let shown = tokens.len().saturating_sub(1 + back);
            let successor = token();
            let repeat = previous.is_some_and(|(used, at)| used == shown && millis - at < 10_000);
            match session.judge(7, &tokens[shown], successor.clone(), after(millis)) {
                Verdict::Continued(continued) => {
                    prop_assert!(shown == current || repeat);
                    prop_assert_eq!(&continued.current_hash, &successor);
                    prop_assert_eq!(continued.expires_at, after(millis).plus(LIFETIME).as_secs());
                    prop_assert_eq!(&continued.session_id, &session.session_id);
                    if shown == current {
                        previous = Some((shown, millis));
                    }
                    tokens.push(successor);
                    current = tokens.len() - 1;
                    session = continued;
                }
                verdict => {
                    prop_assert_eq!(verdict, Verdict::Reused);
                    prop_assert!(shown != current && !repeat);
                }
            }
        }
    }
}
