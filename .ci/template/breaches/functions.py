"""Templates whose functions run otherwise than they must."""

from breaches.writing import breaks, properties
from rules import functions
from translate import Tree


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
def the_authorizer_takes_longer_than_the_api_waits(tree: Tree) -> None:
    properties(tree, "AuthorizerFunction")["Timeout"] = 30


@breaks(functions.answer_before_the_api_gives_up)
def payments_takes_longer_than_the_api_waits(tree: Tree) -> None:
    properties(tree, "PaymentsFunction")["Timeout"] = 30


@breaks(functions.answer_before_cloudformation_gives_up)
def keyring_takes_as_long_as_cloudformation_waits(tree: Tree) -> None:
    properties(tree, "KeyringFunction")["Timeout"] = properties(tree, "Keyring")["ServiceTimeout"]


@breaks(functions.answer_before_cloudformation_gives_up)
def cloudformation_waits_for_an_hour(tree: Tree) -> None:
    del properties(tree, "Keyring")["ServiceTimeout"]


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
def the_environment_has_a_password(tree: Tree) -> None:
    properties(tree, "UsersFunction")["Environment"]["Variables"]["ADMIN_PASSWORD"] = {"Ref": "Audience"}


@breaks(functions.hold_no_secrets)
def the_environment_has_a_private_key(tree: Tree) -> None:
    properties(tree, "UsersFunction")["Environment"]["Variables"]["SIGNING_KEY_A"] = "pkcs8:MIGHAgEAMBMGByqGSM49"


@breaks(functions.hold_no_secrets)
def a_secret_stands_where_its_name_should(tree: Tree) -> None:
    variables = properties(tree, "PaymentsFunction")["Environment"]["Variables"]
    variables["STRIPE_WEBHOOK_SECRET_PARAMETER"] = "portico-webhook-secret"
