//! The books of a database, balanced once by the function audit, without a shop around it.

use audit::{App, Config, Money, Report};

use crate::Error;
use crate::base::Base;

/// Balances the books.
///
/// # Errors
/// A table cannot be read.
pub async fn report(base: &Base) -> Result<Report, Error> {
    // It calls no function.
    let environment = base.environment("");
    let config = Config::read(|key| environment.variable("audit", key))
        .map_err(|error| Error::new(format!("the function audit does not start: {error}.")))?;
    App::new(config).audit().await.map_err(|error| {
        let why = error.cause().unwrap_or(error.code());
        Error::new(format!("the books cannot be read ({why}): see whether that database has the template's tables."))
    })
}

/// A report, for people.
pub fn lines(report: &Report) -> Vec<String> {
    let Report { products, orders, payments, open, money, differences, found, undecided } = report;
    let mut lines =
        vec![format!("{products} products, {orders} orders, {open} of them open, and {payments} payments.")];
    for Money { currency, captured, refunded, sold } in money {
        lines.push(format!("{currency} in minor units: {captured} captured, {refunded} refunded, {sold} sold."));
    }
    lines.extend(found.iter().cloned());
    let unnamed = differences.saturating_sub(found.len().try_into().unwrap_or(u64::MAX));
    if unnamed > 0 {
        lines.push(format!("And {unnamed} more."));
    }
    if *undecided > 0 {
        lines.push(format!("{undecided} products or orders changed all the time: audit again when less is going on."));
    }
    if report.balances() {
        lines.push("The books balance.".to_owned());
    }
    lines
}
