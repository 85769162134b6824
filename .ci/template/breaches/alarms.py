"""Templates where something goes wrong and nobody hears of it."""

from breaches.writing import breaks, properties
from rules import alarms
from translate import Tree


@breaks(alarms.alarms_are_sent_to_the_topic)
def an_alarm_is_sent_to_nobody(tree: Tree) -> None:
    del properties(tree, "OrderGivenUp")["AlarmActions"]


@breaks(alarms.alarms_are_sent_to_the_topic, variant="production")
def an_alarm_is_sent_to_a_topic_that_is_not_there(tree: Tree) -> None:
    properties(tree, "AuditFails")["AlarmActions"] = [{"Ref": "AlarmTopic"}]


@breaks(alarms.metrics_have_an_alarm)
def an_alarm_waits_for_another_metric(tree: Tree) -> None:
    properties(tree, "OrderGivenUp")["MetricName"] = "GivenUpOrders"


@breaks(alarms.metrics_have_an_alarm)
def nothing_makes_an_alarms_metric(tree: Tree) -> None:
    del tree["Resources"]["HalfWaySeconds"]


@breaks(alarms.silence_is_no_comfort)
def an_alarm_is_content_when_nothing_runs(tree: Tree) -> None:
    properties(tree, "HalfWayTooLong")["TreatMissingData"] = "notBreaching"


@breaks(alarms.what_runs_on_a_schedule_is_watched)
def lambda_repeats_a_run(tree: Tree) -> None:
    del properties(tree, "CheckoutFunction")["EventInvokeConfig"]


@breaks(alarms.what_runs_on_a_schedule_is_watched)
def no_alarm_counts_the_runs_that_fail(tree: Tree) -> None:
    del tree["Resources"]["CheckoutFails"]
