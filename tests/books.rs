//! The books of a test's shop: what the function audit says of its tables.

use audit::Report;
use serde_json::json;

use crate::direct::{invoke, json_of};
use crate::shop::Shop;

impl Shop {
    /// What an audit finds.
    pub async fn books(&self) -> Report {
        let answer = json_of(&invoke(self, "audit", &json!({"command": "audit"})).await);
        serde_json::from_value(answer.clone()).unwrap_or_else(|error| panic!("no report ({error}): {answer}"))
    }

    /// Fails with the differences, if there are any in the books of a shop at rest. A deployment never is: other tests
    /// are at work in it.
    pub async fn books_balance(&self) {
        if !self.is_in_process() {
            return;
        }
        let report = self.books().await;
        assert!(report.differences == 0, "the books do not balance:\n{}", report.found.join("\n"));
        assert_eq!(report.undecided, 0, "the shop is not at rest: {report:?}");
    }
}
