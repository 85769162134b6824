//! The payment provider with its ledger: it acts once for a key and replays what it answered, failures too.

/// What the provider does with a request that it has not had before.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Luck {
    /// What it is asked for.
    Does,
    /// It declines.
    Declines,
    /// It answers 500, having done nothing.
    FailsBefore,
    /// It answers 500, having done what it is asked for.
    FailsAfter,
}

/// The intent that is on record. Others come to nothing, so there is nothing to be said of them.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Intent {
    /// It waits for being confirmed.
    #[default]
    Waiting,
    /// The money is taken.
    Succeeded,
    /// Declined or cancelled: no money will be taken.
    Canceled,
}

/// What a key's first request was answered.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Answer {
    /// The money was taken, or is back.
    Done,
    /// The card was declined.
    Declined,
    /// 500.
    Failed,
}

/// An answer, as its receiver sees it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Said {
    /// It has just come about.
    Now(Answer),
    /// It is stored under the key.
    Before(Answer),
    /// The intent is not in the state for it.
    Refused,
}

/// The provider, as far as it has to do with the order.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct Provider {
    pub intent: Intent,
    /// How often money was taken.
    pub charges: u8,
    /// How often money was given back.
    pub refunds: u8,
    confirmed: Option<Answer>,
    refunded: Option<Answer>,
}

impl Provider {
    /// Confirms the intent under the order's key.
    pub fn confirm(&mut self, luck: Luck) -> Said {
        if let Some(answer) = self.confirmed {
            return Said::Before(answer);
        }
        if self.intent != Intent::Waiting {
            return Said::Refused;
        }
        let answer = match luck {
            Luck::Does | Luck::FailsAfter => {
                self.charges += 1;
                self.intent = Intent::Succeeded;
                if luck == Luck::Does { Answer::Done } else { Answer::Failed }
            }
            Luck::Declines => {
                self.intent = Intent::Canceled;
                Answer::Declined
            }
            Luck::FailsBefore => Answer::Failed,
        };
        self.confirmed = Some(answer);
        Said::Now(answer)
    }

    /// Takes the money under a key that nobody has used. Only a shortcut does that.
    pub fn charge(&mut self, luck: Luck) -> Said {
        match luck {
            Luck::Does | Luck::FailsAfter => self.charges += 1,
            Luck::Declines => return Said::Now(Answer::Declined),
            Luck::FailsBefore => {}
        }
        Said::Now(if luck == Luck::Does { Answer::Done } else { Answer::Failed })
    }

    /// Cancels the intent. Whether it was: what is captured cannot be cancelled.
    pub fn cancel(&mut self) -> bool {
        let waiting = self.intent == Intent::Waiting;
        if waiting {
            self.intent = Intent::Canceled;
        }
        waiting
    }

    /// Gives the money back under the order's key for that. A provider that refuses a second refund by itself would hide
    /// that somebody asks for one; this one does not.
    pub fn refund(&mut self, luck: Luck) -> Answer {
        *self.refunded.get_or_insert_with(|| match luck {
            Luck::Does | Luck::FailsAfter => {
                self.refunds += 1;
                if luck == Luck::Does { Answer::Done } else { Answer::Failed }
            }
            Luck::Declines | Luck::FailsBefore => Answer::Failed,
        })
    }

    /// Forgets what is stored under keys.
    pub fn forget(&mut self) {
        (self.confirmed, self.refunded) = (None, None);
    }

    /// Whether it answers every request for the refund by a failure that it has stored.
    pub fn has_lost_the_refund(&self) -> bool {
        self.refunds == 0 && self.refunded == Some(Answer::Failed)
    }
}
