"""Templates that must fail: each is template.yaml with one small change, and the rules that it breaks."""

from collections.abc import Callable
from dataclasses import dataclass

from rules import Rule, access, api, functions, storage
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


# ---------------------------------------------------------------- access


@breaks(access.no_wildcards, access.grants_are_the_listed_ones)
def a_function_may_do_anything_with_its_table(tree: Tree) -> None:
    statements(tree, "UsersFunction")[0]["Action"] = "dynamodb:*"


@breaks(access.no_wildcards, access.grants_are_the_listed_ones)
def a_function_may_read_every_table(tree: Tree) -> None:
    allow(tree, "ProductsFunction", "dynamodb:GetItem", "*")


@breaks(access.no_wildcards, access.grants_are_the_listed_ones)
def a_function_may_use_indexes_still_to_come(tree: Tree) -> None:
    statements(tree, "ProductsFunction")[1]["Resource"] = [{"Fn::Sub": "${ProductsTable.Arn}/index/*"}]


@breaks(access.no_wildcards, access.grants_are_the_listed_ones)
def a_function_may_do_everything_but(tree: Tree) -> None:
    statement = statements(tree, "PaymentsFunction")[0]
    statement["NotAction"] = statement.pop("Action")


@breaks(access.no_wildcards, access.only_users_sign)
def administrators_may_do_anything_with_a_key(tree: Tree) -> None:
    properties(tree, "SigningKeyA")["KeyPolicy"]["Statement"][0]["Action"] = "kms:*"


@breaks(access.no_wildcard_principals, access.only_users_sign)
def anybody_may_read_a_public_key(tree: Tree) -> None:
    statement = {"Effect": "Allow", "Principal": {"AWS": "*"}, "Action": "kms:GetPublicKey", "Resource": "*"}
    properties(tree, "SigningKeyB")["KeyPolicy"]["Statement"].append(statement)


@breaks(access.no_wildcard_principals, access.only_the_api_is_let_in)
def anybody_may_invoke_orders(tree: Tree) -> None:
    tree["Resources"]["Anybody"] = {
        "Type": "AWS::Lambda::Permission",
        "Properties": {"Action": "lambda:InvokeFunction", "FunctionName": {"Ref": "OrdersFunction"}, "Principal": "*"},
    }


@breaks(access.managed_policies_only_write_telemetry, access.no_policy_templates)
def a_function_is_an_administrator(tree: Tree) -> None:
    properties(tree, "UsersFunction")["Policies"].append("arn:aws:iam::aws:policy/AdministratorAccess")


@breaks(access.no_wildcards, access.no_policy_templates, access.grants_are_the_listed_ones)
def a_function_has_a_policy_template(tree: Tree) -> None:
    crud = {"DynamoDBCrudPolicy": {"TableName": {"Ref": "UsersTable"}}}
    properties(tree, "UsersFunction")["Policies"].append(crud)


@breaks(access.no_policy_templates, access.managed_policies_only_write_telemetry)
def a_function_has_a_policy_by_name(tree: Tree) -> None:
    properties(tree, "ProductsFunction")["Policies"].append("AmazonDynamoDBReadOnlyAccess")


@breaks(access.grants_are_the_listed_ones)
def users_reads_the_orders(tree: Tree) -> None:
    allow(tree, "UsersFunction", "dynamodb:GetItem", arn("OrdersTable"))


@breaks(access.grants_are_the_listed_ones)
def products_lacks_its_index(tree: Tree) -> None:
    statements(tree, "ProductsFunction").pop(1)


@breaks(access.grants_are_the_listed_ones)
def the_authorizer_reads_accounts(tree: Tree) -> None:
    allow(tree, "AuthorizerFunction", "dynamodb:GetItem", arn("UsersTable"))


@breaks(access.grants_are_the_listed_ones)
def a_policy_beside_the_functions_widens_a_role(tree: Tree) -> None:
    statement = {"Effect": "Allow", "Action": "dynamodb:GetItem", "Resource": arn("OrdersTable")}
    tree["Resources"]["Wider"] = {
        "Type": "AWS::IAM::Policy",
        "Properties": {
            "PolicyName": "wider",
            "PolicyDocument": {"Version": "2012-10-17", "Statement": [statement]},
            "Roles": [{"Ref": "CheckoutFunctionRole"}],
        },
    }


