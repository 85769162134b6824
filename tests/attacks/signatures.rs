//! Signatures that are none, or are of something else (RFC 7518 §3.4; FIPS 186-5 §6.4.2: r and s lie in [1, n − 1]).

use super::forge::{Forge, decode, encode};
use super::wire::Attack;

/// The order of P-256's group (SEC 2 §2.4.2).
const N: [u8; 32] = [
    0xff, 0xff, 0xff, 0xff, 0x00, 0x00, 0x00, 0x00, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xbc, 0xe6, 0xfa,
    0xad, 0xa7, 0x17, 0x9e, 0x84, 0xf3, 0xb9, 0xca, 0xc2, 0xfc, 0x63, 0x25, 0x51,
];

/// What is signed badly.
pub fn table(forge: &Forge) -> Vec<Attack> {
    let [header, claims, signature] = forge.parts();
    let bytes = decode(signature);
    let (r, s) = bytes.split_at(32);
    let (zero, mut one, mut below) = ([0; 32], [0; 32], N);
    one[31] = 1;
    below[31] -= 1;
    let mut all: Vec<Attack> = [
        ("the good token's", bytes.clone()),
        ("of zeros", vec![0; 64]),
        ("with r zero", [&zero, s].concat()),
        ("with s zero", [r, &zero].concat()),
        ("of ones", [one, one].concat()),
        ("with r = n", [&N, s].concat()),
        ("with s = n", [r, &N].concat()),
        ("of n and n", [N, N].concat()),
        ("of n − 1 and n − 1", [below, below].concat()),
        ("with r = 1 and s = n − 1", [one, below].concat()),
        ("of bytes that are all set", vec![0xff; 64]),
        ("that is one byte", vec![1]),
        ("that is as long as ES512's", vec![1; 132]),
        ("that is 2 KB long", vec![1; 2048]),
    ]
    .into_iter()
    .map(|(what, bytes)| {
        Attack::bearer(403, format!("an admin's claims with a signature {what}"), &forge.with_signature(bytes))
    })
    .collect();
    let mut swapped = s.to_vec();
    swapped.extend_from_slice(r);
    let mut little = r.to_vec();
    little.reverse();
    little.extend(s.iter().rev());
    let mut flipped = bytes.clone();
    flipped[63] ^= 1;
    all.extend(
        [
            ("in DER", forge.signature().to_der().as_bytes().to_vec()),
            ("with r and s exchanged", swapped),
            ("with its bytes in the other order", little),
            ("with one bit flipped", flipped),
            ("without its last byte", bytes[..63].to_vec()),
            ("without its first byte", bytes[1..].to_vec()),
            ("with a byte more", [&bytes[..], &[0]].concat()),
            ("with a byte before it", [&[0], &bytes[..]].concat()),
            ("with a zero byte before r and before s", [&[0], r, &[0], s].concat()),
            ("without s", r.to_vec()),
            ("twice", [&bytes[..], &bytes].concat()),
        ]
        .into_iter()
        .map(|(what, bytes)| {
            Attack::bearer(403, format!("the good signature {what}"), &format!("{header}.{claims}.{}", encode(bytes)))
        }),
    );
    let other: Vec<&str> = forge.another.split('.').collect();
    all.extend([
        Attack::bearer(403, "the good token with no signature", &format!("{header}.{claims}.")),
        Attack::bearer(
            403,
            "the good token with another good token's signature",
            &format!("{header}.{claims}.{}", other[2]),
        ),
        Attack::bearer(403, "another good token's claims", &format!("{header}.{}.{signature}", other[1])),
        Attack::bearer(403, "a signature of the claims alone", &format!("{header}.{}", forge.sign_text(claims))),
        Attack::bearer(403, "a signature of the text before base64", &{
            let plain = forge.sign_text(&format!("{}.{}", forge.header, forge.claims));
            format!("{header}.{claims}.{}", plain.rsplit_once('.').expect("a signature").1)
        }),
        Attack::bearer(
            403,
            "the example of RFC 7515 A.3",
            concat!(
                "eyJhbGciOiJFUzI1NiJ9",
                ".eyJpc3MiOiJqb2UiLA0KICJleHAiOjEzMDA4MTkzODAsDQogImh0dHA6Ly9leGFtcGxlLmNvbS9pc19yb290Ijp0cnVlfQ",
                ".DtEhU3ljbEg8L38VWAfUAqOyKAM6-Xx-F4GawxaepmXFCgfTjDxw5djxLa8ISlSApmWQxfKTUJqPP3-Kg6NU1Q",
            ),
        ),
    ]);
    all
}
