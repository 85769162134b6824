//! A provider without money. Its payment methods are Stripe's test methods
//! (<https://docs.stripe.com/testing>), and two more: one whose outcome stays unknown,
//! and one whose refund does.

use shared::contract::Charge;

use crate::payment::Event;

/// The method whose outcome the sandbox never tells.
pub const UNKNOWN: &str = "pm_sandbox_unknown";

/// The method that is charged, and whose refund the sandbox never confirms.
pub const UNREFUNDABLE: &str = "pm_sandbox_unrefundable";

/// The sandbox remembers nothing, so the id of a prepared payment says what is to become of it.
pub fn prepare(charge: &Charge) -> String {
    format!("{} {}", charge.order_id, charge.method.as_str())
}

/// What becomes of a prepared payment, the same however often it is asked.
pub fn confirm(intent: &str) -> Option<Event> {
    let (_, method) = intent.split_once(' ').unwrap_or_default();
    let declined = |code: &str| Some(Event::Declined(code.to_owned()));
    match method {
        "pm_card_visa"
        | "pm_card_visa_debit"
        | "pm_card_mastercard"
        | "pm_card_mastercard_debit"
        | "pm_card_mastercard_prepaid"
        | "pm_card_amex"
        | "pm_card_discover"
        | "pm_card_diners"
        | "pm_card_jcb"
        | "pm_card_unionpay"
        | UNREFUNDABLE => Some(Event::Captured),
        "pm_card_chargeDeclined" | "pm_card_visa_chargeDeclined" => declined("generic_decline"),
        "pm_card_chargeDeclinedInsufficientFunds" | "pm_card_visa_chargeDeclinedInsufficientFunds" => {
            declined("insufficient_funds")
        }
        "pm_card_chargeDeclinedLostCard" | "pm_card_visa_chargeDeclinedLostCard" => declined("lost_card"),
        "pm_card_chargeDeclinedStolenCard" | "pm_card_visa_chargeDeclinedStolenCard" => declined("stolen_card"),
        "pm_card_chargeDeclinedExpiredCard" => declined("expired_card"),
        "pm_card_chargeDeclinedIncorrectCvc" => declined("incorrect_cvc"),
        "pm_card_chargeDeclinedProcessingError" => declined("processing_error"),
        "pm_card_visa_chargeDeclinedVelocityLimitExceeded" => declined("card_velocity_exceeded"),
        "pm_card_authenticationRequired" => declined("authentication_required"),
        UNKNOWN => None,
        // Stripe's code for an id that it does not know.
        _ => declined("resource_missing"),
    }
}

/// What has become of a prepared payment that is not to be any more. Of one whose outcome it never tells, the sandbox
/// knows nothing.
pub fn abandon(intent: &str) -> Event {
    confirm(intent).unwrap_or_else(|| Event::Declined("resource_missing".to_owned()))
}

/// What becomes of a refund, the same however often it is asked.
pub fn refund(intent: &str) -> Option<Event> {
    (!intent.ends_with(UNREFUNDABLE)).then_some(Event::Refunded)
}
