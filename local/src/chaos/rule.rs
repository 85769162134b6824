//! Which calls meet a fault: a plan, such as "the first charge of this order", or chance.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::sync::watch;
use tokio::task::JoinHandle;

use super::{Call, Fault, Rate, Wire};

/// The longest that a call is late by chance.
const LATEST: Duration = Duration::from_millis(300);

/// A fault, and the calls that meet it.
pub struct Rule {
    fault: Option<Fault>,
    call: Option<(Wire, String)>,
    about: Vec<String>,
    which: Which,
    seen: AtomicU64,
    met: AtomicU64,
    late: Mutex<Vec<JoinHandle<()>>>,
    release: watch::Sender<bool>,
}

enum Which {
    Some { first: u64, many: u64 },
    ByChance(Rate, Mutex<fastrand::Rng>),
}

/// What a call meets.
pub struct Strike {
    pub fault: Fault,
    /// For a late call: when it arrives.
    pub arrival: Arrival,
    pub rule: Arc<Rule>,
}

/// When a late call arrives.
pub enum Arrival {
    After(Duration),
    Released(watch::Receiver<bool>),
}

impl Arrival {
    /// Waits for it.
    pub async fn wait(self) {
        match self {
            Arrival::After(delay) => tokio::time::sleep(delay).await,
            Arrival::Released(mut released) => {
                // A rule that is gone releases what it held.
                let _ = released.wait_for(|released| *released).await;
            }
        }
    }
}

impl Rule {
    /// Every call meets this fault.
    pub fn new(fault: Fault) -> Rule {
        Rule { fault: Some(fault), ..Rule::any() }
    }

    /// Every call meets one of the faults that it can meet by chance.
    pub fn any() -> Rule {
        Rule {
            fault: None,
            call: None,
            about: Vec::new(),
            which: Which::Some { first: 1, many: u64::MAX },
            seen: AtomicU64::new(0),
            met: AtomicU64::new(0),
            late: Mutex::default(),
            release: watch::Sender::new(false),
        }
    }

    /// Only calls of this kind: a command, such as `charge`, or an operation, such as `TransactWriteItems`.
    pub fn on(self, wire: Wire, kind: &str) -> Rule {
        Rule { call: Some((wire, kind.to_owned())), ..self }
    }

    /// Only calls whose body has this text, such as an order's id. May be repeated.
    pub fn about(mut self, text: &str) -> Rule {
        self.about.push(text.to_owned());
        self
    }

    /// Only number `n` of those, from 1.
    pub fn nth(self, n: u64) -> Rule {
        self.some(n, 1)
    }

    /// Only so many of those, from number `first` on.
    pub fn some(self, first: u64, many: u64) -> Rule {
        Rule { which: Which::Some { first, many }, ..self }
    }

    /// So many of those, by chance.
    pub fn by_chance(self, rate: Rate, seed: u64) -> Rule {
        Rule { which: Which::ByChance(rate, Mutex::new(fastrand::Rng::with_seed(seed))), ..self }
    }

    fn is_about(&self, call: &Call<'_>) -> bool {
        self.call.as_ref().is_none_or(|(wire, kind)| *wire == call.wire && *kind == call.kind)
            && self.about.iter().all(|text| call.body.contains(text.as_str()))
    }

    /// Counts a call, if it is about it, and says what it would meet.
    pub(super) fn strike(rule: &Arc<Rule>, call: &Call<'_>) -> Option<Strike> {
        if !rule.is_about(call) {
            return None;
        }
        let number = rule.seen.fetch_add(1, Ordering::Relaxed) + 1;
        let (fault, arrival) = match &rule.which {
            Which::Some { first, many } if number >= *first && number - first < *many => {
                (rule.fault?, Arrival::Released(rule.release.subscribe()))
            }
            Which::Some { .. } => return None,
            Which::ByChance(rate, chance) => {
                let mut chance = locked(chance);
                if !rate.strikes(&mut chance) {
                    return None;
                }
                let fault = rule.fault.or_else(|| chance.choice(call.risks()).copied())?;
                let latest = u64::try_from(LATEST.as_millis()).unwrap_or_default();
                (fault, Arrival::After(Duration::from_millis(chance.u64(..=latest))))
            }
        };
        Some(Strike { fault, arrival, rule: Arc::clone(rule) })
    }

    /// Counts a call that has met the fault.
    pub(super) fn count(&self) {
        self.met.fetch_add(1, Ordering::Relaxed);
    }

    /// Keeps a late call.
    pub(super) fn keep(&self, call: JoinHandle<()>) {
        let mut late = locked(&self.late);
        late.retain(|call| !call.is_finished());
        late.push(call);
    }
}

/// A rule that has been put into force.
pub struct Planned(pub(super) Arc<Rule>);

impl Planned {
    /// How many calls have met the fault.
    pub fn met(&self) -> u64 {
        self.0.met.load(Ordering::Relaxed)
    }

    /// Lets the late calls arrive, and waits until they are done.
    pub async fn release(&self) {
        let _ = self.0.release.send_replace(true);
        let late: Vec<_> = locked(&self.0.late).drain(..).collect();
        for call in late {
            // One that panicked is over as well.
            let _ = call.await;
        }
    }
}

fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
