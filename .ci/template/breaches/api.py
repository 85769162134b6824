"""Templates whose API is open, without limits or silent."""

from breaches.writing import arn, breaks, properties
from rules import api, edge
from translate import Tree


@breaks(api.routes_are_spelled_out, edge.only_what_is_everybodys_is_kept)
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
def changes_of_a_password_are_throttled_as_everything(tree: Tree) -> None:
    del properties(tree, "Api")["RouteSettings"]["PUT /users/me/password"]


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


@breaks(api.other_origins_are_named)
def every_origin_is_let_in(tree: Tree) -> None:
    properties(tree, "Api")["CorsConfiguration"] = {"AllowOrigins": ["*"], "AllowMethods": ["GET"]}


@breaks(api.other_origins_are_named)
def cors_is_only_switched_on(tree: Tree) -> None:
    properties(tree, "Api")["CorsConfiguration"] = True


@breaks(api.other_origins_are_named)
def an_origin_is_let_in_that_nobody_listed(tree: Tree) -> None:
    properties(tree, "Api")["CorsConfiguration"] = {"AllowOrigins": ["https://elsewhere.example"]}


@breaks(api.other_origins_are_named)
def other_origins_send_cookies(tree: Tree) -> None:
    cors(tree)["AllowCredentials"] = True


@breaks(api.other_origins_are_named)
def other_origins_send_any_header(tree: Tree) -> None:
    cors(tree)["AllowHeaders"] = ["*"]


def cors(tree: Tree) -> Tree:
    """What holds where CorsOrigins names some."""
    return properties(tree, "Api")["CorsConfiguration"]["Fn::If"][1]


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
