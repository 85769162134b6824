"""What the broken templates are written with."""

from collections.abc import Callable
from dataclasses import dataclass

from rules import Rule
from translate import Tree

Change = Callable[[Tree], None]


@dataclass(frozen=True)
class Breach:
    change: Change
    rules: frozenset[Rule]  # exactly these find something
    variant: str


BREACHES: list[Breach] = []


def breaks(*rules: Rule, variant: str = "production-reserved") -> Callable[[Change], Change]:
    def register(change: Change) -> Change:
        BREACHES.append(Breach(change, frozenset(rules), variant))
        return change

    return register


def properties(tree: Tree, name: str) -> Tree:
    return tree["Resources"][name]["Properties"]


def statements(tree: Tree, function: str) -> list[Tree]:
    return properties(tree, function)["Policies"][0]["Statement"]


def schedule(tree: Tree, function: str, event: str) -> Tree:
    return properties(tree, function)["Events"][event]["Properties"]


def allow(tree: Tree, function: str, action: str, resource: object) -> None:
    statement = {"Effect": "Allow", "Action": action, "Resource": resource}
    properties(tree, function).setdefault("Policies", []).append({"Version": "2012-10-17", "Statement": [statement]})


def arn(name: str) -> Tree:
    return {"Fn::GetAtt": [name, "Arn"]}


def keys_of(tree: Tree) -> list[str]:
    """The signing keys: a key that takes another's place has a name of its own."""
    return [name for name, resource in tree["Resources"].items() if resource["Type"] == "AWS::KMS::Key"]
