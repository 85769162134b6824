//! A function's schedules, which SAM declares among its events.

use std::time::Duration;

use super::model::Schedule;
use super::node::{Entry, Fault};
use super::scope::Scope;
use super::section::Section;

/// What matters only in AWS.
const ONLY_IN_AWS: [&str; 13] = [
    "DeadLetterConfig",
    "Description",
    "EndDate",
    "FlexibleTimeWindow",
    "GroupName",
    "KmsKeyArn",
    "Name",
    "OmitName",
    "PermissionsBoundary",
    "RetryPolicy",
    "RoleArn",
    "ScheduleExpressionTimezone",
    "StartDate",
];

/// Reads an event that is a schedule.
pub fn read(scope: &Scope, function: &str, event: &Entry) -> Result<Schedule, Fault> {
    let what = format!("event `{}` of function `{function}`", event.key);
    let mut outer = Section::open(scope, &event.value, what.clone())?;
    let kind = outer.required("Type")?;
    let expression = match kind.text("Type")? {
        "ScheduleV2" => "ScheduleExpression",
        _ => "Schedule",
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
    Ok(Schedule { every: every.filter(|_| enabled), input })
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
    use crate::template::{Given, Template};

    /// The schedule of a function with this event, or what is wrong with it.
    fn schedule(event: &str) -> Result<Option<Schedule>, String> {
        let template = format!(
            "Resources:
  Api: {{Type: AWS::Serverless::HttpApi, Properties: {{StageName: $default}}}}
  Fn: {{Type: AWS::Serverless::Function, Properties: {{CodeUri: target/lambda/fn/, Events: {{Work: {event}}}}}}}
"
        );
        let template = Template::parse(&template, &Given::defaults("shop")).map_err(|fault| fault.message)?;
        Ok(template.functions[0].schedules.first().cloned())
    }

    #[test]
    fn both_kinds_of_schedule_are_read() {
        let minutes = |minutes: u64| Some(Duration::from_secs(minutes * 60));
        let read = |event: &str| schedule(event).unwrap().unwrap();
        for (event, every, input) in [
            ("{Type: ScheduleV2, Properties: {ScheduleExpression: rate(5 minutes), Input: '[1]'}}", minutes(5), "[1]"),
            ("{Type: Schedule, Properties: {Schedule: rate(1 minute)}}", minutes(1), "{}"),
            ("{Type: ScheduleV2, Properties: {ScheduleExpression: rate(1 minute), State: ENABLED}}", minutes(1), "{}"),
            ("{Type: ScheduleV2, Properties: {ScheduleExpression: rate(1 minute), State: DISABLED}}", None, "{}"),
            ("{Type: Schedule, Properties: {Schedule: rate(1 minute), Enabled: false}}", None, "{}"),
            ("{Type: Schedule, Properties: {Schedule: rate(1 minute), Enabled: true}}", minutes(1), "{}"),
        ] {
            assert_eq!(read(event), Schedule { every, input: input.to_owned() }, "{event}");
        }
    }

    #[test]
    fn what_is_no_schedule_is_refused_with_its_name() {
        for (event, why) in [
            ("{Type: ScheduleV2}", "event `Work` of function `Fn` has no Properties, so it names no time."),
            (
                "{Type: ScheduleV2, Properties: {Input: '{}'}}",
                "event `Work` of function `Fn` has no ScheduleExpression.",
            ),
            ("{Type: Schedule, Properties: {ScheduleExpression: rate(1 minute)}}", "has no Schedule."),
            ("{Type: Schedule, Properties: {Schedule: rate(1 minute), Colour: blue}}", "Colour"),
            ("{Type: Schedule, Properties: {Schedule: rate(1 week)}}", "`rate(1 week)` is no schedule"),
        ] {
            let error = schedule(event).unwrap_err();
            assert!(error.contains(why), "{event}: {error}");
        }
    }

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
