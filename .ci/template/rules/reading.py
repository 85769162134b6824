"""Reads from a translated template what the rules ask about."""

from collections.abc import Iterator
from dataclasses import dataclass
from fnmatch import fnmatch
from typing import Any

from translate import Deployment, Tree, as_text


def of_type(deployment: Deployment, kind: str) -> Iterator[tuple[str, Tree]]:
    """Names and properties of the resources of a type."""
    for name, resource in deployment.resources.items():
        if resource["Type"] == kind:
            yield name, resource.get("Properties", {})


def functions(deployment: Deployment) -> Iterator[tuple[str, Tree]]:
    return of_type(deployment, "AWS::Lambda::Function")


def custom_resources(deployment: Deployment) -> Iterator[tuple[str, Tree]]:
    """Names and properties of the resources that a function of the template makes."""
    for name, resource in deployment.resources.items():
        if resource["Type"].startswith(("Custom::", "AWS::CloudFormation::CustomResource")):
            yield name, resource["Properties"]


def several(value: Any) -> list[Any]:
    """IAM and CloudFormation let a list of one stand without its brackets."""
    if value is None:
        return []
    return value if isinstance(value, list) else [value]


@dataclass(frozen=True)
class Statement:
    holder: str  # the resource whose policy says so
    allows: bool
    actions: tuple[str, ...]
    targets: tuple[str, ...]
    principals: tuple[str, ...]  # of a resource's policy: whom it lets
    condition: Tree
    inverted: bool  # NotAction, NotResource or NotPrincipal


def statements(holder: str, document: Tree) -> Iterator[Statement]:
    for written in several(document["Statement"]):
        principal = written.get("Principal", [])
        groups = principal.values() if isinstance(principal, dict) and not is_reference(principal) else [principal]
        yield Statement(
            holder=holder,
            allows=written["Effect"] == "Allow",
            actions=tuple(map(as_text, several(written.get("Action")))),
            targets=tuple(map(as_text, several(written.get("Resource")))),
            principals=tuple(as_text(one) for group in groups for one in several(group)),
            condition=written.get("Condition", {}),
            inverted=bool(written.keys() & {"NotAction", "NotResource", "NotPrincipal"}),
        )


def allows(pattern: str, *actions: str) -> bool:
    """IAM's actions know no upper and lower case."""
    return any(fnmatch(action, pattern.lower()) for action in actions)


def is_reference(value: Tree) -> bool:
    return value.keys() <= {"Ref", "Fn::GetAtt", "Fn::Sub"}


def permissions(deployment: Deployment) -> Iterator[Statement]:
    """What the template lets roles do (and users and groups, had it any): by policies in them or beside them."""
    for name, resource in deployment.resources.items():
        if resource["Type"].startswith("AWS::IAM::"):
            properties = resource.get("Properties", {})
            documents = [policy["PolicyDocument"] for policy in properties.get("Policies", [])]
            if "PolicyDocument" in properties:
                documents.append(properties["PolicyDocument"])
            for document in documents:
                yield from statements(name, document)


def key_policies(deployment: Deployment) -> Iterator[Statement]:
    for name, properties in of_type(deployment, "AWS::KMS::Key"):
        yield from statements(name, properties.get("KeyPolicy", {"Statement": []}))


def policies_of_resources(deployment: Deployment) -> Iterator[Statement]:
    """What resources let others do: key policies, roles' trust, and any other policy that hangs on a resource."""
    yield from key_policies(deployment)
    for name, properties in of_type(deployment, "AWS::IAM::Role"):
        yield from statements(name, properties["AssumeRolePolicyDocument"])
    for name, resource in deployment.resources.items():
        properties = resource.get("Properties", {})
        if not resource["Type"].startswith("AWS::IAM::"):
            for key in ("PolicyDocument", "ResourcePolicy"):
                document = properties.get(key, {})
                document = document.get("PolicyDocument", document)
                if document:
                    yield from statements(name, document)


def named(reference: str) -> str:
    """The resource that ${X} or ${X.Arn} is."""
    return reference.strip("${}").partition(".")[0]


def role_of(function: str) -> str:
    """SAM's name for the role that it makes for a function."""
    return f"{function}Role"


def schedule_role_of(function: str, event: str) -> str:
    """SAM's name for the role that it makes for a function's schedule."""
    return f"{function}{event}Role"


@dataclass(frozen=True)
class Route:
    key: str  # such as GET /orders/{order_id}
    function: str
    authorizer: str | None


def routes(deployment: Deployment) -> Iterator[Route]:
    for _, properties in of_type(deployment, "AWS::ApiGatewayV2::Api"):
        for path, methods in properties["Body"]["paths"].items():
            for method, operation in methods.items():
                names = [name for scheme in operation.get("security", []) for name in scheme]
                uri = as_text(operation["x-amazon-apigateway-integration"]["uri"])
                yield Route(
                    key=f"{method.upper()} {path}",
                    function=function_of(uri),
                    # SAM writes NONE, which stands for no scheme at all.
                    authorizer=names[0] if names and "NONE" not in names else None,
                )


def authorizers(deployment: Deployment) -> Iterator[tuple[str, Tree]]:
    for _, properties in of_type(deployment, "AWS::ApiGatewayV2::Api"):
        schemes = properties["Body"].get("components", {}).get("securitySchemes", {})
        for name, scheme in schemes.items():
            yield name, scheme["x-amazon-apigateway-authorizer"]


def behind_the_api(deployment: Deployment) -> set[str]:
    """The functions that the API invokes: those with a route, and the authorizer."""
    uris = [as_text(authorizer["authorizerUri"]) for _, authorizer in authorizers(deployment)]
    return {route.function for route in routes(deployment)} | {function_of(uri) for uri in uris}


def function_of(uri: str) -> str:
    """The function that the API invokes by such a URI: …/functions/${X.Arn}/invocations."""
    return uri.rpartition("/functions/${")[2].partition(".")[0]
