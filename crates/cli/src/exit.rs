//! The one table of exit codes, and which error has which.
//!
//! | code | meaning |
//! |---|---|
//! | 0 | done and true; a program's own non-zero status is reported, not returned |
//! | 1 | not valid: an execution fault, a limit reached, a proof or block that does not verify |
//! | 2 | wrong usage, a missing or malformed program, input or block file, an unreachable RPC, too little memory allowed |
//! | 3 | internal error, disk full |
//! | 130 | interrupted |

use std::fmt::Display;
use std::io;

use vellum_zkvm::{ElfError, ExecutionError, Fault, ProveError, VerifyFileError};

/// How a command ends that does not succeed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub(crate) enum Code {
    /// What was to be executed or verified is not valid.
    NotValid = 1,
    /// What the user passed cannot be used.
    Usage = 2,
    /// The command itself failed.
    Internal = 3,
    /// A signal ended it.
    Interrupted = 130,
}

/// Why a command did not succeed.
#[derive(Debug)]
pub(crate) struct Failure {
    pub(crate) code: Code,
    /// One line.
    pub(crate) message: String,
}

impl Failure {
    pub(crate) fn new(code: Code, message: impl Display) -> Self {
        let message = message.to_string();
        let lines = message.lines().map(str::trim).filter(|line| !line.is_empty());
        Self { code, message: lines.collect::<Vec<_>>().join(" ") }
    }

    pub(crate) fn not_valid(message: impl Display) -> Self {
        Self::new(Code::NotValid, message)
    }

    pub(crate) fn usage(message: impl Display) -> Self {
        Self::new(Code::Usage, message)
    }

    pub(crate) fn internal(message: impl Display) -> Self {
        Self::new(Code::Internal, message)
    }

    /// A file that cannot be opened or made: the user's if it is a matter of names and rights, ours otherwise.
    pub(crate) fn file(what: &str, error: &io::Error) -> Self {
        use io::ErrorKind::{
            AlreadyExists, InvalidInput, IsADirectory, NotADirectory, NotFound, PermissionDenied,
        };
        let users = [AlreadyExists, InvalidInput, IsADirectory, NotADirectory, NotFound, PermissionDenied];
        let code = if users.contains(&error.kind()) { Code::Usage } else { Code::Internal };
        Self::new(code, format_args!("{what}: {}", reason(error)))
    }
}

/// An operating system's error without its number.
pub(crate) fn reason(error: &io::Error) -> String {
    let text = error.to_string();
    text.split(" (os error").next().unwrap_or_default().to_owned()
}

impl From<ElfError> for Failure {
    fn from(error: ElfError) -> Self {
        Self::usage(error)
    }
}

impl From<ExecutionError> for Failure {
    fn from(error: ExecutionError) -> Self {
        let code = match error {
            ExecutionError::Fault { .. } | ExecutionError::InitRows { .. } => Code::NotValid,
            ExecutionError::InputTooLong { .. } => Code::Usage,
            ExecutionError::ShardLimit { .. } | ExecutionError::OtherPlan { .. } => Code::Internal,
        };
        Self::new(code, error)
    }
}

impl From<ProveError> for Failure {
    fn from(error: ProveError) -> Self {
        match error {
            // The budget is the only limit that proving sets.
            ProveError::Execution(ExecutionError::Fault { fault: Fault::MemoryLimit(budget), .. }) => {
                Self::usage(format_args!(
                    "proving needs more than the {} allowed by --memory: the program alone touches as much",
                    crate::size::show(budget)
                ))
            }
            ProveError::Execution(error) => error.into(),
            ProveError::Memory { needed, budget } => Self::usage(format_args!(
                "proving needs {} of memory, --memory allows {}",
                crate::size::show(needed),
                crate::size::show(budget)
            )),
            ProveError::TooManyShards { .. } | ProveError::TooLong { .. } => Self::not_valid(error),
            ProveError::Cancelled => Self::new(Code::Interrupted, error),
            ProveError::Write(error) => {
                Self::internal(format_args!("cannot write the proof: {}", reason(&error)))
            }
            ProveError::OtherJob(_) | ProveError::Encode(_) => Self::internal(error),
        }
    }
}

impl From<VerifyFileError> for Failure {
    fn from(error: VerifyFileError) -> Self {
        match error {
            VerifyFileError::Read(error) => Self::file("cannot read the proof", &error),
            error => Self::not_valid(error),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{Code, Failure};

    #[test]
    fn a_message_is_one_line() {
        let failure = Failure::new(Code::Usage, "error: no\n\n  such file \n");
        assert_eq!(failure.message, "error: no such file");
    }
}
