//! A function's schedules, which SAM declares among its events.

use std::time::Duration;

use super::model::{Schedule, Scheduler};
use super::node::{Entry, Fault};
use super::scope::{ACCOUNT_ID, REGION, Scope};
use super::section::Section;

/// What matters only in AWS.
const ONLY_IN_AWS: [&str; 10] = [
    "DeadLetterConfig",
    "Description",
    "EndDate",
    "FlexibleTimeWindow",
    "KmsKeyArn",
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
    let (by, expression) = match kind.text("Type")? {
        "ScheduleV2" => (Scheduler::Schedule, "ScheduleExpression"),
        _ => (Scheduler::Rule, "Schedule"),
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
    let arn = arn(&mut section, by, &format!("{function}{}", event.key));
    let instead = format_args!("{what} has no Input here, and so the event that AWS makes without one");
    let input = section.take("Input")?.filter(|node| !scope.is_unknown(node, instead));
    let input = input.map(|node| node.text("Input").map(str::to_owned)).transpose()?;
    section.close()?;
    Ok(Schedule { every: every.filter(|_| enabled), by, arn, input })
}

/// The ARN of what SAM makes of the event. Only a schedule has its logical id as its name, unless that is to be left out.
/// A name that cannot be read here is as good as none: few look at it.
/// <https://docs.aws.amazon.com/serverless-application-model/latest/developerguide/sam-property-function-schedulev2.html>
fn arn(section: &mut Section<'_>, by: Scheduler, logical_id: &str) -> String {
    let mut known = |key: &str| {
        let node = section.take_raw(key)?;
        let node = section.scope().resolve(&node).ok().flatten().filter(|node| node.unknown().is_none())?;
        node.text(key).map(str::to_owned).ok()
    };
    let (name, group, omit) = (known("Name"), known("GroupName"), known("OmitName"));
    let named_by_sam = by == Scheduler::Schedule && omit.as_deref() != Some("true");
    let name = name.unwrap_or_else(|| match named_by_sam {
        true => logical_id.to_owned(),
        false => format!("{}-{logical_id}", section.scope().stack),
    });
    match by {
        Scheduler::Rule => format!("arn:aws:events:{REGION}:{ACCOUNT_ID}:rule/{name}"),
        Scheduler::Schedule => {
            let group = group.as_deref().unwrap_or("default");
            format!("arn:aws:scheduler:{REGION}:{ACCOUNT_ID}:schedule/{group}/{name}")
        }
    }
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

    /// The template of a function with this event, or what is wrong with it.
    fn template(event: &str) -> Result<Template, String> {
        let template = format!(
            "Resources:
  Api: {{Type: AWS::Serverless::HttpApi, Properties: {{StageName: $default}}}}
  Fn: {{Type: AWS::Serverless::Function, Properties: {{CodeUri: target/lambda/fn/, Events: {{Work: {event}}}}}}}
"
        );
        Template::parse(&template, &Given::defaults("shop")).map_err(|fault| fault.message)
    }

    /// The function's schedule.
    fn schedule(event: &str) -> Schedule {
        template(event).unwrap().functions[0].schedules[0].clone()
    }

    #[test]
    fn both_kinds_of_schedule_are_read() {
        let minutes = |minutes: u64| Some(Duration::from_secs(minutes * 60));
        for (event, every, input) in [
            (
                "{Type: ScheduleV2, Properties: {ScheduleExpression: rate(5 minutes), Input: '[1]'}}",
                minutes(5),
                Some("[1]"),
            ),
            ("{Type: Schedule, Properties: {Schedule: rate(1 minute), Input: '{}'}}", minutes(1), Some("{}")),
            ("{Type: Schedule, Properties: {Schedule: rate(1 minute)}}", minutes(1), None),
            ("{Type: ScheduleV2, Properties: {ScheduleExpression: rate(1 minute), State: ENABLED}}", minutes(1), None),
            ("{Type: ScheduleV2, Properties: {ScheduleExpression: rate(1 minute), State: DISABLED}}", None, None),
            ("{Type: Schedule, Properties: {Schedule: rate(1 minute), Enabled: false}}", None, None),
            ("{Type: Schedule, Properties: {Schedule: rate(1 minute), Enabled: true}}", minutes(1), None),
        ] {
            let read = schedule(event);
            assert_eq!((read.every, read.input.as_deref()), (every, input), "{event}");
        }
    }

    #[test]
    fn a_schedule_has_the_arn_of_what_sam_makes_of_it() {
        let rule = |properties: &str| {
            schedule(&format!("{{Type: Schedule, Properties: {{Schedule: rate(1 minute), {properties}}}}}"))
        };
        let scheduled = |properties: &str| {
            schedule(&format!("{{Type: ScheduleV2, Properties: {{ScheduleExpression: rate(1 minute), {properties}}}}}"))
        };
        for (read, by, arn) in [
            (rule(""), Scheduler::Rule, "arn:aws:events:eu-central-1:123456789012:rule/shop-FnWork"),
            (rule("Name: mine"), Scheduler::Rule, "arn:aws:events:eu-central-1:123456789012:rule/mine"),
            (scheduled(""), Scheduler::Schedule, "arn:aws:scheduler:eu-central-1:123456789012:schedule/default/FnWork"),
            (
                scheduled("OmitName: true, GroupName: !Ref AWS::StackName"),
                Scheduler::Schedule,
                "arn:aws:scheduler:eu-central-1:123456789012:schedule/shop/shop-FnWork",
            ),
            (
                scheduled("Name: !GetAtt Api.Secret, GroupName: !ImportValue groups"),
                Scheduler::Schedule,
                "arn:aws:scheduler:eu-central-1:123456789012:schedule/default/FnWork",
            ),
            (
                rule("Name: '{{resolve:ssm:/name}}'"),
                Scheduler::Rule,
                "arn:aws:events:eu-central-1:123456789012:rule/shop-FnWork",
            ),
        ] {
            assert_eq!((read.by, read.arn.as_str()), (by, arn));
        }
    }

    #[test]
    fn an_input_that_only_aws_knows_is_left_out_and_named() {
        let event = "{Type: Schedule, Properties: {Schedule: rate(1 minute), Input: !GetAtt Api.Secret}}";
        let template = template(event).unwrap();
        assert_eq!(template.functions[0].schedules[0].input, None);
        let expected = "line 3: event `Work` of function `Fn` has no Input here, and so the event that AWS makes without \
                        one: `Api.Secret` is not known on one machine (a AWS::Serverless::HttpApi).";
        assert_eq!(template.not_emulated, [expected]);
    }

    #[test]
    fn a_dynamic_reference_is_no_input() {
        let event = "{Type: Schedule, Properties: {Schedule: rate(1 minute), Input: '{{resolve:ssm:/job}}'}}";
        let template = template(event).unwrap();
        assert_eq!(template.functions[0].schedules[0].input, None);
        assert!(template.not_emulated[0].contains("dynamic reference"), "{:?}", template.not_emulated);
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
            let error = template(event).map(|_| ()).unwrap_err();
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
