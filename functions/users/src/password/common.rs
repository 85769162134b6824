//! The passwords that everybody tries first: NIST SP 800-63B §3.1.1.2 has new passwords compared with such a list.
//!
//! `common.fst` has, in lower case, the 9,700 of a million common passwords that are 15 characters or longer, which the
//! rules would let pass otherwise, and of the 10,000 most common ones those of 5 to 14, which longer ones are made of by
//! repeating them. The million are `10_million_password_list_top_1M.txt` of SecLists, © 2018 Daniel Miessler, MIT
//! licence; `examples/common_passwords.rs` makes the file of it. It is a set whose answers are exact, searched where it
//! lies in the binary: a start does nothing for it.

use fst::Set;
use shared::error::Error;

static COMMON: &[u8] = include_bytes!("common.fst");

/// The bundled list.
pub struct Common(Set<&'static [u8]>);

impl Common {
    /// Reads its first and last bytes.
    ///
    /// # Errors
    /// The file is none that the example makes, which would be a bug.
    pub fn bundled() -> Result<Common, Error> {
        Set::new(COMMON).map(Common).map_err(|error| Error::Internal(format!("the common passwords: {error}")))
    }

    /// Whether it has this text, which is in lower case.
    pub fn has(&self, lower: &str) -> bool {
        self.0.contains(lower)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_bundled_list_is_whole_and_has_what_it_is_there_for() {
        let common = Common::bundled().expect("a set");
        common.0.as_fst().verify().expect("its checksum");
        assert_eq!(common.0.len(), 18_828);
        for password in ["password", "dragon", "qwertyuiopasdfgh", "passwordpassword", "thisismypassword"] {
            assert!(common.has(password), "{password}");
        }
        for other in ["", "pass word", "Password", "the rain in spain stays", "qwertyuiopasdfg h"] {
            assert!(!common.has(other), "{other}");
        }
    }
}
