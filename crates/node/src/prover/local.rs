//! Proving in this process, one execution at a time, with everything finished on disk.
//!
//! A folder per piece of work:
//!
//! | file | content |
//! |---|---|
//! | `input` | the guest's input |
//! | `plan` | how it is cut and the challenge drawn for it (phase 0) |
//! | `shard-N` | the proof of shard N |
//! | `proof` | the proof file, at last |
//! | `report` | what it took, or why it was given up |
//!
//! A file has its name only once it is complete and on disk, so that whatever is there can be relied on: after a kill at any
//! moment, work goes on with the first shard that is missing. The proof is verified before it counts; if that fails, all is
//! made anew. Threads run at the lowest priority, so that blocks are made in time.

use std::collections::VecDeque;
use std::fs::{self, File};
use std::io::{self, BufReader, BufWriter, Read, Write};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use parking_lot::{Condvar, Mutex};
use serde::{Deserialize, Serialize};
use tempfile::NamedTempFile;
use vellum_zkvm::{
    Assignment, Budget, Limits, Machine, ProgramKey, ProveError, ShardResult, Stages, Work, assemble, verify,
};

use super::{ProofStatus, Prover, ProverError};

/// Attempts before work is given up, if another one makes sense.
const ATTEMPTS: u32 = 3;
/// Wait before another attempt.
const RETRY: Duration = Duration::from_secs(2);
/// Longest wait for the worker at the end.
const PATIENCE: Duration = Duration::from_secs(2);
/// Lowest priority of a thread.
const NICE: i32 = 19;

/// A prover in this process.
pub struct LocalProver {
    shared: Arc<Shared>,
}

/// Resources that proving may take.
#[derive(Clone, Copy, Debug)]
pub struct LocalOptions {
    /// Memory.
    pub memory_bytes: u64,
    /// Threads.
    pub threads: usize,
}

struct Shared {
    folder: PathBuf,
    machine: Arc<Machine>,
    key: Arc<ProgramKey>,
    options: LocalOptions,
    state: Mutex<State>,
    changed: Condvar,
    /// Set to stop the work under way at its next shard.
    cancel: AtomicBool,
}

#[derive(Default)]
struct State {
    queue: VecDeque<String>,
    running: Option<(String, ProofStatus)>,
    stop: bool,
    /// The worker takes no more work.
    ended: bool,
}

#[derive(Serialize, Deserialize)]
struct Plan {
    log_instructions: u32,
    assignment: Vec<u8>,
    /// Milliseconds of proving so far.
    prove_ms: u64,
}

/// Why an attempt failed.
enum Failure {
    Prove(ProveError),
    File(ProverError),
    /// The proof does not verify: files of different attempts, or a fault of the machine.
    Invalid(String),
    Panic,
}

impl LocalProver {
    /// Starts the worker; work is kept in `folder`.
    ///
    /// # Errors
    /// The folder cannot be made.
    pub fn start(
        folder: &Path,
        machine: Arc<Machine>,
        key: Arc<ProgramKey>,
        options: LocalOptions,
    ) -> Result<Self, ProverError> {
        fs::create_dir_all(folder).map_err(|error| file_error(folder, &error))?;
        let shared = Arc::new(Shared {
            folder: folder.to_owned(),
            machine,
            key,
            options,
            state: Mutex::default(),
            changed: Condvar::new(),
            cancel: AtomicBool::new(false),
        });
        let of_worker = shared.clone();
        std::thread::Builder::new()
            .name("prover".to_owned())
            .spawn(move || {
                of_worker.work();
                of_worker.state.lock().ended = true;
                of_worker.changed.notify_all();
            })
            .map_err(|error| file_error(folder, &error))?;
        Ok(Self { shared })
    }
}

impl Drop for LocalProver {
    /// Gives the shard under way a moment, not more: it would only be proven again, all before it are on disk.
    fn drop(&mut self) {
        let mut state = self.shared.state.lock();
        state.stop = true;
        self.shared.cancel.store(true, Ordering::Relaxed);
        self.shared.changed.notify_all();
        let until = Instant::now() + PATIENCE;
        while !state.ended && !self.shared.changed.wait_until(&mut state, until).timed_out() {}
    }
}

