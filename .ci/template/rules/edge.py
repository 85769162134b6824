"""The edge in front of the API: nobody comes round it, it speaks HTTPS only, and it keeps nothing that is not everybody's."""

from collections.abc import Iterator
from fnmatch import fnmatch

from rules.reading import behind_the_api, functions, of_type, routes
from translate import Deployment, Tree, as_text

# CloudFront's own policies.
CACHING_DISABLED = "4135ea2d-6df8-44a3-9df3-4b5a84be39ad"
ALL_VIEWER_EXCEPT_HOST = "b689b0a8-53d0-40ab-baf2-68738e2966ac"

# For which of the API's answers CloudFront would decide by itself how long it keeps them, whatever they say.
ERRORS = {400, 403, 404, 405, 414, 416, 500, 501, 502, 503, 504}

# Whoever the API asks or invokes. A new function with a route is entered here, and gets both variables.
LOCKED = {"AuthorizerFunction", "UsersFunction", "ProductsFunction", "OrdersFunction", "CheckoutFunction"}

# The variables that lock the API, and the parameters that name their secrets.
SECRETS = {"EDGE_SECRET": "EdgeSecret", "EDGE_SECRET_ALSO": "EdgeSecretAlso"}

# Names the viewer's address, and does nothing else.
VIEWER_ADDRESS = """
function handler(event) {
  event.request.headers['x-viewer-address'] = {value: event.viewer.ip};
  return event.request;
}
"""

# The methods whose answers are kept; SAM's word for all methods is among them.
KEPT = {"GET", "HEAD", "X-AMAZON-APIGATEWAY-ANY-METHOD"}

# Without Authorization, one caller would get what another one's token opened; without Origin, no CORS headers or others'.
KEY = {"authorization", "origin"}


def distributions(deployment: Deployment) -> Iterator[tuple[str, Tree]]:
    for name, properties in of_type(deployment, "AWS::CloudFront::Distribution"):
        yield name, properties["DistributionConfig"]


def behaviours(config: Tree) -> Iterator[tuple[str, Tree]]:
    yield "*", config["DefaultCacheBehavior"]
    for behaviour in config.get("CacheBehaviors", []):
        yield behaviour["PathPattern"], behaviour


def secret(deployment: Deployment, variable: str) -> str:
    """The dynamic reference that a variable must be, or nothing."""
    name = deployment.parameters[SECRETS[variable]]
    return f"{{{{resolve:secretsmanager:{name}:SecretString}}}}" if has_edge(deployment) and name else ""


def has_edge(deployment: Deployment) -> bool:
    return deployment.parameters["Edge"] == "on"


def edge_is_where_it_is_wanted(deployment: Deployment) -> Iterator[str]:
    count = len(list(distributions(deployment)))
    if count != has_edge(deployment):
        yield f"There are {count} distributions, and the parameter Edge is {deployment.parameters['Edge']}."


def api_is_locked(deployment: Deployment) -> Iterator[str]:
    """Every function that the API invokes knows the edge's secret, by a reference; no other does."""
    for name in sorted(behind_the_api(deployment) - LOCKED):
        yield f"{name} is reached through the API: add it to LOCKED, and to the template the variables {', '.join(SECRETS)}."
    for name, properties in functions(deployment):
        variables = properties.get("Environment", {}).get("Variables", {})
        for variable in SECRETS:
            wanted = secret(deployment, variable) if name in LOCKED else ""
            if as_text(variables.get(variable, "")) != wanted:
                yield f"{name}'s variable {variable} is not {wanted or 'empty'}."


def origin_is_the_api_by_https(deployment: Deployment) -> Iterator[str]:
    apis = {f"https://${{{name}}}" for name, _ in of_type(deployment, "AWS::ApiGatewayV2::Api")}
    for name, config in distributions(deployment):
        for origin in config["Origins"]:
            host = as_text(origin["DomainName"])
            if f"https://{host.partition('.')[0]}" not in apis or ".execute-api." not in host:
                yield f"{name} has the origin {host}, which is not this template's API."
            custom = origin.get("CustomOriginConfig", {})
            if custom.get("OriginProtocolPolicy") != "https-only" or custom.get("OriginSSLProtocols") != ["TLSv1.2"]:
                yield f"{name} speaks to {host} otherwise than by HTTPS with TLS 1.2."
            shown = {one["HeaderName"].lower(): as_text(one["HeaderValue"]) for one in origin.get("OriginCustomHeaders", [])}
            if shown != {"x-origin-secret": secret(deployment, "EDGE_SECRET")}:
                yield f"{name} does not show the secret that EdgeSecret names, as a dynamic reference, and nothing else."


