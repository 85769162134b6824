//! User pools of the template's own as issuers of JWTs: there are none here, and their ids are made up, so whoever signs
//! tokens instead has to be told what the tokens must say.

use crate::template::model::{Authorizer, HttpApi};
use crate::template::node::{Fault, Node, Value};
use crate::template::scope::Scope;

/// Names what the tokens must have for each authorizer whose issuer is a user pool that the API referred to.
pub fn name_pools(scope: &Scope, api: &HttpApi) -> Result<(), Fault> {
    let mut issuers = Vec::new();
    for id in scope.take_used() {
        if let Some(pool) = scope.resources.get(&id).filter(|one| one.kind == "AWS::Cognito::UserPool") {
            let here = Node { line: pool.line, value: Value::Null };
            issuers.push(scope.attribute(&here, &id, "ProviderURL")?);
        }
    }
    for (name, authorizer) in &api.authorizers {
        let Authorizer::Jwt(jwt) = authorizer else { continue };
        let issuer = &jwt.issuer;
        if issuers.contains(&Value::Text(issuer.clone())) {
            let sentence = format!(
                "there are no user pools here: authorizer `{name}` takes tokens whose iss is {issuer} and whose aud or \
                 client_id is {}; give their keys with --jwks {issuer}=FILE.",
                jwt.audience.join(" or ")
            );
            scope.not_emulated(jwt.line, sentence);
        }
    }
    Ok(())
}
