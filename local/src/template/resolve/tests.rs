//! What each function gives, and what is said of one that gives nothing.

use super::*;
use crate::template::Given;

const TEMPLATE: &str = r#"
Parameters:
  Stage: {Type: String, Default: development, AllowedValues: [development, production]}
  Zones: {Type: CommaDelimitedList, Default: "a, b"}
  Rate: {Type: Number, Default: 2.5}
Mappings:
  Sizes: {small: {memory: 128}}
  Buckets: {us-east-1: {name: x}}
Conditions:
  IsDevelopment: !Equals [!Ref Stage, development]
  IsProduction: !Not [!Condition IsDevelopment]
  Either: {"Fn::Or": [{Condition: IsDevelopment}, !Condition IsProduction]}
  Both: !And [!Condition IsDevelopment, !Condition IsProduction]
  Spread: {"Fn::Equals": [
    !Ref Zones,
    [a, b]]}
  Circle: !Not [!Condition Circle]
Resources:
  Table: {Type: AWS::DynamoDB::Table}
  Fn: {Type: AWS::Serverless::Function}
  Named: {Type: AWS::DynamoDB::Table, Properties: {TableName: !Sub "${AWS::StackName}.mine"}}
  Later: {Type: AWS::DynamoDB::Table, Condition: IsProduction}
  Role: {Type: AWS::IAM::Role}
"#;

fn scope() -> Scope {
    Scope::read(&Node::parse(TEMPLATE).unwrap(), &Given::defaults("shop")).unwrap()
}

fn eval(expression: &str) -> Result<Value, Fault> {
    let node = Node::parse(&format!("\nx: {expression}\n")).unwrap();
    match scope().resolve(node.get("x").unwrap())? {
        Some(Node { line, value: Value::Unknown(why) }) => Err(Fault::new(line, why)),
        value => Ok(value.map_or(Value::Null, |node| node.value)),
    }
}

