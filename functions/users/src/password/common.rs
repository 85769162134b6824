//! The passwords that everybody tries first: NIST SP 800-63B §3.1.1.2 has new passwords compared with such a list.
//!
//! They are, in lower case, the 9,700 of a million common passwords that are 15 characters or longer, which the rules
//! would let pass otherwise, and of the 10,000 most common ones those of 5 to 14, which longer ones are made of by repeating
//! them. The million are `10_million_password_list_top_1M.txt` of SecLists, © 2018 Daniel Miessler, MIT licence;
//! `examples/common_passwords.rs` makes `common.bin` of it.
//!
//! `common.bin` has the first five bytes of the SHA-256 of each, in order: half the size of the list, and searched where
//! it lies in the binary, so that a start does nothing for it. One of 58 million other texts is taken for one of them.

use sha2::{Digest, Sha256};

/// Bytes of a digest that are kept.
const KEPT: usize = 5;

static COMMON: &[u8] = include_bytes!("common.bin");

/// Whether this text, which is in lower case, is one of them.
pub fn is_common(lower: &str) -> bool {
    let (digests, _) = COMMON.as_chunks::<KEPT>();
    let digest = Sha256::digest(lower);
    digest.first_chunk().is_some_and(|digest| digests.binary_search(digest).is_ok())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_bundled_list_is_whole_and_has_what_it_is_there_for() {
        let (digests, rest) = COMMON.as_chunks::<KEPT>();
        assert_eq!((digests.len(), rest.len()), (18_828, 0));
        assert!(digests.is_sorted_by(|one, next| one < next), "out of order, which a search needs");
        for password in ["password", "dragon", "qwertyuiopasdfgh", "passwordpassword", "thisismypassword"] {
            assert!(is_common(password), "{password}");
        }
        for other in ["", "pass word", "Password", "the rain in spain stays", "qwertyuiopasdfg h"] {
            assert!(!is_common(other), "{other}");
        }
    }
}
