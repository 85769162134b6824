//! What payments does for checkout. Each command can be repeated whenever its reply was lost: what is recorded first
//! decides, and the provider is asked about what is recorded.

use shared::contract::{Charge, Notice, Payment, Refund, Resolution, Resolve, RollForward, Webhook};
use shared::errand::Errand;
use shared::error::Error;
use shared::ids::PaymentId;

use crate::App;
use crate::payment::{Event, Status, next};
use crate::provider::{Intent, Prepared};
use crate::store::{Begun, PaymentRecord};

impl App {
    /// Charges an order once: prepare without moving money, record that it started (the first record wins), confirm
    /// what was recorded. A repeat finds the record and goes on from there; a voided payment stays void.
    pub(crate) async fn charge(&self, charge: Charge, errand: &Errand) -> Result<Payment, Error> {
        let (provider, now) = (self.provider.name(), self.clock.now());
        let record = match self.provider.prepare(&charge, errand).await {
            Ok(Prepared::Intent(intent)) => PaymentRecord::started(&charge, provider, intent, now),
            Ok(Prepared::Refused(code)) => PaymentRecord::declined(&charge, provider, code, now),
            // What is recorded needs no other intent, and may need the provider no more.
            Err(error) => match self.store.find(&charge.order_id).await? {
                Some(record) => return self.go_on(record, errand).await,
                None => return Err(error),
            },
        };
        match self.store.begin(record).await? {
            Begun::Now(record) if record.status == Status::Started => {
                let said = self.provider.confirm(&intent(&record)?, errand).await;
                self.advance(record, said, errand).await
            }
            Begun::Now(record) => view(record),
            Begun::Before(record) if record.amount()? != charge.amount => {
                Err(Error::Internal(format!("order {} was started with another amount", charge.order_id)))
            }
            Begun::Before(record) => self.go_on(record, errand).await,
        }
    }

    /// Takes a payment that was left half way to its end. Where it never began there is nothing to charge by, so that
    /// is recorded: a charge that was only slow is then too late.
    pub(crate) async fn roll_forward(&self, roll_forward: RollForward, errand: &Errand) -> Result<Payment, Error> {
        let RollForward { order_id, amount } = roll_forward;
        let record = PaymentRecord::voided(&order_id, amount, self.provider.name(), self.clock.now());
        match self.store.begin(record).await? {
            Begun::Now(record) => view(record),
            Begun::Before(record) => self.go_on(record, errand).await,
        }
    }

    /// Gives back what was captured, once. Whatever else became of the payment is answered as it is.
    pub(crate) async fn refund(&self, refund: Refund, errand: &Errand) -> Result<Payment, Error> {
        let record = self.store.find(&refund.order_id).await?.ok_or(Error::NotFound("payment"))?;
        if record.status != Status::Captured {
            return self.go_on(record, errand).await;
        }
        let record = self.record(&record, &Event::RefundAsked, errand).await?;
        if record.status != Status::Refunding {
            return view(record);
        }
        let said = match self.asked_here(&record) {
            Ok(()) => self.provider.refund(&intent(&record)?, errand).await,
            Err(error) => Err(error),
        };
        self.advance(record, said, errand).await
    }

    /// Says which order the provider's own message is about. A payment that has no record is none of ours, or so young
    /// that its charge is still at work: there is nothing to take on.
    pub(crate) async fn webhook(&self, webhook: Webhook, errand: &Errand) -> Result<Notice, Error> {
        let Some(order_id) = self.provider.verify(&webhook, errand).await? else {
            return Ok(Notice { order_id: None });
        };
        let known = self.store.find(&order_id).await?.is_some();
        Ok(Notice { order_id: known.then_some(order_id) })
    }

    /// Records what a person found out. A payment that never began can only have been declined, and is void then; one
    /// that did is declined once the provider cannot capture it any more. If it has, that is recorded, and the person is
    /// told so. Whether money was to go back is for checkout to see, which knows whether the order was cancelled.
    pub(crate) async fn resolve(&self, resolve: Resolve, errand: &Errand) -> Result<Payment, Error> {
        let Resolve { order_id, amount, resolution, reference } = resolve;
        let found = match resolution {
            Resolution::Declined => {
                let void = PaymentRecord::voided(&order_id, amount, self.provider.name(), self.clock.now());
                match self.store.begin(void.proved_by(reference.clone())).await? {
                    Begun::Now(record) | Begun::Before(record) => record,
                }
            }
            Resolution::Captured | Resolution::Refunded => {
                self.store.find(&order_id).await?.ok_or(Error::WrongPaymentStatus)?
            }
        };
        let event = Event::Resolved(resolution, reference);
        let record = match (found.status, resolution) {
            (Status::Started, Resolution::Declined) => {
                self.asked_here(&found)?;
                match self.provider.abandon(&intent(&found)?, errand).await?.ok_or(Error::WrongPaymentStatus)? {
                    Event::Declined(_) => self.record(&found, &event, errand).await?,
                    otherwise => self.record(&found, &otherwise, errand).await?,
                }
            }
            (status, _) if next(status, &event).is_some() => self.record(&found, &event, errand).await?,
            _ => found,
        };
        if record.status.is(resolution) { view(record) } else { Err(Error::WrongPaymentStatus) }
    }

    /// Asks the provider what became of what was recorded, where that is not known.
    async fn go_on(&self, record: PaymentRecord, errand: &Errand) -> Result<Payment, Error> {
        let said = match (record.status, self.asked_here(&record)) {
            (Status::Captured | Status::Declined | Status::Voided | Status::Refunded, _) => Ok(None),
            (_, Err(error)) => Err(error),
            (Status::Started, Ok(())) => self.provider.look_up(&intent(&record)?, errand).await,
            (Status::Refunding, Ok(())) => self.provider.look_up_refund(&intent(&record)?, errand).await,
        };
        self.advance(record, said, errand).await
    }

    /// Records what the provider said, if it said anything. If not, nobody knows what became of the payment, and why is
    /// for the log.
    async fn advance(
        &self,
        record: PaymentRecord,
        said: Result<Option<Event>, Error>,
        errand: &Errand,
    ) -> Result<Payment, Error> {
        let event = said.unwrap_or_else(|error| {
            self.telemetry.note(&errand.request_id, &error);
            None
        });
        match event {
            Some(event) if next(record.status, &event).is_some() => view(self.record(&record, &event, errand).await?),
            _ => view(record),
        }
    }

    /// Records an event, and gives the record as it is then. Should another end be recorded than the provider knows, a
    /// person must hear of it: nothing here can mend that.
    async fn record(&self, record: &PaymentRecord, event: &Event, errand: &Errand) -> Result<PaymentRecord, Error> {
        let after = self.store.advance(record, event, self.clock.now()).await?;
        if after.status.contradicts(event) {
            let (order, status) = (&after.order_id, after.status);
            let error =
                format!("order {order}: its payment is recorded as {status:?}, and the provider says {event:?}");
            self.telemetry.note(&errand.request_id, &Error::Internal(error));
        }
        Ok(after)
    }

    /// Whether the provider of now is the one that has the payment.
    fn asked_here(&self, record: &PaymentRecord) -> Result<(), Error> {
        match self.provider.name() {
            name if name == record.provider => Ok(()),
            name => Err(Error::Internal(format!("{} has the payment, and {name} is asked", record.provider))),
        }
    }
}

/// A payment as its provider knows it.
fn intent(record: &PaymentRecord) -> Result<Intent<'_>, Error> {
    Ok(Intent { order: &record.order_id, id: &record.intent, amount: record.amount()? })
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
