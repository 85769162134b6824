"""Who may do what: what each role is allowed, and what resources let others do."""

import json
from collections.abc import Iterator

from rules.reading import (
    allows,
    behind_the_api,
    functions,
    named,
    of_type,
    permissions,
    policies_of_resources,
    role_of,
    routes,
    schedule_role_of,
    several,
)
from translate import Deployment, as_text

# Stands for the signing keys' ARNs: a key that takes another's place has a name of its own.
EACH_KEY = "each signing key"

# The actions of each function, and on what. A new one is a decision: it is taken here and in template.yaml.
GRANTS: dict[str, dict[str, tuple[str, ...]]] = {
    "AuthorizerFunction": {},
    "UsersFunction": {
        "${UsersTable.Arn}": (
            "dynamodb:BatchGetItem",
            "dynamodb:DeleteItem",
            "dynamodb:GetItem",
            "dynamodb:PutItem",
            "dynamodb:Query",
            "dynamodb:UpdateItem",
        ),
        # It signs by the keys' own policies: see rules/keys.py.
    },
    "ProductsFunction": {
        "${ProductsTable.Arn}": (
            "dynamodb:BatchGetItem",
            "dynamodb:GetItem",
            "dynamodb:PutItem",
            "dynamodb:UpdateItem",
        ),
        "${ProductsTable.Arn}/index/catalogue": ("dynamodb:Query",),
        "${ProductsTable.Arn}/index/category": ("dynamodb:Query",),
    },
    "OrdersFunction": {
        "${OrdersTable.Arn}": ("dynamodb:GetItem", "dynamodb:PutItem", "dynamodb:UpdateItem"),
        "${OrdersTable.Arn}/index/by_user": ("dynamodb:Query",),
        "${OrdersTable.Arn}/index/by_status": ("dynamodb:Query",),
        "${ProductsTable.Arn}": ("dynamodb:BatchGetItem", "dynamodb:UpdateItem"),
    },
    "PaymentsFunction": {
        "${PaymentsTable.Arn}": ("dynamodb:GetItem", "dynamodb:PutItem", "dynamodb:UpdateItem"),
    },
    "AuditFunction": {
        "${ProductsTable.Arn}": ("dynamodb:GetItem", "dynamodb:Scan"),
        "${OrdersTable.Arn}": ("dynamodb:GetItem", "dynamodb:Scan"),
        "${PaymentsTable.Arn}": ("dynamodb:GetItem", "dynamodb:Scan"),
    },
    "CheckoutFunction": {
        "${OrdersFunction.Arn}": ("lambda:InvokeFunction",),
        "${PaymentsFunction.Arn}": ("lambda:InvokeFunction",),
    },
    "KeyringFunction": {
        EACH_KEY: ("kms:GetPublicKey",),
    },
}

# The schedules of each function, and what they tell it. Each has a role of its own, which may invoke that function.
SCHEDULES: dict[str, dict[str, object]] = {
    "CheckoutFunction": {"Reconcile": {"command": "reconcile"}},
    "AuditFunction": {"Nightly": {"command": "audit"}},
}
SCHEDULE_ROLES = {
    schedule_role_of(function, event): function for function, events in SCHEDULES.items() for event in events
}

# What payments may read, once Stripe is the provider: the Systems Manager parameters that these parameters name.
STRIPE_SECRETS = ("StripeSecretKeyParameter", "StripeWebhookSecretParameter")

# SAM gives these two to every function. Both have Resource "*": AWS's own policies know no names, and X-Ray's actions
# take no resource at all. Both can only write: log lines, and traces.
MANAGED_POLICIES = {
    "arn:aws:iam::aws:policy/service-role/AWSLambdaBasicExecutionRole",
    "arn:aws:iam::aws:policy/AWSXrayWriteOnlyAccess",
}

# Of a product, what orders may touch.
STOCK = {"product_id", "part", "live", "available", "reserved"}

READS = ("dynamodb:getitem", "dynamodb:batchgetitem", "dynamodb:query", "dynamodb:scan", "dynamodb:conditioncheckitem")


def no_wildcards(deployment: Deployment) -> Iterator[str]:
    """No * in an action or a resource, and no 'everything but'."""
    for statement in permissions(deployment):
        for part in (*statement.actions, *statement.targets):
            if "*" in part or "?" in part:
                yield f"{statement.holder} allows {part}: list what is needed."
    # A key's policy speaks of that key alone, so its Resource is always *.
    for statement in policies_of_resources(deployment):
        for action in statement.actions:
            if "*" in action or "?" in action:
                yield f"{statement.holder} lets others {action}: list what is needed."
    for statement in (*permissions(deployment), *policies_of_resources(deployment)):
        if statement.inverted:
            yield f"{statement.holder} has a policy with NotAction, NotResource or NotPrincipal: say what is allowed."


