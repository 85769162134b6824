//! Compares what was built with what the template says: Lambda starts a binary of another processor as little as a
//! missing one, and says so only at the first call.

use std::collections::BTreeMap;
use std::fmt;
use std::fs::{self, Metadata};
use std::io::{self, Read};
use std::path::{Path, PathBuf};

use crate::Error;
use crate::template::{Architecture, Function, Template};

/// As much of a file as tells what it is: an ELF header up to `e_machine`.
const HEAD: usize = 20;
/// `e_machine` of the two processors (System V ABI, "ELF header").
const EM_X86_64: u16 = 62;
const EM_AARCH64: u16 = 183;

/// A function's binary, as it should be.
#[derive(Debug)]
pub struct Built {
    /// The binary's name.
    pub function: String,
    /// What it was built for.
    pub architecture: Architecture,
    /// Its size in bytes.
    pub size: u64,
}

impl fmt::Display for Built {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:<12} {:<7} {:>6} kB", self.function, self.architecture, self.size.div_ceil(1000))
    }
}

/// What keeps a binary from being deployed.
#[derive(Debug)]
enum Fault {
    Missing,
    Unreadable(io::Error),
    NotElf(&'static str),
    Elsewhere(u16),
    Other(Architecture),
    NotExecutable,
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Fault::Missing => f.write_str("is not there"),
            Fault::Unreadable(error) => write!(f, "cannot be read ({error})"),
            Fault::NotElf(what) => write!(f, "is no program for Linux but {what}"),
            Fault::Elsewhere(machine) => {
                write!(f, "is for a processor that Lambda does not have (ELF machine {machine})")
            }
            Fault::Other(found) => write!(f, "is built for {found}"),
            Fault::NotExecutable => f.write_str("is not executable"),
        }
    }
}

/// Looks at the `bootstrap` of every function that has one; `root` is the template's folder, which `CodeUri` counts from.
///
/// # Errors
/// One of them is missing or not what the template says: all of those, and the command that mends it.
pub fn check(template: &Template, root: &Path) -> Result<Vec<Built>, Error> {
    let (mut built, mut wrong) = (Vec::new(), Vec::new());
    for function in template.functions.iter().filter(|function| has_bootstrap(function)) {
        match inspect(&path(root, function), function.architecture) {
            Ok(size) => {
                let (name, architecture) = (function.binary().to_owned(), function.architecture);
                built.push(Built { function: name, architecture, size });
            }
            Err(fault) => wrong.push((function, fault)),
        }
    }
    if wrong.is_empty() { Ok(built) } else { Err(message(template, root, &wrong)) }
}

/// Lambda's own runtimes, containers and code that is elsewhere have none here.
fn has_bootstrap(function: &Function) -> bool {
    let runtime = function.runtime.as_str();
    let own = runtime.is_empty() || runtime.starts_with("provided") || runtime.starts_with("go1");
    own && !function.code_uri.is_empty() && !function.code_uri.ends_with(".zip")
}

/// Where the deployed program lies. A template that says which binary to build has its source as `CodeUri`, and what is
/// deployed lies where `sam build` puts it, or `cargo lambda build`.
fn path(root: &Path, function: &Function) -> PathBuf {
    let at_code = root.join(&function.code_uri).join("bootstrap");
    let Some(binary) = function.built_binary.as_deref().filter(|_| !at_code.exists()) else { return at_code };
    let by_sam = root.join(".aws-sam/build").join(&function.logical_id).join("bootstrap");
    if by_sam.exists() { by_sam } else { root.join("target/lambda").join(binary).join("bootstrap") }
}

/// The file's size, if it is an executable for this architecture.
fn inspect(path: &Path, wanted: Architecture) -> Result<u64, Fault> {
    let failed = |error: io::Error| match error.kind() {
        io::ErrorKind::NotFound => Fault::Missing,
        _ => Fault::Unreadable(error),
    };
    let metadata = fs::metadata(path).map_err(failed)?;
    let mut head = Vec::with_capacity(HEAD);
    let file = fs::File::open(path).map_err(failed)?;
    file.take(HEAD as u64).read_to_end(&mut head).map_err(failed)?;
    match machine(&head)? {
        found if found != wanted => Err(Fault::Other(found)),
        _ if !is_executable(&metadata) => Err(Fault::NotExecutable),
        _ => Ok(metadata.len()),
    }
}

