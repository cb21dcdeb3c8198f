//! What kind of "did not work" an error is: decides the exit code and gives scripts a stable name.

/// How an operation ended when it did not do what was asked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Class {
    /// Everything worked and the answer is no: refused, does not verify, rolled back.
    No,
    /// A file or an argument is not what it should be; nothing was tried on a unit.
    Usage,
    /// The bus or the unit failed: nothing can be said about the question itself.
    Bus,
}

impl Class {
    /// The process exit code that stands for it (`docs/cli.md`).
    #[must_use]
    pub const fn exit_code(self) -> u8 {
        match self {
            Self::No => 1,
            Self::Usage => 2,
            Self::Bus => 3,
        }
    }
}

/// An error that knows its class and its stable name.
pub trait Failure: std::error::Error + Send + Sync + 'static {
    /// What kind of failure it is.
    fn class(&self) -> Class;

    /// Name for scripts, `word.word`; never changes.
    fn kind(&self) -> &'static str;
}