impl Prover for LocalProver {
    fn request(&self, id: &str, input: &[u8]) -> Result<(), ProverError> {
        let folder = self.shared.folder_of(id)?;
        let path = folder.join("input");
        if !path.exists() {
            fs::create_dir_all(&folder).map_err(|error| file_error(&folder, &error))?;
            write_whole(&path, |out| out.write_all(input))?;
        }
        if folder.join("report").exists() {
            return Ok(());
        }
        let mut state = self.shared.state.lock();
        let running = state.running.as_ref().is_some_and(|(running, _)| running == id);
        if !running && !state.queue.iter().any(|queued| queued == id) {
            state.queue.push_back(id.to_owned());
            self.shared.changed.notify_all();
        }
        Ok(())
    }

    fn status(&self, id: &str) -> Result<ProofStatus, ProverError> {
        let folder = self.shared.folder_of(id)?;
        let state = self.shared.state.lock();
        if let Some((_, status)) = state.running.as_ref().filter(|(running, _)| running == id) {
            return Ok(status.clone());
        }
        if state.queue.iter().any(|queued| queued == id) {
            return Ok(ProofStatus::Queued);
        }
        Ok(read_optional(&folder.join("report"))?
            .and_then(|bytes| postcard::from_bytes(&bytes).ok())
            .unwrap_or(ProofStatus::Unknown))
    }

    fn proof(&self, id: &str) -> Result<Box<dyn Read + Send>, ProverError> {
        if !matches!(self.status(id)?, ProofStatus::Done { .. }) {
            return Err(ProverError::NotReady(id.to_owned()));
        }
        let path = self.shared.folder_of(id)?.join("proof");
        let file = File::open(&path).map_err(|error| file_error(&path, &error))?;
        Ok(Box::new(BufReader::new(file)))
    }

    fn forget(&self, id: &str) -> Result<(), ProverError> {
        let folder = self.shared.folder_of(id)?;
        let mut state = self.shared.state.lock();
        state.queue.retain(|queued| queued != id);
        while state.running.as_ref().is_some_and(|(running, _)| running == id) {
            self.shared.cancel.store(true, Ordering::Relaxed);
            self.shared.changed.wait(&mut state);
        }
        match fs::remove_dir_all(&folder) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => Err(file_error(&folder, &error)),
            _ => Ok(()),
        }
    }
}

impl Shared {
    /// Names are chosen by this program, but end up in paths.
    fn folder_of(&self, id: &str) -> Result<PathBuf, ProverError> {
        let proper = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'-';
        if id.is_empty() || id.len() > 100 || !id.bytes().all(proper) {
            return Err(ProverError::File { path: id.to_owned(), reason: "not a proper name".to_owned() });
        }
        Ok(self.folder.join(id))
    }

    /// The worker: takes work until it is told to stop.
    fn work(&self) {
        let pool = rayon::ThreadPoolBuilder::new()
            .num_threads(self.options.threads)
            .thread_name(|index| format!("prover-{index}"))
            .start_handler(|_| {
                // On Linux this is the thread's own; where it is refused proving is only less polite.
                let _ = rustix::process::nice(NICE);
            })
            .build();
        let pool = match pool {
            Ok(pool) => pool,
            Err(error) => {
                tracing::error!(%error, "no threads for the prover");
                return;
            }
        };
        while let Some(id) = self.next() {
            let status = pool.install(|| self.prove(&id));
            let mut state = self.state.lock();
            state.running = None;
            if let Some(status) = status {
                self.finish(&id, &status);
            }
            self.changed.notify_all();
        }
    }

    fn next(&self) -> Option<String> {
        let mut state = self.state.lock();
        loop {
            if state.stop {
                return None;
            }
            if let Some(id) = state.queue.pop_front() {
                // Together with the choice, so that nothing cancels the work before it.
                self.cancel.store(false, Ordering::Relaxed);
                let starting = ProofStatus::Running { cycles: 0, shards: 0, proven: 0 };
                state.running = Some((id.clone(), starting));
                return Some(id);
            }
            self.changed.wait(&mut state);
        }
    }

