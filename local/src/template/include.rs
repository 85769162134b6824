//! Files that a template names: `AWS::Include`, and an OpenAPI document as `DefinitionUri`. They are read where they lie in
//! the template's own folder; what lies in S3 is not.

use std::path::{Component, Path};

use super::node::{Entry, Node, Value};
use super::resolve::Stop;
use super::scope::Scope;

impl Scope {
    /// What `Fn::Transform` gives.
    pub(super) fn included(&self, node: &Node, argument: &Node) -> Result<Value, Stop> {
        let name = argument.get("Name").map(|name| self.text(name, "Name")).transpose()?.unwrap_or_default();
        let location = argument.get("Parameters").and_then(|parameters| parameters.get("Location"));
        match location.filter(|_| name == "AWS::Include") {
            Some(location) => {
                let location = self.value(location, "Location")?;
                match &location.value {
                    Value::Unknown(why) => Err(Stop::Unknown(why.clone())),
                    _ => self.file(node, location.text("Location")?),
                }
            }
            None => Err(Stop::Unknown(format!("what the macro {name} makes is known only in AWS."))),
        }
    }

    /// A file in the template's folder, resolved as a part of the template. Its lines are that of who names it.
    pub(super) fn file(&self, node: &Node, location: &str) -> Result<Value, Stop> {
        let tree = self.as_written(node, location)?;
        Ok(self.value(&tree, location)?.value)
    }

    /// A file in the template's folder as it is written. What is read counts as work: files may name files.
    pub(super) fn as_written(&self, node: &Node, location: &str) -> Result<Node, Stop> {
        let unknown = |why: &str| Stop::Unknown(format!("`{location}` {why}."));
        if location.contains("://") {
            return Err(unknown("lies elsewhere, and is not fetched: name a file in the template's folder"));
        }
        let Some(folder) = &self.folder else { return Err(unknown("is a file, and here is only a text")) };
        let outside = "lies outside of the template's folder, and is not read";
        let inside = |part: Component<'_>| matches!(part, Component::Normal(_) | Component::CurDir);
        if !Path::new(location).components().all(inside) {
            return Err(unknown(outside));
        }
        // A template that is named by its file name alone lies in the folder of this name.
        let folder = if folder.as_os_str().is_empty() { Path::new(".") } else { folder };
        let unread = |why: &dyn std::fmt::Display| node.fault(format!("`{location}` cannot be read ({why})."));
        let (folder, path) = match (folder.canonicalize(), folder.join(location).canonicalize()) {
            (Ok(folder), Ok(path)) => (folder, path),
            (Err(error), _) | (_, Err(error)) => return Err(unread(&error).into()),
        };
        if !path.starts_with(&folder) {
            return Err(unknown(outside));
        }
        if !path.is_file() {
            return Err(unread(&"it is no file").into());
        }
        let source = super::read(&path).map_err(|error| unread(&error))?;
        self.spend(node, source.len())?;
        let mut tree = Node::parse(&source)
            .map_err(|fault| node.fault(format!("`{location}`, line {}: {}", fault.line, fault.message)))?;
        all_at(&mut tree, node.line);
        Ok(tree)
    }
}

fn all_at(node: &mut Node, line: usize) {
    node.line = line;
    match &mut node.value {
        Value::Null | Value::Text(_) | Value::Unknown(_) => {}
        Value::List(items) => items.iter_mut().for_each(|item| all_at(item, line)),
        Value::Map(entries) => {
            for Entry { line: at, value, .. } in entries {
                *at = line;
                all_at(value, line);
            }
        }
        Value::Call(_, argument) => all_at(argument, line),
    }
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use crate::template::{Given, Template};

    /// What comes of a template in the folder whose one variable is what the file `name` says.
    fn read(folder: &Path, name: &str) -> Result<Template, String> {
        let path = folder.join("template.yaml");
        let include = format!("{{'Fn::Transform': {{Name: AWS::Include, Parameters: {{Location: {name}}}}}}}");
        let function = format!("{{CodeUri: x/fn, Environment: {{Variables: {{A: {include}}}}}}}");
        std::fs::write(
            &path,
            format!(
                "Resources:\n  Api: {{Type: AWS::Serverless::HttpApi}}\n  Fn: {{Type: AWS::Serverless::Function, \
                 Properties: {function}}}\n"
            ),
        )
        .unwrap();
        Template::load(&path, &Given::defaults("shop")).map_err(|error| error.to_string())
    }

    #[test]
    fn files_that_name_files_end_in_a_sentence() {
        let folder = tempfile::tempdir().unwrap();
        let padding = "# padding\n".repeat(10_000);
        for at in 0..15 {
            let next = format!("{{'Fn::Transform': {{Name: AWS::Include, Parameters: {{Location: f{}}}}}}}", at + 1);
            std::fs::write(folder.path().join(format!("f{at}")), format!("{padding}[{next}, {next}]\n")).unwrap();
        }
        std::fs::write(folder.path().join("f15"), "a\n").unwrap();
        let error = read(folder.path(), "f0").map(|_| ()).unwrap_err();
        assert!(error.contains("too large to resolve"), "{error}");
    }

    #[cfg(unix)]
    #[test]
    fn a_link_that_leaves_the_folder_is_not_followed() {
        let (folder, elsewhere) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
        std::fs::write(elsewhere.path().join("secret"), "a secret\n").unwrap();
        std::os::unix::fs::symlink(elsewhere.path().join("secret"), folder.path().join("link")).unwrap();
        let template = read(folder.path(), "link").unwrap();
        assert!(template.functions[0].environment.is_empty());
        assert!(template.not_emulated[0].contains("`link` lies outside"), "{:?}", template.not_emulated);
        std::fs::write(folder.path().join("inside"), "a text\n").unwrap();
        std::os::unix::fs::symlink("inside", folder.path().join("kept")).unwrap();
        assert_eq!(read(folder.path(), "kept").unwrap().functions[0].environment["A"], "a text");
    }

    #[test]
    fn what_is_no_file_is_not_read() {
        let folder = tempfile::tempdir().unwrap();
        std::fs::create_dir(folder.path().join("more")).unwrap();
        let error = read(folder.path(), "more").map(|_| ()).unwrap_err();
        assert!(error.ends_with("`more` cannot be read (it is no file)."), "{error}");
    }
}
