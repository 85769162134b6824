"""How each function runs: what it is built for, how long it may take, what it logs and what its environment holds."""

import re
from collections.abc import Iterator

from rules.reading import behind_the_api, custom_resources, functions, named, of_type, permissions, role_of
from translate import Deployment, as_text

API_TIMEOUT = 30

# Starved by a flood of the other, each would take the whole shop down.
RESERVED = ("AuthorizerFunction", "UsersFunction")

SECRET_NAME = re.compile(r"SECRET|PASSWORD|PASSPHRASE|TOKEN|CREDENTIAL|PRIVATE|API_?KEY|ACCESS_?KEY", re.IGNORECASE)
SECRET_VALUE = re.compile(
    r"""
      -----BEGIN                        # PEM
    | \b(AKIA|ASIA)[A-Z0-9]{16}\b       # an AWS access key
    | \b[spr]k_(live|test)_             # a payment provider's key
    | \bwhsec_                          # its webhook's secret
    | \beyJ[\w-]+\.eyJ                  # a token
    | ^pkcs8:                           # a private key, as a local shop has it
    | "d"\s*:                           # a private JSON Web Key
    | \{\{resolve:(secretsmanager|ssm-secure):   # would be readable in the function's settings
    | [A-Za-z0-9+/_-]{40,}              # as random as a key is
    """,
    re.VERBOSE,
)

PARAMETER = re.compile(r"(/[\w.-]+)+")  # a Systems Manager parameter's name

# The edge's secrets are needed at every request. Whoever reads one in a function's settings may go round the edge, and
# no further; the template itself has a reference only, which the own rule api_is_locked checks.
AT_HAND = re.compile(r"EDGE_SECRET(_ALSO)?")
REFERENCE = re.compile(r"(\{\{resolve:secretsmanager:[^{}:]+:SecretString\}\})?")


def run_as_built(deployment: Deployment) -> Iterator[str]:
    architecture = deployment.parameters["Architecture"]
    for name, properties in functions(deployment):
        if properties.get("Runtime") != "provided.al2023":
            yield f"{name} has the runtime {properties.get('Runtime')}: make it provided.al2023."
        if properties.get("Architectures") != [architecture]:
            yield f"{name} is not for {architecture} alone, as the parameter Architecture says."


def are_traced(deployment: Deployment) -> Iterator[str]:
    for name, properties in functions(deployment):
        if properties.get("TracingConfig", {}).get("Mode") != "Active":
            yield f"{name} is not traced: set Tracing to Active."


def log_for_a_limited_time(deployment: Deployment) -> Iterator[str]:
    """Every log group has its retention, and every function a log group of its own."""
    groups = dict(of_type(deployment, "AWS::Logs::LogGroup"))
    for name, properties in groups.items():
        days = properties.get("RetentionInDays")
        if not isinstance(days, int) or days <= 0:
            yield f"{name} keeps its lines for ever: set RetentionInDays."
    users: dict[str, str] = {}
    for name, properties in functions(deployment):
        group = as_text(properties.get("LoggingConfig", {}).get("LogGroup", "")).strip("${}")
        if group not in groups:
            yield f"{name} logs to a group that Lambda makes, which keeps its lines for ever: set LoggingConfig."
        elif group in users:
            yield f"{name} logs to the same group as {users[group]}."
        users[group] = name


def answer_before_the_api_gives_up(deployment: Deployment) -> Iterator[str]:
    """The functions that the API invokes, and those that these wait for."""
    waited_for = behind_the_api(deployment)
    holders = {role_of(name) for name in waited_for}
    for statement in permissions(deployment):
        if "lambda:InvokeFunction" in statement.actions and statement.holder in holders:
            waited_for.update(map(named, statement.targets))
    for name, properties in functions(deployment):
        timeout = properties.get("Timeout")
        if name in waited_for and not is_below(timeout, API_TIMEOUT):
            yield f"{name} may take {timeout} s: the API waits for {API_TIMEOUT}."


def answer_before_cloudformation_gives_up(deployment: Deployment) -> Iterator[str]:
    timeouts = {name: properties.get("Timeout") for name, properties in functions(deployment)}
    for name, properties in custom_resources(deployment):
        function = named(as_text(properties["ServiceToken"]))
        limit = properties.get("ServiceTimeout")
        timeout = timeouts.get(function)
        if not is_below(timeout, limit):
            yield f"{function} may take {timeout} s: {name} waits for {limit} (ServiceTimeout)."


def is_below(timeout: object, limit: object) -> bool:
    return isinstance(timeout, int) and isinstance(limit, int) and timeout < limit


def checkout_knows_its_timeout(deployment: Deployment) -> Iterator[str]:
    """An order younger than that is still being worked on; were it too short, the order would be worked on twice."""
    for name, properties in functions(deployment):
        if name == "CheckoutFunction":
            told = properties["Environment"]["Variables"].get("IN_FLIGHT_SECONDS")
            if told != str(properties["Timeout"]):
                yield f"{name} has IN_FLIGHT_SECONDS {told} and Timeout {properties['Timeout']}: make them equal."


def have_what_is_reserved(deployment: Deployment) -> Iterator[str]:
    wanted = int(deployment.parameters["ReservedConcurrency"])
    for name, properties in functions(deployment):
        reserved = properties.get("ReservedConcurrentExecutions")
        if name in RESERVED and wanted and reserved != wanted:
            yield f"{name} reserves {reserved} instances: the parameter ReservedConcurrency says {wanted}."
        if (name not in RESERVED or not wanted) and reserved is not None:
            yield f"{name} reserves {reserved} instances, which a new account's limit refuses."


def hold_no_secrets(deployment: Deployment) -> Iterator[str]:
    """Whoever may read a function's settings reads its environment. It may name where a secret is kept."""
    for name, properties in functions(deployment):
        for variable, value in properties.get("Environment", {}).get("Variables", {}).items():
            named = variable.endswith("_PARAMETER") and PARAMETER.fullmatch(as_text(value))
            if AT_HAND.fullmatch(variable) and REFERENCE.fullmatch(as_text(value)):
                continue
            if (SECRET_NAME.search(variable) and not named) or SECRET_VALUE.search(as_text(value)):
                yield f"{name}'s variable {variable} looks like a secret: have the function fetch it."


RULES = (
    run_as_built,
    are_traced,
    log_for_a_limited_time,
    answer_before_the_api_gives_up,
    answer_before_cloudformation_gives_up,
    checkout_knows_its_timeout,
    have_what_is_reserved,
    hold_no_secrets,
)
