"""What is noticed, and by whom: metric filters, alarms, and the retries that would hide a failure."""

from collections.abc import Iterator

from rules.reading import named, of_type
from translate import Deployment, as_text

# Where no figure comes, nobody does the work: that is as bad as the worst figure.
SILENCE_IS_BAD = ("HalfWayTooLong",)


def alarms_are_sent_to_the_topic(deployment: Deployment) -> Iterator[str]:
    """Every alarm, where there is a topic; none where there is none."""
    topic = deployment.parameters["AlarmTopic"]
    for name, properties in of_type(deployment, "AWS::CloudWatch::Alarm"):
        sent_to = [as_text(action) for action in properties.get("AlarmActions", [])]
        if sent_to != ([topic] if topic else []):
            yield f"{name} is sent to {sent_to}: the parameter AlarmTopic says {topic or 'nobody'}."


def metrics_have_an_alarm(deployment: Deployment) -> Iterator[str]:
    """A metric that is made of a log has an alarm, and an alarm on such a metric has something that makes it."""
    made = {
        (as_text(to["MetricNamespace"]), to["MetricName"])
        for _, properties in of_type(deployment, "AWS::Logs::MetricFilter")
        for to in properties["MetricTransformations"]
    }
    watched = {
        (as_text(properties["Namespace"]), properties["MetricName"])
        for _, properties in of_type(deployment, "AWS::CloudWatch::Alarm")
        if not as_text(properties["Namespace"]).startswith("AWS/")
    }
    for _, metric in sorted(made - watched):
        yield f"The metric {metric} has no alarm."
    for _, metric in sorted(watched - made):
        yield f"An alarm waits for the metric {metric}, which no filter makes."


def silence_is_no_comfort(deployment: Deployment) -> Iterator[str]:
    alarms = dict(of_type(deployment, "AWS::CloudWatch::Alarm"))
    for name in SILENCE_IS_BAD:
        if alarms.get(name, {}).get("TreatMissingData") != "breaching":
            yield f"{name} is content without figures: set TreatMissingData to breaching."


def what_runs_on_a_schedule_is_watched(deployment: Deployment) -> Iterator[str]:
    """Nobody waits for its answer: Lambda does not repeat it by itself, and an alarm counts its failures."""
    once = {
        named(as_text(properties["FunctionName"]))
        for _, properties in of_type(deployment, "AWS::Lambda::EventInvokeConfig")
        if properties.get("MaximumRetryAttempts") == 0
    }
    counted = {
        named(as_text(dimension["Value"]))
        for _, properties in of_type(deployment, "AWS::CloudWatch::Alarm")
        for dimension in properties.get("Dimensions", [])
        if (properties["Namespace"], properties["MetricName"]) == ("AWS/Lambda", "Errors")
    }
    for name, properties in of_type(deployment, "AWS::Scheduler::Schedule"):
        function = named(as_text(properties["Target"]["Arn"]))
        if function not in once:
            yield f"{name} invokes {function}, which Lambda repeats: set MaximumRetryAttempts to 0."
        if function not in counted:
            yield f"{name} invokes {function}, whose failures no alarm counts."


RULES = (
    alarms_are_sent_to_the_topic,
    metrics_have_an_alarm,
    silence_is_no_comfort,
    what_runs_on_a_schedule_is_watched,
)
