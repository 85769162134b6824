//! An HTTP API as it is put together, whatever it was written as, and how it becomes the one that is served: what cannot
//! be emulated is named, and keeps its place among the routes.

use std::time::Duration;

use super::authorizers::{Auth, Guard};
use super::model::{Cors, HttpApi, Route, Segment, Unserved};
use super::node::{Fault, Node, Value};
use super::routes::{self, INTEGRATION_TIMEOUT};
use super::scope::{ACCOUNT_ID, REGION, Scope};
use super::settings::{Limits, StageSettings};

/// AWS refuses more.
const MAX_ROUTES: usize = 300;

/// An HTTP API before it is known what of it can be served.
#[derive(Debug)]
pub struct Surface {
    /// The stage's name.
    pub stage: String,
    /// What else the stage has.
    pub settings: StageSettings,
    /// `CorsConfiguration`
    pub cors: Option<Cors>,
    /// The authorizers.
    pub auth: Auth,
    /// The routes.
    pub drafts: Vec<Draft>,
}

/// A route before it is known whether it can be served.
#[derive(Debug)]
pub struct Draft {
    /// The line of the template it begins on.
    pub line: usize,
    /// Upper case, or `ANY`; empty for `$default`.
    pub method: String,
    /// As the template has it; empty for `$default`.
    pub path: String,
    /// The path's segments.
    pub segments: Vec<Segment>,
    /// The function's logical id, or why none can be called.
    pub function: Result<String, String>,
    /// Who stands before it.
    pub guard: Guard,
    /// OAuth scopes of which a JWT must have one.
    pub scopes: Vec<String>,
    /// `TimeoutInMillis`
    pub timeout: Option<Duration>,
    /// The limits that it gives itself: they come before those that the stage gives it.
    pub limits: Limits,
}

impl Draft {
    /// The route key.
    pub fn key(&self) -> String {
        if self.path.is_empty() { "$default".to_owned() } else { format!("{} {}", self.method, self.path) }
    }
}

impl Surface {
    /// The API that is served.
    pub fn finish(mut self, scope: &Scope, id: &str, line: usize) -> Result<HttpApi, Fault> {
        if let Some(one_too_many) = self.drafts.get(MAX_ROUTES) {
            return Err(Fault::new(one_too_many.line, format!("an HTTP API has at most {MAX_ROUTES} routes.")));
        }
        refuse_rivals(&self.drafts)?;
        let (mut routes, mut unserved) = (Vec::new(), Vec::new());
        for draft in self.drafts {
            let key = draft.key();
            let named = self.settings.particular.remove(&key).map(|(_, limits)| limits).unwrap_or_default();
            let authorizer = match &draft.guard {
                Guard::Open => Ok(None),
                Guard::By(name) => Ok(Some(name.clone())),
                Guard::Unfit(why) => Err(why.clone()),
            };
            let (function, authorizer) = match (draft.function.clone(), authorizer) {
                (Ok(function), Ok(authorizer)) => (function, authorizer),
                (Err(why), _) | (_, Err(why)) => {
                    scope.not_emulated(draft.line, format!("`{key}` answers 501: {why}."));
                    let Draft { method, path, segments, .. } = draft;
                    unserved.push(Unserved { key, method, path, segments, why });
                    continue;
                }
            };
            routes.push(Route {
                method: draft.method,
                path: draft.path,
                segments: draft.segments,
                function,
                authorizer,
                scopes: draft.scopes,
                throttle: draft.limits.or(named).or(self.settings.general).throttle(),
                integration_timeout: draft.timeout.unwrap_or(INTEGRATION_TIMEOUT),
                line: draft.line,
            });
        }
        if let Some((key, (line, _))) = self.settings.particular.into_iter().next() {
            return Err(Fault::new(line, format!("RouteSettings has `{key}`, but no route has that key.")));
        }
        Ok(HttpApi {
            logical_id: id.to_owned(),
            api_id: scope.name(&Node { line, value: Value::Null }, id)?,
            stage: self.stage,
            region: REGION.to_owned(),
            account_id: ACCOUNT_ID.to_owned(),
            routes,
            unserved,
            authorizers: self.auth.authorizers,
            stage_variables: self.settings.variables,
            cors: self.cors,
            access_log_format: self.settings.access_log_format,
        })
    }
}

/// Two routes of the same method and shape would leave it open which of them answers.
fn refuse_rivals(routes: &[Draft]) -> Result<(), Fault> {
    for (at, route) in routes.iter().enumerate() {
        if let Some(earlier) =
            routes.get(..at).and_then(|earlier| earlier.iter().find(|other| routes::rivals(other, route)))
        {
            let (key, other) = (route.key(), earlier.key());
            return Err(Fault::new(
                route.line,
                format!("`{key}` and `{other}` (line {}) are the same route.", earlier.line),
            ));
        }
    }
    Ok(())
}
