//! What a Lambda authorizer said, kept for its time to live. The key is what identified the caller and nothing else, so
//! that one answer serves every route of the authorizer, unless the route's key is among what identifies.
//! <https://docs.aws.amazon.com/apigateway/latest/developerguide/http-api-lambda-authorizer.html#http-api-lambda-authorizer.caching>

use std::borrow::Cow;
use std::time::Duration;

use shared::clock::Timestamp;

use super::lambda::Answer;

/// How many answers are kept; the least used ones make room.
const CAPACITY: usize = 4096;

/// Answers by identity.
pub struct Cache {
    ttl: Duration,
    answers: quick_cache::sync::Cache<Box<[Box<str>]>, (Timestamp, Answer)>,
}

impl Cache {
    /// An empty cache, of which each answer is good for so long.
    pub fn new(ttl: Duration) -> Self {
        Self { ttl, answers: quick_cache::sync::Cache::new(CAPACITY) }
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

/// The values apart: joined, two identities could read the same.
fn key(identity: &[Cow<'_, str>]) -> Box<[Box<str>]> {
    identity.iter().map(|value| Box::from(&**value)).collect()
}
