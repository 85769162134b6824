//! The key pair that access tokens are signed with: made at start, or kept in a file beside the data so that a token
//! outlives a restart.

use std::fs::{File, OpenOptions};
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use base64::Engine;
use base64::prelude::BASE64_URL_SAFE_NO_PAD;
use p256::SecretKey;
use p256::elliptic_curve::sec1::ToEncodedPoint;
use p256::pkcs8::{DecodePrivateKey, EncodePrivateKey, LineEnding};
use sha2::{Digest, Sha256};
use shared::identity::{Jwk, Jwks};

use crate::Error;

/// A P-256 key pair.
pub struct Keys {
    signing_key: String,
    jwks: String,
}

impl Keys {
    /// A new pair.
    ///
    /// # Errors
    /// The pair cannot be encoded.
    pub fn generate() -> Result<Keys, Error> {
        Keys::of(&random())
    }

    /// The pair kept beside the database `data`, in `<data>.keys` (PKCS#8 PEM, readable by its owner only), which is
    /// made if it is not there.
    ///
    /// # Errors
    /// The file cannot be read or written, or holds no key.
    pub fn beside(data: &Path) -> Result<Keys, Error> {
        let path = beside(data);
        let shown = path.display();
        let cannot = |error: io::Error| {
            Error::new(format!(
                "the keys in {shown} cannot be read or written ({error}): see to the folder and its permissions."
            ))
        };
        if !path.try_exists().map_err(cannot)? {
            let pem = random().to_pkcs8_pem(LineEnding::LF).map_err(|error| Error::new(error.to_string()))?;
            create(&path, pem.as_bytes()).map_err(cannot)?;
        }
        let pem = std::fs::read_to_string(&path).map_err(cannot)?;
        let secret = SecretKey::from_pkcs8_pem(&pem).map_err(|_| {
            Error::new(format!("{shown} holds no P-256 key in PKCS#8 PEM: remove the file, and new keys are made."))
        })?;
        Keys::of(&secret)
    }

    fn of(secret: &SecretKey) -> Result<Keys, Error> {
        let der = secret.to_pkcs8_der().map_err(|error| Error::new(error.to_string()))?;
        let jwks = Jwks { keys: public(secret).into_iter().collect() };
        Ok(Keys {
            signing_key: format!("pkcs8:{}", BASE64_URL_SAFE_NO_PAD.encode(der.as_bytes())),
            jwks: serde_json::to_string(&jwks).map_err(|error| Error::new(error.to_string()))?,
        })
    }

    /// The private key as users takes it: `pkcs8:` and its PKCS#8 DER in base64url.
    pub fn signing_key(&self) -> &str {
        &self.signing_key
    }

    /// The public key as a JSON Web Key Set.
    pub fn jwks(&self) -> &str {
        &self.jwks
    }
}

fn random() -> SecretKey {
    SecretKey::random(&mut p256::elliptic_curve::rand_core::OsRng)
}

fn public(secret: &SecretKey) -> Option<Jwk> {
    let unnamed = Jwk::es256("", secret.public_key().to_encoded_point(false).as_bytes())?;
    let Jwk { x, y, .. } = &unnamed;
    // RFC 7638 §3: the required members in this order, without white space.
    let canonical = format!(r#"{{"crv":"P-256","kty":"EC","x":"{x}","y":"{y}"}}"#);
    Some(Jwk { kid: BASE64_URL_SAFE_NO_PAD.encode(Sha256::digest(canonical)), ..unnamed })
}

fn beside(data: &Path) -> PathBuf {
    let mut name = data.as_os_str().to_owned();
    name.push(".keys");
    PathBuf::from(name)
}

/// Makes the file whole or not at all; one that somebody else made in the meantime stays.
fn create(path: &Path, contents: &[u8]) -> io::Result<()> {
    let mut draft = path.as_os_str().to_owned();
    draft.push(format!(".{}", std::process::id()));
    let draft = PathBuf::from(draft);
    let written = write(&draft, contents).and_then(|()| match std::fs::hard_link(&draft, path) {
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => Ok(()),
        linked => linked,
    });
    // A draft that was never made cannot be removed either.
    let _ = std::fs::remove_file(&draft);
    written
}

fn write(path: &Path, contents: &[u8]) -> io::Result<()> {
    let mut file = open_private(path)?;
    file.write_all(contents)?;
    file.sync_all()
}

#[cfg(unix)]
fn open_private(path: &Path) -> io::Result<File> {
    use std::os::unix::fs::OpenOptionsExt;
    OpenOptions::new().write(true).create_new(true).mode(0o600).open(path)
}

#[cfg(not(unix))]
fn open_private(path: &Path) -> io::Result<File> {
    OpenOptions::new().write(true).create_new(true).open(path)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_beside_the_data_stay_and_are_private() {
        let folder = tempfile::tempdir().unwrap();
        let data = folder.path().join("shop.db");
        let first = Keys::beside(&data).unwrap();
        let again = Keys::beside(&data).unwrap();
        assert_eq!((first.signing_key(), first.jwks()), (again.signing_key(), again.jwks()));
        assert_ne!(first.signing_key(), Keys::generate().unwrap().signing_key());
        assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 1, "no draft is left");
        #[cfg(unix)]
        {
            use std::os::unix::fs::PermissionsExt;
            let mode = std::fs::metadata(beside(&data)).unwrap().permissions().mode();
            assert_eq!(mode & 0o777, 0o600);
        }
    }

    #[test]
    fn the_public_keys_are_a_jwks_named_by_thumbprint() {
        let jwks: Jwks = serde_json::from_str(Keys::generate().unwrap().jwks()).unwrap();
        assert_eq!((jwks.keys[0].x.len(), jwks.keys[0].y.len(), jwks.keys[0].kid.len()), (43, 43, 43));
    }
}
