"""Templates whose edge can be gone round, or shows one viewer what is another's."""

from breaches.writing import breaks, properties
from rules import edge, functions
from translate import Tree


def config(tree: Tree) -> Tree:
    return properties(tree, "Distribution")["DistributionConfig"]


def catalogue(tree: Tree) -> Tree:
    return config(tree)["CacheBehaviors"][0]


def policy(tree: Tree) -> Tree:
    return properties(tree, "CatalogueCache")["CachePolicyConfig"]


def variables(tree: Tree, function: str) -> Tree:
    return properties(tree, function)["Environment"]["Variables"]


@breaks(edge.edge_is_where_it_is_wanted, variant="production")
def there_is_always_an_edge(tree: Tree) -> None:
    for name in ("Distribution", "CatalogueCache", "ViewerAddress"):
        del tree["Resources"][name]["Condition"]
    config(tree)["Origins"][0]["OriginCustomHeaders"] = [{"HeaderName": "x-origin-secret", "HeaderValue": ""}]


@breaks(edge.edge_is_where_it_is_wanted)
def there_is_no_edge(tree: Tree) -> None:
    del tree["Resources"]["Distribution"]
    tree["Outputs"] = {}


@breaks(edge.api_is_locked)
def one_function_is_not_locked(tree: Tree) -> None:
    del variables(tree, "CheckoutFunction")["EDGE_SECRET"]


@breaks(edge.api_is_locked)
def the_authorizer_is_not_locked(tree: Tree) -> None:
    variables(tree, "AuthorizerFunction")["EDGE_SECRET"] = ""


@breaks(edge.api_is_locked)
def a_function_without_a_route_knows_the_secret(tree: Tree) -> None:
    variables(tree, "PaymentsFunction")["EDGE_SECRET"] = variables(tree, "OrdersFunction")["EDGE_SECRET"]


@breaks(edge.api_is_locked, functions.hold_no_secrets)
def the_edges_secret_stands_in_the_template(tree: Tree) -> None:
    variables(tree, "UsersFunction")["EDGE_SECRET"] = "open-sesame-open-sesame-open-sesame"


@breaks(edge.api_is_locked, variant="production")
def a_secret_is_asked_for_without_an_edge(tree: Tree) -> None:
    secret = variables(tree, "ProductsFunction")
    secret["EDGE_SECRET"] = secret["EDGE_SECRET"]["Fn::If"][1]


@breaks(edge.origin_is_the_api_by_https)
def the_edge_shows_a_secret_of_the_template(tree: Tree) -> None:
    config(tree)["Origins"][0]["OriginCustomHeaders"][0]["HeaderValue"] = "open sesame"


@breaks(edge.origin_is_the_api_by_https)
def the_edge_shows_no_secret(tree: Tree) -> None:
    del config(tree)["Origins"][0]["OriginCustomHeaders"]


@breaks(edge.origin_is_the_api_by_https)
def the_edge_speaks_http_to_the_api(tree: Tree) -> None:
    config(tree)["Origins"][0]["CustomOriginConfig"]["OriginProtocolPolicy"] = "match-viewer"


@breaks(edge.origin_is_the_api_by_https)
def the_edge_stands_in_front_of_something_else(tree: Tree) -> None:
    config(tree)["Origins"][0]["DomainName"] = "shop.example.com"


@breaks(edge.viewers_speak_https)
def viewers_speak_http_to_the_catalogue(tree: Tree) -> None:
    catalogue(tree)["ViewerProtocolPolicy"] = "redirect-to-https"


@breaks(edge.viewers_speak_https, variant="edge")
def viewers_speak_old_tls(tree: Tree) -> None:
    config(tree)["ViewerCertificate"]["Fn::If"][1]["MinimumProtocolVersion"] = "TLSv1"


@breaks(edge.only_what_is_everybodys_is_kept)
def everything_is_kept(tree: Tree) -> None:
    config(tree)["DefaultCacheBehavior"]["CachePolicyId"] = {"Ref": "CatalogueCache"}


@breaks(edge.only_what_is_everybodys_is_kept)
def orders_are_kept(tree: Tree) -> None:
    catalogue(tree)["PathPattern"] = "/orders*"


@breaks(edge.only_what_is_everybodys_is_kept)
def the_head_of_what_is_not_open_to_all_is_kept(tree: Tree) -> None:
    properties(tree, "ProductsFunction")["Events"]["Head"] = {
        "Type": "HttpApi",
        "Properties": {"ApiId": {"Ref": "Api"}, "Method": "HEAD", "Path": "/products/{product_id}"},
    }


@breaks(edge.only_what_is_everybodys_is_kept)
def answers_are_kept_whatever_they_say(tree: Tree) -> None:
    policy(tree)["MinTTL"] = 60


@breaks(edge.only_what_is_everybodys_is_kept)
def tokens_are_not_in_the_key(tree: Tree) -> None:
    policy(tree)["ParametersInCacheKeyAndForwardedToOrigin"]["HeadersConfig"]["Headers"] = ["Origin"]


@breaks(edge.only_what_is_everybodys_is_kept)
def the_query_is_not_in_the_key(tree: Tree) -> None:
    key = policy(tree)["ParametersInCacheKeyAndForwardedToOrigin"]
    key["QueryStringsConfig"] = {"QueryStringBehavior": "whitelist", "QueryStrings": ["limit"]}


@breaks(edge.viewers_address_is_cloudfronts)
def viewers_of_the_catalogue_say_who_they_are(tree: Tree) -> None:
    del catalogue(tree)["FunctionAssociations"]


@breaks(edge.viewers_address_is_cloudfronts)
def the_address_is_what_the_viewer_says(tree: Tree) -> None:
    function = properties(tree, "ViewerAddress")
    function["FunctionCode"] = "function handler(event) { return event.request; }"


@breaks(edge.viewers_address_is_cloudfronts)
def the_address_is_named_and_then_what_the_viewer_says(tree: Tree) -> None:
    function = properties(tree, "ViewerAddress")
    said = "event.request.headers['x-viewer-address'] = event.request.headers['x-real-ip'];"
    function["FunctionCode"] = function["FunctionCode"].replace("return", f"{said}\n  return")


@breaks(edge.viewers_address_is_cloudfronts)
def the_api_gets_the_edges_host(tree: Tree) -> None:
    config(tree)["DefaultCacheBehavior"]["OriginRequestPolicyId"] = "216adef6-5c7f-47e4-b989-5492eafa07d3"


@breaks(edge.errors_are_not_kept)
def an_error_is_shown_to_others(tree: Tree) -> None:
    config(tree)["CustomErrorResponses"].pop(1)
