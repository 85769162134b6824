//! A function's `Events`: requests to an HTTP API and schedules are read, whatever else calls a function is named.

use super::elsewhere;
use super::kinds::Missed;
use super::model::Schedule;
use super::node::{Entry, Fault};
use super::schedules;
use super::section::Section;

/// Events that come from nobody here.
/// <https://docs.aws.amazon.com/serverless-application-model/latest/developerguide/sam-property-function-eventsource.html>
const FROM_NOBODY: [&str; 16] = [
    "AlexaSkill",
    "CloudWatchEvent",
    "CloudWatchLogs",
    "Cognito",
    "DocumentDB",
    "DynamoDB",
    "EventBridgeRule",
    "IoTRule",
    "Kinesis",
    "MQ",
    "MSK",
    "S3",
    "SNS",
    "SQS",
    "SelfManagedKafka",
    "WebSocketApi",
];

/// Reads a function's events: those of the type `HttpApi` as they are written, and the schedules.
pub fn read(function: &mut Section<'_>, id: &str, missed: &mut Missed) -> Result<(Vec<Entry>, Vec<Schedule>), Fault> {
    let (mut requests, mut schedules) = (Vec::new(), Vec::new());
    let scope = function.scope();
    for event in function.section("Events")?.map(|mut events| events.rest()).unwrap_or_default() {
        let Some(value) = scope.choose(&event.value)? else { continue };
        let event = Entry { value, ..event };
        let what = format!("event `{}` of function `{id}`", event.key);
        let kind = Section::open(scope, &event.value, what.clone())?.required("Type")?;
        match kind.text("Type")? {
            "HttpApi" => requests.push(event),
            "Schedule" | "ScheduleV2" => schedules.push(schedules::read(scope, id, &event)?),
            "Api" => {
                missed.rest(kind.line, "an event of the type Api");
                scope.not_emulated(kind.line, format!("{what}, of the type Api: {}.", elsewhere::REST));
            }
            name if FROM_NOBODY.contains(&name) => {
                scope.not_emulated(kind.line, format!("{what} ({name}) comes from nobody here: invoke it directly."));
            }
            _ => return Err(kind.fault(format!("{what} has a Type that is not understood here."))),
        }
    }
    Ok((requests, schedules))
}