@breaks(access.grants_are_the_listed_ones)
def a_person_has_an_account_in_the_template(tree: Tree) -> None:
    statement = {"Effect": "Allow", "Action": "dynamodb:GetItem", "Resource": arn("OrdersTable")}
    policy = {"PolicyName": "read", "PolicyDocument": {"Version": "2012-10-17", "Statement": [statement]}}
    tree["Resources"]["Person"] = {"Type": "AWS::IAM::User", "Properties": {"Policies": [policy]}}


@breaks(access.grants_are_the_listed_ones, access.each_function_has_its_own_role)
def a_function_runs_as_another(tree: Tree) -> None:
    properties(tree, "ProductsFunction")["Role"] = arn("UsersFunctionRole")


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
def an_account_takes_a_functions_role(tree: Tree) -> None:
    properties(tree, "PaymentsFunction")["AssumeRolePolicyDocument"] = {
        "Version": "2012-10-17",
        "Statement": [
            {"Effect": "Allow", "Action": "sts:AssumeRole", "Principal": {"AWS": "arn:aws:iam::123456789012:root"}}
        ],
    }


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
)
def payments_has_a_schedule(tree: Tree) -> None:
    properties(tree, "PaymentsFunction")["Events"] = {
        "Nightly": {
            "Type": "ScheduleV2",
            "Properties": {"ScheduleExpression": "rate(1 day)", "Input": "{}", "OmitName": True},
        }
    }


@breaks(access.orders_change_only_stock_numbers)
def orders_may_change_a_price(tree: Tree) -> None:
    statements(tree, "OrdersFunction")[3]["Condition"]["ForAllValues:StringEquals"]["dynamodb:Attributes"].append(
        "amount"
    )


@breaks(access.orders_change_only_stock_numbers)
def orders_may_change_a_whole_product(tree: Tree) -> None:
    del statements(tree, "OrdersFunction")[3]["Condition"]


@breaks(access.only_checkout_invokes, access.grants_are_the_listed_ones)
def orders_invokes_payments(tree: Tree) -> None:
    allow(tree, "OrdersFunction", "lambda:InvokeFunction", arn("PaymentsFunction"))


@breaks(access.only_checkout_invokes, access.no_wildcards, access.grants_are_the_listed_ones)
def users_invokes_by_a_pattern(tree: Tree) -> None:
    allow(tree, "UsersFunction", "lambda:Invoke*", arn("OrdersFunction"))


@breaks(access.only_the_api_is_let_in)
def payments_has_a_route(tree: Tree) -> None:
    properties(tree, "PaymentsFunction")["Events"] = {
        "Charge": {"Type": "HttpApi", "Properties": {"ApiId": {"Ref": "Api"}, "Method": "POST", "Path": "/charges"}}
    }


@breaks(access.only_the_api_is_let_in)
def another_account_invokes_payments(tree: Tree) -> None:
    tree["Resources"]["Partner"] = {
        "Type": "AWS::Lambda::Permission",
        "Properties": {
            "Action": "lambda:InvokeFunction",
            "FunctionName": {"Ref": "PaymentsFunction"},
            "Principal": "123456789012",
        },
    }


@breaks(access.only_the_api_is_let_in)
def any_api_invokes_users(tree: Tree) -> None:
    tree["Resources"]["AnyApi"] = {
        "Type": "AWS::Lambda::Permission",
        "Properties": {
            "Action": "lambda:InvokeFunction",
            "FunctionName": {"Ref": "UsersFunction"},
            "Principal": "apigateway.amazonaws.com",
        },
    }


