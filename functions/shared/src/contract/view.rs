//! The two-part shape `{order, payment}` that a client sees of an order.

use serde::{Deserialize, Serialize};

use super::Reference;
use crate::clock::Timestamp;
use crate::ids::{OrderId, PaymentId, ProductId};
use crate::money::{Money, Quantity};
use crate::text::Text;

/// An order and its payment, as every answer shows them.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct OrderAndPayment {
    /// The order.
    pub order: Order,
    /// The payment as far as the order knows it.
    pub payment: Payment,
}

/// An order.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Order {
    /// Its id.
    pub id: OrderId,
    /// Where it is in its life.
    pub status: OrderStatus,
    /// Its lines, with the prices of the moment it was placed.
    pub items: Vec<Line>,
    /// The sum of the lines.
    pub total: Money,
    /// When it was placed.
    pub created_at: Timestamp,
    /// When its status changed last.
    pub updated_at: Timestamp,
    /// Every status it has had, oldest first.
    pub history: Vec<Step>,
    /// Where it goes.
    pub shipping_address: Option<Address>,
    /// How it went, once it is shipped.
    pub shipment: Option<Shipment>,
}

/// A line of an order.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Line {
    /// The product.
    pub product_id: ProductId,
    /// Its name when the order was placed.
    pub name: String,
    /// How many.
    pub quantity: Quantity,
    /// The price of one.
    pub unit_price: Money,
    /// The price of all.
    pub total: Money,
}

/// A status and since when.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Step {
    /// The status.
    pub status: OrderStatus,
    /// Since when.
    pub at: Timestamp,
    /// What proves it, where a person has taken the order on by hand.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reference: Option<Reference>,
}

/// Where an order is in its life.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "UPPERCASE")]
pub enum OrderStatus {
    /// Stock reserved, payment not known.
    Pending,
    /// Paid.
    Confirmed,
    /// Not paid; the stock is back.
    Failed,
    /// In its box.
    Packed,
    /// With the carrier.
    Shipped,
    /// With the customer.
    Delivered,
    /// Given up by the customer or an admin; the money is on its way back.
    Cancelling,
    /// The money and the stock are back.
    Cancelled,
}

impl OrderStatus {
    /// The status as JSON has it.
    pub fn as_str(self) -> &'static str {
        match self {
            OrderStatus::Pending => "PENDING",
            OrderStatus::Confirmed => "CONFIRMED",
            OrderStatus::Failed => "FAILED",
            OrderStatus::Packed => "PACKED",
            OrderStatus::Shipped => "SHIPPED",
            OrderStatus::Delivered => "DELIVERED",
            OrderStatus::Cancelling => "CANCELLING",
            OrderStatus::Cancelled => "CANCELLED",
        }
    }
}

/// Where an order goes.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Address {
    /// Who receives it.
    pub name: Text<100>,
    /// Street and house, 1 to 4 lines.
    pub lines: AddressLines,
    /// The postal code.
    pub postal_code: Text<20>,
    /// The city.
    pub city: Text<100>,
    /// An ISO 3166-1 alpha-2 code.
    pub country: Country,
}

/// 1 to 4 lines of an address.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "Vec<Text<100>>")]
pub struct AddressLines(Vec<Text<100>>);

impl TryFrom<Vec<Text<100>>> for AddressLines {
    type Error = &'static str;

    fn try_from(lines: Vec<Text<100>>) -> Result<AddressLines, Self::Error> {
        if (1..=4).contains(&lines.len()) { Ok(AddressLines(lines)) } else { Err("an address has 1 to 4 lines") }
    }
}

/// A country: an ISO 3166-1 alpha-2 code, two upper-case letters.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String")]
pub struct Country(String);

impl TryFrom<String> for Country {
    type Error = &'static str;

    fn try_from(code: String) -> Result<Country, Self::Error> {
        if code.len() == 2 && code.bytes().all(|byte| byte.is_ascii_uppercase()) {
            Ok(Country(code))
        } else {
            Err("a country is an ISO 3166-1 code of two upper-case letters")
        }
    }
}

/// How an order was sent.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Shipment {
    /// Who carries it.
    pub carrier: Text<50>,
    /// The carrier's number for it.
    pub tracking_number: Text<100>,
    /// When it was handed over.
    pub shipped_at: Timestamp,
}

/// A payment, as an order's answer shows it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Payment {
    /// Its id.
    pub id: PaymentId,
    /// What is known of it.
    pub status: PaymentStatus,
    /// How much.
    pub amount: Money,
    /// Who moved the money; `null` until that is known.
    pub provider: Option<String>,
    /// Why not, once it is declined: the provider's decline code.
    pub decline_code: Option<String>,
}

impl Payment {
    /// What is said of `order`'s payment until payments has answered.
    pub fn unknown(order: &OrderId, amount: Money) -> Payment {
        Payment {
            id: PaymentId::of_order(order),
            status: PaymentStatus::Unknown,
            amount,
            provider: None,
            decline_code: None,
        }
    }
}

/// What is known of a payment.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "UPPERCASE")]
pub enum PaymentStatus {
    /// Not known yet. A view: payments never stores it.
    Unknown,
    /// The money is ours.
    Captured,
    /// The provider refused.
    Declined,
    /// Given up before the provider was asked: no money moved, and none will.
    Voided,
    /// The money is on its way back. A view of payments' alone: an order's copy stays captured until it is back.
    Refunding,
    /// The money is back.
    Refunded,
}
