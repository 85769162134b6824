//! Reading a function's configuration: once, at start, through a lookup that its `main` supplies.

use std::fmt;

/// Why a function cannot start, in one sentence that says what to do. `Debug` prints the sentence too, because that
/// is what the runtime shows when `main` returns an error.
#[derive(Clone, PartialEq, Eq)]
pub struct Error(String);

impl Error {
    /// An error with this sentence.
    pub fn new(sentence: impl Into<String>) -> Error {
        Error(sentence.into())
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Debug for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for Error {}

/// The variables that a function was given. An empty one counts as absent, because a template can only declare
/// a variable that an environment may fill by giving it an empty value.
pub struct Environment<F>(F);

impl<F: Fn(&str) -> Option<String>> Environment<F> {
    /// Reads through `lookup`.
    pub fn new(lookup: F) -> Environment<F> {
        Environment(lookup)
    }

    /// The variable's value, if it has one.
    pub fn optional(&self, key: &str) -> Option<String> {
        (self.0)(key).filter(|value| !value.is_empty())
    }

    /// The variable's value.
    ///
    /// # Errors
    /// It is absent or empty.
    pub fn required(&self, key: &str) -> Result<String, Error> {
        self.optional(key).ok_or_else(|| Error::new(format!("the environment variable {key} is missing: set it")))
    }

    /// The variable's value as a `T`.
    ///
    /// # Errors
    /// It is absent, empty, or not a `T`.
    pub fn parsed<T: std::str::FromStr<Err: fmt::Display>>(&self, key: &str) -> Result<T, Error> {
        let value = self.required(key)?;
        value.parse().map_err(|error| Error::new(format!("the environment variable {key} is wrong: {error}")))
    }
}
