//! What reaches the user: one report on stdout, or one failure.

use std::fmt::Display;
use std::io::{self, Write};

use serde::{Serialize, Serializer};

use crate::exit::{Failure, reason};

/// What a command found: keys for scripts, text for people.
pub(crate) trait Report {
    /// One object.
    fn json(&self) -> serde_json::Result<String>;
    /// Lines.
    fn text(&self) -> String;
    /// Whether what the command was asked is true; if not, it ends with exit code 1.
    fn is_true(&self) -> bool {
        true
    }
}

/// A report that something is not valid.
pub(crate) struct NotValid<T>(pub(crate) T);

impl<T: Report> Report for NotValid<T> {
    fn json(&self) -> serde_json::Result<String> {
        self.0.json()
    }

    fn text(&self) -> String {
        self.0.text()
    }

    fn is_true(&self) -> bool {
        false
    }
}

impl<T: Serialize + Display> Report for T {
    fn json(&self) -> serde_json::Result<String> {
        serde_json::to_string(self)
    }

    fn text(&self) -> String {
        self.to_string()
    }
}

/// Prints a report.
pub(crate) fn report(report: &dyn Report, json: bool) -> Result<(), Failure> {
    let text = if json { report.json().map_err(Failure::internal)? } else { report.text() };
    let mut stdout = io::stdout().lock();
    let written = stdout.write_all(text.trim_end().as_bytes()).and_then(|()| stdout.write_all(b"\n"));
    match written.and_then(|()| stdout.flush()) {
        // Whoever reads has seen enough.
        Err(error) if error.kind() == io::ErrorKind::BrokenPipe => Ok(()),
        written => {
            written.map_err(|error| Failure::internal(format_args!("cannot print: {}", reason(&error))))
        }
    }
}

/// Prints why a command did not succeed; where that cannot be printed the exit code has to do.
pub(crate) fn failure(failure: &Failure, json: bool) {
    if json {
        let error =
            serde_json::json!({ "error": { "code": failure.code as u8, "message": failure.message } });
        let _ = writeln!(io::stdout(), "{error}");
    } else {
        let _ = writeln!(io::stderr(), "error: {}", failure.message);
    }
}

/// Whether JSON was asked for, where the arguments are not parsed yet or cannot be.
pub(crate) fn json_in_arguments() -> bool {
    std::env::args_os().any(|argument| argument == "--json")
}

/// Serialises bytes as 0x-prefixed hex.
pub(crate) fn hex<S: Serializer>(bytes: impl AsRef<[u8]>, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_str(&show_hex(bytes))
}

/// As [`hex()`]; null where there are none.
pub(crate) fn optional_hex<T: AsRef<[u8]>, S: Serializer>(
    bytes: &Option<T>,
    serializer: S,
) -> Result<S::Ok, S::Error> {
    serializer.serialize_some(&bytes.as_ref().map(show_hex))
}

/// Serialises a list of pairs as an object.
pub(crate) fn object<K: Serialize, V: Serialize, S: Serializer>(
    pairs: &[(K, V)],
    serializer: S,
) -> Result<S::Ok, S::Error> {
    serializer.collect_map(pairs.iter().map(|(key, value)| (key, value)))
}

/// Bytes as 0x-prefixed hex.
pub(crate) fn show_hex(bytes: impl AsRef<[u8]>) -> String {
    format!("0x{}", hex::encode(bytes))
}

/// A program's output for people: its beginning where it is long.
pub(crate) fn show_output(output: Option<&[u8]>) -> String {
    const SHOWN: usize = 256;
    match output {
        None => "none".to_owned(),
        Some(bytes) if bytes.len() <= SHOWN => show_hex(bytes),
        Some(bytes) => format!("{}… ({} bytes)", show_hex(&bytes[..SHOWN]), bytes.len()),
    }
}
