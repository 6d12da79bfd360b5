//! The one error type: a sentence for a person, and what kind of thing went wrong for a program.

use std::fmt;

/// The result of what this crate does.
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// What kind of thing went wrong.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum ErrorKind {
    /// The command to launch does not exist.
    CommandNotFound,
    /// The command to launch exists, but can't be executed.
    CommandNotExecutable,
    /// A process or thread to trace does not exist.
    NoSuchProcess,
    /// Privilege is missing.
    Permission,
    /// The kernel does not offer what is needed.
    Unsupported,
    /// The output can't be written.
    Output,
    /// Anything else.
    Other,
}

/// An error: one line that says what is wrong and, where something can be done, what.
#[derive(Debug)]
pub struct Error {
    kind: ErrorKind,
    message: String,
}

impl Error {
    /// An error of a kind.
    pub fn new(kind: ErrorKind, message: impl Into<String>) -> Self {
        Self { kind, message: message.into() }
    }

    /// What kind of thing went wrong.
    pub fn kind(&self) -> ErrorKind {
        self.kind
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

impl std::error::Error for Error {}

/// Puts what was being done before what went wrong.
pub(crate) trait Context<T> {
    fn context(self, what: impl fmt::Display) -> Result<T>;
}

impl<T, E: fmt::Display> Context<T> for std::result::Result<T, E> {
    fn context(self, what: impl fmt::Display) -> Result<T> {
        self.map_err(|error| Error::new(ErrorKind::Other, format!("{what}: {error}")))
    }
}
