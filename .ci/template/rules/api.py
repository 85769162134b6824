"""The one way in: its routes, its authorizer, its throttles, its access log."""

import json
import re
from collections.abc import Iterator

from rules.reading import authorizers, of_type, routes
from translate import Deployment, as_text

# Everything else needs an access token.
OPEN = {
    "POST /users",
    "POST /login",
    # Each asks for a secret of its own: a refresh token, a reset token.
    "POST /token/refresh",
    "POST /logout",
    "POST /password/reset",
    "GET /products",
    "GET /products/{product_id}",
    "GET /.well-known/jwks.json",
    "GET /.well-known/openid-configuration",
    # Its sender signs it, which payments verifies.
    "POST /webhooks/stripe",
}

# What costs most, or is worth most to whoever guesses.
TIGHTER = (
    "POST /login",
    "POST /password/reset",
    "PUT /users/me/password",
    "POST /users",
    "POST /orders",
)

# What the access log may hold: no path, no query string, no header, nothing out of a token.
LOGGED = {
    "requestId",
    "routeKey",
    "status",
    "responseLatency",
    "integrationLatency",
    "authorizer.error",
    "identity.sourceIp",
    "requestTime",
}
MUST_BE_LOGGED = {"requestId", "routeKey", "status"}


def routes_are_spelled_out(deployment: Deployment) -> Iterator[str]:
    """A route that takes any path or method reaches a function that nobody meant."""
    for route in routes(deployment):
        if "$default" in route.key or "x-amazon-apigateway-any-method" in route.key.lower() or "+}" in route.key:
            yield f"The route {route.key} takes anything: name its method and path."
    for name, _ in of_type(deployment, "AWS::ApiGatewayV2::Route"):
        yield f"{name} is a route outside the API's own list: make it an event of its function."


def routes_ask_who_is_calling(deployment: Deployment) -> Iterator[str]:
    known = {name for name, _ in authorizers(deployment)}
    for route in routes(deployment):
        if route.authorizer not in known and route.key not in OPEN:
            yield f"The route {route.key} has no authorizer: only those in OPEN go without."


def authorizer_is_asked_every_time(deployment: Deployment) -> Iterator[str]:
    """With simple answers a cached yes is a yes for every route."""
    wanted = {
        "authorizerResultTtlInSeconds": 0,
        "enableSimpleResponses": True,
        "authorizerPayloadFormatVersion": "2.0",
        "identitySource": ["$request.header.Authorization"],
    }
    if not list(authorizers(deployment)):
        yield "The API has no authorizer."
    for name, authorizer in authorizers(deployment):
        for setting, value in wanted.items():
            if authorizer.get(setting) != value:
                yield f"The authorizer {name} has {setting} {authorizer.get(setting)}: make it {value}."
        if "/functions/${AuthorizerFunction.Arn}/" not in as_text(authorizer["authorizerUri"]):
            yield f"The authorizer {name} is not AuthorizerFunction."


def routes_are_throttled(deployment: Deployment) -> Iterator[str]:
    known = {route.key for route in routes(deployment)}
    for name, stage in of_type(deployment, "AWS::ApiGatewayV2::Stage"):
        default = stage.get("DefaultRouteSettings", {})
        own = stage.get("RouteSettings", {})
        for setting in ("ThrottlingRateLimit", "ThrottlingBurstLimit"):
            if not is_limit(default.get(setting)):
                yield f"{name} has no {setting} for routes without their own."
                continue
            for route, settings in own.items():
                if not is_limit(settings.get(setting)):
                    yield f"{name} has no {setting} for {route}: a route with settings has none of the defaults."
            for route in TIGHTER:
                limit = own.get(route, {}).get(setting, default[setting])
                if is_limit(limit) and limit >= default[setting]:
                    yield f"{name} has a {setting} of {limit} for {route}: it must be under the default."
        for route in sorted(own.keys() - known):
            yield f"{name} has settings for {route}, which is no route: the deployment would fail."


def is_limit(value: object) -> bool:
    return isinstance(value, (int, float)) and value > 0


def other_origins_are_named(deployment: Deployment) -> Iterator[str]:
    """Pages of other origins may use the API only if the parameter names them, and never with cookies."""
    wanted = [origin for origin in deployment.parameters["CorsOrigins"].split(",") if origin]
    for name, api in of_type(deployment, "AWS::ApiGatewayV2::Api"):
        cors = api["Body"].get("x-amazon-apigateway-cors", {})
        if any("*" in origin for origin in cors.get("allowOrigins", [])):
            yield f"{name} lets every origin in: name those that CorsOrigins lists."
        elif cors.get("allowOrigins", []) != wanted:
            yield f"{name} lets other origins in than CorsOrigins lists."
        if cors.get("allowCredentials"):
            yield f"{name} lets other origins send cookies: who is calling is in a header."
        if "*" in (*cors.get("allowHeaders", []), *cors.get("allowMethods", []), *cors.get("exposeHeaders", [])):
            yield f"{name} allows other origins every header or method: list them."


def access_is_logged(deployment: Deployment) -> Iterator[str]:
    groups = {f"${{{name}.Arn}}" for name, _ in of_type(deployment, "AWS::Logs::LogGroup")}
    for name, stage in of_type(deployment, "AWS::ApiGatewayV2::Stage"):
        settings = stage.get("AccessLogSettings", {})
        if as_text(settings.get("DestinationArn", "")) not in groups:
            yield f"{name} logs no access to a log group of this template."
            continue
        form = as_text(settings.get("Format", ""))
        variables = set(re.findall(r"\$context\.([A-Za-z.]+)", form))
        for variable in sorted(MUST_BE_LOGGED - variables):
            yield f"{name}'s access log lacks $context.{variable}."
        for variable in sorted(variables - LOGGED):
            yield f"{name}'s access log has $context.{variable}, which LOGGED does not list."
        if form.count("$") != len(re.findall(r"\$context\.", form)):
            yield f"{name}'s access log has variables that are not $context's."
        if not is_json(form):
            yield f"{name}'s access log has lines that are not JSON."


def is_json(text: str) -> bool:
    try:
        return isinstance(json.loads(text), dict)
    except ValueError:
        return False


RULES = (
    routes_are_spelled_out,
    routes_ask_who_is_calling,
    authorizer_is_asked_every_time,
    routes_are_throttled,
    other_origins_are_named,
    access_is_logged,
)