#[test]
fn every_function_resolves() {
    for (expression, expected) in [
        ("!Ref Stage", "development"),
        ("!Ref Rate", "2.5"),
        ("!Ref AWS::StackName", "shop"),
        ("!Ref Table", "shop-Table"),
        ("!Ref Named", "shop.mine"),
        ("!GetAtt Fn.Arn", "arn:aws:lambda:eu-central-1:123456789012:function:shop-Fn"),
        ("{'Fn::GetAtt': [Table, Arn]}", "arn:aws:dynamodb:eu-central-1:123456789012:table/shop-Table"),
        (
            "!Sub '${Stage}-${Table.Arn}-${!Kept}'",
            "development-arn:aws:dynamodb:eu-central-1:123456789012:table/shop-Table-${Kept}",
        ),
        ("!Sub ['${A}/${Stage}', {A: !Ref Table}]", "shop-Table/development"),
        ("!Join ['-', [a, !Ref Stage, b]]", "a-development-b"),
        ("!Join ['', !Ref Zones]", "ab"),
        ("!Select [1, !Split ['.', 'a.b.c']]", "b"),
        ("!If [IsDevelopment, yes, no]", "yes"),
        ("!If [Either, !If [Both, a, b], c]", "b"),
        ("!FindInMap [Sizes, small, memory]", "128"),
        ("!FindInMap [Sizes, !Ref AWS::Region, memory, {DefaultValue: 256}]", "256"),
        ("!Base64 abc", "YWJj"),
        ("!Select [1, !GetAZs '']", "eu-central-1b"),
        ("{'Fn::Length': !Ref Zones}", "2"),
        ("{'Fn::ToJsonString': {a: [!Ref Stage]}}", r#"{"a":["development"]}"#),
        (
            "!ToJsonString {retries: 3, debug: True, a: x, 'q\"': [1.50, '3', \"true\", null, 007, -1e3]}",
            r#"{"retries":3,"debug":true,"a":"x","q\"":[1.50,"3","true",null,"007",-1e3]}"#,
        ),
        (
            "{'Fn::ToJsonString': [!Ref Rate, !If [IsProduction, 1, 2], !Select [0, [7]], !Ref AWS::NoValue]}",
            r#"["2.5",2,"7"]"#,
        ),
        // Whether it becomes JSON is known only where the alias stands.
        ("!ToJsonString [&n 3, !Join [*n, [a, b]], *n, !Select [0, [*n]]]", r#"[3,"a3b",3,"3"]"#),
        ("!If [IsProduction, &of {n: 3}, !ToJsonString {1: *of}]", r#"{"1":{"n":3}}"#),
        ("{'Fn::ToJsonString': {a: !Ref AWS::NoValue, 1: !Join ['', [1, true]]}}", r#"{"1":"1true"}"#),
        ("{'Fn::GetAtt': Role.Arn}", "arn:aws:iam::123456789012:role/shop-Role"),
    ] {
        assert_eq!(eval(expression), Ok(Value::Text(expected.to_owned())), "{expression}");
    }
    assert_eq!(
        eval("[a, !Ref AWS::NoValue]").map(|value| matches!(value, Value::List(items) if items.len() == 1)),
        Ok(true)
    );
}

#[test]
fn what_is_unknown_names_its_line() {
    for (expression, expected) in [
        ("!Ref Nobody", "there is no parameter or resource `Nobody`."),
        ("!GetAtt Role.RoleId", "`Role.RoleId` is not known on one machine (a AWS::IAM::Role)."),
        ("!Sub 'x-${Role.RoleId}'", "`Role.RoleId` is not known on one machine (a AWS::IAM::Role)."),
        ("!Join ['', [a, !GetAtt Role.RoleId]]", "`Role.RoleId` is not known on one machine (a AWS::IAM::Role)."),
        ("!ImportValue other", "another stack's exports are not known on one machine; make it a parameter."),
        ("!Cidr [x, 1, 2]", "the function `Cidr` is not resolved on one machine; make its result a parameter."),
        ("!FindInMap [Sizes, large, memory]", "Mappings has no `Sizes.large.memory`."),
        ("!If [Never, 1, 2]", "there is no condition `Never`."),
        ("!Ref Later", "`Later` does not exist while its condition `IsProduction` is false."),
        ("!Sub '${Table'", "a `${` in Sub's text has no closing brace."),
        ("!Select [5, [a]]", "the list has no item 5."),
    ] {
        assert_eq!(eval(expression), Err(Fault::new(2, expected)), "{expression}");
    }
    assert_eq!(eval("!If [Spread, 1, 2]").unwrap_err().message, "Equals compares two texts.");
    assert!(eval("!If [Circle, 1, 2]").is_err_and(|fault| fault.message.contains("refers to itself")));
}

#[test]
fn a_mapping_without_the_region_of_this_machine_is_no_mistake() {
    for (path, asked) in [
        ("Buckets.eu-central-1.name", "!Ref AWS::Region, name"),
        ("Sizes.small.eu-central-1", "small, !Ref AWS::Region"),
    ] {
        let map = path.split('.').next().unwrap();
        let node = Node::parse(&format!("x: !FindInMap [{map}, {asked}]\n")).unwrap();
        let why = format!("Mappings has no `{path}`, and the region is always eu-central-1 here.");
        let resolved = scope().resolve(node.get("x").unwrap()).unwrap().unwrap();
        assert_eq!(resolved.value, Value::Unknown(why));
    }
}

#[test]
fn what_doubles_with_each_reference_ends_in_a_sentence() {
    let too_large = "references to references make this template too large to resolve.";
    let mut conditions = "Conditions:\n  C0: !Equals [a, b]\n".to_owned();
    let mut names = "Resources:\n  N0: {Type: AWS::DynamoDB::Table}\n".to_owned();
    for level in 1..=50 {
        let below = level - 1;
        conditions.push_str(&format!("  C{level}: !Or [!Condition C{below}, !Condition C{below}]\n"));
        let name = format!("'${{N{below}}}${{N{below}}}'");
        names
            .push_str(&format!("  N{level}: {{Type: AWS::DynamoDB::Table, Properties: {{TableName: !Sub {name}}}}}\n"));
    }
    let root = Node::parse(&format!("{conditions}{names}x: !If [C30, 1, 2]\ny: !Ref N30\n")).unwrap();
    for expression in ["x", "y"] {
        let scope = Scope::read(&root, &Given::defaults("shop")).unwrap();
        let fault = scope.resolve(root.get(expression).unwrap()).unwrap_err();
        assert_eq!(fault.message, too_large, "{expression}");
    }
}
