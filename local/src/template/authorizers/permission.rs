//! Whether a template lets API Gateway invoke an authorizer's function by an `AWS::Lambda::Permission` of its own.

use crate::template::functions::{self, Declared};
use crate::template::node::Node;
use crate::template::scope::{Resource, Scope};

/// Whether a permission names the function. One that cannot be read gives none.
pub fn given(scope: &Scope, functions: &[Declared], function: &Node) -> bool {
    let Some(meant) = function.text("it").ok().and_then(|arn| functions::by_arn(functions, arn)) else { return false };
    let is_for_it = |permission: &Resource| {
        let text = |key: &str| permission.property(key).and_then(|value| scope.text(value, key).ok());
        let named = text("FunctionName").is_some_and(|name| {
            name == meant.name || functions::by_arn(functions, &name).is_some_and(|one| one.name == meant.name)
        });
        named && text("Principal").as_deref() == Some("apigateway.amazonaws.com")
    };
    scope.resources.iter().any(|(id, resource)| {
        resource.kind == "AWS::Lambda::Permission" && scope.resource(function, id).is_ok_and(is_for_it)
    })
}
