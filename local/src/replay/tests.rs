//! Comparing, and what is said of a file that is no event.

use serde_json::json;

use super::*;

fn compared(recorded: &Value, now: &Value) -> Comparison {
    compare(&Ok(recorded.to_string().into_bytes()), &Ok(now.to_string().into()))
}

#[test]
fn an_answer_is_the_same_whatever_was_masked_in_the_record() {
    let now = json!({"statusCode": 200, "body": "{\"token\":\"abc\",\"n\":1}", "cookies": ["sid=abc"]});
    let recorded = json!({"statusCode": 200, "body": "{\"token\":\"***\",\"n\":1}", "cookies": ["sid=***"]});
    assert_eq!(compared(&now, &now), Comparison::Same);
    assert_eq!(compared(&recorded, &now), Comparison::Same);
    let other = json!({"statusCode": 200, "body": "{\"token\":\"abc\",\"n\":2}", "cookies": ["sid=abc"]});
    assert_eq!(compared(&recorded, &other), Comparison::Differs("/body".to_owned()));
    let shorter = json!({"statusCode": 200, "body": "{\"token\":\"abc\",\"n\":1}", "cookies": []});
    assert_eq!(compared(&recorded, &shorter), Comparison::Differs("/cookies".to_owned()));
    let more = json!({"statusCode": 200, "body": "{\"token\":\"abc\",\"n\":1}", "cookies": ["sid=abc"], "x": 1});
    assert_eq!(compared(&recorded, &more), Comparison::Differs("/x".to_owned()));
}

#[test]
fn a_failure_is_no_answer() {
    let failure = Failure::new("Broken", "no");
    let recorded = serde_json::to_vec(&failure).unwrap();
    assert_eq!(compare(&Err(recorded.clone()), &Err(failure.clone())), Comparison::Same);
    assert_eq!(compare(&Ok(recorded), &Err(failure)), Comparison::Differs(String::new()));
}

#[test]
fn an_answer_that_is_no_json_is_compared_by_its_bytes() {
    let answers = |recorded: &[u8], now: &'static [u8]| compare(&Ok(recorded.to_vec()), &Ok(Bytes::from_static(now)));
    assert_eq!(answers(b"<p>one</p>", b"<p>one</p>"), Comparison::Same);
    assert_eq!(answers(b"<p>one</p>", b"<p>two</p>"), Comparison::Differs("/".to_owned()));
    assert_eq!(answers(b"<p>one</p>", b"null"), Comparison::Differs("/".to_owned()));
    assert_eq!(answers(b"null", b"<p>one</p>"), Comparison::Differs("/".to_owned()));
    assert_eq!(answers(br#"{"a":null}"#, b"{}"), Comparison::Differs("/a".to_owned()));
    assert_eq!(answers(b"\"***\"", b"<p>one</p>"), Comparison::Same, "all of it was masked");
}

#[test]
fn a_failure_is_the_same_whichever_invocation_it_was_of() {
    let failures = |recorded: &str, now: &str| {
        let recorded = serde_json::to_vec(&Failure::new("Sandbox.Timedout", recorded)).unwrap();
        compare(&Err(recorded), &Err(Failure::new("Sandbox.Timedout", now)))
    };
    let late = |id: &str| format!("RequestId: {id} Error: Task timed out after 3.00 seconds");
    assert_eq!(failures(&late("a-1"), &late("b-2")), Comparison::Same);
    let other = "RequestId: a-1 Error: Runtime exited";
    assert_eq!(failures(&late("a-1"), other), Comparison::Differs("/errorMessage".to_owned()));
}

#[test]
fn masks_are_seen_in_a_body_too() {
    assert!(is_masked(br#"{"password":"***"}"#));
    let body = BASE64_STANDARD.encode("password=***&a=b");
    assert!(is_masked(json!({ "body": body }).to_string().as_bytes()));
    assert!(!is_masked(br#"{"body":"a*b**c"}"#));
}

#[test]
fn a_file_that_holds_no_event_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let said = |contents: &[u8]| {
        let path = folder.path().join("event.json");
        std::fs::write(&path, contents).unwrap();
        read(&path).unwrap_err().to_string()
    };
    assert!(said(b"{").contains("holds no event, because it is no JSON"));
    assert!(said(&vec![b' '; MAX_EVENT + 1]).ends_with("is larger than an event may be: Lambda takes 6 MB."));
    assert!(read(&folder.path().join("none")).unwrap_err().to_string().contains("cannot be read"));
}
