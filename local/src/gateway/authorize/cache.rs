//! What a Lambda authorizer said, kept for its time to live. The key is what identified the caller and nothing else, so
//! that one answer serves every route of the authorizer, unless the route's key is among what identifies.
//! <https://docs.aws.amazon.com/apigateway/latest/developerguide/http-api-lambda-authorizer.html#http-api-lambda-authorizer.caching>

use std::borrow::Cow;
use std::time::Duration;

use quick_cache::Weighter;
use shared::clock::Timestamp;

use super::lambda::Answer;

/// How many bytes of answers and identities are kept; the least used ones make room.
const BYTES: u64 = 16 * 1024 * 1024;
/// About how many answers that is.
const ANSWERS: usize = 4096;

type Key = Box<[Box<str>]>;

/// Answers by identity.
pub struct Cache {
    ttl: Duration,
    answers: quick_cache::sync::Cache<Key, (Timestamp, Answer), Weight>,
}

impl Cache {
    /// An empty cache, of which each answer is good for so long.
    pub fn new(ttl: Duration) -> Self {
        Self { ttl, answers: quick_cache::sync::Cache::with_weighter(ANSWERS, BYTES, Weight) }
    }

    /// What was said of this identity and still holds.
    pub fn get(&self, identity: &[Cow<'_, str>], now: Timestamp) -> Option<Answer> {
        let (until, answer) = self.answers.get(&key(identity))?;
        (now < until).then_some(answer)
    }

    /// Keeps what was said.
    pub fn put(&self, identity: &[Cow<'_, str>], answer: Answer, now: Timestamp) {
        self.answers.insert(key(identity), (now.plus(self.ttl), answer));
    }
}

#[derive(Clone)]
struct Weight;

impl Weighter<Key, (Timestamp, Answer)> for Weight {
    fn weight(&self, key: &Key, (_, answer): &(Timestamp, Answer)) -> u64 {
        let identity: usize = key.iter().map(|value| value.len() + 16).sum();
        u64::try_from(identity + answer.size()).unwrap_or(u64::MAX)
    }
}

/// The values apart: joined, two identities could read the same.
fn key(identity: &[Cow<'_, str>]) -> Key {
    identity.iter().map(|value| Box::from(&**value)).collect()
}
