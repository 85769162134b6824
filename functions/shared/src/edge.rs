//! The lock between the edge and the API: where CloudFront stands in front, the API's own address stays reachable, so
//! whoever comes round the edge is refused here, and only whoever comes through it is believed about the caller's address.
//!
//! The address stands in a header that the edge's function writes from `event.viewer.ip`, and not in
//! `CloudFront-Viewer-Address`: CloudFront adds that one only by an origin request policy that either passes the viewer's
//! `Host` on, by which the API would not know itself, or lists every other header, where `Authorization` may not stand.
//! <https://docs.aws.amazon.com/cloudfront/latest/APIReference/API_OriginRequestPolicyHeadersConfig.html>

use std::fmt;
use std::net::IpAddr;

use sha2::{Digest, Sha256};
use subtle::{Choice, ConstantTimeEq};

use crate::config::{self, Environment};

/// The header in which the edge shows its secret. CloudFront overwrites one that a viewer sends.
pub const SECRET_HEADER: &str = "x-origin-secret";

/// The header in which the edge names the viewer's address, without a port.
pub const ADDRESS_HEADER: &str = "x-viewer-address";

/// The fewest characters of a secret: whoever guesses it goes round the edge.
pub const SHORTEST: usize = 32;

/// Which secrets open the API; none where there is no edge. It keeps only their digests.
#[derive(Clone, Default)]
pub struct Lock(Vec<[u8; 32]>);

/// A request that came round the edge, or through one that does not say for whom.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Refused;

impl Lock {
    /// Reads `EDGE_SECRET`, which is what the edge shows, and `EDGE_SECRET_ALSO`, which opens as well while one takes the
    /// other's place. Without the first there is no edge.
    ///
    /// # Errors
    /// One is shorter than [`SHORTEST`] or cannot stand in a header, or there is only the second.
    pub fn read<F: Fn(&str) -> Option<String>>(environment: &Environment<F>) -> Result<Lock, config::Error> {
        let secrets = ["EDGE_SECRET", "EDGE_SECRET_ALSO"].map(|key| (key, environment.optional(key)));
        if let [(_, None), (also, Some(_))] = &secrets {
            return Err(config::Error::new(format!("{also} is set without EDGE_SECRET: set both, or none")));
        }
        let mut digests = Vec::new();
        for (key, secret) in secrets {
            let Some(secret) = secret else { continue };
            if secret.len() < SHORTEST || !secret.bytes().all(|byte| byte.is_ascii_graphic()) {
                return Err(config::Error::new(format!(
                    "the environment variable {key} is no secret of the edge: it needs {SHORTEST} or more visible ASCII characters"
                )));
            }
            digests.push(Sha256::digest(&secret).into());
        }
        Ok(Lock(digests))
    }

    /// Whether there is no edge.
    pub fn is_open(&self) -> bool {
        self.0.is_empty()
    }

    /// The caller's address, if the request may come in: where there is no edge, the one that the API saw (`source_ip`); else
    /// the one that the edge names, once `secret` has shown that it is the edge that does.
    ///
    /// # Errors
    /// [`Refused`]: the secret is missing or wrong, or it is right and the address missing or malformed.
    pub fn admit(
        &self,
        secret: Option<&[u8]>,
        address: Option<&str>,
        source_ip: Option<IpAddr>,
    ) -> Result<Option<IpAddr>, Refused> {
        if self.is_open() {
            return Ok(source_ip);
        }
        if !self.fits(secret.unwrap_or_default()) {
            return Err(Refused);
        }
        address.and_then(|address| address.parse().ok()).map(Some).ok_or(Refused)
    }

    /// How long this takes depends on neither secret: digests are compared, every one of them to its end.
    fn fits(&self, secret: &[u8]) -> bool {
        let shown = Sha256::digest(secret);
        self.0.iter().fold(Choice::from(0), |found, known| found | known[..].ct_eq(&shown[..])).into()
    }
}

