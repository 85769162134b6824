//! What orders does for checkout.

use shared::contract::{Order, OrderAndPayment, OrderStatus, Payment, PaymentStatus, Place, Placed, Settle, Step};
use shared::error::Error;
use shared::ids::PaymentId;

use crate::App;
use crate::order::{self, Event};
use crate::store::{NewOrder, NotPlaced};

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
        let lines: Option<Vec<_>> = lines.collect();
        let Some((lines, total)) = lines.and_then(|lines| order::total(&lines).map(|total| (lines, total))) else {
            return self.existing_or(&place, Placed::TotalRefused).await;
        };
        let now = self.clock.now();
        let order = Order {
            id: place.order_id.clone(),
            status: OrderStatus::Pending,
            items: lines,
            total,
            created_at: now,
            updated_at: now,
            history: vec![Step { status: OrderStatus::Pending, at: now }],
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

    /// Ends a pending order as its payment says: confirmed, or failed with its stock back. A repeat that finds
    /// the same end has succeeded.
    pub(crate) async fn settle(&self, settle: Settle) -> Result<OrderAndPayment, Error> {
        let event = match settle.payment.status {
            PaymentStatus::Captured => Event::Captured,
            PaymentStatus::Declined => Event::Declined,
            PaymentStatus::Unknown => {
                return Err(Error::field("/payment/status", "an unknown payment settles nothing"));
            }
        };
        if settle.payment.id != PaymentId::of_order(&settle.order.id) || settle.payment.amount != settle.order.total {
            return Err(Error::Internal(format!("not the payment of order {}", settle.order.id)));
        }
        if let Some(settled) = self.store.settle(&settle.order, event, &settle.payment, self.clock.now()).await? {
            return Ok(settled);
        }
        let (_, current) = self.store.find(&settle.order.id).await?.ok_or(Error::NotFound("order"))?;
        if current.payment == settle.payment {
            Ok(current)
        } else {
            Err(Error::Internal(format!("order {} is not as it was placed, or has ended otherwise", settle.order.id)))
        }
    }
}
