//! DynamoDB: what a call to it asks for, and how it words a fault.
//! <https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/Programming.Errors.html>

use http::request::Parts;
use serde::Deserialize;
use serde::de::IgnoredAny;
use serde_json::{Value, json};

use super::Fault;
use super::proxy::answer;
use crate::server::Answer;

const WRITE: &str = "TransactWriteItems";
const READ: &str = "TransactGetItems";
const CONFLICT: &str = "Transaction is ongoing for the item";

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Transaction {
    transact_items: Vec<IgnoredAny>,
}

/// The operation, such as `PutItem`.
pub fn kind(head: &Parts) -> Option<String> {
    let target = head.headers.get("x-amz-target")?.to_str().ok()?;
    Some(target.rsplit('.').next().unwrap_or(target).to_owned())
}

/// What can become of such an operation: only a write can be late to any effect, and only a write or a reading in a
/// transaction can meet another one.
pub fn risks(kind: &str) -> &'static [Fault] {
    match kind {
        WRITE | "PutItem" | "UpdateItem" | "DeleteItem" => &[
            Fault::Dropped,
            Fault::ReplyLost,
            Fault::Late,
            Fault::Throttled,
            Fault::Conflict,
            Fault::Failed,
            Fault::FailedAfter,
        ],
        READ => &[Fault::Dropped, Fault::ReplyLost, Fault::Throttled, Fault::Conflict, Fault::Failed],
        _ => &[Fault::Dropped, Fault::ReplyLost, Fault::Throttled, Fault::Failed],
    }
}

/// How DynamoDB words a fault, where it does.
pub fn error(kind: &str, body: &str, fault: Fault) -> Option<Answer> {
    match (fault, kind) {
        (Fault::Throttled, WRITE | READ) => Some(cancelled(body, "ThrottlingError", "Throughput exceeds a limit.")),
        (Fault::Throttled, _) => Some(exception(400, "ProvisionedThroughputExceededException", "Too many requests.")),
        (Fault::Conflict, WRITE | READ) => Some(cancelled(body, "TransactionConflict", CONFLICT)),
        (Fault::Conflict, _) => Some(exception(400, "TransactionConflictException", CONFLICT)),
        (Fault::Failed | Fault::FailedAfter, _) => Some(exception(500, "InternalServerError", "Internal server error")),
        _ => None,
    }
}

/// A transaction that its first item has failed: it has a reason for each of its items.
fn cancelled(body: &str, code: &str, message: &str) -> Answer {
    let items = serde_json::from_str::<Transaction>(body).map_or(1, |transaction| transaction.transact_items.len());
    let reason = |number| match number {
        0 => json!({"Code": code, "Message": message}),
        _ => json!({"Code": "None"}),
    };
    let reasons: Vec<Value> = (0..items).map(reason).collect();
    let codes: Vec<_> = reasons.iter().filter_map(|reason| reason["Code"].as_str()).collect();
    let message =
        format!("Transaction cancelled, please refer cancellation reasons for specific reasons [{}]", codes.join(", "));
    let mut body = error_body("TransactionCanceledException", "Message", &message);
    body["CancellationReasons"] = reasons.into();
    answer(400, CONTENT_TYPE, &body)
}

const CONTENT_TYPE: &str = "application/x-amz-json-1.0";

fn exception(status: u16, name: &str, message: &str) -> Answer {
    answer(status, CONTENT_TYPE, &error_body(name, "message", message))
}

fn error_body(name: &str, member: &str, message: &str) -> Value {
    json!({"__type": format!("com.amazonaws.dynamodb.v20120810#{name}"), member: message})
}
