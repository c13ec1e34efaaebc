//! What a guest prints goes to stderr: stdout belongs to the report.

use std::borrow::Cow;
use std::io::{self, IsTerminal, Write};

use vellum_zkvm::Console;

/// Prints a guest's bytes as they are, but never lets them control a terminal.
pub(crate) struct Stderr {
    is_terminal: bool,
}

impl Stderr {
    pub(crate) fn new() -> Self {
        Self { is_terminal: io::stderr().is_terminal() }
    }
}

impl Console for Stderr {
    fn write(&mut self, _fd: u64, bytes: &[u8]) {
        let shown = if self.is_terminal { Cow::Owned(harmless(bytes)) } else { Cow::Borrowed(bytes) };
        // Debug text that cannot be shown changes nothing.
        let _ = io::stderr().write_all(&shown);
    }
}

/// Text without control characters other than line ends and tabs.
fn harmless(bytes: &[u8]) -> Vec<u8> {
    let text = String::from_utf8_lossy(bytes);
    let shown = text.chars().map(|c| if c.is_control() && !"\n\t".contains(c) { '\u{fffd}' } else { c });
    shown.collect::<String>().into_bytes()
}

#[cfg(test)]
mod tests {
    use super::harmless;

    #[test]
    fn control_characters_are_replaced() {
        let shown = harmless(b"a\tb\n\x1b[2J\xff\r");
        assert_eq!(String::from_utf8(shown).expect("text"), "a\tb\n\u{fffd}[2J\u{fffd}\u{fffd}");
    }
}
