//! A function's program: where its `bootstrap` is looked for, and which version of it runs.

use std::borrow::Cow;
use std::fmt;
use std::fs::{self, Metadata};
use std::io::{self, Read};
use std::os::unix::fs::{MetadataExt, symlink};
use std::path::{Path, PathBuf};
use std::time::Duration;

use tempfile::TempDir;

use crate::template::Function;

/// How often a program is copied again that changes meanwhile, because it is being built, and how long to wait before.
const COPIES: usize = 50;
const PAUSE: Duration = Duration::from_millis(20);

/// What tells one version of a file from another.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Stamp {
    modified: (i64, i64),
    length: u64,
    file: (u64, u64),
}

impl Stamp {
    fn of(metadata: &Metadata) -> Stamp {
        Stamp {
            modified: (metadata.mtime(), metadata.mtime_nsec()),
            length: metadata.len(),
            file: (metadata.dev(), metadata.ino()),
        }
    }
}

/// Where a function's program may be.
#[derive(Debug, Clone)]
pub struct Places {
    logical_id: String,
    runtime: String,
    files: Vec<PathBuf>,
    /// Where there are programs of no other function.
    own: Option<PathBuf>,
}

/// That it is at none of them.
#[derive(Debug)]
pub struct NotFound<'a>(&'a Places);

impl fmt::Display for NotFound<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Places { logical_id, runtime, files, .. } = self.0;
        let files: Vec<String> = files.iter().map(|file| file.display().to_string()).collect();
        let files = files.join(", ");
        if runtime.is_empty() || runtime.starts_with("provided") {
            write!(f, "{logical_id} has no program here: build it, so that there is one of {files}.")
        } else {
            write!(
                f,
                "{logical_id} has the runtime {runtime}, which cannot run here: only what is a program by itself can, as one \
                 of {files}."
            )
        }
    }
}

impl Places {
    /// Where builders put the program of this function, in a directory: `sam build` by the logical id, `cargo lambda` by
    /// the binary's name. If it `is_alone` in its template, the only program that there is must be its.
    pub fn of(function: &Function, directory: &Path, is_alone: bool) -> Places {
        let names = [
            Some(function.logical_id.as_str()),
            function.built_binary.as_deref(),
            built_into(&function.code_uri),
            Some(function.handler.as_str()),
            Some(function.name.as_str()),
        ];
        let mut files = Vec::new();
        for name in names.into_iter().flatten().filter(|name| is_plain(name)) {
            let file = directory.join(name).join("bootstrap");
            if !files.contains(&file) {
                files.push(file);
            }
        }
        // The directory may be the `CodeUri` itself.
        if built_into(&function.code_uri).is_some_and(|name| is_named(directory, name)) {
            files.push(directory.join("bootstrap"));
        }
        let own = is_alone.then(|| directory.to_owned());
        Places { logical_id: function.logical_id.clone(), runtime: function.runtime.clone(), files, own }
    }