def no_wildcard_principals(deployment: Deployment) -> Iterator[str]:
    for statement in policies_of_resources(deployment):
        for principal in statement.principals:
            if "*" in principal:
                yield f"{statement.holder} lets the principal {principal} in: name who may."
    for name, properties in of_type(deployment, "AWS::Lambda::Permission"):
        if "*" in as_text(properties["Principal"]):
            yield f"{name} lets everybody invoke a function: name who may."


def managed_policies_only_write_telemetry(deployment: Deployment) -> Iterator[str]:
    for name, resource in deployment.resources.items():
        if resource["Type"].startswith("AWS::IAM::"):
            for policy in several(resource.get("Properties", {}).get("ManagedPolicyArns")):
                if as_text(policy) not in MANAGED_POLICIES:
                    yield f"{name} has the managed policy {as_text(policy)}: write the statements that it needs."


def no_policy_templates(deployment: Deployment) -> Iterator[str]:
    """SAM's policy templates (DynamoDBCrudPolicy and its like) and policies by name allow more than is needed."""
    for name, resource in deployment.written["Resources"].items():
        if resource["Type"] == "AWS::Serverless::Function":
            for policy in several(resource["Properties"].get("Policies")):
                if not isinstance(policy, dict) or "Statement" not in policy:
                    yield f"{name} has a policy that is not written out: give its statements."


def grants_are_the_listed_ones(deployment: Deployment) -> Iterator[str]:
    """A function's role has exactly the rights in GRANTS, a schedule's may invoke its function; no other has any."""
    held: dict[str, set[tuple[str, str]]] = {name: set() for name, _ in of_type(deployment, "AWS::IAM::Role")}
    for statement in permissions(deployment):
        if statement.allows:
            pairs = {(action, target) for action in statement.actions for target in statement.targets}
            held.setdefault(statement.holder, set()).update(pairs)
    keys = [f"${{{name}.Arn}}" for name, _ in of_type(deployment, "AWS::KMS::Key")]
    wanted = {
        role_of(function): {
            (action, target)
            for listed, actions in grants.items()
            for target in (keys if listed == EACH_KEY else [listed])
            for action in actions
        }
        for function, grants in GRANTS.items()
    } | {role: {("lambda:InvokeFunction", f"${{{function}.Arn}}")} for role, function in SCHEDULE_ROLES.items()}
    if deployment.parameters["PaymentProvider"] == "stripe":
        for secret in STRIPE_SECRETS:
            named = f"arn:${{AWS::Partition}}:ssm:${{AWS::Region}}:${{AWS::AccountId}}:parameter{deployment.parameters[secret]}"
            wanted[role_of("PaymentsFunction")].add(("ssm:GetParameter", named))
    for holder in sorted(held.keys() | wanted.keys()):
        if holder not in wanted:
            yield f"{holder} is a role or policy of nothing that GRANTS or SCHEDULES knows: add it there."
        elif holder not in held:
            yield f"{holder} is in GRANTS or SCHEDULES but not in the template."
        else:
            for action, target in sorted(held[holder] - wanted[holder]):
                yield f"{holder} may {action} on {target}, which is not listed."
            for action, target in sorted(wanted[holder] - held[holder]):
                yield f"{holder} may not {action} on {target}, which is listed."


def each_function_has_its_own_role(deployment: Deployment) -> Iterator[str]:
    for name, properties in functions(deployment):
        if as_text(properties["Role"]) != f"${{{role_of(name)}.Arn}}":
            yield f"{name} runs as {as_text(properties['Role'])}: give it the role that SAM makes for it alone."
    for name, properties in of_type(deployment, "AWS::IAM::Role"):
        document = properties["AssumeRolePolicyDocument"]
        service = "scheduler.amazonaws.com" if name in SCHEDULE_ROLES else "lambda.amazonaws.com"
        if any(several(one.get("Principal")) != [{"Service": [service]}] for one in document["Statement"]):
            yield f"{name} can be taken by others than {service}."