    fn finish(&self, id: &str, status: &ProofStatus) {
        let written = self.folder_of(id).and_then(|folder| {
            let report = postcard::to_stdvec(status).unwrap_or_default();
            write_whole(&folder.join("report"), |out| out.write_all(&report))
        });
        if let Err(error) = written {
            // Without a report the work counts as unknown, and is asked for again.
            tracing::error!(id, %error, "cannot keep the result of proving");
        }
    }

    /// How the work ended; none if it was cancelled.
    fn prove(&self, id: &str) -> Option<ProofStatus> {
        for attempt in 1..=ATTEMPTS {
            let result = catch_unwind(AssertUnwindSafe(|| self.attempt(id)));
            let failure = match result.unwrap_or(Err(Failure::Panic)) {
                Ok(status) => return Some(status),
                Err(failure) => failure,
            };
            let (reason, too_large, again) = match failure {
                Failure::Prove(ProveError::Cancelled) => return None,
                Failure::Prove(
                    error @ (ProveError::Memory { .. }
                    | ProveError::TooManyShards { .. }
                    | ProveError::TooLong { .. }),
                ) => (error.to_string(), true, false),
                Failure::Prove(error @ ProveError::Execution(_)) => (error.to_string(), false, false),
                Failure::Prove(error) => (error.to_string(), false, true),
                Failure::File(error) => (error.to_string(), false, true),
                Failure::Invalid(reason) => {
                    self.start_over(id);
                    (format!("the finished proof does not verify: {reason}"), false, true)
                }
                Failure::Panic => ("the prover panicked".to_owned(), false, true),
            };
            tracing::warn!(id, attempt, reason, "proving failed");
            if !again || attempt == ATTEMPTS {
                return Some(ProofStatus::Failed { reason, too_large });
            }
            self.pause();
            if self.cancel.load(Ordering::Relaxed) {
                return None;
            }
        }
        None
    }

    /// Waits a moment, unless told to stop.
    fn pause(&self) {
        let mut state = self.state.lock();
        if !state.stop {
            self.changed.wait_for(&mut state, RETRY);
        }
    }

    fn attempt(&self, id: &str) -> Result<ProofStatus, Failure> {
        let started = Instant::now();
        let folder = self.folder_of(id).map_err(Failure::File)?;
        let input = fs::read(folder.join("input")).map_err(|error| file_failure(&folder, &error))?;
        let (work, assignment, spent_ms) = self.plan(&folder, &input)?;
        let (cycles, shards) = (work.execution().cycles, work.execution().shards.len() as u32);
        let mut proven = (1..=shards).take_while(|shard| shard_path(&folder, *shard).exists()).count() as u32;
        self.show(id, cycles, shards, proven);
        tracing::info!(id, cycles, shards, proven, "proving");

        let spent = |started: Instant| spent_ms + started.elapsed().as_millis() as u64;
        work.prove_from(proven + 1, &assignment, &self.cancel, &mut Stages::start(), |result| {
            let written = write_whole(&shard_path(&folder, result.shard), |out| out.write_all(&result.proof));
            written.map_err(|error| io::Error::other(error.to_string()))?;
            proven = result.shard;
            self.show(id, cycles, shards, proven);
            tracing::info!(id, shard = proven, shards, "shard proven");
            Ok(())
        })
        .map_err(Failure::Prove)?;

        let proof_bytes = self.assemble(&folder, &work, &assignment, shards)?;
        self.check(&folder, work.execution().output.as_deref())?;
        Ok(ProofStatus::Done { cycles, shards, proof_bytes, prove_ms: spent(started) })
    }

