"""What must outlive a mistake: tables and keys."""

from collections.abc import Iterator

from rules.reading import of_type
from translate import Deployment

STATEFUL = ("AWS::DynamoDB::Table", "AWS::KMS::Key")

# RetainExceptOnCreate only removes what a first creation that failed has made: nothing is in it yet.
KEEPING = {
    "DeletionPolicy": ("Retain", "RetainExceptOnCreate"),
    "UpdateReplacePolicy": ("Retain",),
}


def tables_can_be_restored(deployment: Deployment) -> Iterator[str]:
    for name, properties in of_type(deployment, "AWS::DynamoDB::Table"):
        if properties.get("PointInTimeRecoverySpecification", {}).get("PointInTimeRecoveryEnabled") is not True:
            yield f"{name} cannot be restored to a point in time: enable it."


def tables_are_encrypted(deployment: Deployment) -> Iterator[str]:
    for name, properties in of_type(deployment, "AWS::DynamoDB::Table"):
        if properties.get("SSESpecification", {}).get("SSEEnabled") is not True:
            yield f"{name} is not encrypted with a key of KMS: enable SSESpecification."


def production_is_protected_from_deletion(deployment: Deployment) -> Iterator[str]:
    if deployment.parameters["Stage"] == "development":
        return
    for name, properties in of_type(deployment, "AWS::DynamoDB::Table"):
        if properties.get("DeletionProtectionEnabled") is not True:
            yield f"{name} can be deleted: enable DeletionProtectionEnabled outside development."


def production_outlives_its_stack(deployment: Deployment) -> Iterator[str]:
    if deployment.parameters["Stage"] == "development":
        return
    for name, resource in deployment.resources.items():
        for policy, keeping in KEEPING.items():
            if resource["Type"] in STATEFUL and resource.get(policy) not in keeping:
                yield f"{name} has the {policy} {resource.get(policy)}: outside development it must be Retain."


RULES = (
    tables_can_be_restored,
    tables_are_encrypted,
    production_is_protected_from_deletion,
    production_outlives_its_stack,
)
