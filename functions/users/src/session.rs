//! A session: the family of refresh tokens that one sign-in began. Each token is used once and names its successor; what
//! using one means is decided here, without a table and without a clock (RFC 9700 §4.14.2 describes the rotation).

use std::time::Duration;

use serde::{Deserialize, Serialize};
use shared::clock::Timestamp;
use shared::ids::{SessionId, UserId};

use crate::token::Hash;

/// How long a session lasts after its token was used last.
pub const LIFETIME: Duration = Duration::from_secs(30 * 24 * 60 * 60);

/// How long a used token may be shown again by a client that never got the answer, or by its second tab.
pub const REPEAT: Duration = Duration::from_secs(10);

/// A session, as it is stored. Whatever changes in it changes together with `current_hash`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Session {
    /// Its id.
    pub session_id: SessionId,
    /// Whose it is.
    pub user_id: UserId,
    /// The account's epoch when it began; in another it is over.
    pub epoch: u64,
    /// The one token that has not been used.
    pub current_hash: Hash,
    /// The token that was used last.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub previous_hash: Option<Hash>,
    /// When it was used.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rotated_at: Option<Timestamp>,
    /// When the user signed in.
    pub created_at: Timestamp,
    /// When a token was given out last.
    pub last_used_at: Timestamp,
    /// What the client called itself when it signed in.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub user_agent: Option<String>,
    /// When it ends if no token is used, in seconds since 1970.
    pub expires_at: i64,
}

/// What showing a token of a session means.
#[derive(Debug, PartialEq, Eq)]
pub enum Verdict {
    /// The session has expired, or is of another epoch.
    Over,
    /// The token was used before, or a repeat has replaced it, and this is no repeat: two parties have tokens of the
    /// session, and nobody can tell which is the thief.
    Reused,
    /// The session goes on like this.
    Continued(Session),
}

impl Session {
    /// A new session.
    pub fn begin(user: &UserId, epoch: u64, first: Hash, user_agent: Option<String>, now: Timestamp) -> Session {
        Session {
            session_id: SessionId::random(),
            user_id: user.clone(),
            epoch,
            current_hash: first,
            previous_hash: None,
            rotated_at: None,
            created_at: now,
            last_used_at: now,
            user_agent,
            expires_at: now.plus(LIFETIME).as_secs(),
        }
    }

    /// Whether it goes on, for an account of this epoch.
    pub fn is_live(&self, epoch: u64, now: Timestamp) -> bool {
        self.epoch == epoch && now.as_secs() < self.expires_at
    }

    /// What it means that `shown`, a token of this session, is shown; `successor` is the token to go on with.
    pub fn judge(&self, epoch: u64, shown: &Hash, successor: Hash, now: Timestamp) -> Verdict {
        if !self.is_live(epoch, now) {
            return Verdict::Over;
        }
        let going_on = Session {
            current_hash: successor,
            last_used_at: now,
            expires_at: now.plus(LIFETIME).as_secs(),
            ..self.clone()
        };
        if *shown == self.current_hash {
            return Verdict::Continued(Session {
                previous_hash: Some(shown.clone()),
                rotated_at: Some(now),
                ..going_on
            });
        }
        let repeated = self.previous_hash.as_ref() == Some(shown)
            && self.rotated_at.is_some_and(|rotated_at| now.since(rotated_at) < REPEAT);
        if repeated {
            // `rotated_at` stays, or repeats could follow each other for ever.
            return Verdict::Continued(going_on);
        }
        Verdict::Reused
    }
}

#[cfg(test)]
mod tests;
