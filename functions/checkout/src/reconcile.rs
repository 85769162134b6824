//! Ending what was left half way, on the template's schedule.

use std::time::Duration;

use futures_util::{StreamExt, stream};
use serde::Serialize;
use shared::contract::{Claim, OrderAndPayment, OrderStatus};
use shared::error::Error;
use shared::ids;

use crate::App;
use crate::errand::Errand;

/// How many orders are taken up at once.
const BATCH: usize = 25;
/// How many of them at the same time.
const SIDE_BY_SIDE: usize = 8;
/// The first steps of a batch are spread over so many milliseconds.
const JITTER_MS: u64 = 100;

/// What a run has done.
#[derive(Debug, Default, Serialize)]
pub struct Reconciled {
    /// Orders that have come to their end.
    ended: usize,
    /// Orders whose payment or refund is still not known.
    open: usize,
    /// Orders with which a step failed.
    failed: usize,
    /// Orders too old to go on with, which now wait for a person.
    given_up: usize,
    /// For how long the oldest order had been waiting, in seconds.
    half_way_seconds: u64,
}

impl App {
    /// Takes up orders that were left half way, until there are none that are due or there is too little time left. No
    /// lock is needed beside another run, or a client: every step can be repeated.
    pub(crate) async fn reconcile(&self, errand: &Errand) -> Result<Reconciled, Error> {
        let mut done = Reconciled::default();
        while errand.has_time() {
            let due = self.functions.claim(errand, Claim { limit: BATCH }).await?;
            done.half_way_seconds = done.half_way_seconds.max(due.oldest_seconds);
            done.given_up += due.given_up;
            if due.orders.is_empty() && due.given_up == 0 {
                break;
            }
            let mut ends = stream::iter(due.orders).map(|both| self.end(errand, both)).buffer_unordered(SIDE_BY_SIDE);
            while let Some(end) = ends.next().await {
                match end {
                    Ok(true) => done.ended += 1,
                    Ok(false) => done.open += 1,
                    Err(error) => {
                        done.failed += 1;
                        self.telemetry.note(&errand.request_id, &error);
                    }
                }
            }
        }
        self.telemetry.figures(&errand.request_id, &done);
        Ok(done)
    }

    async fn end(&self, errand: &Errand, both: OrderAndPayment) -> Result<bool, Error> {
        let pause = u64::from_be_bytes(ids::random()) % JITTER_MS;
        tokio::time::sleep(Duration::from_millis(pause)).await;
        let both = self.finish(errand, both, None).await?;
        Ok(!matches!(both.order.status, OrderStatus::Pending | OrderStatus::Cancelling))
    }
}
