//! What others need to verify access tokens: the public keys, and a document that says where they are.

use serde::Serialize;
use shared::error::Error;
use shared::http::{Request, Response};
use shared::representation::Representation;

use crate::App;

/// README has no key sign earlier than this after it was published.
const CACHE_CONTROL: &str = "public, max-age=300";

/// The authorization server's metadata: the members that OpenID Connect Discovery 1.0 §3 and RFC 8414 §2 require, as far
/// as they are true here. There is no `authorization_endpoint` and no `token_endpoint`: both belong to OAuth's flows,
/// of which this shop has none; its clients sign in by `POST /login`. So there is no response type either.
#[derive(Serialize)]
struct Metadata<'a> {
    issuer: &'a str,
    jwks_uri: String,
    response_types_supported: [&'static str; 0],
    grant_types_supported: [&'static str; 0],
    subject_types_supported: [&'static str; 1],
    /// Required by OpenID Connect. No ID tokens are issued; access tokens (RFC 9068) are signed by the same keys.
    id_token_signing_alg_values_supported: [&'static str; 1],
}

impl App {
    /// The JSON Web Key Set (RFC 7517 §5).
    pub(crate) fn public_keys(&self, request: &Request) -> Result<Response, Error> {
        public(request, self.signer.jwks())
    }

    /// Where the keys are, by the issuer's name, which takes an issuer that is an https URL (RFC 8414 §2).
    pub(crate) fn openid_configuration(&self, request: &Request) -> Result<Response, Error> {
        let issuer = self.signer.issuer();
        let metadata = metadata(issuer).ok_or(Error::NotFound("document: the issuer is not an https URL"))?;
        public(request, &metadata)
    }
}

fn public(request: &Request, document: &impl Serialize) -> Result<Response, Error> {
    Ok(Representation::of(document)?.answer(request.header("if-none-match"), CACHE_CONTROL))
}

fn metadata(issuer: &str) -> Option<Metadata<'_>> {
    let rest = issuer.strip_prefix("https://")?;
    // Neither a query nor a fragment (RFC 8414 §2), and a host.
    if rest.is_empty() || rest.starts_with('/') || rest.contains(['?', '#']) {
        return None;
    }
    Some(Metadata {
        issuer,
        jwks_uri: format!("{}/.well-known/jwks.json", issuer.strip_suffix('/').unwrap_or(issuer)),
        response_types_supported: [],
        grant_types_supported: [],
        subject_types_supported: ["public"],
        id_token_signing_alg_values_supported: ["ES256"],
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_keys_are_below_the_issuer_as_it_is_spelled() {
        for (issuer, keys) in [
            ("https://shop.example", "https://shop.example/.well-known/jwks.json"),
            ("https://shop.example/", "https://shop.example/.well-known/jwks.json"),
            ("https://example.com:8443/shop/", "https://example.com:8443/shop/.well-known/jwks.json"),
        ] {
            let metadata = metadata(issuer).expect("metadata");
            assert_eq!((metadata.issuer, metadata.jwks_uri.as_str()), (issuer, keys));
        }
    }

    #[test]
    fn what_is_no_https_url_has_no_document() {
        for issuer in
            ["urn:portico:shop", "http://shop.example", "https://", "https:///x", "https://a?b", "https://a#b", ""]
        {
            assert!(metadata(issuer).is_none(), "{issuer}");
        }
    }
}
