//! Every row of the table is reached from a template, and its sentence says where and what to use instead.

use super::*;
use crate::template::{Given, Template};

/// A template that asks for `name` at a place, on a line of its own.
fn asking(place: Place, name: &str) -> String {
    let at = |wanted: Place, indent: usize| match place == wanted {
        true => format!("{}{name}: {{}}\n", " ".repeat(indent)),
        false => String::new(),
    };
    let event = if place == Event { name } else { "HttpApi" };
    let resource = match place {
        Resource => format!("  Other:\n    Type: {}\n", name.replace('*', "Resource")),
        _ => String::new(),
    };
    let globals = format!("Globals:\n  Function: {{}}\n{}", at(Globals, 2));
    let api = format!(
        "  Api:
    Type: AWS::Serverless::HttpApi
    Properties:
      StageName: $default
{}      Auth:
        Authorizers:
          A:
            FunctionArn: !GetAtt Fn.Arn
            AuthorizerPayloadFormatVersion: 2.0
            EnableSimpleResponses: true
{}            Identity:
              Headers: [Authorization]
{}{}      DefaultRouteSettings:
        ThrottlingRateLimit: 1
{}",
        at(Api, 6),
        at(Authorizer, 12),
        at(Identity, 14),
        at(Auth, 8),
        at(Settings, 8),
    );
    let function = format!(
        "  Fn:
    Type: AWS::Serverless::Function
    Properties:
      CodeUri: target/lambda/fn/
      Events:
        E:
          Type: {event}
          Properties:
            ApiId: !Ref Api
            Method: GET
            Path: /a
{}            Auth:
              Authorizer: A
{}",
        at(Route, 12),
        at(RouteAuth, 14),
    );
    format!("{globals}Resources:\n{api}{function}{resource}")
}

/// What is wrong with a template, or what of it is named as not emulated, with its line.
fn refusal(source: &str) -> Option<(usize, String)> {
    let template = match Template::parse(source, &Given::defaults("shop")) {
        Ok(template) => template,
        Err(fault) => return Some((fault.line, fault.message)),
    };
    let (line, sentence) = template.not_emulated.first()?.strip_prefix("line ")?.split_once(": ")?;
    Some((line.parse().unwrap(), sentence.to_owned()))
}

#[test]
fn every_row_is_refused_or_named_with_its_line_and_its_sentence() {
    assert_eq!(refusal(&asking(Api, "Tags")), None, "what is not in the table");
    for (sentence, names) in TABLE {
        for (place, name) in names {
            let source = asking(*place, name);
            let shown = name.replace('*', "Resource");
            let written = match place {
                Event | Resource => format!("Type: {shown}"),
                _ => format!("{name}: {{}}"),
            };
            let expected = source.lines().position(|line| line.trim() == written);
            let (line, message) = refusal(&source).unwrap_or_else(|| panic!("{place:?} {name} is let through"));
            assert!(message.contains(&shown) && message.ends_with(&format!("{sentence}.")), "{name}: {message}");
            assert_eq!(Some(line), expected.map(|at| at + 1), "{name}: {message}");
            // What belongs to another API than the one that is served stops nobody.
            let other = matches!(place, Event | Globals | Resource);
            assert_eq!(Template::parse(&source, &Given::defaults("shop")).is_ok(), other, "{name}");
        }
    }
}

#[test]
fn a_firewall_is_refused_only_where_it_is_bound_to_the_api() {
    let bound = |arn: &str| {
        let association = "  Firewall:\n    Type: AWS::WAFv2::WebACLAssociation\n    Properties:\n";
        format!("{}{association}      ResourceArn: {arn}\n", asking(Api, "Tags"))
    };
    for arn in [
        "!Sub 'arn:aws:apigateway:${AWS::Region}::/apis/${Api}/stages/$default'",
        "!Join ['', ['arn:aws:apigateway:', !Ref AWS::Region, '::/apis/', !Ref Api, /stages/, !Ref Nobody]]",
    ] {
        let (_, message) = refusal(&bound(arn)).expect(arn);
        assert_eq!(message, format!("AWS::WAFv2::WebACLAssociation: {FIREWALL}."));
    }
    assert_eq!(refusal(&bound("!GetAtt Nobody.Arn")), None);
}
