//! Any template: it is read or refused with a line that it has, always alike, and what is read can be routed by.
#![no_main]

use libfuzzer_sys::fuzz_target;

// The local shop keeps these to itself, and all of it would take long to compile.
#[allow(dead_code, unused_imports)]
#[path = "../../../local/src/gateway/routing.rs"]
mod routing;
#[allow(dead_code, unused_imports)]
#[path = "../../../local/src/template/mod.rs"]
mod template;
#[allow(dead_code)]
#[path = "../../../local/src/unverified.rs"]
mod unverified;

use routing::{Pattern, RequestPath};
use shared::config::Error;
use template::{Given, Template};

fuzz_target!(|data: &[u8]| {
    let Ok(source) = std::str::from_utf8(data) else { return };
    let given = Given::defaults("shop");
    let read = Template::parse(source, &given);
    let again = Template::parse(source, &given);
    match (&read, &again) {
        (Err(one), Err(other)) => assert_eq!(one, other, "it is refused differently"),
        (one, other) => assert_eq!(format!("{one:?}"), format!("{other:?}"), "it is read differently"),
    }
    let template = match read {
        Ok(template) => template,
        Err(fault) => {
            // A fault at the end may be on the line that would come next.
            assert!((1..=source.split(['\n', '\r']).count() + 1).contains(&fault.line), "line {}", fault.line);
            assert!(fault.message.ends_with('.'), "no sentence: {}", fault.message);
            return;
        }
    };
    assert!(template.warnings.iter().all(|warning| warning.ends_with('.')), "{:?}", template.warnings);
    for route in &template.api.routes {
        assert!(template.function(&route.function).is_some(), "{} has no function", route.key());
        assert!(route.authorizer.as_ref().is_none_or(|name| template.api.authorizers.contains_key(name)));
        let path = route.path.replace(['{', '}', '+'], "");
        let pattern = Pattern::new(route);
        if let Some(path) = RequestPath::parse(&path)
            && let Some(segments) = path.in_stage("$default")
        {
            pattern.matches(&route.method, segments);
            pattern.parameters(segments);
        }
    }
});
