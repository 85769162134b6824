//! Makes `src/password/common.bin` anew: reads passwords on standard input, one a line, the most common ones first, and
//! writes the digests of those that the rules for new passwords ask for, in order. `src/password/common.rs` says where the
//! list is from.
//!
//! ```sh
//! cargo run -p users --example common_passwords < list.txt > functions/users/src/password/common.bin
//! ```

use std::collections::BTreeSet;
use std::io::{self, BufRead, Write};

use sha2::{Digest, Sha256};

/// As many of the most common ones, of which longer passwords may be made by repeating one.
const REPEATED: usize = 10_000;
/// Bytes of a digest that are kept.
const KEPT: usize = 5;

fn main() -> io::Result<()> {
    let mut common = BTreeSet::new();
    for (rank, line) in io::stdin().lock().lines().enumerate() {
        let password = line?.to_lowercase();
        // No new password is shorter than 15 characters, and what repeats at most 4 is refused whatever they are.
        let asked_for = match password.chars().count() {
            15.. => true,
            5.. => rank < REPEATED,
            _ => false,
        };
        if asked_for {
            common.extend(Sha256::digest(password).first_chunk::<KEPT>().copied());
        }
    }
    let digests: Vec<u8> = common.into_iter().flatten().collect();
    io::stdout().lock().write_all(&digests)
}