/// The processor that an ELF header names.
fn machine(head: &[u8]) -> Result<Architecture, Fault> {
    match head {
        // 64 bits, little endian, and twelve bytes further the machine.
        [0x7f, b'E', b'L', b'F', 2, 1, _, _, _, _, _, _, _, _, _, _, _, _, low, high] => {
            match u16::from_le_bytes([*low, *high]) {
                EM_X86_64 => Ok(Architecture::X86_64),
                EM_AARCH64 => Ok(Architecture::Arm64),
                other => Err(Fault::Elsewhere(other)),
            }
        }
        [0x7f, b'E', b'L', b'F', ..] => Err(Fault::NotElf("an ELF file of 32 bits, of big-endian order, or cut short")),
        [0xcf, 0xfa, 0xed, 0xfe, ..] | [0xca, 0xfe, 0xba, 0xbe, ..] => Err(Fault::NotElf("one for macOS")),
        [b'M', b'Z', ..] => Err(Fault::NotElf("one for Windows")),
        [b'#', b'!', ..] => Err(Fault::NotElf("a script")),
        [] => Err(Fault::NotElf("an empty file")),
        _ => Err(Fault::NotElf("something else")),
    }
}

#[cfg(unix)]
fn is_executable(metadata: &Metadata) -> bool {
    use std::os::unix::fs::PermissionsExt;
    metadata.permissions().mode() & 0o111 != 0
}

#[cfg(not(unix))]
fn is_executable(_: &Metadata) -> bool {
    true
}

fn message(template: &Template, root: &Path, wrong: &[(&Function, Fault)]) -> Error {
    let mut mending = BTreeMap::<Architecture, Vec<&str>>::new();
    for (function, _) in wrong {
        mending.entry(function.architecture).or_default().push(function.binary());
    }
    // One command builds all of them, unless the template mixes architectures: then each builds its own.
    let mixed = template.functions.iter().any(|function| function.architecture != template.functions[0].architecture);
    let commands: Vec<_> = mending.iter().map(|(to, names)| command(*to, if mixed { names } else { &[] })).collect();
    let mut text = format!(
        "{} of {} functions are not what the template says: run {}{}.",
        wrong.len(),
        template.functions.len(),
        commands.join(" and "),
        other_way(template, wrong).unwrap_or_default(),
    );
    for (function, fault) in wrong {
        let (name, path, wanted) = (function.binary(), path(root, function), function.architecture);
        text.push_str(&format!("\n  {name} ({wanted}): {} {fault}", path.display()));
    }
    Error::new(text)
}

fn command(architecture: Architecture, binaries: &[&str]) -> String {
    let flag = match architecture {
        Architecture::Arm64 => "--arm64",
        Architecture::X86_64 => "--x86-64",
    };
    let only: String = binaries.iter().map(|binary| format!(" --bin {binary}")).collect();
    format!("`cargo lambda build --release {flag}{only}`")
}

/// Where all binaries were built for one architecture, the template can follow them as well.
fn other_way(template: &Template, wrong: &[(&Function, Fault)]) -> Option<String> {
    let found: Option<Vec<_>> =
        wrong.iter().map(|(_, fault)| if let Fault::Other(found) = fault { Some(*found) } else { None }).collect();
    let found = found?;
    let first = *found.first()?;
    let agreed = wrong.len() == template.functions.len() && found.iter().all(|found| *found == first);
    agreed.then(|| {
        format!(
            "; or keep them, as all of them are {first}, and say `--parameter Architecture={first}` here and \
             Architecture={first} in samconfig.toml's parameter_overrides"
        )
    })
}

#[cfg(test)]
mod tests;
