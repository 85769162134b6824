//! Published signatures: the check under the wrapper accepts the valid ones and refuses the others; and no published
//! token is one of ours. (RFC 7520 has none by ES256: its §4.3 is ES512.)

use data_encoding::HEXLOWER;

use super::*;

fn decoding_key(x: &str, y: &str) -> DecodingKey {
    DecodingKey::from_ec_components(x, y).expect("a key")
}

fn is_signed_jws(jws: &str, key: &DecodingKey) -> bool {
    jws.rsplit_once('.').is_some_and(|(signed, signature)| is_signed(signed.as_bytes(), signature, key))
}

/// A file's lines without its remarks, as words.
fn lines(file: &'static str) -> impl Iterator<Item = Vec<&'static str>> {
    file.lines().filter(|line| !line.starts_with('#')).map(|line| line.split(' ').collect())
}

#[test]
fn the_example_of_rfc_7515_a_3_is_signed_and_no_access_token() {
    let key =
        decoding_key("f83OJ3D2xF1Bg8vub9tLe1gHMzV76e8Tus9uPHvRVEU", "x_FEzRu9m36HLN_tue659LNpXW6pCyStikYjKIWI5a0");
    let jws = "eyJhbGciOiJFUzI1NiJ9\
               .eyJpc3MiOiJqb2UiLA0KICJleHAiOjEzMDA4MTkzODAsDQogImh0dHA6Ly9leGFtcGxlLmNvbS9pc19yb290Ijp0cnVlfQ\
               .DtEhU3ljbEg8L38VWAfUAqOyKAM6-Xx-F4GawxaepmXFCgfTjDxw5djxLa8ISlSApmWQxfKTUJqPP3-Kg6NU1Q";
    assert!(is_signed_jws(jws, &key));
    assert!(!accepts(&format!("Bearer {jws}")));
    let (signed, signature) = jws.rsplit_once('.').unwrap();
    for index in 0..signed.len() {
        let mut damaged = signed.as_bytes().to_vec();
        damaged[index] ^= 1;
        assert!(!is_signed(&damaged, signature, &key), "byte {index}");
    }
}

#[test]
fn the_signatures_of_project_wycheproof_are_judged_as_it_says() {
    let (mut key, mut valid, mut invalid) = (None, 0, 0);
    for line in lines(include_str!("vectors/p1363.txt")) {
        match line[..] {
            ["key", point] => {
                let point = HEXLOWER.decode(point.as_bytes()).unwrap();
                key = Some(decoding_key(&encode(&point[..32]), &encode(&point[32..])));
            }
            [number, result, message, signature] => {
                let bytes = |hex: &str| HEXLOWER.decode(hex.trim_matches('-').as_bytes()).unwrap();
                let accepted = is_signed(&bytes(message), &encode(bytes(signature)), key.as_ref().unwrap());
                assert_eq!(accepted, result == "valid", "number {number}");
                if accepted { valid += 1 } else { invalid += 1 }
            }
            _ => panic!("{line:?}"),
        }
    }
    assert_eq!((valid, invalid), (54, 89));
}

#[test]
fn the_jws_of_project_wycheproof_are_judged_as_it_says() {
    let (mut key, mut valid, mut invalid) = (None, 0, 0);
    for line in lines(include_str!("vectors/jws.txt")) {
        match line[..] {
            ["key", x, y] => key = Some(decoding_key(x, y)),
            [number, result, jws] => {
                let accepted = is_signed_jws(jws, key.as_ref().unwrap());
                assert_eq!(accepted, result == "valid", "number {number}");
                assert!(!accepts(&format!("Bearer {jws}")), "number {number}");
                if accepted { valid += 1 } else { invalid += 1 }
            }
            _ => panic!("{line:?}"),
        }
    }
    assert_eq!((valid, invalid), (2, 36));
}