    /// The first that is there.
    pub fn find(&self) -> Result<(Cow<'_, Path>, Stamp), NotFound<'_>> {
        let found = self.files.iter().find_map(|file| stamped(Cow::Borrowed(file)));
        found.or_else(|| stamped(Cow::Owned(only(self.own.as_deref()?)?))).ok_or(NotFound(self))
    }
}

/// The file with its version, if it is there.
fn stamped(file: Cow<'_, Path>) -> Option<(Cow<'_, Path>, Stamp)> {
    let metadata = fs::metadata(&file).ok().filter(Metadata::is_file)?;
    Some((file, Stamp::of(&metadata)))
}

/// The only program in the directories of this one.
fn only(directory: &Path) -> Option<PathBuf> {
    let programs = fs::read_dir(directory).ok()?.flatten().map(|entry| entry.path().join("bootstrap"));
    let mut programs = programs.filter(|program| program.is_file());
    programs.next().filter(|_| programs.next().is_none())
}

/// The last segment of a `CodeUri`, or the one before a file in it.
fn built_into(code_uri: &str) -> Option<&str> {
    let path = code_uri.trim_end_matches('/');
    let path = if path.ends_with(".zip") { path.rsplit_once('/')?.0 } else { path };
    Some(path.rsplit('/').next().unwrap_or(path))
}

/// Whether the last segment of a `CodeUri` names this directory, as `.` does in a template that lies there.
fn is_named(directory: &Path, name: &str) -> bool {
    // A directory that is given as `.` has a name too.
    let names = [Some(directory.to_owned()), directory.canonicalize().ok()];
    let mut names = names.iter().flatten().filter_map(|path| path.file_name());
    name == "." || is_plain(name) && names.any(|own| own == name)
}

/// Whether a name from a template stays within the directory.
fn is_plain(name: &str) -> bool {
    !matches!(name, "" | "." | "..") && !name.contains(['/', '\\', '\0'])
}

/// One version of a function's program, ready to run.
#[derive(Debug)]
pub struct Program {
    /// What to run.
    pub file: PathBuf,
    /// Where it was built, and where it runs.
    pub root: PathBuf,
    /// Its version.
    pub stamp: Stamp,
    /// Where it was copied to, unless it is a script.
    copy: Option<TempDir>,
}

impl Program {
    /// Whether something else runs it, which its first line names.
    pub fn is_script(&self) -> bool {
        self.copy.is_none()
    }

    /// Whether it can start. A builder may have taken away where it was built, to build it again.
    pub fn is_there(&self) -> bool {
        self.root.is_dir() && self.file.is_file()
    }

    /// Whether its copy is gone, as whoever cleans up temporary files may have taken it away.
    pub fn is_lost(&self) -> bool {
        self.copy.is_some() && !self.file.is_file()
    }

