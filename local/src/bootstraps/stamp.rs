//! What tells one version of a program from another: its file, and the code beside it, which a script or a launcher reads
//! when it starts.

use std::fs::{self, DirEntry, Metadata};
use std::hash::{DefaultHasher, Hash, Hasher};
use std::io;
use std::os::unix::fs::MetadataExt;
use std::path::Path;

/// How names end of files that are code, or say how it runs. Others count if they are executable: a function may keep data
/// beside its program, and starts no new process with each write.
const CODE: [&str; 18] = [
    "cjs", "class", "config", "dll", "dylib", "jar", "js", "json", "lua", "mjs", "php", "pl", "py", "rb", "sh", "so",
    "ts", "wasm",
];
/// How many entries of a directory are looked at, because each call does.
const ENTRIES: usize = 256;

/// A version of a program.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Stamp {
    file: FileStamp,
    beside: u64,
}

impl Stamp {
    /// Of the program at this path.
    ///
    /// # Errors
    /// There is no such file.
    pub fn of(program: &Path) -> io::Result<Stamp> {
        let metadata = fs::metadata(program)?;
        if !metadata.is_file() {
            return Err(io::Error::from(io::ErrorKind::InvalidInput));
        }
        let root = program.parent().unwrap_or(Path::new("/"));
        let beside = code_in(root).wrapping_add(code_in(&root.join("lib")));
        Ok(Stamp { file: FileStamp::of(&metadata), beside })
    }

    /// Whether there is nothing in the program's file.
    pub fn is_empty(&self) -> bool {
        self.file.length == 0
    }

    /// Whether the program's own file is still this one.
    pub fn is_current(&self, program: &Path) -> io::Result<bool> {
        Ok(self.file == FileStamp::of(&fs::metadata(program)?))
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
struct FileStamp {
    modified: (i64, i64),
    length: u64,
    file: (u64, u64),
}

impl FileStamp {
    fn of(metadata: &Metadata) -> FileStamp {
        FileStamp {
            modified: (metadata.mtime(), metadata.mtime_nsec()),
            length: metadata.len(),
            file: (metadata.dev(), metadata.ino()),
        }
    }
}

/// The versions of the code in a directory, in whichever order it is listed; of none, if there is no such directory.
fn code_in(directory: &Path) -> u64 {
    let entries = fs::read_dir(directory).into_iter().flatten().flatten();
    entries.take(ENTRIES).filter_map(|entry| version(&entry)).fold(0, u64::wrapping_add)
}

/// The version of a file, if it is code. The program itself has its own.
fn version(entry: &DirEntry) -> Option<u64> {
    let (name, path) = (entry.file_name(), entry.path());
    if name == "bootstrap" || entry.file_type().ok()?.is_dir() {
        return None;
    }
    // Of what a link leads to.
    let metadata = fs::metadata(&path).ok().filter(Metadata::is_file)?;
    let is_code = path.extension().and_then(|end| end.to_str()).is_some_and(|end| CODE.contains(&end));
    if !is_code && metadata.mode() & 0o111 == 0 {
        return None;
    }
    let mut hasher = DefaultHasher::new();
    (name, FileStamp::of(&metadata)).hash(&mut hasher);
    Some(hasher.finish())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn code_beside_a_program_is_part_of_its_version_and_data_is_not() {
        let directory = tempfile::tempdir().unwrap();
        let write = |name: &str, text: &str| fs::write(directory.path().join(name), text).unwrap();
        let stamp = || Stamp::of(&directory.path().join("bootstrap")).unwrap();
        write("bootstrap", "#!/bin/sh\n. ./function.sh\n");
        fs::create_dir(directory.path().join("lib")).unwrap();
        for name in ["function.sh", "app.jar", "lib/libhello.so"] {
            let before = stamp();
            write(name, "one");
            let first = stamp();
            assert_ne!(first, before, "{name}");
            write(name, "another");
            assert_ne!(stamp(), first, "{name}");
        }
        let before = stamp();
        for name in ["shop.db", "shop.db-wal", "log", "lib/notes.txt"] {
            write(name, "data");
            assert_eq!(stamp(), before, "{name}");
        }
        assert!(before.is_current(&directory.path().join("bootstrap")).unwrap());
    }

    #[test]
    fn only_a_file_is_a_program() {
        let directory = tempfile::tempdir().unwrap();
        let program = directory.path().join("bootstrap");
        assert!(Stamp::of(&program).is_err());
        fs::create_dir(&program).unwrap();
        assert!(Stamp::of(&program).is_err());
    }
}