def schedules_are_the_listed_ones(deployment: Deployment) -> Iterator[str]:
    """A schedule invokes a function past the API: which, and with what, is in SCHEDULES."""
    left = {(function, event) for function, events in SCHEDULES.items() for event in events}
    for name, properties in of_type(deployment, "AWS::Scheduler::Schedule"):
        target = properties["Target"]
        function = as_text(target["Arn"]).strip("${}").partition(".")[0]
        event = name.removeprefix(function)
        left.discard((function, event))
        if event not in SCHEDULES.get(function, {}):
            yield f"{name} is a schedule that SCHEDULES does not know: add it there."
        elif json.loads(as_text(target.get("Input", "null"))) != SCHEDULES[function][event]:
            yield f"{name} tells {function} something else than SCHEDULES says."
        elif "Name" in properties:
            yield f"{name} has a name, which another stack in the account may have: set OmitName."
    for function, event in sorted(left):
        yield f"{function} has no schedule {event}, which SCHEDULES lists."


def orders_change_only_stock_numbers(deployment: Deployment) -> Iterator[str]:
    for statement in permissions(deployment):
        if "${ProductsTable.Arn}" not in statement.targets or statement.holder == role_of("ProductsFunction"):
            continue
        writes = [action for action in statement.actions if action.lower() not in READS]
        attributes = statement.condition.get("ForAllValues:StringEquals", {}).get("dynamodb:Attributes")
        if writes and not (attributes and set(several(attributes)) <= STOCK):
            yield f"{statement.holder} may {writes[0]} on products beyond the stock numbers: name the attributes."
        # What an update returns could be the whole item.
        returned = statement.condition.get("StringEqualsIfExists", {}).get("dynamodb:ReturnValues")
        if writes and not (returned and set(several(returned)) <= {"NONE", "ALL_OLD"}):
            yield f"{statement.holder} may have an update of products return what it likes: limit ReturnValues."


def only_checkout_invokes(deployment: Deployment) -> Iterator[str]:
    """Orders' commands and payments are for checkout. What schedules invoke, grants_are_the_listed_ones says."""
    for statement in permissions(deployment):
        if statement.allows and statement.holder not in (role_of("CheckoutFunction"), *SCHEDULE_ROLES):
            for action in statement.actions:
                if allows(action, "lambda:invokefunction", "lambda:invokeasync"):
                    yield f"{statement.holder} may {action}: only checkout invokes functions."


def only_the_api_is_let_in(deployment: Deployment) -> Iterator[str]:
    """A function's own policy lets the API in, for functions with a route and the authorizer. Payments has none."""
    invoked = behind_the_api(deployment)
    if "PaymentsFunction" in invoked:
        yield "PaymentsFunction has a route: only checkout may reach it."
    for name, properties in of_type(deployment, "AWS::Lambda::Permission"):
        function = named(as_text(properties["FunctionName"]))
        if as_text(properties["Principal"]) != "apigateway.amazonaws.com":
            yield f"{name} lets {as_text(properties['Principal'])} invoke {function}: only the API may."
        elif function not in invoked:
            yield f"{name} lets the API invoke {function}, which has no route."
        elif ":${Api}/" not in as_text(properties.get("SourceArn", "")):
            yield f"{name} lets any API invoke {function}: its SourceArn must name this one."


def only_payments_writes_payments(deployment: Deployment) -> Iterator[str]:
    for statement in permissions(deployment):
        if statement.allows and statement.holder != role_of("PaymentsFunction"):
            writes = [action for action in statement.actions if action.lower() not in READS]
            if writes and any(target == "*" or "PaymentsTable" in target for target in statement.targets):
                yield f"{statement.holder} may {writes[0]} on the payments table: only payments writes it."
    for name, properties in of_type(deployment, "AWS::DynamoDB::Table"):
        if "ResourcePolicy" in properties:
            yield f"{name} has a policy of its own: what may be done with it is in the functions' roles."


def no_doors_beside_the_api(deployment: Deployment) -> Iterator[str]:
    for name, _ in of_type(deployment, "AWS::Lambda::Url"):
        yield f"{name} is a function URL, which goes around the API: give the function a route."
    for name, properties in of_type(deployment, "AWS::S3::Bucket"):
        block = properties.get("PublicAccessBlockConfiguration", {})
        wanted = ("BlockPublicAcls", "BlockPublicPolicy", "IgnorePublicAcls", "RestrictPublicBuckets")
        if not all(block.get(setting) is True for setting in wanted):
            yield f"{name} could be made public: block that by PublicAccessBlockConfiguration."


RULES = (
    no_wildcards,
    no_wildcard_principals,
    managed_policies_only_write_telemetry,
    no_policy_templates,
    grants_are_the_listed_ones,
    each_function_has_its_own_role,
    schedules_are_the_listed_ones,
    orders_change_only_stock_numbers,
    only_checkout_invokes,
    only_the_api_is_let_in,
    only_payments_writes_payments,
    no_doors_beside_the_api,
)
