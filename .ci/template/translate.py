"""template.yaml as CloudFormation gets it: translated by SAM, then with parameters and conditions put in.

As a program it writes each variant of VARIANTS into the folder it is given: translate.py FOLDER
"""

import copy
import json
import logging
import os
import re
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

# boto3 wants a region, and SAM's translation asks it for one; nothing is called.
os.environ.setdefault("AWS_DEFAULT_REGION", "eu-central-1")

from boto3.session import Session
from samcli.yamlhelper import yaml_parse
from samtranslator.parser.parser import Parser
from samtranslator.public.exceptions import InvalidDocumentException
from samtranslator.translator.translator import Translator

# It warns that nobody collects its figures.
logging.getLogger("samtranslator.metrics").setLevel(logging.ERROR)

Tree = dict[str, Any]

TEMPLATE = Path(__file__).parents[2] / "template.yaml"

CERTIFICATE = "arn:aws:acm:us-east-1:123456789012:certificate/00000000-0000-0000-0000-000000000000"

# What is deployed with: together they take both sides of every condition.
VARIANTS: dict[str, Tree] = {
    "development": {"Stage": "development", "DomainName": "api.example.com", "CertificateArn": CERTIFICATE},
    "production": {"Stage": "production"},
    "production-reserved": {
        "Stage": "production",
        "Architecture": "x86_64",
        "CorsOrigins": "https://shop.example.com,http://localhost:5173",
        "Issuer": "https://shop.example.com",
        "PaymentProvider": "stripe",
        "AlarmTopic": "arn:aws:sns:eu-central-1:123456789012:alarms",
        "ReservedConcurrency": 5,
        "SigningKey": "B",
        "Edge": "on",
        "EdgeSecretAlso": "portico/edge-2",
    },
    "edge": {"Stage": "production", "Edge": "on", "DomainName": "api.example.com", "CertificateArn": CERTIFICATE},
}


@dataclass(frozen=True)
class Deployment:
    """A template with values for its parameters."""

    written: Tree  # as in template.yaml
    parameters: Tree  # every parameter's value
    translated: Tree  # plain CloudFormation, without conditions and without references to parameters

    @property
    def resources(self) -> Tree:
        return self.translated["Resources"]


def read(path: Path = TEMPLATE) -> Tree:
    return plain(yaml_parse(path.read_text(encoding="utf-8")))


def translate(written: Tree, chosen: Tree) -> Deployment:
    declared = written.get("Parameters", {})
    unknown = chosen.keys() - declared.keys()
    if unknown:
        raise ValueError(f"The template has no parameter {', '.join(sorted(unknown))}: correct VARIANTS.")
    parameters = {name: parameter.get("Default") for name, parameter in declared.items()} | chosen
    # As `sam validate` does it. Portico has no managed policies by name, so their list, which AWS has, may be empty.
    translator = Translator(managed_policy_map=None, sam_parser=Parser(), plugins=[], boto_session=Session())
    try:
        translated = plain(
            translator.translate(uploaded(written), parameter_values=parameters, get_managed_policy_map=lambda: {})
        )
    except InvalidDocumentException as refusal:
        raise ValueError(
            f"SAM refuses the template: {'; '.join(cause.message for cause in refusal.causes)}"
        ) from refusal
    return Deployment(
        written, parameters, Resolution(parameters, translated.get("Conditions", {})).template(translated)
    )


def plain(tree: Any) -> Tree:
    """The same of nothing but dictionaries and lists."""
    return json.loads(json.dumps(tree))


def uploaded(written: Tree) -> Tree:
    """A copy with the functions' code in a bucket, where `sam deploy` puts it before SAM's translation."""
    tree = copy.deepcopy(written)
    for resource in tree["Resources"].values():
        if resource["Type"] == "AWS::Serverless::Function":
            resource["Properties"]["CodeUri"] = "s3://bucket/code"
    return tree


class Resolution:
    """Puts parameters and conditions in, as CloudFormation does. References to resources stay: only AWS knows them."""

    def __init__(self, parameters: Tree, conditions: Tree):
        self.parameters = parameters
        self.conditions = conditions

    def template(self, translated: Tree) -> Tree:
        resolved: Tree = {
            name: translated[name] for name in ("AWSTemplateFormatVersion", "Description") if name in translated
        }
        for section in ("Resources", "Outputs"):
            entries = {name: dict(entry) for name, entry in translated.get(section, {}).items()}
            resolved[section] = {
                name: self.value(entry)
                for name, entry in entries.items()
                if "Condition" not in entry or self.condition({"Condition": entry.pop("Condition")})
            }
        return resolved

    def value(self, node: Any) -> Any:
        match node:
            case {"Ref": str(name)} if name in self.parameters:
                return self.parameters[name]
            case {"Fn::If": [str(name), yes, no]}:
                return self.value(yes if self.condition({"Condition": name}) else no)
            case {"Fn::Split": [str(separator), text]}:
                return as_text(self.value(text)).split(separator)
            case {"Fn::Sub": str(text)}:
                return self.substitute(text, {})
            case {"Fn::Sub": [str(text), dict(variables)]}:
                return self.substitute(text, {name: self.value(variable) for name, variable in variables.items()})
            case dict():
                entries = {key: self.value(entry) for key, entry in node.items()}
                return {key: entry for key, entry in entries.items() if entry != {"Ref": "AWS::NoValue"}}
            case list():
                return [entry for entry in map(self.value, node) if entry != {"Ref": "AWS::NoValue"}]
        return node

    def substitute(self, text: str, variables: Tree) -> Any:
        known = self.parameters | variables
        text = re.sub(r"\$\{([^!}]+)\}", lambda found: as_text(known.get(found[1], found[0])), text)
        return {"Fn::Sub": text} if "${" in text else text

    def condition(self, node: Any) -> bool:
        match node:
            case {"Condition": str(name)}:
                return self.condition(self.conditions[name])
            case {"Fn::Equals": [one, other]}:
                return as_text(self.value(one)) == as_text(self.value(other))
            case {"Fn::Not": [inner]}:
                return not self.condition(inner)
            case {"Fn::And": [*inner]}:
                return all(map(self.condition, inner))
            case {"Fn::Or": [*inner]}:
                return any(map(self.condition, inner))
        raise ValueError(f"This condition is of no known form: {json.dumps(node)}")


def as_text(node: Any) -> str:
    """A value in Fn::Sub's notation: a reference is ${Name}, an attribute ${Name.Attribute}."""
    match node:
        case {"Ref": str(name)}:
            return f"${{{name}}}"
        case {"Fn::GetAtt": [str(name), str(attribute)]}:
            return f"${{{name}.{attribute}}}"
        case {"Fn::GetAtt": str(path)}:
            return f"${{{path}}}"
        case {"Fn::Sub": str(text)}:
            return text
        case bool():
            return str(node).lower()
        case str() | int() | float():
            return str(node)
    raise ValueError(f"This value is of no known form: {json.dumps(node)}")


def main() -> None:
    folder = Path(sys.argv[1])
    folder.mkdir(parents=True, exist_ok=True)
    written = read()
    for name, chosen in VARIANTS.items():
        text = json.dumps(translate(written, chosen).translated, indent=2)
        (folder / f"{name}.json").write_text(text + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