def viewers_speak_https(deployment: Deployment) -> Iterator[str]:
    for name, config in distributions(deployment):
        for path, behaviour in behaviours(config):
            # Not redirect-to-https: by then a token has gone over the line.
            if behaviour.get("ViewerProtocolPolicy") != "https-only":
                yield f"{name} lets viewers speak HTTP for {path}: make ViewerProtocolPolicy https-only."
        certificate = config.get("ViewerCertificate", {})
        if deployment.parameters["DomainName"] and certificate.get("MinimumProtocolVersion") != "TLSv1.2_2021":
            yield f"{name} lets viewers speak older TLS than 1.2: make MinimumProtocolVersion TLSv1.2_2021."


def only_what_is_everybodys_is_kept(deployment: Deployment) -> Iterator[str]:
    policies = {
        f"${{{name}}}": properties["CachePolicyConfig"]
        for name, properties in of_type(deployment, "AWS::CloudFront::CachePolicy")
    }
    for name, config in distributions(deployment):
        for path, behaviour in behaviours(config):
            policy = as_text(behaviour.get("CachePolicyId", ""))
            if policy == CACHING_DISABLED:
                continue
            if path == "*" or policy not in policies:
                yield f"{name} keeps answers for {path}: its policy must be CachingDisabled."
                continue
            if not set(behaviour.get("CachedMethods", [])) <= {"GET", "HEAD"}:
                yield f"{name} keeps answers for {path} to other methods than GET and HEAD."
            if (policies[policy].get("MinTTL"), policies[policy].get("DefaultTTL")) != (0, 0):
                yield f"{policy} keeps answers for longer than they say: make MinTTL and DefaultTTL 0."
            key = policies[policy]["ParametersInCacheKeyAndForwardedToOrigin"]
            missing = KEY - {header.lower() for header in key["HeadersConfig"].get("Headers", [])}
            if missing or key["QueryStringsConfig"]["QueryStringBehavior"] != "all":
                yield f"{policy} gives one viewer what is another's: its key needs {', '.join(sorted(KEY))} and the query."
            for route in routes(deployment):
                method, _, route_path = route.key.partition(" ")
                if method in KEPT and route.authorizer and fnmatch(route_path, path):
                    yield f"{name} keeps answers for {path}, where {route.key} is not open to all."


def viewers_address_is_cloudfronts(deployment: Deployment) -> Iterator[str]:
    """Where a behaviour left the function out, a viewer could write any address there."""
    named = {
        f"${{{name}.FunctionARN}}"
        for name, properties in of_type(deployment, "AWS::CloudFront::Function")
        if as_text(properties["FunctionCode"]).split() == VIEWER_ADDRESS.split()
    }
    for name, config in distributions(deployment):
        for path, behaviour in behaviours(config):
            associated = {
                as_text(one["FunctionARN"])
                for one in behaviour.get("FunctionAssociations", [])
                if one["EventType"] == "viewer-request"
            }
            if not associated or not associated <= named:
                yield f"{name} lets a viewer of {path} say its own address: associate the function that names it."
            if behaviour.get("OriginRequestPolicyId") != ALL_VIEWER_EXCEPT_HOST:
                yield f"{name} does not pass all headers but Host for {path}: take AllViewerExceptHostHeader."


def errors_are_not_kept(deployment: Deployment) -> Iterator[str]:
    for name, config in distributions(deployment):
        answers = {one["ErrorCode"] for one in config.get("CustomErrorResponses", []) if one.get("ErrorCachingMinTTL") == 0}
        for code in sorted(ERRORS - answers):
            yield f"{name} keeps an error {code} for ten seconds, and shows it to others: make its ErrorCachingMinTTL 0."


RULES = (
    edge_is_where_it_is_wanted,
    api_is_locked,
    origin_is_the_api_by_https,
    viewers_speak_https,
    only_what_is_everybodys_is_kept,
    viewers_address_is_cloudfronts,
    errors_are_not_kept,
)