@breaks(access.only_the_api_is_let_in)
def the_api_invokes_keyring(tree: Tree) -> None:
    tree["Resources"]["Door"] = {
        "Type": "AWS::Lambda::Permission",
        "Properties": {
            "Action": "lambda:InvokeFunction",
            "FunctionName": arn("KeyringFunction"),
            "Principal": "apigateway.amazonaws.com",
            "SourceArn": {"Fn::Sub": "arn:${AWS::Partition}:execute-api:${AWS::Region}:${AWS::AccountId}:${Api}/*"},
        },
    }


@breaks(access.only_payments_writes_payments, access.grants_are_the_listed_ones)
def orders_marks_a_payment(tree: Tree) -> None:
    allow(tree, "OrdersFunction", "dynamodb:UpdateItem", arn("PaymentsTable"))


@breaks(access.only_payments_writes_payments)
def the_payments_table_lets_others_in(tree: Tree) -> None:
    statement = {
        "Effect": "Allow",
        "Principal": {"AWS": "arn:aws:iam::123456789012:root"},
        "Action": "dynamodb:PutItem",
        "Resource": "*",
    }
    properties(tree, "PaymentsTable")["ResourcePolicy"] = {
        "PolicyDocument": {"Version": "2012-10-17", "Statement": [statement]}
    }


@breaks(access.only_users_sign, access.grants_are_the_listed_ones)
def the_authorizer_signs(tree: Tree) -> None:
    allow(tree, "AuthorizerFunction", "kms:Sign", arn("SigningKeyA"))


@breaks(access.only_users_sign)
def a_key_lets_keyring_sign(tree: Tree) -> None:
    statement = properties(tree, "SigningKeyB")["KeyPolicy"]["Statement"][1]
    statement["Principal"]["AWS"] = [arn("UsersFunctionRole"), arn("KeyringFunctionRole")]


@breaks(access.only_users_sign)
def administrators_pass_signing_on(tree: Tree) -> None:
    properties(tree, "SigningKeyA")["KeyPolicy"]["Statement"][0]["Action"].append("kms:CreateGrant")


@breaks(access.only_users_sign)
def another_account_administers_a_key(tree: Tree) -> None:
    properties(tree, "SigningKeyA")["KeyPolicy"]["Statement"][0]["Principal"]["AWS"] = "arn:aws:iam::123456789012:root"


@breaks(access.only_users_sign)
def a_key_lets_nobody_sign(tree: Tree) -> None:
    properties(tree, "SigningKeyB")["KeyPolicy"]["Statement"].pop(1)


@breaks(access.no_doors_beside_the_api, access.no_wildcard_principals, access.only_the_api_is_let_in)
def a_function_has_a_url(tree: Tree) -> None:
    properties(tree, "ProductsFunction")["FunctionUrlConfig"] = {"AuthType": "NONE"}


@breaks(access.no_doors_beside_the_api)
def a_bucket_could_be_public(tree: Tree) -> None:
    tree["Resources"]["Images"] = {"Type": "AWS::S3::Bucket", "Properties": {}}


# ---------------------------------------------------------------- the API


@breaks(api.routes_are_spelled_out)
def a_route_takes_any_path(tree: Tree) -> None:
    properties(tree, "ProductsFunction")["Events"]["Detail"]["Properties"] = {
        "ApiId": {"Ref": "Api"},
        "Method": "GET",
        "Path": "/products/{rest+}",
    }


@breaks(api.routes_are_spelled_out)
def everything_else_goes_to_products(tree: Tree) -> None:
    properties(tree, "ProductsFunction")["Events"]["Rest"] = {
        "Type": "HttpApi",
        "Properties": {"ApiId": {"Ref": "Api"}},
    }


@breaks(api.routes_are_spelled_out)
def a_route_stands_beside_the_apis_list(tree: Tree) -> None:
    tree["Resources"]["Beside"] = {
        "Type": "AWS::ApiGatewayV2::Route",
        "Properties": {"ApiId": {"Ref": "Api"}, "RouteKey": "GET /everything"},
    }


@breaks(api.routes_ask_who_is_calling)
def orders_are_open(tree: Tree) -> None:
    properties(tree, "OrdersFunction")["Events"]["List"]["Properties"]["Auth"] = {"Authorizer": "NONE"}


