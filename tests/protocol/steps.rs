//! What each step does, by our protocol and by the shortcuts.

use shared::contract::OrderStatus;

use super::model::{Call, Payment, Protocol, Shop, Shortcut, Step};
use super::provider::{Answer, Intent, Luck, Said};

impl Protocol {
    /// Takes the next step of a call. It ends where nothing follows, or only what another function does although nobody
    /// waits to ask that.
    pub fn run(&self, shop: &mut Shop, call: Call, luck: Luck) {
        shop.end(&call);
        let Some(step) = self.step(shop, call, luck) else { return };
        if call.awaited || step.function() == call.step.function() {
            // What is found or made to be CANCELLING is the copy that checkout goes on with.
            let cancelling = call.cancelling || step == Step::FindToRefund;
            shop.call(Call { step, cancelling, ..call });
        }
    }

    /// Does what a call stands before, and says what follows.
    fn step(&self, shop: &mut Shop, call: Call, luck: Luck) -> Option<Step> {
        match call.step {
            Step::Place => place(shop),
            Step::Settle(payment) => self.settle(shop, call, payment),
            Step::Release { available } => {
                // What goes below nothing is as wrong as what is not there, and found as that.
                shop.stock.reserved = shop.stock.reserved.wrapping_sub(u8::from(!call.cancelling));
                shop.stock.available += u8::from(available);
                None
            }
            Step::Find => match shop.order? {
                OrderStatus::Confirmed => Some(Step::Cancel),
                OrderStatus::Cancelling => Some(Step::FindToRefund),
                _ => None,
            },
            Step::Cancel if shop.order == Some(OrderStatus::Confirmed) => {
                shop.order = Some(OrderStatus::Cancelling);
                Some(Step::FindToRefund)
            }
            Step::Cancel => Some(Step::Find),
            Step::Prepare => match luck {
                Luck::Does => Some(Step::Begin(Payment::Started)),
                Luck::Declines => Some(Step::Begin(Payment::Declined)),
                Luck::FailsBefore | Luck::FailsAfter => go_on(shop.payment?),
            },
            Step::Begin(payment) => self.begin(shop, payment),
            Step::Confirm => self.confirm(shop, luck),
            Step::Retrieve { refused } => match shop.provider.intent {
                _ if self.takes(Shortcut::NewPaymentKey) => Some(Step::Confirm),
                Intent::Succeeded => Some(Step::Advance(Payment::Captured)),
                Intent::Canceled => Some(Step::Advance(Payment::Declined)),
                Intent::Waiting if refused => Some(Step::CancelIntent),
                Intent::Waiting => Some(Step::Confirm),
            },
            Step::CancelIntent => shop.provider.cancel().then_some(Step::Advance(Payment::Declined)),
            Step::FindToRefund => match shop.payment? {
                Payment::Captured => Some(Step::Advance(Payment::Refunding)),
                payment => go_on(payment),
            },
            Step::ListRefunds if shop.provider.refunds > 0 => Some(Step::Advance(Payment::Refunded)),
            Step::ListRefunds => Some(Step::Refund),
            Step::Refund => (shop.provider.refund(luck) == Answer::Done).then_some(Step::Advance(Payment::Refunded)),
            Step::Advance(after) => advance(shop, after),
        }
    }

    /// One transaction: the order, if its status is the one that was read, and its stock.
    fn settle(&self, shop: &mut Shop, call: Call, payment: Payment) -> Option<Step> {
        let before = if call.cancelling { OrderStatus::Cancelling } else { OrderStatus::Pending };
        let after = match (before, payment) {
            (OrderStatus::Pending, Payment::Captured) => Some(OrderStatus::Confirmed),
            (OrderStatus::Pending, Payment::Declined | Payment::Voided) => Some(OrderStatus::Failed),
            (OrderStatus::Cancelling, Payment::Refunded) => Some(OrderStatus::Cancelled),
            _ => None,
        };
        let as_read = shop.order == Some(before) || self.takes(Shortcut::SettledUnconditionally);
        let reserved = call.cancelling || shop.stock.reserved > 0;
        if after.is_some() && as_read && reserved {
            shop.order = after;
            let available = after != Some(OrderStatus::Confirmed);
            if self.takes(Shortcut::PlainAdd) {
                return Some(Step::Release { available });
            }
            shop.stock.reserved -= u8::from(!call.cancelling);
            shop.stock.available += u8::from(available);
        }
        if call.awaited {
            shop.tell();
        }
        None
    }

    /// Puts the first record, or finds the one that was first.
    fn begin(&self, shop: &mut Shop, payment: Payment) -> Option<Step> {
        if self.takes(Shortcut::NotFoundSoCancel) && payment == Payment::Voided && shop.provider.charges == 0 {
            return answer(Payment::Voided);
        }
        match shop.payment {
            Some(Payment::Voided) if self.takes(Shortcut::TombstoneIgnored) && payment == Payment::Started => {}
            Some(before) => return go_on(before),
            None => {}
        }
        shop.payment = Some(payment);
        if payment == Payment::Started { Some(Step::Confirm) } else { answer(payment) }
    }

    fn confirm(&self, shop: &mut Shop, luck: Luck) -> Option<Step> {
        let said = match self.takes(Shortcut::NewPaymentKey) {
            true => shop.provider.charge(luck),
            false => shop.provider.confirm(luck),
        };
        match said {
            Said::Now(Answer::Done) | Said::Before(Answer::Done) => Some(Step::Advance(Payment::Captured)),
            Said::Now(Answer::Declined) | Said::Before(Answer::Declined) => Some(Step::Advance(Payment::Declined)),
            // Only a failure that is repeated, or a refusal, will not come to anything by itself.
            Said::Now(Answer::Failed) => None,
            Said::Before(Answer::Failed) | Said::Refused => Some(Step::Retrieve { refused: true }),
        }
    }
}

/// One transaction: the order, if it is not there, and its stock, if there is enough. An order that is there is found.
fn place(shop: &mut Shop) -> Option<Step> {
    match shop.order {
        None if shop.stock.available == 0 => None,
        None => {
            shop.order = Some(OrderStatus::Pending);
            shop.stock.available -= 1;
            shop.stock.reserved += 1;
            Some(Step::Prepare)
        }
        Some(OrderStatus::Pending) => Some(Step::Prepare),
        Some(_) => {
            shop.tell();
            None
        }
    }
}

/// Records what happened to a payment, if nothing else has happened to it before.
fn advance(shop: &mut Shop, after: Payment) -> Option<Step> {
    let before = match after {
        Payment::Refunding => Payment::Captured,
        Payment::Refunded => Payment::Refunding,
        _ => Payment::Started,
    };
    if shop.payment == Some(before) {
        shop.payment = Some(after);
    }
    match shop.payment? {
        Payment::Refunding if after == Payment::Refunding => Some(Step::Refund),
        payment => answer(payment),
    }
}

/// Asks the provider what became of a payment that is on record.
fn go_on(payment: Payment) -> Option<Step> {
    match payment {
        Payment::Started => Some(Step::Retrieve { refused: false }),
        Payment::Refunding => Some(Step::ListRefunds),
        payment => answer(payment),
    }
}

/// What checkout does once payments has answered.
fn answer(payment: Payment) -> Option<Step> {
    match payment {
        Payment::Started | Payment::Refunding => None,
        payment => Some(Step::Settle(payment)),
    }
}
