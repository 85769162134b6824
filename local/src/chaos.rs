//! Faults at the wire. Between checkout and the functions that it invokes, and between the functions and DynamoDB, a
//! proxy passes calls on; by [`Rule`] it drops one, loses its answer, delivers it late, answers with an error, or never
//! answers. The functions' own code knows nothing of it.

use std::collections::BTreeMap;
use std::fmt;
use std::str::FromStr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use crate::server::Answer;

mod dynamodb;
mod lambda;
mod proxy;
mod rule;
mod wires;

pub use rule::{Planned, Rule};
pub use wires::Wires;

use rule::Strike;

/// Where a call goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Wire {
    /// To Lambda's Invoke API.
    Lambda,
    /// To DynamoDB.
    Database,
}

/// What can become of a call.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Fault {
    /// It never arrives: the connection is closed.
    Dropped,
    /// It arrives and is done, and the connection is closed before the answer.
    ReplyLost,
    /// The connection is closed, and the call arrives when its sender has long given it up.
    Late,
    /// It is refused, because there are too many.
    Throttled,
    /// DynamoDB only: a write, or a reading in a transaction, is cancelled, because another one is at work on an item.
    Conflict,
    /// It fails before anything is done: a function that crashes as it starts, an internal error of DynamoDB.
    Failed,
    /// The same, although everything is done.
    FailedAfter,
    /// It never arrives, and nobody says so. By chance this does not happen: it would only cost time.
    Hang,
}

/// A call that is to be made.
pub struct Call<'a> {
    wire: Wire,
    /// What it asks for: the command of a function, the operation of DynamoDB.
    kind: String,
    body: &'a str,
}

impl Call<'_> {
    /// What can become of it by chance.
    fn risks(&self) -> &'static [Fault] {
        match self.wire {
            Wire::Lambda => lambda::risks(),
            Wire::Database => dynamodb::risks(&self.kind),
        }
    }

    /// How its receiver words such a fault, where it says anything.
    fn error(&self, fault: Fault) -> Option<Answer> {
        match self.wire {
            Wire::Lambda => lambda::error(fault),
            Wire::Database => dynamodb::error(&self.kind, self.body, fault),
        }
    }
}

/// How often something happens, to the millionth.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Rate(u32);

impl Rate {
    const ALWAYS: u32 = 1_000_000;

    /// So often in a hundred.
    pub const fn percent(percent: u32) -> Rate {
        Rate(if percent < 100 { percent * (Rate::ALWAYS / 100) } else { Rate::ALWAYS })
    }

    fn strikes(self, chance: &mut fastrand::Rng) -> bool {
        chance.u32(..Rate::ALWAYS) < self.0
    }
}

impl FromStr for Rate {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Rate, Self::Err> {
        const WRONG: &str = "write it as a decimal from 0 to 1 with at most six places, such as 0.05";
        let (whole, places) = text.split_once('.').unwrap_or((text, "0"));
        let digits = |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
        if !digits(whole) || !digits(places) || places.len() > 6 {
            return Err(WRONG);
        }
        let whole: u32 = whole.parse().map_err(|_| WRONG)?;
        let millionths: u32 = format!("{places:0<6}").parse().map_err(|_| WRONG)?;
        let rate = whole.checked_mul(Rate::ALWAYS).and_then(|whole| whole.checked_add(millionths));
        rate.filter(|rate| *rate <= Rate::ALWAYS).map(Rate).ok_or(WRONG)
    }
}

impl fmt::Display for Rate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let text = format!("{}.{:06}", self.0 / Rate::ALWAYS, self.0 % Rate::ALWAYS);
        f.write_str(text.trim_end_matches('0').trim_end_matches('.'))
    }
}

/// The rules in force. Clones share them.
#[derive(Clone, Default)]
pub struct Chaos {
    state: Arc<Mutex<State>>,
    chance: Option<(Rate, u64)>,
}

#[derive(Default)]
struct State {
    rules: Vec<Arc<Rule>>,
    struck: BTreeMap<(Wire, Fault), u64>,
}

impl Chaos {
    /// No faults, until there are rules.
    pub fn none() -> Chaos {
        Chaos::default()
    }

    /// So many of all calls meet a fault by chance. An equal seed gives equal faults to an equal sequence of calls.
    pub fn by_chance(rate: Rate, seed: u64) -> Chaos {
        let chaos = Chaos { chance: Some((rate, seed)), ..Chaos::none() };
        chaos.plan(Rule::any().by_chance(rate, seed));
        chaos
    }

    /// Rate and seed, where it is by chance from the beginning.
    pub fn chance(&self) -> Option<(Rate, u64)> {
        self.chance
    }

    /// Puts a rule into force, after those that there are.
    pub fn plan(&self, rule: Rule) -> Planned {
        let rule = Arc::new(rule);
        self.state().rules.push(Arc::clone(&rule));
        Planned(rule)
    }

    /// Takes all rules back.
    pub fn end(&self) {
        self.state().rules.clear();
    }

    /// How often what has happened where.
    pub fn struck(&self) -> BTreeMap<(Wire, Fault), u64> {
        self.state().struck.clone()
    }

    fn is_none(&self) -> bool {
        self.state().rules.is_empty()
    }

    /// What is to become of a call.
    fn strike(&self, call: &Call<'_>) -> Option<Strike> {
        let mut state = self.state();
        // Every rule counts the call; the first that strikes does.
        let strikes: Vec<_> = state.rules.iter().filter_map(|rule| Rule::strike(rule, call)).collect();
        let strike = strikes.into_iter().next()?;
        strike.rule.count();
        *state.struck.entry((call.wire, strike.fault)).or_default() += 1;
        Some(strike)
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests;
