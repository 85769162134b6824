//! What holds for any JSON, with a secret in it or without.

use proptest::prelude::*;
use url::form_urlencoded;

use super::*;

/// JSON that has no secrets in it, as text.
fn innocent() -> impl Strategy<Value = String> {
    let text = "[a-d.:;&=?/\\\\\"\u{e4} -]{0,12}".prop_map(|text| json!(text).to_string());
    let leaf = prop_oneof![
        Just("null".to_owned()),
        Just("true".to_owned()),
        "-?[1-9][0-9]{0,8}(\\.[0-9]{1,3}0)?([eE][+-]?[0-9])?",
        text
    ];
    leaf.prop_recursive(4, 24, 4, |inner| {
        let member = ("[a-d-]{0,5}", inner.clone()).prop_map(|(name, value)| format!("\"{name}\" :{value}"));
        prop_oneof![
            prop::collection::vec(inner, 0..4).prop_map(|items| format!("[{}]", items.join(" ,\n"))),
            prop::collection::vec(member, 0..4).prop_map(|members| format!("{{ {} }}", members.join(" , "))),
        ]
    })
}

/// An event or a part of one with this secret in some place, which a JSON text stands beside.
fn carrying(secret: &str, beside: &str, place: usize) -> String {
    let (quoted, encoded) = (json!(secret), form_urlencoded::byte_serialize(secret.as_bytes()).collect::<String>());
    let inner = format!("{{\"a\":{beside},\"refresh_token\":{quoted},\"b\":[{beside}]}}");
    let jwt = format!("{JWT}{}", secret.replace(|char: char| !char.is_ascii_alphanumeric(), ""));
    match place {
        0 => format!("{{\"headers\":{{\"x-api-key\":{quoted}}},\"body\":{beside}}}"),
        1 => format!("{{\"cookies\":[{}],\"x\":{beside}}}", json!(format!("sid={secret}"))),
        2 => format!(
            "{{\"rawQueryString\":\"a=b&token={encoded}\",\"queryStringParameters\":{{\"token\":{quoted}}},\"x\":{beside}}}"
        ),
        3 => json!({"body": inner, "isBase64Encoded": false}).to_string(),
        4 => json!({"body": BASE64_STANDARD.encode(&inner), "isBase64Encoded": true}).to_string(),
        5 => json!({"body": BASE64_STANDARD.encode(format!("a=b&password={encoded}")), "isBase64Encoded": true})
            .to_string(),
        6 => json!({"note": inner, "again": format!("it was {secret}.")}).to_string(),
        7 => format!("{{\"x\":{beside},\"note\":[{}]}}", json!(format!("so: {jwt} it is"))),
        8 => format!("{{\"identitySource\":[{}],\"x\":{beside}}}", json!(format!("Bearer {secret}"))),
        9 => format!(
            "{{\"pathParameters\":{{\"token\":{quoted}}},\"rawPath\":{}}}",
            json!(format!("/reset/{secret}/now"))
        ),
        10 => format!("[{beside},[[{inner}]]]"),
        11 => {
            format!("{{\"x-session-cookie\":{quoted},\"x\":{beside},\"again\":{}}}", json!(format!("it was {secret}.")))
        }
        12 => json!({"query": format!("mutation{{login(password:{quoted})}}"), "x": beside}).to_string(),
        _ => json!({"body": format!("{{\"password\":{quoted}, {beside}")}).to_string(),
    }
}

/// All text in this JSON, also that in base64.
fn everything(json: &[u8]) -> String {
    let mut all = String::from_utf8(json.to_vec()).unwrap();
    let json: Value = serde_json::from_slice(json).unwrap();
    if let Some(body) = json["body"].as_str().and_then(|body| BASE64_STANDARD.decode(body).ok()) {
        all.push_str(&String::from_utf8_lossy(&body));
    }
    all
}

proptest! {
    #[test]
    fn what_has_no_secrets_keeps_every_byte(json in innocent()) {
        prop_assert_eq!(Masks::default().mask(json.as_bytes()), json.as_bytes());
    }

    #[test]
    fn no_secret_stays_anywhere(secret in "[A-Z0-9][A-Z0-9+/ ='%\u{e4}.-]{6,30}[A-Z0-9]={0,2}", beside in innocent(), place in 0_usize..14) {
        let json = carrying(&secret, &beside, place);
        let mut masks = Masks::default();
        let shown = masks.mask(json.as_bytes());
        let secret = secret.trim_end();
        let core: String = secret.chars().filter(char::is_ascii_alphanumeric).collect();
        let by_chance = core.len() < 6;
        let all = everything(&shown);
        prop_assert!(!all.contains(secret) && (by_chance || !all.contains(&core)), "{json} became {all}");
        prop_assert_eq!(masks.mask(&shown), shown, "masking twice is masking once");
    }

    #[test]
    fn whatever_is_no_secret_stays(secret in "[A-Z0-9]{12}", beside in innocent(), place in 0_usize..12) {
        let json = carrying(&secret, &beside, place);
        let shown = Masks::default().mask(json.as_bytes());
        let masked_by_hand = carrying(MASK, &beside, place);
        let masked_by_hand = masked_by_hand.replace(JWT, MASK);
        prop_assert_eq!(String::from_utf8(shown).unwrap(), masked_by_hand);
    }

    #[test]
    fn any_text_can_be_masked(json in "\\PC{0,60}") {
        let shown = Masks::default().mask(json!({"body": json, "rawQueryString": json, "x": json, "cookie": json}).to_string().as_bytes());
        prop_assert!(serde_json::from_slice::<Value>(&shown).is_ok());
    }
}
