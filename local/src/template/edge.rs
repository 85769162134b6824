//! The template's distribution: which paths it caches, and by what. What else it says matters only in AWS.

use super::model::{Behaviour, Edge};
use super::node::{Fault, Node, Value};
use super::scope::Scope;

/// CloudFront's own policy `CachingDisabled`.
/// <https://docs.aws.amazon.com/AmazonCloudFront/latest/DeveloperGuide/using-managed-cache-policies.html>
const CACHING_DISABLED: &str = "4135ea2d-6df8-44a3-9df3-4b5a84be39ad";

/// The distribution that stands in front of the API: the first that the local edge can be. The others are named.
pub fn first(scope: &Scope, distributions: &[(&String, usize, Node)], resources: &Node) -> Option<Edge> {
    let mut first = None;
    for (id, line, properties) in distributions {
        let why = match read(scope, properties, resources) {
            Ok(edge) if first.is_none() => {
                first = Some(edge);
                continue;
            }
            Ok(_) => "there is one edge here.".to_owned(),
            Err(fault) => fault.message,
        };
        scope.not_emulated(*line, format!("the distribution `{id}` stands in front of nothing here: {why}"));
    }
    first
}

/// Reads a distribution's behaviours; `resources` has the cache policies.
fn read(scope: &Scope, properties: &Node, resources: &Node) -> Result<Edge, Fault> {
    let config = properties.get("DistributionConfig");
    let config = config.ok_or_else(|| properties.fault("a distribution has no DistributionConfig."))?;
    let mut behaviours = Vec::new();
    if let Some(more) = config.get("CacheBehaviors") {
        for written in more.list("CacheBehaviors")? {
            let path =
                written.get("PathPattern").ok_or_else(|| written.fault("a cache behavior has no PathPattern."))?;
            behaviours.push(behaviour(scope.text(path, "PathPattern")?, written, resources)?);
        }
    }
    let default = config.get("DefaultCacheBehavior");
    let default = default.ok_or_else(|| config.fault("a distribution has no DefaultCacheBehavior."))?;
    behaviours.push(behaviour("*".to_owned(), default, resources)?);
    Ok(Edge { behaviours })
}

fn behaviour(path: String, written: &Node, resources: &Node) -> Result<Behaviour, Fault> {
    let policy = written.get("CachePolicyId").ok_or_else(|| written.fault("a cache behavior has no CachePolicyId."))?;
    let cached_by = match &policy.value {
        Value::Text(id) if id == CACHING_DISABLED => None,
        Value::Call(name, id) if name == "Ref" => Some(key(policy, id.text("CachePolicyId")?, resources)?),
        _ => return Err(policy.fault("a cache policy is CachingDisabled, or one of this template's.")),
    };
    Ok(Behaviour { path, cached_by })
}

/// The headers in the key of a cache policy. One that is no stranger to the local edge leaves the time to the origin, and
/// its key has the whole query and no cookie.
fn key(at: &Node, id: &str, resources: &Node) -> Result<Vec<String>, Fault> {
    let unknown = || at.fault(format!("there is no cache policy `{id}`."));
    let policy = resources.get(id).and_then(|policy| policy.get("Properties")).ok_or_else(unknown)?;
    let config = policy.get("CachePolicyConfig").ok_or_else(unknown)?;
    for ttl in ["MinTTL", "DefaultTTL"] {
        if config.get(ttl).is_none_or(|seconds| seconds.number(ttl) != Ok(0)) {
            return Err(config.fault(format!("{ttl} must be 0: how long an answer is kept is the origin's to say.")));
        }
    }
    let parameters = config.get("ParametersInCacheKeyAndForwardedToOrigin").ok_or_else(unknown)?;
    let says = |section: &str, behaviour: &str, wanted: &str| {
        let said = parameters.get(section).and_then(|section| section.get(behaviour));
        said.is_some_and(|said| said.text(behaviour) == Ok(wanted))
    };
    if !says("QueryStringsConfig", "QueryStringBehavior", "all") || !says("CookiesConfig", "CookieBehavior", "none") {
        return Err(parameters.fault("the local edge knows cache keys with the whole query and no cookie."));
    }
    let headers = match parameters.get("HeadersConfig").and_then(|headers| headers.get("Headers")) {
        Some(headers) => headers.list("Headers")?,
        None => &[],
    };
    headers.iter().map(|header| Ok(header.text("a header")?.to_ascii_lowercase())).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::template::{Given, Template};

    const TEMPLATE: &str = "
Parameters: {Edge: {Type: String, Default: 'on'}}
Conditions: {HasEdge: !Equals [!Ref Edge, 'on']}
Resources:
  Api: {Type: AWS::Serverless::HttpApi}
  Distribution:
    Type: AWS::CloudFront::Distribution
    Condition: HasEdge
    Properties:
      DistributionConfig:
        CacheBehaviors: [{PathPattern: /things*, CachePolicyId: !Ref Things}]
        DefaultCacheBehavior: {CachePolicyId: 4135ea2d-6df8-44a3-9df3-4b5a84be39ad}
  Things:
    Type: AWS::CloudFront::CachePolicy
    Condition: HasEdge
    Properties:
      CachePolicyConfig:
        MinTTL: 0
        DefaultTTL: 0
        ParametersInCacheKeyAndForwardedToOrigin:
          CookiesConfig: {CookieBehavior: none}
          HeadersConfig: {HeaderBehavior: whitelist, Headers: [Origin]}
          QueryStringsConfig: {QueryStringBehavior: all}
";

    fn read(template: &str) -> Result<Option<Edge>, String> {
        let read = Template::parse(template, &Given::defaults("shop"));
        read.map(|template| template.edge).map_err(|fault| fault.message)
    }

    #[test]
    fn a_distribution_says_what_it_caches() {
        let behaviour = |path: &str, cached_by| Behaviour { path: path.to_owned(), cached_by };
        let things = behaviour("/things*", Some(vec!["origin".to_owned()]));
        assert_eq!(read(TEMPLATE), Ok(Some(Edge { behaviours: vec![things, behaviour("*", None)] })));
        assert_eq!(read(&TEMPLATE.replacen("'on'", "'off'", 1)), Ok(None));
    }

    #[test]
    fn what_the_local_edge_would_do_otherwise_is_named() {
        for (written, other) in [
            ("MinTTL: 0", "MinTTL: 60"),
            ("DefaultTTL: 0", "DefaultTTL: 60"),
            ("CookieBehavior: none", "CookieBehavior: all"),
            ("QueryStringBehavior: all", "QueryStringBehavior: none"),
            ("!Ref Things", "!Ref Nothing"),
            ("4135ea2d-6df8-44a3-9df3-4b5a84be39ad", "658327ea-f89d-4fab-a63d-7e88639e58f6"),
        ] {
            let template = Template::parse(&TEMPLATE.replacen(written, other, 1), &Given::defaults("shop")).unwrap();
            let [named] = &template.not_emulated[..] else { panic!("{other}: {:?}", template.not_emulated) };
            assert!(template.edge.is_none() && named.contains("`Distribution` stands in front of nothing"), "{named}");
        }
    }
}
