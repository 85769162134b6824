//! Makes `src/password/common.fst` anew: reads passwords on standard input, one a line, the most common ones first, and
//! writes the set of those that the rules for new passwords ask for. `src/password/common.rs` says where the list is from.
//!
//! ```sh
//! cargo run -p users --example common_passwords < list.txt > functions/users/src/password/common.fst
//! ```

use std::collections::BTreeSet;
use std::io::{self, BufRead, Write};

/// As many of the most common ones, of which longer passwords may be made by repeating one.
const REPEATED: usize = 10_000;

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
            common.insert(password);
        }
    }
    let set = fst::Set::from_iter(&common).map_err(io::Error::other)?;
    io::stdout().lock().write_all(set.as_fst().as_bytes())
}
