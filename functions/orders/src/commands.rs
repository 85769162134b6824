//! What orders does for checkout.

use futures_util::future::join_all;
use shared::contract::{
    Backlog, Cancel, Claim, Due, EraseAddresses, Find, Order, OrderAndPayment, OrderStatus, Payment, PaymentStatus,
    Place, Placed, Settle, Step,
};
use shared::error::Error;
use shared::ids::PaymentId;

use crate::App;
use crate::order::{self, Event, NoTotal};
use crate::store::{Claimed, Erased, NewOrder, NotPlaced, Ticket};

/// How often a cancellation is tried beside others who change the order.
const CANCEL_ATTEMPTS: usize = 3;
/// The most orders that are handed out at once.
const LARGEST_CLAIM: usize = 100;

impl App {
    /// Puts the order and reserves its stock, in one transaction. Whatever stands in the way, an order that is
    /// there already comes first: a repeat must find it even when its products are sold out or gone since.
    pub(crate) async fn place(&self, place: Place) -> Result<Placed, Error> {
        let products: Vec<_> = place.items.iter().map(|item| item.product_id.clone()).collect();
        let mut offers = self.store.offers(&products).await?;
        let gone: Vec<_> = products.into_iter().filter(|product| !offers.contains_key(product)).collect();
        if !gone.is_empty() {
            return self.existing_or(&place, Placed::ProductUnavailable { product_ids: gone }).await;
        }
        let lines = place.items.iter().cloned().map(|item| {
            let offer = offers.remove(&item.product_id)?;
            order::line(item, offer)
        });
        let lines = lines.collect::<Option<Vec<_>>>().ok_or(NoTotal::OutOfRange);
        let (lines, total) = match lines.and_then(|lines| order::total(&lines).map(|total| (lines, total))) {
            Ok(priced) => priced,
            Err(NoTotal::OutOfRange) => return self.existing_or(&place, Placed::TotalTooLarge).await,
            Err(NoTotal::CurrenciesDiffer) => return self.existing_or(&place, Placed::CurrenciesDiffer).await,
        };
        if place.expected_total.is_some_and(|expected| expected != total) {
            return self.existing_or(&place, Placed::PriceChanged { total }).await;
        }
        let now = self.clock.now();
        let order = Order {
            id: place.order_id.clone(),
            status: OrderStatus::Pending,
            items: lines,
            total,
            created_at: now,
            updated_at: now,
            history: vec![Step { status: OrderStatus::Pending, at: now, reference: None }],
            shipping_address: place.shipping_address.clone(),
            shipment: None,
        };
        let payment = Payment::unknown(&order.id, total);
        let new =
            NewOrder { user_id: &place.user_id, fingerprint: &place.fingerprint, order: &order, payment: &payment };
        match self.store.place(&new).await {
            Ok(()) => Ok(Placed::New(Box::new(OrderAndPayment { order, payment }))),
            Err(NotPlaced::Exists { fingerprint, current }) => {
                Ok(Placed::Existing { same_request: fingerprint == place.fingerprint, current })
            }
            Err(NotPlaced::Refused { contended, gone, short }) => {
                let refusal = match gone.is_empty() {
                    true => Placed::OutOfStock { lines: short },
                    false => Placed::ProductUnavailable { product_ids: gone },
                };
                // The first sending of this very order may be what took the last piece.
                match self.existing_or(&place, refusal).await? {
                    found @ Placed::Existing { .. } => Ok(found),
                    _ if contended => Err(Error::Unavailable("the order is being placed at this moment".to_owned())),
                    refusal => Ok(refusal),
                }
            }
            Err(NotPlaced::Failed(error)) => Err(error),
        }
    }

    async fn existing_or(&self, place: &Place, otherwise: Placed) -> Result<Placed, Error> {
        Ok(match self.store.find(&place.order_id).await? {
            None => otherwise,
            Some((fingerprint, current)) => {
                Placed::Existing { same_request: fingerprint == place.fingerprint, current: Box::new(current) }
            }
        })
    }

