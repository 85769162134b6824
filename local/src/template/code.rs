//! Where a function's program lies, as far as it is on this machine.

use super::node::{Fault, Node, Value};
use super::section::Section;

/// Reads `CodeUri`, `InlineCode`, `ImageUri` and `PackageType` of a SAM function: a path, or nothing. Without any of them
/// `sam build` builds what lies beside the template.
pub fn read(section: &mut Section<'_>, id: &str, line: usize) -> Result<String, Fault> {
    let (uri, inline) = (place(section, "CodeUri")?, section.asks_for("InlineCode")?);
    let image = image(section)?;
    let scope = section.scope();
    match (uri, inline) {
        _ if image.is_some() => scope.not_emulated(image.unwrap_or(line), an_image(id)),
        (Some(uri), _) => match &uri.value {
            Value::Text(path) if !path.contains("://") => return Ok(path.clone()),
            _ => scope.not_emulated(uri.line, in_s3(id)),
        },
        (None, Some(inline)) => scope.not_emulated(inline.line, written_in(id, "InlineCode")),
        (None, None) => return Ok(".".to_owned()),
    }
    Ok(String::new())
}

/// Reads `Code` and `PackageType` of a plain function. `asset` is where other tools note that the code came from.
/// <https://docs.aws.amazon.com/AWSCloudFormation/latest/TemplateReference/aws-properties-lambda-function-code.html>
pub fn read_plain(section: &mut Section<'_>, id: &str, asset: Option<String>) -> Result<String, Fault> {
    let image = image(section)?;
    let scope = section.scope();
    let code = place(section, "Code")?;
    let code = code.ok_or_else(|| Fault::new(section.line(), format!("function `{id}` has no Code.")))?;
    let holds = |key: &str| code.get(key).is_some();
    match &code.value {
        _ if image.is_some() || holds("ImageUri") => {
            scope.not_emulated(image.unwrap_or(code.line), an_image(id));
        }
        Value::Text(path) if !path.contains("://") => return Ok(path.clone()),
        _ if asset.is_some() => return Ok(asset.unwrap_or_default()),
        _ if holds("ZipFile") => scope.not_emulated(code.line, written_in(id, "ZipFile")),
        _ => scope.not_emulated(code.line, in_s3(id)),
    }
    Ok(String::new())
}

/// A path, or a mapping of which nothing more is asked than that it is one.
fn place(section: &mut Section<'_>, key: &str) -> Result<Option<Node>, Fault> {
    match section.take_raw(key) {
        Some(node) => Ok(section.scope().choose(&node)?.filter(|node| node.value != Value::Null)),
        None => Ok(None),
    }
}

/// The line that makes the function a container image.
fn image(section: &mut Section<'_>) -> Result<Option<usize>, Fault> {
    let (uri, kind) = (section.asks_for("ImageUri")?, section.take("PackageType")?);
    section.pass(&["ImageConfig"]);
    let line = |node: Node| node.line;
    match kind {
        Some(kind) if kind.text("PackageType")? == "Image" => Ok(Some(kind.line)),
        _ => Ok(uri.map(line)),
    }
}

fn an_image(id: &str) -> String {
    format!("`{id}` is a container image, and no container runs here.")
}

fn in_s3(id: &str) -> String {
    format!("the code of `{id}` lies in S3, and is not fetched: build it here.")
}

fn written_in(id: &str, property: &str) -> String {
    format!("the code of `{id}` is in the template itself ({property}), which is not unpacked here.")
}