@breaks(api.routes_ask_who_is_calling)
def no_route_has_an_authorizer(tree: Tree) -> None:
    del properties(tree, "Api")["Auth"]["DefaultAuthorizer"]
    for name in ("UsersFunction", "ProductsFunction", "CheckoutFunction"):
        for event in properties(tree, name)["Events"].values():
            event["Properties"].pop("Auth", None)


@breaks(api.authorizer_is_asked_every_time, api.routes_ask_who_is_calling)
def there_is_no_authorizer(tree: Tree) -> None:
    no_route_has_an_authorizer(tree)
    del properties(tree, "Api")["Auth"]


@breaks(api.authorizer_is_asked_every_time)
def another_function_is_the_authorizer(tree: Tree) -> None:
    properties(tree, "Api")["Auth"]["Authorizers"]["AccessToken"]["FunctionArn"] = arn("UsersFunction")


@breaks(api.authorizer_is_asked_every_time)
def the_authorizers_answer_is_kept(tree: Tree) -> None:
    properties(tree, "Api")["Auth"]["Authorizers"]["AccessToken"]["Identity"]["ReauthorizeEvery"] = 300


@breaks(api.authorizer_is_asked_every_time)
def the_authorizer_answers_with_policies(tree: Tree) -> None:
    properties(tree, "Api")["Auth"]["Authorizers"]["AccessToken"]["EnableSimpleResponses"] = False


@breaks(api.routes_are_throttled)
def the_api_has_no_throttle(tree: Tree) -> None:
    del properties(tree, "Api")["DefaultRouteSettings"]


@breaks(api.routes_are_throttled)
def login_is_throttled_as_everything(tree: Tree) -> None:
    del properties(tree, "Api")["RouteSettings"]["POST /login"]


@breaks(api.routes_are_throttled)
def registration_has_no_burst(tree: Tree) -> None:
    del properties(tree, "Api")["RouteSettings"]["POST /users"]["ThrottlingBurstLimit"]


@breaks(api.routes_are_throttled)
def orders_are_throttled_later_than_the_rest(tree: Tree) -> None:
    tree["Parameters"]["OrderRate"]["Default"] = 1000


@breaks(api.routes_are_throttled)
def a_throttle_is_for_no_route(tree: Tree) -> None:
    settings = properties(tree, "Api")["RouteSettings"]
    settings["POST /signin"] = settings["POST /login"]


@breaks(api.access_is_logged)
def access_is_not_logged(tree: Tree) -> None:
    del properties(tree, "Api")["AccessLogSettings"]


@breaks(api.access_is_logged)
def the_access_log_has_the_path(tree: Tree) -> None:
    properties(tree, "Api")["AccessLogSettings"]["Format"] = (
        '{"request.id":"$context.requestId","route":"$context.routeKey","status":"$context.status",'
        '"path":"$context.path"}'
    )


@breaks(api.access_is_logged)
def the_access_log_lacks_the_request(tree: Tree) -> None:
    properties(tree, "Api")["AccessLogSettings"]["Format"] = '{"route":"$context.routeKey","status":"$context.status"}'


@breaks(api.access_is_logged)
def the_access_log_is_no_json(tree: Tree) -> None:
    properties(tree, "Api")["AccessLogSettings"]["Format"] = "$context.requestId $context.routeKey $context.status"


@breaks(api.access_is_logged)
def the_access_log_has_a_header(tree: Tree) -> None:
    properties(tree, "Api")["AccessLogSettings"]["Format"] = (
        '{"request.id":"$context.requestId","route":"$context.routeKey","status":"$context.status",'
        '"agent":"$request.header.user-agent"}'
    )


# ---------------------------------------------------------------- the functions


@breaks(functions.run_as_built)
def a_function_is_for_another_processor(tree: Tree) -> None:
    properties(tree, "CheckoutFunction")["Architectures"] = ["arm64"]


@breaks(functions.run_as_built)
def the_runtime_is_an_old_one(tree: Tree) -> None:
    tree["Globals"]["Function"]["Runtime"] = "provided.al2"


