//! A function's schedules, which SAM declares among its events.

use std::time::Duration;

use super::model::Schedule;
use super::node::{Entry, Fault};
use super::scope::Scope;
use super::section::Section;

/// What matters only in AWS.
const ONLY_IN_AWS: [&str; 11] = [
    "DeadLetterConfig",
    "Description",
    "FlexibleTimeWindow",
    "GroupName",
    "KmsKeyArn",
    "Name",
    "OmitName",
    "PermissionsBoundary",
    "RetryPolicy",
    "RoleArn",
    "ScheduleExpressionTimezone",
];

/// Reads an event as a schedule; `None` if it is an event of another type.
pub fn read(scope: &Scope, function: &str, event: &Entry) -> Result<Option<Schedule>, Fault> {
    let what = format!("event `{}` of function `{function}`", event.key);
    let mut outer = Section::open(scope, &event.value, what.clone())?;
    let kind = outer.required("Type")?;
    let expression = match kind.text("Type")? {
        "ScheduleV2" => "ScheduleExpression",
        "Schedule" => "Schedule",
        _ => return Ok(None),
    };
    let Some(mut section) = outer.section("Properties")? else {
        return Err(Fault::new(event.line, format!("{what} has no Properties, so it names no time.")));
    };
    outer.close()?;
    section.pass(&ONLY_IN_AWS);
    let enabled = match (section.take("Enabled")?, section.text("State")?.as_deref()) {
        (Some(enabled), _) => enabled.boolean("Enabled")?,
        (None, state) => state != Some("DISABLED"),
    };
    let when = section.required(expression)?;
    let every = every(when.text(expression)?).map_err(|message| when.fault(message))?;
    let input = section.text("Input")?.unwrap_or_else(|| "{}".to_owned());
    section.close()?;
    Ok(Some(Schedule { every: every.filter(|_| enabled), input }))
}

/// The pace of `rate(5 minutes)`; `None` for `cron(…)` and `at(…)`, moments that one machine does not wait for.
/// <https://docs.aws.amazon.com/scheduler/latest/UserGuide/schedule-types.html>
fn every(expression: &str) -> Result<Option<Duration>, String> {
    let wrong = || format!("`{expression}` is no schedule: write it as rate(5 minutes) or cron(0 3 * * ? *).");
    let (kind, inner) = expression.strip_suffix(')').and_then(|rest| rest.split_once('(')).ok_or_else(wrong)?;
    if matches!(kind, "cron" | "at") {
        return Ok(None);
    }
    let (number, unit) = inner.split_once(' ').filter(|_| kind == "rate").ok_or_else(wrong)?;
    let seconds = match unit.trim_end_matches('s') {
        "minute" => 60,
        "hour" => 60 * 60,
        "day" => 24 * 60 * 60,
        _ => return Err(wrong()),
    };
    let number: u64 = number.parse().ok().filter(|number| *number > 0).ok_or_else(wrong)?;
    Ok(Some(Duration::from_secs(number.checked_mul(seconds).ok_or_else(wrong)?)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rates_are_read_and_moments_left_to_aws() {
        let seconds = |expression| every(expression).map(|every| every.map(|every| every.as_secs()));
        assert_eq!(seconds("rate(1 minute)"), Ok(Some(60)));
        assert_eq!(seconds("rate(2 hours)"), Ok(Some(7200)));
        assert_eq!(seconds("rate(1 day)"), Ok(Some(86_400)));
        assert_eq!(seconds("cron(0 3 * * ? *)"), Ok(None));
        for wrong in ["rate(0 minutes)", "rate(1 week)", "rate(minute)", "every minute", "rate(1 minute"] {
            assert!(seconds(wrong).is_err(), "{wrong}");
        }
    }
}
