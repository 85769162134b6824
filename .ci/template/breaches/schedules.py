"""Templates where what runs unasked, or holds a provider's secrets, may do what it must not."""

from breaches.writing import allow, arn, breaks, properties, schedule, statements
from rules import access, alarms
from translate import Tree


@breaks(access.grants_are_the_listed_ones)
def payments_reads_another_secret(tree: Tree) -> None:
    name = "arn:${AWS::Partition}:ssm:${AWS::Region}:${AWS::AccountId}:parameter/portico/other"
    allow(tree, "PaymentsFunction", "ssm:GetParameter", {"Fn::Sub": name})


@breaks(access.grants_are_the_listed_ones)
def checkout_reads_stripes_secrets(tree: Tree) -> None:
    statements(tree, "CheckoutFunction").append(statements(tree, "PaymentsFunction")[1])


@breaks(access.grants_are_the_listed_ones, variant="production")
def payments_reads_secrets_that_it_has_no_use_for(tree: Tree) -> None:
    [_, then, _] = statements(tree, "PaymentsFunction")[1]["Fn::If"]
    statements(tree, "PaymentsFunction")[1] = then


@breaks(access.each_function_has_its_own_role)
def an_account_takes_a_schedules_role(tree: Tree) -> None:
    trusted = {"Service": ["scheduler.amazonaws.com", "lambda.amazonaws.com"]}
    statement = {"Effect": "Allow", "Action": "sts:AssumeRole", "Principal": trusted}
    role = {"Version": "2012-10-17", "Statement": [statement]}
    schedule(tree, "AuditFunction", "Nightly")["RoleArn"] = arn("AuditFunctionNightlyRole")
    tree["Resources"]["AuditFunctionNightlyRole"] = {
        "Type": "AWS::IAM::Role",
        "Properties": {
            "AssumeRolePolicyDocument": role,
            "Policies": [
                {
                    "PolicyName": "invoke",
                    "PolicyDocument": {
                        "Version": "2012-10-17",
                        "Statement": [
                            {"Effect": "Allow", "Action": "lambda:InvokeFunction", "Resource": arn("AuditFunction")}
                        ],
                    },
                }
            ],
        },
    }


@breaks(access.grants_are_the_listed_ones)
def audit_mends_orders(tree: Tree) -> None:
    allow(tree, "AuditFunction", "dynamodb:UpdateItem", arn("OrdersTable"))


@breaks(access.grants_are_the_listed_ones, access.only_payments_writes_payments)
def audit_mends_payments(tree: Tree) -> None:
    allow(tree, "AuditFunction", "dynamodb:UpdateItem", arn("PaymentsTable"))


@breaks(access.schedules_are_the_listed_ones)
def a_schedule_tells_something_else(tree: Tree) -> None:
    schedule(tree, "CheckoutFunction", "Reconcile")["Input"] = '{"command":"resolve"}'


@breaks(access.schedules_are_the_listed_ones)
def a_schedule_has_every_stacks_name(tree: Tree) -> None:
    del schedule(tree, "AuditFunction", "Nightly")["OmitName"]


@breaks(access.schedules_are_the_listed_ones, access.grants_are_the_listed_ones)
def nothing_is_reconciled(tree: Tree) -> None:
    del properties(tree, "CheckoutFunction")["Events"]["Reconcile"]


@breaks(
    access.schedules_are_the_listed_ones,
    access.grants_are_the_listed_ones,
    access.each_function_has_its_own_role,
    access.only_checkout_invokes,
    alarms.what_runs_on_a_schedule_is_watched,
)
def payments_has_a_schedule(tree: Tree) -> None:
    properties(tree, "PaymentsFunction")["Events"] = {
        "Nightly": {
            "Type": "ScheduleV2",
            "Properties": {"ScheduleExpression": "rate(1 day)", "Input": "{}", "OmitName": True},
        }
    }
