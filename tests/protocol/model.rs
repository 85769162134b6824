//! The checkout protocol as a state machine: one order for one unit, and all that is at work on it. A [`Call`] stands
//! before one of its steps; to run a step is one atomic effect on a table or at the provider.

use shared::contract::OrderStatus;

use super::provider::{Luck, Provider};

/// What there is of the product: two units, another order's one of them.
const RECEIVED: u8 = 2;
/// The other order's unit. It stays reserved, so that a release too many would find something to take.
const OTHERS: u8 = 1;

/// The protocol, or one that takes a shortcut.
pub struct Protocol {
    /// The shortcut.
    pub shortcut: Option<Shortcut>,
    /// How many calls are at work at the same time.
    pub side_by_side: usize,
}

/// What looks as if it would do as well.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Shortcut {
    /// Each attempt asks for the money under a key of its own.
    NewPaymentKey,
    /// The provider knows of no charge, so the order has failed, and nothing is recorded to say so.
    NotFoundSoCancel,
    /// An order that is old has failed.
    DecidedByAge,
    /// Stock is released by an `ADD` of its own.
    PlainAdd,
    /// An order is settled whatever its status.
    SettledUnconditionally,
    /// A charge goes on although the payment was voided.
    TombstoneIgnored,
}

/// A payment's status, as payments records it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Payment {
    Started,
    Captured,
    Declined,
    Voided,
    Refunding,
    Refunded,
}

/// The numbers of the stock item that change.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Stock {
    pub available: u8,
    pub reserved: u8,
}

/// The tables, the provider, and what is at work on them.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Shop {
    pub order: Option<OrderStatus>,
    pub stock: Stock,
    pub payment: Option<Payment>,
    pub provider: Provider,
    /// Sorted, since it does not matter which came first.
    pub calls: Vec<Call>,
    /// The final status that was the first to be told to anybody.
    pub told: Option<OrderStatus>,
}

/// An invocation of orders or payments.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Call {
    /// What it does next.
    pub step: Step,
    /// Whether checkout waits for its answer, and will go on with that. A call that was sent twice is answered once.
    pub awaited: bool,
    /// Whether the order that checkout has a copy of was being cancelled; if not, it was pending.
    pub cancelling: bool,
}

/// What the functions do in one go, by the names that it has in their code.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Step {
    // orders
    Place,
    Settle(Payment),
    /// Of a shortcut only: the part of settling that moves the stock. Otherwise it is the same transaction.
    Release {
        available: bool,
    },
    Find,
    Cancel,
    // payments
    Prepare,
    Begin(Payment),
    Confirm,
    Retrieve {
        refused: bool,
    },
    CancelIntent,
    FindToRefund,
    ListRefunds,
    Refund,
    Advance(Payment),
}

/// What can happen.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Action {
    /// The client sends its order, or repeats it.
    Order,
    /// The schedule takes the order up, or the provider's webhook does.
    Reconcile,
    /// The customer, or an admin, cancels.
    CancelOrder,
    /// The warehouse hands it to the carrier.
    Ship,
    /// A call takes its next step; what a provider does with it is luck.
    Run(Call, Luck),
    /// A call is sent once more, since its answer does not come.
    SendAgain(Call),
    /// A call, or its answer, is lost; or the function crashes here.
    Lose(Call),
    /// Nothing happens for so long that the provider forgets what it has stored under keys.
    ADayPasses,
    /// A person finds out what became of the money, and resolves.
    Resolve,
}

/// The function that does a step.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Function {
    Orders,
    Payments,
}

impl Step {
    pub fn function(self) -> Function {
        match self {
            Step::Place | Step::Settle(_) | Step::Release { .. } | Step::Find | Step::Cancel => Function::Orders,
            _ => Function::Payments,
        }
    }

    /// What a provider may do with it.
    pub fn luck(self) -> &'static [Luck] {
        match self {
            Step::Prepare => &[Luck::Does, Luck::Declines, Luck::FailsBefore],
            Step::Confirm => &[Luck::Does, Luck::Declines, Luck::FailsBefore, Luck::FailsAfter],
            Step::Refund => &[Luck::Does, Luck::FailsBefore, Luck::FailsAfter],
            _ => &[Luck::Does],
        }
    }
}

impl Protocol {
    pub fn takes(&self, shortcut: Shortcut) -> bool {
        self.shortcut == Some(shortcut)
    }
}

impl Shop {
    pub fn open() -> Shop {
        let stock = Stock { available: RECEIVED - OTHERS, reserved: OTHERS };
        Shop { order: None, stock, payment: None, provider: Provider::default(), calls: Vec::new(), told: None }
    }

    /// Whether nothing is left to be done.
    pub fn is_at_rest(&self) -> bool {
        !matches!(self.order, Some(OrderStatus::Pending | OrderStatus::Cancelling))
    }

    /// Whether each unit is in one place: for sale, reserved for a pending order, or sold. While stock is still to be
    /// released, nobody can say.
    pub fn stock_balances(&self) -> bool {
        if self.calls.iter().any(|call| matches!(call.step, Step::Release { .. })) {
            return true;
        }
        let pending = u8::from(self.order == Some(OrderStatus::Pending));
        let sold = u8::from(matches!(
            self.order,
            Some(OrderStatus::Confirmed | OrderStatus::Shipped | OrderStatus::Cancelling)
        ));
        self.stock.reserved == OTHERS + pending && self.stock.available + self.stock.reserved + sold == RECEIVED
    }

    pub fn call(&mut self, call: Call) {
        let at = self.calls.binary_search(&call).unwrap_or_else(|at| at);
        self.calls.insert(at, call);
    }

    pub fn end(&mut self, call: &Call) {
        if let Ok(at) = self.calls.binary_search(call) {
            self.calls.remove(at);
        }
    }

    pub fn tell(&mut self) {
        if self.is_at_rest() && self.told.is_none() {
            self.told = self.order;
        }
    }

    /// How checkout begins to finish the order without the client: `roll_forward` or `refund`.
    pub fn taken_up(&self) -> Option<Call> {
        match self.order? {
            OrderStatus::Pending => Some(Call { step: Step::Begin(Payment::Voided), awaited: true, cancelling: false }),
            OrderStatus::Cancelling => Some(Call { step: Step::FindToRefund, awaited: true, cancelling: true }),
            _ => None,
        }
    }

    /// What a person does who can see the provider's ledger.
    pub fn resolve(&mut self) {
        let cancelling = self.order == Some(OrderStatus::Cancelling);
        let found = match self.payment {
            None => Payment::Voided,
            Some(Payment::Started) if self.provider.charges > 0 => Payment::Captured,
            Some(Payment::Started) => Payment::Declined,
            // By hand, at the provider, if need be.
            Some(Payment::Refunding) => {
                self.provider.refunds = self.provider.refunds.max(1);
                Payment::Refunded
            }
            Some(other) => other,
        };
        self.payment = Some(found);
        self.call(Call { step: Step::Settle(found), awaited: true, cancelling });
    }
}
