//! Every way to get past the authorizer that anybody has thought of, through the front door: one line for each, with its
//! answer. None is let in, none breaks anything, none keeps the shop busy.

use std::time::{Duration, Instant};

use local::keys::Keys;
use serde_json::json;

use crate::shop::{Setup, Shop};

mod algorithms;
mod claims;
pub mod forge;
mod headers;
mod json;
mod signatures;
mod texts;
mod wire;

use forge::Forge;
use wire::Attack;

const WHY: &str = "signs with the shop's own key";

/// Longer than any of these may take, on however busy a machine.
const PATIENCE: Duration = Duration::from_secs(20);

/// What none of them needs, unless the machine happens to be busy with something else; which it is not four times.
const SLOW: Duration = Duration::from_millis(250);
const TRIES: usize = 4;

/// All of them.
fn table(forge: &Forge) -> Vec<Attack> {
    let kinds = [
        algorithms::table(forge),
        headers::table(forge),
        signatures::table(forge),
        claims::table(forge),
        json::table(forge),
        texts::table(forge),
        wire::table(forge),
        replays(forge),
    ];
    kinds.into_iter().flatten().collect()
}

/// What this shop has issued itself, and is good for something else, or for nothing any more.
fn replays(forge: &Forge) -> Vec<Attack> {
    vec![
        Attack::bearer(403, "a refresh token that is good", &forge.refresh),
        Attack::bearer(403, "an access token that was good and has expired", &forge.expired),
    ]
}

/// Sends it. Says what is wrong with the answer, or that it took long however often it was sent.
async fn wrong_with(attack: &Attack, shop: &Shop) -> Option<String> {
    for _ in 0..TRIES {
        let since = Instant::now();
        let answer = attack.send(shop, PATIENCE).await;
        let took = since.elapsed();
        if let Some(why) = attack.differs(&answer) {
            return Some(why);
        }
        if took <= SLOW {
            return None;
        }
    }
    Some(format!("slow: over {SLOW:?}, {TRIES} times"))
}

#[tokio::test]
async fn no_forged_damaged_replayed_confused_or_oversized_token_gets_in() {
    let Some(shop) = Shop::in_process(WHY, Setup::default()).await else { return };
    let forge = Forge::of(&shop).await;
    let attacks = table(&forge);
    let names: std::collections::BTreeSet<&str> = attacks.iter().map(|attack| attack.name.as_str()).collect();
    assert_eq!(names.len(), attacks.len(), "two attacks have one name");
    assert!(attacks.len() >= 200, "{} attacks", attacks.len());

    let good = Attack::bearer(200, "the good token", &forge.good);
    assert_eq!(good.differs(&good.send(&shop, PATIENCE).await), None, "before any of them");
    let mut wrong = Vec::new();
    for (number, attack) in attacks.iter().enumerate() {
        if let Some(why) = wrong_with(attack, &shop).await {
            wrong.push(format!("{}: {why}", attack.name));
        }
        if number % 50 == 0 {
            assert_eq!(good.differs(&good.send(&shop, PATIENCE).await), None, "after {}", attack.name);
        }
    }
    assert_eq!(good.differs(&good.send(&shop, PATIENCE).await), None, "after all of them");
    assert!(wrong.is_empty(), "{} of {}:\n{}", wrong.len(), attacks.len(), wrong.join("\n"));
}

#[tokio::test]
async fn what_only_looks_forged_is_the_same_token_and_does_no_harm() {
    let Some(shop) = Shop::in_process(WHY, Setup::default()).await else { return };
    let forge = Forge::of(&shop).await;
    let token = &forge.good;
    for (name, lines) in [
        ("as it was issued", format!("Authorization: Bearer {token}")),
        // RFC 9110 §5.1, §11.1: names of fields and schemes have no case.
        ("with another case of the field and the scheme", format!("aUTHORIZATION: bEARER {token}")),
        // RFC 9110 §5.5: white space around a field's value is none of it.
        ("with white space around the value", format!("Authorization: \t Bearer {token} \t ")),
        // FIPS 186-5 §6.4.2: with (r, s), (r, n − s) is a signature too. Nothing is kept by a token's text, only by its jti.
        ("with the other of its two signatures", format!("Authorization: Bearer {}", forge.malleated())),
        // RFC 8259 §2: what the key's holder signs may be laid out in any way.
        ("laid out otherwise", format!("Authorization: Bearer {}", forge.claims_with("role", json!("customer")))),
    ] {
        let attack = Attack::lines(200, name, lines.into_bytes());
        assert_eq!(attack.differs(&attack.send(&shop, PATIENCE).await), None, "{name}");
    }
}

#[tokio::test]
async fn the_tokens_of_another_deployment_are_refused() {
    let Some(shop) = Shop::in_process(WHY, Setup::default()).await else { return };
    let forge = Forge::of(&shop).await;
    let others = Keys::generate().expect("keys");
    for (name, forged) in [
        ("with its own key's name", forge.signed_by_another(&others, false)),
        ("with this one's key's name", forge.signed_by_another(&others, true)),
    ] {
        let attack = Attack::bearer(403, name, &forged);
        assert_eq!(attack.differs(&attack.send(&shop, PATIENCE).await), None, "{name}");
    }
    // Not only this test's own imitation: what the other one really issues.
    let Some(other) = Shop::in_process(WHY, Setup::default()).await else { return };
    let issued = other.customer().await.token.expect("a token");
    shop.anonymous().with_token(&issued).get("/users/me").await.message(403, "Forbidden");
    other.anonymous().with_token(&issued).get("/users/me").await.is(200);
}
