//! The key pairs A and B that access tokens are signed with: made at start, or kept in files beside the data so that a
//! token outlives a restart. Which of the two signs, the template's parameter `SigningKey` says.

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

/// Two P-256 key pairs.
pub struct Keys {
    a: String,
    b: String,
    jwks: String,
}

impl Keys {
    /// New pairs.
    ///
    /// # Errors
    /// A pair cannot be encoded.
    pub fn generate() -> Result<Keys, Error> {
        Keys::of(&random(), &random())
    }

    /// The pairs kept beside the database `data`, in `<data>.keys` and `<data>.keys.b` (PKCS#8 PEM, readable by their
    /// owner only), which are made if they are not there.
    ///
    /// # Errors
    /// A file cannot be read or written, or holds no key.
    pub fn beside(data: &Path) -> Result<Keys, Error> {
        Keys::of(&kept(&beside(data, ".keys"))?, &kept(&beside(data, ".keys.b"))?)
    }

    fn of(a: &SecretKey, b: &SecretKey) -> Result<Keys, Error> {
        let jwks = Jwks { keys: public(a).into_iter().chain(public(b)).collect() };
        let jwks = serde_json::to_string(&jwks).map_err(|error| Error::new(error.to_string()))?;
        Ok(Keys { a: private(a)?, b: private(b)?, jwks })
    }

    /// The private half of A as users takes it: `pkcs8:` and its PKCS#8 DER in base64url.
    pub fn a(&self) -> &str {
        &self.a
    }

    /// The private half of B, likewise.
    pub fn b(&self) -> &str {
        &self.b
    }

    /// The public halves as a JSON Web Key Set.
    pub fn jwks(&self) -> &str {
        &self.jwks
    }
}

/// The key in this file, which is made if it is not there.
fn kept(path: &Path) -> Result<SecretKey, Error> {
    let shown = path.display();
    let cannot = |error: io::Error| {
        Error::new(format!(
            "the key in {shown} cannot be read or written ({error}): see to the folder and its permissions."
        ))
    };
    if !path.try_exists().map_err(cannot)? {
        let pem = random().to_pkcs8_pem(LineEnding::LF).map_err(|error| Error::new(error.to_string()))?;
        create(path, pem.as_bytes()).map_err(cannot)?;
    }
    let pem = std::fs::read_to_string(path).map_err(cannot)?;
    SecretKey::from_pkcs8_pem(&pem).map_err(|_| {
        Error::new(format!("{shown} holds no P-256 key in PKCS#8 PEM: remove the file, and a new key is made."))
    })
}

fn private(secret: &SecretKey) -> Result<String, Error> {
    let der = secret.to_pkcs8_der().map_err(|error| Error::new(error.to_string()))?;
    Ok(format!("pkcs8:{}", BASE64_URL_SAFE_NO_PAD.encode(der.as_bytes())))
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

fn beside(data: &Path, ending: &str) -> PathBuf {
    let mut name = data.as_os_str().to_owned();
    name.push(ending);
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

/// A new file that its owner alone can read.
#[cfg(unix)]
pub(crate) fn open_private(path: &Path) -> io::Result<File> {
    use std::os::unix::fs::OpenOptionsExt;
    OpenOptions::new().write(true).create_new(true).mode(0o600).open(path)
}

/// A new file.
#[cfg(not(unix))]
pub(crate) fn open_private(path: &Path) -> io::Result<File> {
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
        assert_eq!((first.a(), first.b(), first.jwks()), (again.a(), again.b(), again.jwks()));
        assert_ne!(first.a(), first.b());
        assert_ne!(first.a(), Keys::generate().unwrap().a());
        assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 2, "no draft is left");
        #[cfg(unix)]
        {
            use std::os::unix::fs::PermissionsExt;
            for ending in [".keys", ".keys.b"] {
                let mode = std::fs::metadata(beside(&data, ending)).unwrap().permissions().mode();
                assert_eq!(mode & 0o777, 0o600);
            }
        }
    }

    #[test]
    fn the_public_keys_are_a_jwks_named_by_thumbprint() {
        let jwks: Jwks = serde_json::from_str(Keys::generate().unwrap().jwks()).unwrap();
        assert_eq!(jwks.keys.len(), 2);
        for key in jwks.keys {
            assert_eq!((key.x.len(), key.y.len(), key.kid.len()), (43, 43, 43));
        }
    }
}
