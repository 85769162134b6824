"""Templates where somebody may do what he must not."""

from breaches.writing import allow, arn, breaks, properties, statements
from rules import access, edge
from translate import Tree


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


@breaks(access.each_function_has_its_own_role)
def an_account_takes_a_functions_role(tree: Tree) -> None:
    properties(tree, "PaymentsFunction")["AssumeRolePolicyDocument"] = {
        "Version": "2012-10-17",
        "Statement": [
            {"Effect": "Allow", "Action": "sts:AssumeRole", "Principal": {"AWS": "arn:aws:iam::123456789012:root"}}
        ],
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


@breaks(access.only_the_api_is_let_in, edge.api_is_locked)
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


@breaks(access.no_doors_beside_the_api, access.no_wildcard_principals, access.only_the_api_is_let_in)
def a_function_has_a_url(tree: Tree) -> None:
    properties(tree, "ProductsFunction")["FunctionUrlConfig"] = {"AuthType": "NONE"}


@breaks(access.no_doors_beside_the_api)
def a_bucket_could_be_public(tree: Tree) -> None:
    tree["Resources"]["Images"] = {"Type": "AWS::S3::Bucket", "Properties": {}}
