//! What payments does for checkout. Each command can be repeated whenever its reply was lost: what is recorded first
//! decides, and the provider is asked about what is recorded.

use shared::contract::{Charge, Payment, Refund, RollForward};
use shared::error::Error;
use shared::ids::PaymentId;

use crate::App;
use crate::payment::{Event, Status, next};
use crate::store::{Begun, PaymentRecord};

impl App {
    /// Charges an order once: prepare without moving money, record that it started (the first record wins), confirm
    /// what was recorded. A repeat finds the record and goes on from there; a voided payment stays void.
    pub(crate) async fn charge(&self, charge: Charge) -> Result<Payment, Error> {
        let intent = self.provider.prepare(&charge).await?;
        let record = PaymentRecord::started(&charge, self.provider.name(), intent, self.clock.now());
        match self.store.begin(record).await? {
            Begun::Now(record) => {
                let event = self.provider.confirm(&record.intent).await;
                self.advance(record, event).await
            }
            Begun::Before(record) if record.amount()? != charge.amount => {
                Err(Error::Internal(format!("order {} was started with another amount", charge.order_id)))
            }
            Begun::Before(record) => self.go_on(record).await,
        }
    }

    /// Takes a payment that was left half way to its end. Where it never began there is nothing to charge by, so that
    /// is recorded: a charge that was only slow is then too late.
    pub(crate) async fn roll_forward(&self, roll_forward: RollForward) -> Result<Payment, Error> {
        let RollForward { order_id, amount } = roll_forward;
        let record = PaymentRecord::voided(order_id, amount, self.provider.name(), self.clock.now());
        match self.store.begin(record).await? {
            Begun::Now(record) => view(record),
            Begun::Before(record) => self.go_on(record).await,
        }
    }

    /// Gives back what was captured, once. Whatever else became of the payment is answered as it is.
    pub(crate) async fn refund(&self, refund: Refund) -> Result<Payment, Error> {
        let record = self.store.find(&refund.order_id).await?.ok_or(Error::NotFound("payment"))?;
        if record.status != Status::Captured {
            return self.go_on(record).await;
        }
        let record = self.store.advance(&record, &Event::RefundAsked, self.clock.now()).await?;
        if record.status != Status::Refunding {
            return view(record);
        }
        let event = self.provider.refund(&record.order_id, &record.intent).await;
        self.advance(record, event).await
    }

    /// Asks the provider what became of what was recorded, where that is not known.
    async fn go_on(&self, record: PaymentRecord) -> Result<Payment, Error> {
        let event = match record.status {
            Status::Started => self.provider.look_up(&record.intent).await,
            Status::Refunding => self.provider.look_up_refund(&record.order_id, &record.intent).await,
            Status::Captured | Status::Declined | Status::Voided | Status::Refunded => None,
        };
        self.advance(record, event).await
    }

    /// Records what the provider said, if it said anything.
    async fn advance(&self, record: PaymentRecord, event: Option<Event>) -> Result<Payment, Error> {
        match event {
            Some(event) if next(record.status, &event).is_some() => {
                view(self.store.advance(&record, &event, self.clock.now()).await?)
            }
            _ => view(record),
        }
    }
}

/// A payment as the other functions see it.
fn view(record: PaymentRecord) -> Result<Payment, Error> {
    let amount = record.amount()?;
    if record.status == Status::Started {
        return Ok(Payment::unknown(&record.order_id, amount));
    }
    Ok(Payment {
        id: PaymentId::of_order(&record.order_id),
        status: record.status.seen(),
        amount,
        provider: Some(record.provider),
        decline_code: record.decline_code,
    })
}