    /// Takes an order on as its payment says: confirmed, or failed with its stock back, or cancelled with its stock
    /// back. A repeat that finds the same end has succeeded.
    pub(crate) async fn settle(&self, settle: Settle) -> Result<OrderAndPayment, Error> {
        let event = match settle.payment.status {
            PaymentStatus::Captured => Event::Captured,
            PaymentStatus::Declined => Event::Declined,
            PaymentStatus::Voided => Event::Voided,
            PaymentStatus::Refunded => Event::Refunded,
            PaymentStatus::Unknown | PaymentStatus::Refunding => {
                return Err(Error::field("/payment/status", "a payment without an end settles nothing"));
            }
        };
        if settle.payment.id != PaymentId::of_order(&settle.order.id) || settle.payment.amount != settle.order.total {
            return Err(Error::Internal(format!("not the payment of order {}", settle.order.id)));
        }
        if let Some(settled) = self.store.settle(&settle, event, self.clock.now()).await? {
            return Ok(settled);
        }
        let (_, current) = self.store.find(&settle.order.id).await?.ok_or(Error::NotFound("order"))?;
        if current.payment == settle.payment {
            return Ok(current);
        }
        // A capture that settled the order meanwhile, and a cancellation after it, are no contradiction.
        if settle.payment.status == PaymentStatus::Captured && current.payment.status == PaymentStatus::Refunded {
            Ok(current)
        } else {
            Err(Error::Internal(format!("order {} is not as it was placed, or has ended otherwise", settle.order.id)))
        }
    }

    /// Begins to cancel an order that is paid and not yet with the carrier, and gives it as it is then: a caller sees by
    /// its status whether it is being cancelled.
    pub(crate) async fn cancel(&self, cancel: Cancel) -> Result<OrderAndPayment, Error> {
        // A step of the warehouse may come in between: then the order is read again, and judged by what it is now.
        for _ in 0..CANCEL_ATTEMPTS {
            let current = self.of(&cancel).await?;
            if order::next(current.order.status, Event::Cancelled).is_none() {
                return Ok(current);
            }
            if let Some(cancelling) = self.store.step(&current, Event::Cancelled, None, self.clock.now()).await? {
                return Ok(cancelling);
            }
        }
        Err(Error::Unavailable("the order changes too fast".to_owned()))
    }

    async fn of(&self, cancel: &Cancel) -> Result<OrderAndPayment, Error> {
        let found = match &cancel.owner {
            Some(owner) => self.store.find_of(owner, &cancel.order_id).await?,
            None => self.store.find(&cancel.order_id).await?.map(|(_, both)| both),
        };
        found.ok_or(Error::NotFound("order"))
    }

    /// Hands out orders that were left half way. Each is moved back in the queue before, so that one that cannot be
    /// ended does not stand in the way of the others, and overlapping runs do not do the same work. One that cannot be
    /// handed out does not keep the others back either.
    pub(crate) async fn claim(&self, claim: Claim) -> Result<Due, Error> {
        let (now, limit) = (self.clock.now(), claim.limit.min(LARGEST_CLAIM));
        let tickets = self.store.overdue(now, limit).await?;
        let mut due = Due { more: tickets.len() == limit, ..Due::default() };
        let claims = tickets.iter().map(|ticket| self.store.claim(ticket, now));
        for (ticket, claimed) in tickets.iter().zip(join_all(claims).await) {
            match claimed {
                Ok(Claimed::Order(both)) => due.orders.push(*both),
                Ok(Claimed::GivenUp | Claimed::Gone) => {}
                Ok(Claimed::Unreadable(error)) => due.failed.push(not_claimed(ticket, "was given up unread", &error)),
                Err(error) => due.failed.push(not_claimed(ticket, "could not be claimed", &error)),
            }
        }
        Ok(due)
    }

    /// What is still in the queue, and what was given up.
    pub(crate) async fn backlog(&self) -> Result<Backlog, Error> {
        self.store.backlog(self.clock.now()).await
    }

    /// Takes a user's shipping addresses out of the orders that nobody has work with any more.
    pub(crate) async fn erase_addresses(&self, erase: EraseAddresses) -> Result<Erased, Error> {
        self.store.erase_addresses(&erase.user_id).await
    }

    pub(crate) async fn find(&self, find: Find) -> Result<OrderAndPayment, Error> {
        self.store.find(&find.order_id).await?.map(|(_, both)| both).ok_or(Error::NotFound("order"))
    }
}

fn not_claimed(ticket: &Ticket, what: &str, error: &Error) -> String {
    format!("order {} {what}: {}", ticket.order, error.cause().unwrap_or(error.code()))
}
