//! Reading what the user names, with a limit, and writing so that nothing half-written remains.

use std::fs::{self, File, OpenOptions};
use std::io::{self, BufWriter, Read, Write};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use tempfile::NamedTempFile;

use crate::exit::{Failure, reason};
use crate::interrupt;

/// Opens a file that exists and is no folder; returns its length as well (0 for pipes and devices).
pub(crate) fn open(path: &Path, what: &str) -> Result<(File, u64), Failure> {
    let failure = |error| Failure::file(&format!("cannot read the {what} {}", path.display()), &error);
    let file = File::open(path).map_err(failure)?;
    let metadata = file.metadata().map_err(failure)?;
    if metadata.is_dir() {
        return Err(failure(io::ErrorKind::IsADirectory.into()));
    }
    Ok((file, metadata.len()))
}

/// A whole file of at most `max` bytes. Files that are larger are not read.
pub(crate) fn read(path: &Path, max: u64, what: &str) -> Result<Vec<u8>, Failure> {
    let (file, length) = open(path, what)?;
    let mut bytes = Vec::new();
    let mut too_long = length > max;
    if !too_long {
        file.take(max + 1)
            .read_to_end(&mut bytes)
            .map_err(|error| Failure::file(&format!("cannot read the {what} {}", path.display()), &error))?;
        too_long = bytes.len() as u64 > max;
    }
    if too_long {
        return Err(Failure::usage(format_args!(
            "the {what} {} has more than {}",
            path.display(),
            crate::size::show(max)
        )));
    }
    Ok(bytes)
}

/// A file being written: what is at its path stays as it is until [`Target::finish`].
pub(crate) struct Target {
    path: PathBuf,
    file: BufWriter<TargetFile>,
}

enum TargetFile {
    /// Beside the path, renamed when complete. Dropping it removes it.
    Temporary(NamedTempFile),
    /// A pipe or device, which cannot be replaced.
    Direct(File),
}

impl Target {
    /// Starts writing to `path`, whose folder must exist.
    pub(crate) fn create(path: &Path) -> Result<Self, Failure> {
        let failure = |error| Failure::file(&format!("cannot write {}", path.display()), &error);
        // A link stays a link: the file that it leads to is replaced.
        let path = fs::canonicalize(path).unwrap_or_else(|_| path.to_owned());
        let file = match fs::metadata(&path) {
            Ok(metadata) if metadata.is_dir() => return Err(failure(io::ErrorKind::IsADirectory.into())),
            Ok(metadata) if !metadata.is_file() => {
                TargetFile::Direct(OpenOptions::new().write(true).open(&path).map_err(failure)?)
            }
            _ => {
                if path.file_name().is_none() {
                    return Err(failure(io::ErrorKind::InvalidInput.into()));
                }
                TargetFile::Temporary(
                    interrupt::create_partial(|| temporary(folder(&path))).map_err(failure)?,
                )
            }
        };
        Ok(Self { path, file: BufWriter::new(file) })
    }

    /// The whole content at once.
    pub(crate) fn write_and_finish(mut self, bytes: &[u8]) -> Result<(), Failure> {
        self.file.write_all(bytes).map_err(|error| cannot_write(&self.path, &error))?;
        self.finish()
    }

    /// Makes what was written appear at the path, complete and on disk.
    pub(crate) fn finish(self) -> Result<(), Failure> {
        let Self { path, file } = self;
        let failed = |error: &io::Error| cannot_write(&path, error);
        match file.into_inner().map_err(|error| failed(error.error()))? {
            TargetFile::Direct(mut file) => file.flush().map_err(|error| failed(&error)),
            TargetFile::Temporary(file) => {
                file.as_file().sync_all().map_err(|error| failed(&error))?;
                interrupt::persist_partial(|| file.persist(&path).map_err(|error| error.error))
                    .map_err(|error| failed(&error))?;
                // The name itself; not every file system can do this.
                let _ = File::open(folder(&path)).and_then(|folder| folder.sync_all());
                Ok(())
            }
        }
    }
}

impl Write for Target {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.file.write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.file.flush()
    }
}

impl Write for TargetFile {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        match self {
            Self::Temporary(file) => file.write(bytes),
            Self::Direct(file) => file.write(bytes),
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        match self {
            Self::Temporary(file) => file.flush(),
            Self::Direct(file) => file.flush(),
        }
    }
}

/// Writes a whole file.
pub(crate) fn write(path: &Path, bytes: &[u8]) -> Result<(), Failure> {
    Target::create(path)?.write_and_finish(bytes)
}

fn cannot_write(path: &Path, error: &io::Error) -> Failure {
    Failure::internal(format_args!("cannot write {}: {}", path.display(), reason(error)))
}

fn folder(path: &Path) -> &Path {
    path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."))
}

/// With the rights of an ordinary new file, which the user's mask narrows.
fn temporary(folder: &Path) -> io::Result<NamedTempFile> {
    let rights = fs::Permissions::from_mode(0o666);
    tempfile::Builder::new().prefix(".vellum-").suffix(".partial").permissions(rights).tempfile_in(folder)
}
