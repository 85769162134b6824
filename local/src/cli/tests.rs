//! What the command line takes.

use super::*;
use crate::output::LogFormat;

#[test]
fn flags_stand_before_or_after_a_command() {
    for arguments in
        [["portico", "--data", "f", "seed", "--products", "5"], ["portico", "seed", "--products", "5", "--data", "f"]]
    {
        let cli = Cli::parse_from(arguments);
        assert_eq!((cli.shop.data, cli.shop.edge), (Some(PathBuf::from("f")), false));
        assert!(matches!(cli.command, Some(Command::Seed { products: 5 })));
    }
    assert!(Cli::parse_from(["portico", "env", "--edge"]).shop.edge);
    assert!(Cli::try_parse_from(["portico", "--data", "f", "--dynamodb", "http://localhost:8000"]).is_err());
}

#[test]
fn a_database_elsewhere_needs_credentials() {
    let at = |url: &str| url.to_owned();
    assert!(access_to(at("http://localhost:8000"), true, |_| None).is_ok());
    assert!(
        access_to(at("localhost:8000"), true, |_| None).is_err_and(|error| error.to_string().contains("not the URL"))
    );
    let aws = "https://dynamodb.eu-central-1.amazonaws.com";
    assert!(access_to(at(aws), true, |_| None).is_err_and(|error| error.to_string().contains("AWS_ACCESS_KEY_ID")));
    let region = |access: Access| access.region;
    assert_eq!(access_to(at(aws), true, |key| Some(key.to_owned())).map(region), Ok("AWS_REGION".to_owned()));
}

#[test]
fn what_is_printed_has_no_credentials_of_aws() {
    let secret = |url: &str| access_to(url.to_owned(), false, |key| Some(key.to_owned())).map(|access| access.secret);
    assert_eq!(secret("https://dynamodb.eu-central-1.amazonaws.com"), Ok(String::new()));
    assert_eq!(secret("http://host.docker.internal:8000"), Ok("local".to_owned()));
}

#[test]
fn a_parameter_is_a_name_and_a_value() {
    let cli = Cli::parse_from(["portico", "check", "--parameter", "A=b=c", "--parameter", "D="]);
    assert_eq!(cli.shop.parameters, [("A".to_owned(), "b=c".to_owned()), ("D".to_owned(), String::new())]);
    for wrong in ["A", "=b"] {
        let error = Cli::try_parse_from(["portico", "--parameter", wrong]).unwrap_err().to_string();
        assert!(error.contains("write it as NAME=VALUE, such as Architecture=x86_64"), "{error}");
    }
}

#[test]
fn chaos_has_a_rate_and_may_have_a_seed() {
    let cli = Cli::parse_from(["portico", "--chaos", "0.05", "--seed", "7"]);
    assert_eq!((cli.shop.chaos.map(|rate| rate.to_string()), cli.shop.seed), (Some("0.05".to_owned()), Some(7)));
    for wrong in [
        &["portico", "--seed", "7"][..],
        &["portico", "--chaos", "5"],
        &["portico", "--chaos", "0.05", "--functions", "http://localhost:9000"],
    ] {
        assert!(Cli::try_parse_from(wrong).is_err(), "{wrong:?}");
    }
}

#[test]
fn functions_run_in_one_place() {
    let cli = Cli::parse_from(["portico", "--bootstraps", "target/lambda", "--lambda-port", "9001", "--chaos", "0.05"]);
    assert_eq!((cli.shop.bootstraps, cli.shop.lambda_port), (Some(PathBuf::from("target/lambda")), 9001));
    let after = Cli::parse_from(["portico", "replay", "event.json", "--bootstraps", "b", "--api", "Mine"]).shop;
    assert_eq!((after.bootstraps, after.api.as_deref()), (Some(PathBuf::from("b")), Some("Mine")));
    let both = ["portico", "--bootstraps", "target/lambda", "--functions", "http://localhost:9000"];
    assert!(Cli::try_parse_from(both).is_err());
}

#[test]
fn the_log_is_text_or_json() {
    assert_eq!(Cli::parse_from(["portico"]).shop.log, LogFormat::Text);
    assert_eq!(Cli::parse_from(["portico", "--log", "json"]).shop.log, LogFormat::Json);
    assert!(Cli::try_parse_from(["portico", "--log", "xml"]).is_err());
}

#[test]
fn secrets_are_recorded_only_where_something_is() {
    let cli = Cli::parse_from(["portico", "--record", "rec", "--record-secrets"]);
    assert_eq!((cli.shop.record, cli.shop.record_secrets), (Some(PathBuf::from("rec")), true));
    assert!(!Cli::parse_from(["portico", "--record", "rec"]).shop.record_secrets);
    assert!(Cli::try_parse_from(["portico", "--record-secrets"]).is_err());
    let cli = Cli::parse_from([
        "portico",
        "replay",
        "event.json",
        "--function",
        "users",
        "--functions",
        "http://localhost:9000",
    ]);
    assert_eq!(cli.shop.functions.as_deref(), Some("http://localhost:9000"));
    assert!(matches!(cli.command, Some(Command::Replay { function: Some(name), .. }) if name == "users"));
}
