//! Every call, sent to Stripe's own mock server, which refuses what their API does not have.

use shared::clock::Clock;
use shared::config::Environment;
use shared::contract::Charge;
use shared::money::Money;

use super::*;

#[tokio::test]
#[ignore = "needs Stripe's mock server: .ci/stripe-mock starts it, runs this and reads what it has logged"]
async fn every_call_has_the_shape_that_stripe_documents() {
    let url = std::env::var("STRIPE_URL").expect("the mock server's address in STRIPE_URL");
    let environment = Environment::new(|key: &str| match key {
        "STRIPE_URL" => Some(url.clone()),
        "STRIPE_SECRET_KEY" => Some("sk_test_mock".to_owned()),
        "STRIPE_WEBHOOK_SECRET" => Some("whsec_mock".to_owned()),
        "AWS_REGION" | "AWS_ACCESS_KEY_ID" | "AWS_SECRET_ACCESS_KEY" => Some("none".to_owned()),
        _ => None,
    });
    let aws = aws::Config::read(&environment).expect("a configuration");
    let stripe = Stripe::read(&environment, &aws).expect("a configuration");
    let errand = Errand::of(None, &Clock::system());

    // What every one of the mock's refunds comes to.
    let amount = Money::new(100, "EUR".parse().expect("a currency")).expect("an amount");
    let order: OrderId = format!("ord_{}", "a".repeat(52)).parse().expect("an id");
    let method = "pm_card_visa".to_owned().try_into().expect("a payment method");
    let charge = Charge { order_id: order.clone(), amount, method };
    let prepared = stripe.prepare(&charge, &errand).await.expect("an answer");
    let Prepared::Intent(id) = prepared else { panic!("refused") };
    let intent = Intent { order: &order, id: &id, amount };
    // The mock's intents lack a payment method whatever is done with them, so all of these end in cancelling.
    assert_eq!(stripe.confirm(&intent, &errand).await.expect("an answer"), None);
    assert_eq!(stripe.look_up(&intent, &errand).await.expect("an answer"), None);
    assert_eq!(stripe.abandon(&intent, &errand).await.expect("an answer"), None);
    assert_eq!(stripe.refund(&intent, &errand).await.expect("an answer"), Some(Event::Refunded));
    assert_eq!(stripe.look_up_refund(&intent, &errand).await.expect("an answer"), Some(Event::Refunded));
}