@breaks(functions.are_traced)
def nothing_is_traced(tree: Tree) -> None:
    del tree["Globals"]["Function"]["Tracing"]


@breaks(functions.log_for_a_limited_time)
def a_log_is_kept_for_ever(tree: Tree) -> None:
    tree["Resources"]["OrdersLog"]["Properties"] = {}


@breaks(functions.log_for_a_limited_time)
def a_function_logs_where_lambda_likes(tree: Tree) -> None:
    del properties(tree, "PaymentsFunction")["LoggingConfig"]


@breaks(functions.log_for_a_limited_time)
def two_functions_log_to_one_group(tree: Tree) -> None:
    properties(tree, "PaymentsFunction")["LoggingConfig"] = {"LogGroup": {"Ref": "OrdersLog"}}


@breaks(functions.answer_before_the_api_gives_up)
def orders_takes_longer_than_the_api_waits(tree: Tree) -> None:
    properties(tree, "OrdersFunction")["Timeout"] = 30


@breaks(functions.answer_before_the_api_gives_up)
def audit_takes_longer_than_lambda_lets_it(tree: Tree) -> None:
    properties(tree, "AuditFunction")["Timeout"] = 901


@breaks(functions.checkout_knows_its_timeout)
def checkout_runs_longer_than_it_says(tree: Tree) -> None:
    properties(tree, "CheckoutFunction")["Timeout"] = 20


@breaks(functions.have_what_is_reserved)
def nothing_is_reserved_for_users(tree: Tree) -> None:
    del properties(tree, "UsersFunction")["ReservedConcurrentExecutions"]


@breaks(functions.have_what_is_reserved, variant="production")
def a_new_account_is_asked_to_reserve(tree: Tree) -> None:
    properties(tree, "AuthorizerFunction")["ReservedConcurrentExecutions"] = 5


@breaks(functions.hold_no_secrets)
def the_environment_has_a_providers_key(tree: Tree) -> None:
    properties(tree, "PaymentsFunction")["Environment"]["Variables"]["PROVIDER"] = (
        "sk_" + "live_4eC39HqLyjWDarjtT1zdp7dc"
    )


@breaks(functions.hold_no_secrets)
def a_secret_stands_where_its_name_should(tree: Tree) -> None:
    variables = properties(tree, "PaymentsFunction")["Environment"]["Variables"]
    variables["STRIPE_WEBHOOK_SECRET_PARAMETER"] = "portico-webhook-secret"


@breaks(functions.hold_no_secrets)
def the_environment_has_a_password(tree: Tree) -> None:
    properties(tree, "UsersFunction")["Environment"]["Variables"]["ADMIN_PASSWORD"] = {"Ref": "Audience"}


@breaks(functions.hold_no_secrets)
def the_environment_has_a_private_key(tree: Tree) -> None:
    properties(tree, "UsersFunction")["Environment"]["Variables"]["SIGNING_KEY_A"] = "pkcs8:MIGHAgEAMBMGByqGSM49"


# ---------------------------------------------------------------- tables and keys


@breaks(storage.tables_can_be_restored)
def a_table_cannot_be_restored(tree: Tree) -> None:
    del properties(tree, "OrdersTable")["PointInTimeRecoverySpecification"]


@breaks(storage.tables_are_encrypted)
def a_table_is_not_encrypted(tree: Tree) -> None:
    properties(tree, "UsersTable")["SSESpecification"] = {"SSEEnabled": False}


@breaks(storage.production_is_protected_from_deletion)
def a_table_can_be_deleted(tree: Tree) -> None:
    properties(tree, "PaymentsTable")["DeletionProtectionEnabled"] = False


@breaks(storage.production_outlives_its_stack)
def a_table_goes_with_its_stack(tree: Tree) -> None:
    tree["Resources"]["OrdersTable"]["DeletionPolicy"] = "Delete"


@breaks(storage.production_outlives_its_stack)
def a_key_goes_when_it_is_replaced(tree: Tree) -> None:
    del tree["Resources"]["SigningKeyA"]["UpdateReplacePolicy"]
