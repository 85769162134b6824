//! The IAM policies that a Lambda authorizer may answer with, and what they say of one call: an explicit denial before
//! any permission, and no without one.
//! <https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_evaluation-logic.html>

use serde::Deserialize;
use wildmatch::WildMatch;

/// What a caller of an HTTP API asks for.
const ACTION: &str = "execute-api:invoke";

/// A policy, ready to be asked.
#[derive(Debug, Clone)]
pub struct Policy {
    statements: Vec<Statement>,
}

#[derive(Debug, Clone)]
struct Statement {
    allows: bool,
    resources: Resources,
}

#[derive(Debug, Clone)]
enum Resources {
    /// `Resource`
    These(Vec<WildMatch>),
    /// `NotResource`
    AllBut(Vec<WildMatch>),
}

impl Policy {
    /// Reads a `policyDocument`.
    ///
    /// # Errors
    /// A sentence, where it is no policy, or has a `Condition`, which is not evaluated on one machine.
    pub fn read(document: Document) -> Result<Policy, &'static str> {
        let mut statements = Vec::new();
        for written in document.statement.into_list() {
            if written.condition.is_some() {
                return Err("the policy has a Condition, which is not evaluated on one machine");
            }
            let allows = match written.effect.as_str() {
                "Allow" => true,
                "Deny" => false,
                _ => return Err("a statement's Effect is neither Allow nor Deny"),
            };
            let resources = match (written.resource, written.not_resource) {
                (Some(these), None) => Resources::These(patterns(these)),
                (None, Some(those)) => Resources::AllBut(patterns(those)),
                _ => return Err("a statement needs either Resource or NotResource"),
            };
            // Action names are compared without regard to case, resources with it.
            let is_meant = |actions: OneOrMore<String>| {
                actions.into_list().iter().any(|action| WildMatch::new(&action.to_ascii_lowercase()).matches(ACTION))
            };
            let is_meant = match (written.action, written.not_action) {
                (Some(actions), None) => is_meant(actions),
                (None, Some(actions)) => !is_meant(actions),
                _ => return Err("a statement needs either Action or NotAction"),
            };
            if is_meant {
                statements.push(Statement { allows, resources });
            }
        }
        Ok(Policy { statements })
    }

    /// About how many bytes it keeps.
    pub fn size(&self) -> usize {
        let patterns = self.statements.iter().map(|statement| match &statement.resources {
            Resources::These(patterns) | Resources::AllBut(patterns) => patterns,
        });
        // Each character of a pattern takes a few bytes.
        patterns.flatten().map(|pattern| size_of::<WildMatch>() + 8 * pattern.pattern().len()).sum()
    }

    /// Whether the call with this ARN is allowed.
    pub fn allows(&self, arn: &str) -> bool {
        let mut allowed = false;
        for statement in self.statements.iter().filter(|statement| statement.resources.include(arn)) {
            if !statement.allows {
                return false;
            }
            allowed = true;
        }
        allowed
    }
}

impl Resources {
    fn include(&self, arn: &str) -> bool {
        let any = |patterns: &[WildMatch]| patterns.iter().any(|pattern| pattern.matches(arn));
        match self {
            Resources::These(patterns) => any(patterns),
            Resources::AllBut(patterns) => !any(patterns),
        }
    }
}

/// `*` stands for any text, slashes included, and `?` for one character.
fn patterns(texts: OneOrMore<String>) -> Vec<WildMatch> {
    texts.into_list().iter().map(|text| WildMatch::new(text)).collect()
}

/// A policy as it is written.
#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct Document {
    statement: OneOrMore<Written>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Written {
    effect: String,
    action: Option<OneOrMore<String>>,
    not_action: Option<OneOrMore<String>>,
    resource: Option<OneOrMore<String>>,
    not_resource: Option<OneOrMore<String>>,
    condition: Option<serde::de::IgnoredAny>,
}

#[derive(Deserialize)]
#[serde(untagged)]
enum OneOrMore<T> {
    One(T),
    More(Vec<T>),
}

impl<T> OneOrMore<T> {
    fn into_list(self) -> Vec<T> {
        match self {
            OneOrMore::One(one) => vec![one],
            OneOrMore::More(list) => list,
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    const ORDERS: &str = "arn:aws:execute-api:eu-central-1:123456789012:abcdefghij/$default/GET/orders/1";

    fn policy(statements: Value) -> Result<Policy, &'static str> {
        let document = json!({"Version": "2012-10-17", "Statement": statements});
        Policy::read(serde_json::from_value(document).map_err(|_| "no policy")?)
    }

    fn statement(effect: &str, resource: &str) -> Value {
        json!({"Action": "execute-api:Invoke", "Effect": effect, "Resource": resource})
    }

    #[test]
    fn a_denial_wins_and_silence_is_a_no() {
        let all = statement("Allow", "*");
        for (statements, expected) in [
            (json!([]), false),
            (all.clone(), true),
            (json!([all, statement("Deny", ORDERS)]), false),
            (json!([statement("Deny", "*"), all]), false),
            (json!([statement("Allow", "arn:aws:execute-api:*:*:abcdefghij/*/GET/orders/?")]), true),
            (json!([statement("Allow", "arn:aws:execute-api:*:*:abcdefghij/*/GET/orders/??")]), false),
            (json!([statement("Allow", "arn:aws:execute-api:*:*:abcdefghij/*/POST/*")]), false),
            (json!([statement("Allow", "arn:aws:execute-api:*:*:abcdefghij/$default/GET/Orders/*")]), false),
            (json!([{"Action": ["s3:GetObject", "EXECUTE-API:*"], "Effect": "Allow", "Resource": ["x", "*"]}]), true),
            (json!([{"Action": "s3:*", "Effect": "Allow", "Resource": "*"}]), false),
            (json!([{"NotAction": "s3:*", "Effect": "Allow", "Resource": "*"}]), true),
            (json!([{"Action": "*", "Effect": "Allow", "NotResource": "*/POST/*"}]), true),
            (json!([all, {"Action": "*", "Effect": "Deny", "NotResource": "*/POST/*"}]), false),
        ] {
            assert_eq!(policy(statements.clone()).unwrap().allows(ORDERS), expected, "{statements}");
        }
    }

    #[test]
    fn what_is_no_policy_is_none() {
        for statements in [
            json!({"Effect": "Allow", "Resource": "*"}),
            json!({"Action": "*", "Effect": "Allow"}),
            json!({"Action": "*", "Effect": "allow", "Resource": "*"}),
            json!({"Action": "*", "Effect": "Allow", "Resource": "*", "NotResource": "*"}),
            json!({"Action": "*", "Effect": "Allow", "Resource": "*", "Condition": {"Bool": {"aws:SecureTransport": "true"}}}),
            json!("Allow"),
            json!({"Action": 1, "Effect": "Allow", "Resource": "*"}),
        ] {
            assert!(policy(statements.clone()).is_err(), "{statements}");
        }
    }
}
