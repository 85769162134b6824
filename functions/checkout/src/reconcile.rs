//! Ending what was left half way, on the template's schedule.

use std::time::Duration;

use futures_util::{StreamExt, stream};
use serde::Serialize;
use shared::contract::{Backlog, Claim, OrderAndPayment, OrderStatus};
use shared::error::Error;
use shared::transaction::jitter;

use crate::App;
use crate::errand::Errand;
use crate::functions::BACKLOG;

/// How many orders are taken up at once, all at the same time: one that waits would have been moved back in the queue
/// for nothing.
const BATCH: usize = 8;
/// With less time left none are taken up. So long it takes to end an order, unless payments hangs: then what payments does
/// is done all the same, and the next run settles it.
const TO_END: Duration = Duration::from_secs(4);
/// Their first steps are spread over so long.
const SPREAD: Duration = Duration::from_millis(100);

/// What a run has done, and what it leaves.
#[derive(Debug, Default, Serialize)]
pub struct Reconciled {
    /// Orders that have come to their end.
    ended: usize,
    /// Orders whose payment or refund is still not known.
    open: usize,
    /// Orders with which a step failed. A line of the log says why, for each.
    failed: usize,
    /// Absent where it could not be found out, which the alarm on it takes for the worst.
    #[serde(flatten)]
    left: Option<Left>,
}

#[derive(Debug, Serialize)]
struct Left {
    /// For how long the oldest order without an end has been waiting, in seconds.
    half_way_seconds: u64,
    /// How many orders wait for a person.
    given_up: usize,
    /// Which.
    given_up_orders: Vec<String>,
}

impl From<Backlog> for Left {
    fn from(Backlog { oldest_seconds, given_up }: Backlog) -> Left {
        Left { half_way_seconds: oldest_seconds, given_up: given_up.len(), given_up_orders: given_up }
    }
}

impl App {
    /// Takes up orders that were left half way, until there are none that are due or there is too little time left. No
    /// lock is needed beside another run, or a client: every step can be repeated.
    ///
    /// # Errors
    /// Orders could not be taken up, or it could not be found out what is left. The figures are logged all the same.
    pub(crate) async fn reconcile(&self, errand: &Errand) -> Result<Reconciled, Error> {
        let mut done = Reconciled::default();
        let taken_up = self.take_up(&errand.part(Duration::MAX, BACKLOG), &mut done).await;
        let left = self.functions.backlog(errand).await.map(|backlog| done.left = Some(backlog.into()));
        self.telemetry.figures(&errand.request_id, &done);
        taken_up.and(left).map(|()| done)
    }

    async fn take_up(&self, errand: &Errand, done: &mut Reconciled) -> Result<(), Error> {
        while errand.has_time_for(TO_END) {
            let due = self.functions.claim(errand, Claim { limit: BATCH }).await?;
            // Where none of those that are due can be had, the next would not be either.
            let in_vain = due.orders.is_empty() && !due.failed.is_empty();
            done.failed += due.failed.len();
            for failed in due.failed {
                self.telemetry.note(&errand.request_id, &Error::Unavailable(failed));
            }
            let mut ends = stream::iter(due.orders).map(|both| self.end(errand, both)).buffer_unordered(BATCH);
            while let Some(end) = ends.next().await {
                *match end {
                    Some(true) => &mut done.ended,
                    Some(false) => &mut done.open,
                    None => &mut done.failed,
                } += 1;
            }
            if in_vain || !due.more {
                break;
            }
        }
        Ok(())
    }

    /// Whether the order has come to its end; `None` if a step failed.
    async fn end(&self, errand: &Errand, both: OrderAndPayment) -> Option<bool> {
        tokio::time::sleep(jitter(SPREAD)).await;
        let order = both.order.id.clone();
        match self.finish(errand, both, None).await {
            Ok(both) => Some(!matches!(both.order.status, OrderStatus::Pending | OrderStatus::Cancelling)),
            Err(error) => {
                self.telemetry.note_on(&errand.request_id, &order, &error);
                None
            }
        }
    }
}
