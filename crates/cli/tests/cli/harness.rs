//! Running the binary in a folder of its own.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

use serde_json::Value;
use tempfile::TempDir;
use vellum_isa::elf_file::{ElfFile, Load, RW};

/// A folder that is gone when dropped, where commands run.
pub(crate) struct Folder(TempDir);

/// What a command left.
pub(crate) struct Ran {
    pub(crate) code: i32,
    pub(crate) stdout: String,
    pub(crate) stderr: String,
}

impl Folder {
    pub(crate) fn new() -> Self {
        Self(tempfile::tempdir().unwrap())
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    pub(crate) fn write(&self, name: &str, bytes: impl AsRef<[u8]>) {
        fs::write(self.path(name), bytes).unwrap();
    }

    pub(crate) fn read(&self, name: &str) -> Vec<u8> {
        fs::read(self.path(name)).unwrap()
    }

    /// A file of `bytes` bytes that takes no room on the disk.
    pub(crate) fn sparse(&self, name: &str, bytes: u64) {
        fs::File::create(self.path(name)).unwrap().set_len(bytes).unwrap();
    }

    /// Everything in the folder: names and contents.
    pub(crate) fn contents(&self) -> BTreeMap<String, Vec<u8>> {
        let entries = fs::read_dir(self.0.path()).unwrap().map(Result::unwrap);
        let files = entries.filter(|entry| entry.file_type().unwrap().is_file());
        files.map(|file| (file.file_name().into_string().unwrap(), fs::read(file.path()).unwrap())).collect()
    }

    pub(crate) fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_vellum"));
        command.args(arguments).current_dir(self.0.path()).stdin(Stdio::null());
        command
    }

    pub(crate) fn run(&self, arguments: &[&str]) -> Ran {
        ran(self.command(arguments).output().unwrap())
    }

    /// Runs a command that must succeed and returns its report: one JSON object and nothing else on stdout.
    pub(crate) fn report(&self, arguments: &[&str]) -> Value {
        let ran = self.run(&[arguments, &["--json"]].concat());
        assert_eq!(ran.code, 0, "{arguments:?}: {}{}", ran.stdout, ran.stderr);
        one_object(&ran.stdout)
    }

    /// Runs a command that must fail with `code` and returns its message, with and without JSON the same.
    pub(crate) fn fails(&self, code: i32, arguments: &[&str]) -> String {
        let ran = self.run(&[arguments, &["--json"]].concat());
        assert_eq!(ran.code, code, "{arguments:?}: {}{}", ran.stdout, ran.stderr);
        error_of(&ran)
    }
}

pub(crate) fn ran(output: Output) -> Ran {
    Ran {
        code: output.status.code().expect("ended by itself"),
        stdout: String::from_utf8(output.stdout).unwrap(),
        stderr: String::from_utf8(output.stderr).unwrap(),
    }
}

/// The message of a failed command, whose stdout must hold the error object and nothing else.
pub(crate) fn error_of(ran: &Ran) -> String {
    let object = one_object(&ran.stdout);
    assert_eq!(keys(&object), ["error"]);
    assert_eq!(keys(&object["error"]), ["code", "message"]);
    assert_eq!(object["error"]["code"], ran.code);
    let message = object["error"]["message"].as_str().unwrap();
    assert!(!message.is_empty() && !message.contains('\n'), "{message}");
    assert!(!format!("{message}{}", ran.stderr).contains("panicked"), "{message}");
    message.to_owned()
}

fn one_object(stdout: &str) -> Value {
    assert_eq!(stdout.lines().count(), 1, "{stdout}");
    serde_json::from_str(stdout).unwrap()
}

/// The keys of an object in alphabetical order.
pub(crate) fn keys(object: &Value) -> Vec<&str> {
    let mut keys: Vec<_> = object.as_object().unwrap().keys().map(String::as_str).collect();
    keys.sort_unstable();
    keys
}

/// Splits a list of keys and sorts it.
pub(crate) fn sorted(keys: &str) -> Vec<&str> {
    let mut keys: Vec<_> = keys.split_whitespace().collect();
    keys.sort_unstable();
    keys
}

/// The input of `square`: a and b.
pub(crate) fn square_input(a: u64, b: u64) -> Vec<u8> {
    [a, b].map(u64::to_le_bytes).concat()
}

/// A program of these instructions at 0x10000, and two dwords of data between its signature's symbols.
pub(crate) fn program(words: &[u32]) -> Vec<u8> {
    const DATA: u64 = 0x2_0000;
    let data = [0x1122_3344_5566_7788_u64, 0x99aa_bbcc_ddee_ff00].map(u64::to_le_bytes).concat();
    let mut file = ElfFile::new(0x1_0000, vec![Load::text(0x1_0000, words), Load::new(DATA, RW, data)]);
    for (name, address) in [("begin_signature", DATA), ("end_signature", DATA + 16)] {
        file.symbols.push((name.to_owned(), address, 0, false));
    }
    file.to_bytes()
}

/// `exit(0)`.
pub(crate) const EXIT: [u32; 3] = [0x0000_0513, 0x05d0_0893, 0x0000_0073];
/// A jump to itself.
pub(crate) const LOOP: [u32; 1] = [0x0000_006f];
/// A no-operation, then no instruction.
pub(crate) const ILLEGAL: [u32; 2] = [0x0000_0013, 0xffff_ffff];

/// A file of the repository.
pub(crate) fn repository(path: &str) -> PathBuf {
    Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/../..")).join(path)
}
