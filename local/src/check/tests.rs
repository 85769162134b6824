//! What is said of files that pass for binaries and of those that do not.

use super::*;
use crate::template::Given;

const ARM64: &[u8] = b"\x7fELF\x02\x01\x01\0\0\0\0\0\0\0\0\0\x03\0\xb7\0 and the rest";
const X86_64: &[u8] = b"\x7fELF\x02\x01\x01\0\0\0\0\0\0\0\0\0\x03\0\x3e\0 and the rest";

fn template(first: &str, second: &str) -> Template {
    let function = |id: &str, architectures: &str| {
        format!(
            "  {id}: {{Type: AWS::Serverless::Function, Properties: {{CodeUri: built/{}/, {architectures}}}}}\n",
            id.to_lowercase()
        )
    };
    let source = format!(
        "Resources:\n  Api: {{Type: AWS::Serverless::HttpApi}}\n{}{}",
        function("First", first),
        function("Second", second)
    );
    Template::parse(&source, &Given::defaults("shop")).unwrap()
}

fn put(root: &Path, function: &str, contents: &[u8]) {
    let folder = root.join("built").join(function);
    fs::create_dir_all(&folder).unwrap();
    fs::write(folder.join("bootstrap"), contents).unwrap();
    executable(&folder.join("bootstrap"), 0o755);
}

#[cfg(unix)]
fn executable(path: &Path, mode: u32) {
    use std::os::unix::fs::PermissionsExt;
    fs::set_permissions(path, fs::Permissions::from_mode(mode)).unwrap();
}

#[cfg(not(unix))]
fn executable(_: &Path, _: u32) {}

/// What is said of these two files, with the temporary folder left out.
fn verdict(template: &Template, first: Option<&[u8]>, second: Option<&[u8]>) -> Result<Vec<String>, String> {
    let root = tempfile::tempdir().unwrap();
    for (name, contents) in [("first", first), ("second", second)] {
        if let Some(contents) = contents {
            put(root.path(), name, contents);
        }
    }
    let lines = |built: Vec<Built>| built.iter().map(ToString::to_string).collect();
    let shown = format!("{}/", root.path().display());
    check(template, root.path()).map(lines).map_err(|error| error.to_string().replace(&shown, ""))
}

#[test]
fn what_the_template_says_is_listed() {
    let both = template("Architectures: [arm64]", "Architectures: [x86_64]");
    let lines = verdict(&both, Some(ARM64), Some(X86_64)).unwrap();
    assert_eq!(lines, ["first        arm64        1 kB", "second       x86_64       1 kB"]);
}

#[test]
fn lambdas_own_architecture_is_x86_64() {
    assert!(verdict(&template("Timeout: 3", "Timeout: 3"), Some(X86_64), Some(X86_64)).is_ok());
}

#[test]
fn binaries_that_agree_can_be_followed_too() {
    let arm = template("Architectures: [arm64]", "Architectures: [arm64]");
    assert_eq!(
        verdict(&arm, Some(X86_64), Some(X86_64)).unwrap_err(),
        "2 of 2 functions are not what the template says: run `cargo lambda build --release --arm64`; or keep them, \
         as all of them are x86_64, and say `--parameter Architecture=x86_64` here and \
         Architecture=x86_64 in samconfig.toml's parameter_overrides.\n  \
         first (arm64): built/first/bootstrap is built for x86_64\n  \
         second (arm64): built/second/bootstrap is built for x86_64"
    );
}

#[test]
fn everything_wrong_is_in_one_message() {
    let mixed = template("Architectures: [arm64]", "Architectures: [x86_64]");
    assert_eq!(
        verdict(&mixed, None, Some(ARM64)).unwrap_err(),
        "2 of 2 functions are not what the template says: run `cargo lambda build --release --arm64 --bin first` and \
         `cargo lambda build --release --x86-64 --bin second`.\n  \
         first (arm64): built/first/bootstrap is not there\n  \
         second (x86_64): built/second/bootstrap is built for arm64"
    );
}