impl fmt::Debug for Lock {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(if self.is_open() { "Lock(open)" } else { "Lock(…)" })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const CURRENT: &str = "current-0123456789abcdef0123456789abcdef";
    const OTHER: &str = "another-0123456789abcdef0123456789abcdef";
    const SEEN: IpAddr = IpAddr::V4(std::net::Ipv4Addr::new(198, 51, 100, 9));

    fn lock(current: &str, also: &str) -> Result<Lock, config::Error> {
        Lock::read(&Environment::new(|key: &str| match key {
            "EDGE_SECRET" => Some(current.to_owned()),
            "EDGE_SECRET_ALSO" => Some(also.to_owned()),
            _ => None,
        }))
    }

    fn admit(lock: &Lock, secret: Option<&str>, address: Option<&str>) -> Result<Option<IpAddr>, Refused> {
        lock.admit(secret.map(str::as_bytes), address, Some(SEEN))
    }

    #[test]
    fn without_an_edge_everybody_passes_by_the_address_that_the_api_saw() {
        let open = lock("", "").expect("no edge");
        assert_eq!(admit(&open, None, None), Ok(Some(SEEN)));
        assert_eq!(admit(&open, Some(CURRENT), Some("203.0.113.7")), Ok(Some(SEEN)));
        assert_eq!(open.admit(None, None, None), Ok(None));
    }

    #[test]
    fn whoever_shows_the_secret_is_believed_about_the_address() {
        let lock = lock(CURRENT, "").expect("an edge");
        for address in ["203.0.113.7", "2001:db8::1"] {
            assert_eq!(admit(&lock, Some(CURRENT), Some(address)), Ok(address.parse().ok()), "{address}");
        }
        for address in [
            "",
            " ",
            "203.0.113.7:46532",
            "2001:db8::1:46532",
            "[2001:db8::1]",
            "203.0.113.7, 10.0.0.1",
            "localhost",
            "1.2.3",
        ] {
            assert_eq!(admit(&lock, Some(CURRENT), Some(address)), Err(Refused), "{address}");
        }
        assert_eq!(admit(&lock, Some(CURRENT), None), Err(Refused));
    }

    #[test]
    fn whoever_does_not_is_refused() {
        let lock = lock(CURRENT, "").expect("an edge");
        let longer = format!("{CURRENT}x");
        let twice = format!("{CURRENT},{CURRENT}");
        for secret in ["", OTHER, &CURRENT[1..], &longer, &twice, &CURRENT.to_uppercase()] {
            assert_eq!(admit(&lock, Some(secret), Some("203.0.113.7")), Err(Refused), "{secret}");
        }
        assert_eq!(admit(&lock, None, Some("203.0.113.7")), Err(Refused));
    }

    #[test]
    fn two_secrets_open_while_one_takes_the_others_place() {
        let lock = lock(CURRENT, OTHER).expect("an edge");
        for secret in [CURRENT, OTHER] {
            assert!(admit(&lock, Some(secret), Some("203.0.113.7")).is_ok());
        }
        assert_eq!(admit(&lock, Some(&format!("{CURRENT},{OTHER}")), Some("203.0.113.7")), Err(Refused));
    }

    #[test]
    fn what_is_no_secret_is_refused_at_the_start() {
        for secret in ["short", &"x".repeat(SHORTEST - 1), &"with space".repeat(5), &"ä".repeat(40)] {
            let error = lock(secret, "").expect_err(secret).to_string();
            assert!(error.contains("EDGE_SECRET") && !error.contains(secret), "{error}");
            assert!(lock(CURRENT, secret).is_err(), "{secret}");
        }
        assert!(lock("", OTHER).is_err());
    }

    #[test]
    fn nothing_of_a_secret_is_printed() {
        let lock = lock(CURRENT, OTHER).expect("an edge");
        assert_eq!(format!("{lock:?}"), "Lock(…)");
    }
}
