//! What checkout, orders and payments say to each other through Lambda's Invoke API, and the two-part shape
//! `{order, payment}` that a client sees of it.

use serde::{Deserialize, Serialize};

mod orders;
mod payments;
mod view;

pub use orders::*;
pub use payments::*;
pub use view::*;

/// A command with the ids of the request that caused it, so that one `POST /orders` is one id in every log.
#[derive(Debug, Serialize, Deserialize)]
pub struct Envelope<C> {
    /// The API's request id; absent when a person types the command.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub request_id: Option<String>,
    /// The X-Ray trace header's value.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub trace_id: Option<String>,
    /// The command; its name is the member `command`.
    #[serde(flatten)]
    pub command: C,
}

/// A command's name, for the log.
pub trait Command {
    /// The name as it stands in the member `command`.
    fn name(&self) -> &'static str;
}