#[test]
fn what_is_no_program_for_lambda_is_named() {
    let arm = template("Architectures: [arm64]", "Architectures: [arm64]");
    for (contents, expected) in [
        (&b"\xcf\xfa\xed\xfe\x0c\0\0\x01 and the rest of it"[..], "is no program for Linux but one for macOS"),
        (b"MZ\x90\0 and so on", "is no program for Linux but one for Windows"),
        (b"#!/bin/sh\nexec true\n", "is no program for Linux but a script"),
        (b"", "is no program for Linux but an empty file"),
        (b"PK\x03\x04", "is no program for Linux but something else"),
        (&ARM64[..19], "is no program for Linux but an ELF file of 32 bits, of big-endian order, or cut short"),
        (
            b"\x7fELF\x01\x01\x01\0\0\0\0\0\0\0\0\0\x03\0\x28\0",
            "is no program for Linux but an ELF file of 32 bits, of big-endian order, or cut short",
        ),
        (
            b"\x7fELF\x02\x01\x01\0\0\0\0\0\0\0\0\0\x03\0\xf3\0",
            "is for a processor that Lambda does not have (ELF machine 243)",
        ),
    ] {
        let message = verdict(&arm, Some(ARM64), Some(contents)).unwrap_err();
        assert!(message.starts_with("1 of 2 functions are not what"), "{message}");
        assert!(message.ends_with(&format!("\n  second (arm64): built/second/bootstrap {expected}")), "{message}");
    }
}

#[cfg(unix)]
#[test]
fn a_binary_must_be_executable() {
    let (arm, root) = (template("Architectures: [arm64]", "Architectures: [arm64]"), tempfile::tempdir().unwrap());
    put(root.path(), "first", ARM64);
    put(root.path(), "second", ARM64);
    executable(&root.path().join("built/second/bootstrap"), 0o644);
    let message = check(&arm, root.path()).unwrap_err().to_string();
    assert!(message.ends_with("built/second/bootstrap is not executable"), "{message}");
}

#[test]
fn only_functions_with_a_bootstrap_are_looked_at() {
    for (properties, looked_at) in [
        ("CodeUri: f/, Runtime: provided.al2023", true),
        ("CodeUri: f/, Runtime: python3.13", false),
        ("CodeUri: f.zip", false),
        ("PackageType: Image", false),
        ("InlineCode: x, Runtime: nodejs22.x", false),
    ] {
        let source = format!(
            "Resources:\n  Api: {{Type: AWS::Serverless::HttpApi}}\n  F: {{Type: AWS::Serverless::Function, \
             Properties: {{{properties}}}}}\n"
        );
        let template = Template::parse(&source, &Given::defaults("shop")).unwrap();
        let root = tempfile::tempdir().unwrap();
        assert_eq!(check(&template, root.path()).is_err(), looked_at, "{properties}");
    }
}

#[test]
fn what_is_built_from_source_lies_where_the_build_puts_it() {
    let source = "Resources:
  Api: {Type: AWS::Serverless::HttpApi}
  F:
    Type: AWS::Serverless::Function
    Metadata: {BuildMethod: rust-cargolambda, BuildProperties: {Binary: things}}
    Properties: {CodeUri: ., Handler: bootstrap, Runtime: provided.al2023}
";
    let template = Template::parse(source, &Given::defaults("shop")).unwrap();
    for folder in ["target/lambda/things", ".aws-sam/build/F"] {
        let root = tempfile::tempdir().unwrap();
        let missing = check(&template, root.path()).unwrap_err().to_string();
        assert!(missing.ends_with("/target/lambda/things/bootstrap is not there"), "{missing}");
        let file = root.path().join(folder).join("bootstrap");
        fs::create_dir_all(file.parent().unwrap()).unwrap();
        fs::write(&file, X86_64).unwrap();
        executable(&file, 0o755);
        let built: Vec<String> = check(&template, root.path()).unwrap().iter().map(ToString::to_string).collect();
        assert_eq!(built, ["things       x86_64       1 kB"]);
    }
}

#[test]
fn an_architecture_is_one_that_lambda_has() {
    for (architectures, expected) in [
        ("[arm64, x86_64]", "Architectures must have exactly one entry."),
        ("[]", "Architectures must have exactly one entry."),
        ("[arm]", "there is no architecture `arm`: it is arm64 or x86_64."),
    ] {
        let source = format!(
            "Resources:\n  Api: {{Type: AWS::Serverless::HttpApi}}\n  F: {{Type: AWS::Serverless::Function, \
             Properties: {{CodeUri: f/, Architectures: {architectures}}}}}\n"
        );
        assert_eq!(Template::parse(&source, &Given::defaults("shop")).unwrap_err().message, expected);
    }
}