    /// Prepares the program at `file`. While a binary runs nobody can write to it, so a copy of it runs, which lies in
    /// `copies`: whoever builds must not be in the way of it, nor it in theirs. What lies beside it seems to lie beside the
    /// copy, where it may look for its libraries. A script runs where it is.
    pub async fn prepare(file: &Path, copies: &Path) -> io::Result<Program> {
        // Absolute, because it runs in another directory.
        let file = std::path::absolute(file)?;
        let root = file.parent().unwrap_or(Path::new("/")).to_owned();
        for _ in 0..COPIES {
            let (from, copies) = (file.clone(), copies.to_owned());
            let taken = tokio::task::spawn_blocking(move || take(&from, &copies)).await.map_err(io::Error::other)?;
            match taken? {
                Taken::Copied(stamp, copy) => {
                    return Ok(Program { file: copy.path().join("bootstrap"), root, stamp, copy: Some(copy) });
                }
                Taken::Script(stamp) => return Ok(Program { file, root, stamp, copy: None }),
                Taken::Changing => tokio::time::sleep(PAUSE).await,
            }
        }
        Err(io::Error::other("it keeps changing"))
    }
}

enum Taken {
    Copied(Stamp, TempDir),
    Script(Stamp),
    Changing,
}

fn take(file: &Path, copies: &Path) -> io::Result<Taken> {
    let before = Stamp::of(&fs::metadata(file)?);
    if !is_binary(file)? {
        return Ok(if before.length == 0 { Taken::Changing } else { Taken::Script(before) });
    }
    let copy = tempfile::tempdir_in(copies)?;
    fs::copy(file, copy.path().join("bootstrap"))?;
    for entry in fs::read_dir(file.parent().unwrap_or(Path::new("/")))? {
        let (beside, name) = entry.map(|entry| (entry.path(), entry.file_name()))?;
        if name != "bootstrap" {
            symlink(beside, copy.path().join(name))?;
        }
    }
    let after = Stamp::of(&fs::metadata(file)?);
    Ok(if before == after { Taken::Copied(after, copy) } else { Taken::Changing })
}

/// Whether it is an executable of Linux (ELF) or macOS (Mach-O, for one processor or several).
fn is_binary(file: &Path) -> io::Result<bool> {
    const MAGIC: [[u8; 4]; 3] = [*b"\x7fELF", [0xcf, 0xfa, 0xed, 0xfe], [0xca, 0xfe, 0xba, 0xbe]];
    let mut begin = Vec::new();
    fs::File::open(file)?.take(4).read_to_end(&mut begin)?;
    Ok(MAGIC.iter().any(|magic| begin == magic))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::template::{Given, Template};

    fn places(properties: &str) -> Vec<String> {
        let text = format!(
            "Resources:\n  Api: {{Type: AWS::Serverless::HttpApi}}\n  Hello:\n    Type: AWS::Serverless::Function\n{properties}"
        );
        let template = Template::parse(&text, &Given::defaults("shop")).unwrap();
        let places = Places::of(template.function("Hello").unwrap(), Path::new("built"), true);
        places.files.iter().map(|file| file.display().to_string()).collect()
    }

    #[test]
    fn a_program_is_looked_for_where_builders_put_it() {
        assert_eq!(
            places(
                "    Metadata: {BuildProperties: {Binary: greet}}
    Properties: {CodeUri: target/lambda/hello/, Handler: main, Runtime: provided.al2023}"
            ),
            ["Hello", "greet", "hello", "main", "shop-Hello"].map(|name| format!("built/{name}/bootstrap"))
        );
        assert_eq!(
            places("    Properties: {CodeUri: target/lambda/hello/bootstrap.zip, Handler: hello}"),
            ["Hello", "hello", "shop-Hello"].map(|name| format!("built/{name}/bootstrap"))
        );
    }

    #[test]
    fn a_directory_that_is_the_code_uri_has_the_program_itself() {
        let directory = tempfile::tempdir().unwrap();
        let proj = directory.path().join("proj");
        fs::create_dir_all(proj.join("inner")).unwrap();
        let program = proj.join("bootstrap");
        fs::write(&program, "#!").unwrap();
        let found = |code_uri: &str, directory: &Path| {
            let text = format!(
                "Resources:\n  Api: {{Type: AWS::Serverless::HttpApi}}\n  Hello: {{Type: AWS::Serverless::Function, Properties: {{{code_uri}}}}}"
            );
            let template = Template::parse(&text, &Given::defaults("shop")).unwrap();
            let places = Places::of(template.function("Hello").unwrap(), directory, false);
            places.find().ok().map(|(file, _)| file.canonicalize().unwrap())
        };
        let program = program.canonicalize().unwrap();
        // As `.` from within, of which the last segment is no name.
        let from_within = proj.join("inner/..");
        for code_uri in ["CodeUri: .", "CodeUri: ./", "", "CodeUri: ../proj/", "CodeUri: build/proj"] {
            assert_eq!(found(code_uri, &proj).as_ref(), Some(&program), "{code_uri}");
            assert_eq!(found(code_uri, &from_within).as_ref(), Some(&program), "{code_uri}");
        }
        for code_uri in ["CodeUri: ..", "CodeUri: other/", "CodeUri: s3://bucket/proj"] {
            assert_eq!(found(code_uri, &proj), None, "{code_uri}");
        }
    }

    #[test]
    fn the_only_program_is_that_of_the_only_function() {
        let directory = tempfile::tempdir().unwrap();
        let build = |name: &str| {
            fs::create_dir(directory.path().join(name)).unwrap();
            fs::write(directory.path().join(name).join("bootstrap"), "#!").unwrap();
        };
        build("anything");
        let function = |is_alone| {
            let text = "Resources:\n  Api: {Type: AWS::Serverless::HttpApi}\n  Hello: {Type: AWS::Serverless::Function, Properties: {CodeUri: .}}";
            let template = Template::parse(text, &Given::defaults("shop")).unwrap();
            Places::of(template.function("Hello").unwrap(), directory.path(), is_alone)
        };
        assert_eq!(function(true).find().unwrap().0, directory.path().join("anything/bootstrap"));
        assert!(function(false).find().is_err());
        build("another");
        assert!(function(true).find().is_err());
    }

    #[test]
    fn no_name_leads_out_of_the_directory() {
        assert_eq!(
            places(
                "    Metadata: {BuildProperties: {Binary: ../../bin}}
    Properties: {CodeUri: .., Handler: a/b}"
            ),
            ["built/Hello/bootstrap", "built/shop-Hello/bootstrap"]
        );
    }
}
