//! Signals: ctrl-C ends a command at once with code 130 and leaves no partial file behind.

use std::fs;
use std::io;
use std::path::PathBuf;
use std::process;
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::Duration;

use signal_hook::consts::{SIGHUP, SIGINT, SIGTERM, SIGXFSZ};
use signal_hook::iterator::Signals;
use tempfile::NamedTempFile;

use crate::exit::{Code, Failure};
use crate::output;

/// What has to be cleaned up.
struct State {
    /// Files being written that are not yet complete.
    partial: Vec<PathBuf>,
    /// Folders of this process alone.
    folders: Vec<PathBuf>,
    /// The result is being printed: nothing else may be.
    finished: bool,
    /// Somebody waits for a signal, to end in order.
    awaited: bool,
    /// The signal that was waited for came.
    came: bool,
}

static STATE: Mutex<State> = Mutex::new(State {
    partial: Vec::new(),
    folders: Vec::new(),
    finished: false,
    awaited: false,
    came: false,
});
static CAME: Condvar = Condvar::new();

/// Listens for signals from now on.
pub(crate) fn watch() -> Result<(), Failure> {
    // A write beyond the file size limit then fails as one to a full disk does, instead of ending the process.
    let mut signals = Signals::new([SIGINT, SIGTERM, SIGHUP, SIGXFSZ])
        .map_err(|error| Failure::internal(format_args!("cannot listen for signals: {error}")))?;
    thread::spawn(move || {
        for _ in signals.forever().filter(|signal| *signal != SIGXFSZ) {
            if !hand_over() {
                stop(Failure::new(Code::Interrupted, "interrupted"));
            }
        }
    });
    Ok(())
}

/// Waits for a signal, which then does not end the process; a second one does.
pub(crate) fn wait() {
    let mut state = lock();
    state.awaited = true;
    while !state.came {
        state = CAME.wait(state).unwrap_or_else(PoisonError::into_inner);
    }
}

/// Gives the signal to whoever waits for it; false if nobody does, or one was given before.
fn hand_over() -> bool {
    let mut state = lock();
    let given = state.awaited && !state.came;
    state.came |= given;
    CAME.notify_all();
    given
}

/// Remembers a folder that is to be gone with the process.
pub(crate) fn remember_folder(path: PathBuf) {
    lock().folders.push(path);
}

/// Creates a temporary file and remembers it.
pub(crate) fn create_partial(
    create: impl FnOnce() -> io::Result<NamedTempFile>,
) -> io::Result<NamedTempFile> {
    let mut state = lock();
    let file = create()?;
    state.partial.push(file.path().to_owned());
    Ok(file)
}

/// Renames a temporary file while no signal can remove it.
pub(crate) fn persist_partial<T>(persist: impl FnOnce() -> io::Result<T>) -> io::Result<T> {
    let _state = lock();
    persist()
}

/// From now on a signal ends the process without a message: the command's own comes.
pub(crate) fn finish() {
    lock().finished = true;
}

/// Ends the process from any thread: removes partial files and reports.
pub(crate) fn stop(failure: Failure) -> ! {
    // A thread that panics may hold the lock itself, any other holds it for a moment only.
    let state = STATE.try_lock().ok().or_else(|| {
        thread::sleep(Duration::from_millis(100));
        STATE.try_lock().ok()
    });
    if let Some(state) = &state {
        // Files that were completed meanwhile have another name.
        state.partial.iter().for_each(|path| drop(fs::remove_file(path)));
        state.folders.iter().for_each(|path| drop(fs::remove_dir_all(path)));
    }
    if !state.as_ref().is_some_and(|state| state.finished) {
        output::failure(&failure, output::json_in_arguments());
    }
    process::exit(failure.code as i32)
}

fn lock() -> MutexGuard<'static, State> {
    STATE.lock().unwrap_or_else(PoisonError::into_inner)
}
