//! Steps that many journeys take: of a customer, of the warehouse, and of checkout past the API.

use std::sync::Arc;
use std::time::Duration;

use http::Method;
use serde_json::{Value, json};
use shared::ids::{OrderId, UserId};
use tokio::sync::Semaphore;

use crate::client::{Answer, Call, Client};
use crate::direct::{invoke, json_of};
use crate::shop::{Shop, all_at_once, random};

/// By then an order is nobody's work any more, and the schedule takes it up.
pub const HALF_WAY: Duration = Duration::from_secs(31);

impl Client {
    /// The id of the user who has signed in.
    pub async fn user_id(&self) -> UserId {
        self.get("/users/me").await.is(200).text_at("/id").parse().expect("a user's id")
    }

    /// A cancellation.
    pub fn cancel(&self, order: &str) -> Call {
        self.call(Method::POST, &format!("/orders/{order}/cancel"))
    }

    /// Takes an order through these steps of the warehouse.
    pub async fn fulfil(&self, order: &str, steps: &[&str]) {
        for status in steps {
            let step = match *status {
                "SHIPPED" => json!({"status": status, "carrier": "DHL", "tracking_number": "1"}),
                _ => json!({"status": status}),
            };
            self.post(&format!("/orders/{order}/fulfilment"), &step).await.is(200);
        }
    }

    /// The statuses of an order and of its payment.
    pub async fn statuses(&self, order: &str) -> (String, String) {
        let read = self.get(&format!("/orders/{order}")).await.is(200);
        (read.text_at("/order/status"), read.text_at("/payment/status"))
    }
}

/// The id of the order that a user sends under a key.
pub fn order_of(user: &UserId, key: &str) -> String {
    OrderId::for_key(user, &key.parse().expect("a key")).to_string()
}

/// Runs the schedule's command.
pub async fn reconcile(shop: &Shop) -> Value {
    json_of(&invoke(shop, "checkout", &json!({"command": "reconcile"})).await)
}

/// Places an order as checkout does, and goes no further.
pub async fn place(shop: &Shop, customer: &Client, product: &str, quantity: i64) -> Value {
    let user = customer.user_id().await;
    let place = json!({
        "command": "place", "order_id": order_of(&user, &random()), "user_id": user.to_string(), "fingerprint": "f",
        "items": [{"product_id": product, "quantity": quantity}],
    });
    let placed = json_of(&invoke(shop, "orders", &place).await);
    assert_eq!(placed["outcome"], "new", "{placed}");
    placed
}

/// Sends all of these, so many at a time, and again each whose answer has a `Retry-After`, when it is over, as a client
/// then has to: their last answers. Many at once may be more than the machine can do in time.
pub async fn all_answered(shop: &Shop, calls: &[Call], at_a_time: usize) -> Vec<Answer> {
    let door = Arc::new(Semaphore::new(at_a_time));
    let mut answers: Vec<Option<Answer>> = calls.iter().map(|_| None).collect();
    for _ in 0..30 {
        let open: Vec<_> = (0..calls.len()).filter(|number| answers[*number].is_none()).collect();
        let sent = open.iter().map(|number| {
            let (call, door) = (calls[*number].clone(), Arc::clone(&door));
            async move {
                let _through = door.acquire().await;
                call.await
            }
        });
        let again = all_at_once(sent.collect::<Vec<_>>()).await;
        let mut wait = None;
        for (number, answer) in open.into_iter().zip(again) {
            match answer.header("retry-after") {
                Some(_) => wait = wait.max(Some(answer.number_in("retry-after"))),
                None => answers[number] = Some(answer),
            }
        }
        match wait {
            Some(seconds) => shop.pass(Duration::from_secs(seconds)).await,
            None => return answers.into_iter().flatten().collect(),
        }
    }
    panic!("{} calls still wait", answers.iter().filter(|answer| answer.is_none()).count());
}
