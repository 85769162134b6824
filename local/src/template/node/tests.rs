//! How YAML becomes a tree, and what is said of YAML that does not.

use super::*;

fn fault(source: &str) -> String {
    let fault = Node::parse(source).expect_err("a fault");
    format!("{}: {}", fault.line, fault.message)
}

#[test]
fn both_spellings_of_a_function_are_the_same_call() {
    let tree = Node::parse("a: !GetAtt X.Arn\nb:\n  Fn::GetAtt: [X, Arn]\nc: {Ref: X}\nd: !Ref X\n").unwrap();
    let call = |key: &str| match &tree.get(key).unwrap().value {
        Value::Call(name, argument) => (name.clone(), argument.list("it").map(<[Node]>::len).unwrap_or(0)),
        other => panic!("{other:?}"),
    };
    assert_eq!(call("a"), ("GetAtt".to_owned(), 2));
    assert_eq!(call("b"), call("a"));
    assert_eq!(call("c"), call("d"));
}

#[test]
fn functions_of_rules_are_functions() {
    for assertion in [
        "!Contains [[dev, prod], !Ref Stage]",
        "!EachMemberEquals [!ValueOfAll ['AWS::EC2::VPC::Id', Tags.Department], IT]",
        "!EachMemberIn [!ValueOfAll ['AWS::EC2::Subnet::Id', VpcId], !RefAll 'AWS::EC2::VPC::Id']",
        "!Equals [!ValueOf [Subnet, VpcId], x]",
    ] {
        let tree = Node::parse(&format!("Rules: {{Env: {{Assertions: [{{Assert: {assertion}}}]}}}}\n"));
        assert!(tree.is_ok_and(|tree| tree.calls()), "{assertion}");
    }
}

#[test]
fn scalars_stay_as_written_and_know_their_lines() {
    let tree = Node::parse("# first\na: 2.0\nb: \"\"\nc:\nd: 0123\n").unwrap();
    assert_eq!(tree.get("a").unwrap().text("a"), Ok("2.0"));
    assert_eq!(tree.get("a").unwrap().line, 2);
    assert_eq!(tree.get("b").unwrap().text("b"), Ok(""));
    assert_eq!(tree.get("c").unwrap().value, Value::Null);
    assert_eq!(tree.get("d").unwrap().text("d"), Ok("0123"));
}

#[test]
fn a_truth_value_is_one_text_however_it_is_written() {
    let tree = Node::parse("a: [true, True, TRUE]\nb: [False, FALSE]\nc: ['True', yes]\n").unwrap();
    let texts = |key: &str| -> Vec<String> {
        tree.get(key).unwrap().list(key).unwrap().iter().map(|one| one.text(key).unwrap().to_owned()).collect()
    };
    assert_eq!((texts("a"), texts("b")), (vec!["true".to_owned(); 3], vec!["false".to_owned(); 2]));
    assert_eq!(texts("c"), ["True", "yes"]);
}

#[test]
fn an_alias_is_what_its_anchor_says() {
    let tree = Node::parse("a: &x [1, 2]\nb: *x\n").unwrap();
    assert_eq!(tree.get("b").unwrap().list("b").unwrap().len(), 2);
}

#[test]
fn what_yaml_or_cloudformation_refuse_names_its_line() {
    assert_eq!(fault("a: 1\nb: 2\n'a': 3\n"), "3: the key `a` comes twice.");
    assert_eq!(fault("x:\n  a: 1\n  b: 2\n  a: 3\n"), "4: the key `a` comes twice.");
    assert_eq!(
        fault("a: 1\nb:\n  <<: {c: 1}\n"),
        "3: merge keys (`<<`) do not exist in CloudFormation; write the keys out."
    );
    assert_eq!(fault("a: 1\nb: !Reff x\n"), "2: there is no function `!Reff`.");
    assert_eq!(fault("a: 1\n---\nb: 2\n").split(':').next(), Some("3"));
    assert!(fault("a: [1\nb: 2\n").starts_with("2: "), "{}", fault("a: [1\nb: 2\n"));
}
