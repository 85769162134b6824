//! Header and claims that are well signed and not the JSON that they should be (RFC 8259, RFC 7519 §4).

use super::forge::Forge;
use super::wire::Attack;

/// What one parser may read otherwise than another, or not end to read.
pub fn table(forge: &Forge) -> Vec<Attack> {
    let (header, claims) = (forge.header.to_string(), forge.claims.to_string());
    let end = (forge.now + 900).to_string();
    let open = claims.trim_end_matches('}');
    let values: Vec<_> = forge.claims.as_object().expect("an object").values().cloned().collect();
    let mut all = Vec::new();
    for (what, text) in [
        ("empty", String::new()),
        ("null", "null".to_owned()),
        ("a list of their values", serde_json::to_string(&values).expect("JSON")),
        ("a text that has the object in it", serde_json::to_string(&claims).expect("JSON")),
        ("two objects", format!("{claims}{claims}")),
        ("cut off", open.to_owned()),
        ("after a byte order mark", format!("\u{feff}{claims}")),
        ("after white space", format!("\n {claims}")),
        ("before a NUL", format!("{claims}\0")),
        ("before other text", format!("{claims} x")),
        ("with a comment", format!("{open}/* */}}")),
        ("with a comma at the end", format!("{open},}}")),
        ("with single quotes", claims.replace('"', "'")),
        ("in UTF-16", claims.encode_utf16().flat_map(u16::to_le_bytes).map(char::from).collect()),
        ("with role twice, last admin", format!(r#"{open},"role":"admin"}}"#)),
        ("with role twice, first admin", claims.replacen('{', r#"{"role":"admin","#, 1)),
        ("with role twice, once escaped", format!(r#"{open},"\u0072ole":"admin"}}"#)),
        ("with exp twice", format!(r#"{open},"exp":{end}}}"#)),
        ("with sub twice", format!(r#"{open},"sub":"usr_{}"}}"#, "a".repeat(26))),
        ("with __proto__", format!(r#"{open},"__proto__":{{"role":"admin"}}}}"#)),
        ("with exp as a decimal", claims.replace(&end, &format!("{end}.0"))),
        ("with exp as a decimal that is not whole", claims.replace(&end, &format!("{end}.5"))),
        ("with exp in powers of ten", claims.replace(&end, &format!("{end}e0"))),
        ("with exp as 9e2", claims.replace(&end, "9e2")),
        ("with exp as 1e400", claims.replace(&end, "1e400")),
        ("with exp as -0", claims.replace(&end, "-0")),
        ("with exp as -0.0", claims.replace(&end, "-0.0")),
        ("with exp after a zero", claims.replace(&end, &format!("0{end}"))),
        ("with exp after a plus", claims.replace(&end, &format!("+{end}"))),
        ("with exp in hexadecimal", claims.replace(&end, "0x7fffffff")),
        ("with exp as Infinity", claims.replace(&end, "Infinity")),
        ("with exp as NaN", claims.replace(&end, "NaN")),
        ("with exp of a thousand digits", claims.replace(&end, &"9".repeat(1000))),
        ("with a surrogate by itself", format!(r#"{open},"x":"\ud800"}}"#)),
        ("with objects 300 deep", format!(r#"{open},"x":{}{}}}"#, "{\"a\":".repeat(300), "}".repeat(300))),
        ("with lists 1000 deep", format!(r#"{open},"x":{}{}}}"#, "[".repeat(1000), "]".repeat(1000))),
        ("nothing but brackets", "[".repeat(2500)),
        ("nothing but the beginnings of objects", "{\"a\":".repeat(500)),
    ] {
        all.push(Attack::bearer(403, format!("claims {what}"), &forge.sign(&header, text)));
    }
    let invalid = [open.as_bytes(), b",\"x\":\"\xff\xfe\"}"].concat();
    let overlong = claims.replace("\"role\"", "\u{1}").into_bytes();
    let overlong: Vec<u8> = overlong
        .into_iter()
        .flat_map(|byte| if byte == 1 { b"\"r\xc1\xafle\"".to_vec() } else { vec![byte] })
        .collect();
    all.extend([
        Attack::bearer(403, "claims with bytes that are not UTF-8", &forge.sign(&header, invalid)),
        Attack::bearer(403, "claims with an overlong letter", &forge.sign(&header, overlong)),
        Attack::bearer(403, "a header with lists 1000 deep", &forge.sign("[".repeat(1000), &claims)),
        Attack::bearer(403, "a header with objects 300 deep", &forge.sign("{\"alg\":".repeat(300), &claims)),
        Attack::bearer(403, "a header after a byte order mark", &forge.sign(format!("\u{feff}{header}"), &claims)),
        Attack::bearer(403, "a header before another one", &forge.sign(format!("{header}{header}"), &claims)),
        Attack::bearer(403, "a header that is empty text", &forge.sign("", &claims)),
        Attack::bearer(403, "header and claims exchanged", &forge.sign(&claims, &header)),
    ]);
    all
}
