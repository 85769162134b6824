//! What payments does for checkout.

use shared::contract::{Charge, Payment, PaymentStatus};
use shared::error::Error;
use shared::ids::PaymentId;

use crate::App;
use crate::payment::{self, Status};
use crate::store::PaymentRecord;

impl App {
    /// Charges an order once: prepare without moving money, record that it started (the first record wins), confirm
    /// what was recorded. A repeat finds the record and goes on from there.
    pub(crate) async fn charge(&self, charge: Charge) -> Result<Payment, Error> {
        let intent = self.provider.prepare(&charge).await?;
        let record = self.store.start(&charge, self.provider.name(), intent, self.clock.now()).await?;
        if record.amount()? != charge.amount {
            return Err(Error::Internal(format!("order {} was started with another amount", charge.order_id)));
        }
        if record.status != Status::Started {
            return view(record);
        }
        let outcome = self.provider.confirm(&record.intent).await;
        match payment::next(record.status, &outcome) {
            Some(status) => view(self.store.end(&record.order_id, status, &outcome, self.clock.now()).await?),
            None => view(record),
        }
    }
}

/// A payment as the other functions see it.
fn view(record: PaymentRecord) -> Result<Payment, Error> {
    let amount = record.amount()?;
    let (status, provider) = match record.status {
        Status::Started => return Ok(Payment::unknown(&record.order_id, amount)),
        Status::Captured => (PaymentStatus::Captured, record.provider),
        Status::Declined => (PaymentStatus::Declined, record.provider),
    };
    let id = PaymentId::of_order(&record.order_id);
    Ok(Payment { id, status, amount, provider: Some(provider), decline_code: record.decline_code })
}
