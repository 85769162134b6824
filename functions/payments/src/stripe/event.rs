//! What a webhook is about. <https://docs.stripe.com/api/events/types>

use serde::Deserialize;
use shared::ids::OrderId;

/// The events by which a payment comes further. Others are none of ours: after `payment_intent.created` the charge that
/// made it is still at work.
const FURTHER: [&str; 6] = [
    "payment_intent.succeeded",
    "payment_intent.payment_failed",
    "payment_intent.canceled",
    "charge.refunded",
    "charge.refund.updated",
    "refund.updated",
];

#[derive(Deserialize)]
struct Sent {
    r#type: String,
    data: Data,
}

#[derive(Deserialize)]
struct Data {
    object: Object,
}

/// An intent, a charge or a refund: each has the metadata that this shop gave it, or its intent.
#[derive(Deserialize)]
struct Object {
    metadata: Option<Metadata>,
}

#[derive(Deserialize)]
struct Metadata {
    order_id: Option<String>,
}

/// The order that an event is about; none where it is about something else.
pub fn order(body: &[u8]) -> Option<OrderId> {
    let sent: Sent = serde_json::from_slice(body).ok()?;
    let order = sent.data.object.metadata?.order_id?;
    FURTHER.contains(&sent.r#type.as_str()).then(|| order.parse().ok())?
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    fn order_in(kind: &str, metadata: Value) -> Option<String> {
        let event = json!({"id": "evt_1", "type": kind, "data": {"object": {"id": "pi_1", "metadata": metadata}}});
        order(event.to_string().as_bytes()).map(|order| order.to_string())
    }

    #[test]
    fn the_order_is_in_the_objects_metadata() {
        let id = format!("ord_{}", "a".repeat(52));
        for kind in FURTHER {
            assert_eq!(order_in(kind, json!({"order_id": id, "other": 1})), Some(id.clone()), "{kind}");
        }
    }

    #[test]
    fn whatever_else_comes_is_about_no_order() {
        let id = json!({"order_id": format!("ord_{}", "a".repeat(52))});
        for kind in ["payment_intent.created", "customer.created", ""] {
            assert_eq!(order_in(kind, id.clone()), None, "{kind}");
        }
        for metadata in [Value::Null, json!({}), json!({"order_id": "x"}), json!({"order_id": 1}), json!([])] {
            assert_eq!(order_in(FURTHER[0], metadata.clone()), None, "{metadata}");
        }
        for body in ["", "nonsense", "{}", "{\"type\":\"payment_intent.succeeded\",\"data\":null}"] {
            assert_eq!(order(body.as_bytes()), None, "{body}");
        }
    }
}