    /// The plan made before, or a new one.
    fn plan<'a>(&'a self, folder: &Path, input: &'a [u8]) -> Result<(Work<'a>, Assignment, u64), Failure> {
        let limits = Limits { max_cycles: None, max_memory_bytes: Some(self.options.memory_bytes) };
        let path = folder.join("plan");
        let before = read_optional(&path).map_err(Failure::File)?;
        if let Some(plan) = before.and_then(|bytes| postcard::from_bytes::<Plan>(&bytes).ok())
            && let Some(assignment) = Assignment::decode(&plan.assignment)
        {
            let again = Work::plan_again(&self.machine, &self.key, input, limits, plan.log_instructions);
            return Ok((again.map_err(Failure::Prove)?, assignment, plan.prove_ms));
        }
        let started = Instant::now();
        let budget = Budget { bytes: self.options.memory_bytes };
        let work = Work::plan(&self.machine, &self.key, input, limits, budget).map_err(Failure::Prove)?;
        let assignment = work.commit(|_| (), &self.cancel).map_err(Failure::Prove)?;
        let plan = Plan {
            log_instructions: work.log_instructions(),
            assignment: assignment.encode().map_err(Failure::Prove)?,
            prove_ms: started.elapsed().as_millis() as u64,
        };
        let bytes = postcard::to_stdvec(&plan).unwrap_or_default();
        write_whole(&path, |out| out.write_all(&bytes)).map_err(Failure::File)?;
        Ok((work, assignment, 0))
    }

    fn assemble(
        &self,
        folder: &Path,
        work: &Work<'_>,
        assignment: &Assignment,
        shards: u32,
    ) -> Result<u64, Failure> {
        let read = |shard| {
            let path = shard_path(folder, shard);
            let proof = fs::read(&path).map_err(|error| file_failure(&path, &error))?;
            Ok(ShardResult { shard, proof, fill: Default::default() })
        };
        let results = (1..=shards).map(read).collect::<Result<Vec<_>, Failure>>()?;
        let mut size = 0;
        let mut failed = None;
        let written = write_whole(&folder.join("proof"), |out| {
            match assemble(work, assignment, results, out) {
                Ok(bytes) => size = bytes,
                Err(error) => failed = Some(error),
            }
            Ok(())
        });
        if let Some(error) = failed {
            return Err(Failure::Prove(error));
        }
        written.map_err(Failure::File)?;
        Ok(size)
    }

    /// Verifies the file as it is on disk: what is wrong with it must not be found out by others.
    fn check(&self, folder: &Path, output: Option<&[u8]>) -> Result<(), Failure> {
        let path = folder.join("proof");
        let file = File::open(&path).map_err(|error| file_failure(&path, &error))?;
        let vk = self.key.vk.digest_bytes();
        let verified = verify(&self.machine, &vk, &mut BufReader::new(file))
            .map_err(|error| Failure::Invalid(error.to_string()))?;
        if verified.output.as_deref() != output {
            return Err(Failure::Invalid("other output than the execution's".to_owned()));
        }
        Ok(())
    }

    /// Removes everything but the input.
    fn start_over(&self, id: &str) {
        let Ok(folder) = self.folder_of(id) else { return };
        let Ok(entries) = fs::read_dir(&folder) else { return };
        for entry in entries.flatten().filter(|entry| entry.file_name() != "input") {
            if let Err(error) = fs::remove_file(entry.path()) {
                tracing::error!(id, %error, "cannot remove what is left of an attempt");
            }
        }
    }

    fn show(&self, id: &str, cycles: u64, shards: u32, proven: u32) {
        self.state.lock().running = Some((id.to_owned(), ProofStatus::Running { cycles, shards, proven }));
    }
}

fn shard_path(folder: &Path, shard: u32) -> PathBuf {
    folder.join(format!("shard-{shard}"))
}

/// Writes a file that appears under its name only when all of it is on disk.
fn write_whole(path: &Path, fill: impl FnOnce(&mut dyn Write) -> io::Result<()>) -> Result<(), ProverError> {
    let folder = path.parent().unwrap_or(Path::new("."));
    let write = || {
        let mut file = NamedTempFile::with_prefix_in(".partial-", folder)?;
        let mut buffered = BufWriter::new(&mut file);
        fill(&mut buffered)?;
        buffered.flush()?;
        drop(buffered);
        file.as_file().sync_all()?;
        file.persist(path).map_err(|error| error.error)?;
        File::open(folder)?.sync_all()
    };
    write().map_err(|error| file_error(path, &error))
}

fn read_optional(path: &Path) -> Result<Option<Vec<u8>>, ProverError> {
    match fs::read(path) {
        Ok(bytes) => Ok(Some(bytes)),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(file_error(path, &error)),
    }
}

fn file_error(path: &Path, error: &io::Error) -> ProverError {
    ProverError::File { path: path.display().to_string(), reason: error.to_string() }
}

fn file_failure(path: &Path, error: &io::Error) -> Failure {
    Failure::File(file_error(path, error))
}
