//! The proof file: what is read from a stranger. Whatever its bytes are, verification ends with a verdict, in bounded
//! memory, and only the one file that the prover wrote is valid.
#![allow(clippy::unwrap_used, missing_docs)]
#![allow(unsafe_code, reason = "a counting allocator")]

use std::alloc::{GlobalAlloc, Layout, System};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::LazyLock;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering::Relaxed};

use vellum_zkvm::{
    Budget, Limits, Machine, PROOF_MAGIC, Profile, Program, ProgramKey, ProveOptions, SHARD_BYTES_MAX,
    VerifyFileError, prove, verify,
};

/// The system's allocator, counting.
struct Counting;

static LIVE: AtomicUsize = AtomicUsize::new(0);
static PEAK: AtomicUsize = AtomicUsize::new(0);

// SAFETY: every call goes to the system's allocator as it came.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        PEAK.fetch_max(LIVE.fetch_add(layout.size(), Relaxed) + layout.size(), Relaxed);
        // SAFETY: the caller's layout.
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, pointer: *mut u8, layout: Layout) {
        LIVE.fetch_sub(layout.size(), Relaxed);
        // SAFETY: allocated above with this layout.
        unsafe { System.dealloc(pointer, layout) }
    }
}

#[global_allocator]
static ALLOCATOR: Counting = Counting;

/// Most bytes that a verification may take beyond what it started with.
const VERIFIER_BYTES_MAX: usize = 128 << 20;

struct Fixture {
    machine: Machine,
    vk: [u8; 32],
    proof: Vec<u8>,
}

static FIXTURE: LazyLock<Fixture> = LazyLock::new(|| {
    let machine = Machine::new(Profile::TestInsecure);
    let program = Program::from_elf(vellum_guests::find("square").unwrap().elf).unwrap();
    let key = ProgramKey::new(&machine, program);
    let mut proof = vec![];
    let mut options = ProveOptions {
        limits: Limits::default(),
        budget: Budget { bytes: 4 << 30 },
        cancel: &AtomicBool::new(false),
        progress: &mut |_| {},
    };
    let input = [3u64, 4].map(u64::to_le_bytes).concat();
    let report = prove(&machine, &key, &input, &mut options, &mut proof).unwrap();
    Fixture { machine, vk: report.vk, proof }
});

impl Fixture {
    /// The verdict on a file; a panic or a large allocation fails the test.
    fn verdict(&self, name: &str, file: &[u8]) -> Result<(), VerifyFileError> {
        let before = LIVE.load(Relaxed);
        PEAK.store(before, Relaxed);
        let mut bytes = file;
        let verdict = catch_unwind(AssertUnwindSafe(|| verify(&self.machine, &self.vk, &mut bytes)));
        let taken = PEAK.load(Relaxed).saturating_sub(before);
        assert!(taken < VERIFIER_BYTES_MAX, "{name}: {taken} bytes were allocated");
        verdict.unwrap_or_else(|_| panic!("{name}: the verifier panics")).map(|_| ())
    }

    #[track_caller]
    fn refuses(&self, name: &str, file: &[u8]) -> VerifyFileError {
        self.verdict(name, file).expect_err(name)
    }

    /// The file with the bytes at `at` replaced.
    fn with(&self, at: usize, bytes: &[u8]) -> Vec<u8> {
        let mut file = self.proof.clone();
        file[at..at + bytes.len()].copy_from_slice(bytes);
        file
    }

    /// Where the first shard's length stands.
    fn shard(&self) -> usize {
        OUTPUT_LENGTH + 4 + self.number(OUTPUT_LENGTH) as usize
    }

    fn number(&self, at: usize) -> u32 {
        u32::from_le_bytes(self.proof[at..at + 4].try_into().unwrap())
    }
}

/// Offsets of the header's fields.
const VERSION: usize = 8;
const VK: usize = 10;
const SHARDS: usize = VK + 106;
const CHAIN: usize = SHARDS + 4;
const WITNESS: usize = CHAIN + 32;
const OUTPUT_FLAG: usize = WITNESS + 4;
const OUTPUT_LENGTH: usize = OUTPUT_FLAG + 1;

/// p = 2^31 - 2^24 + 1.
const P: u32 = 0x7f00_0001;

/// Pseudorandom numbers, the same every time (SplitMix64).
struct Random(u64);

impl Random {
    fn bits(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mixed = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    fn below(&mut self, limit: usize) -> usize {
        (self.bits() % limit as u64) as usize
    }
}

#[test]
fn the_honest_file_is_valid() {
    assert!(FIXTURE.verdict("honest", &FIXTURE.proof).is_ok());
    let f = &*FIXTURE;
    assert_eq!(&f.proof[..VERSION], PROOF_MAGIC);
    assert_eq!((f.number(SHARDS), f.proof[OUTPUT_FLAG], f.number(OUTPUT_LENGTH)), (1, 1, 16));
    assert_eq!(f.shard() + 4 + f.number(f.shard()) as usize, f.proof.len());
}

/// Every byte of the header and of the first part of the shard proof, a sample of the rest.
#[test]
fn no_byte_can_be_changed() {
    let f = &*FIXTURE;
    let mut random = Random(1);
    let front = f.shard() + 150;
    let sample: Vec<usize> = (0..1500).map(|_| front + random.below(f.proof.len() - front)).collect();
    for at in (0..front).chain(sample).chain(f.proof.len() - 40..f.proof.len()) {
        let flipped = f.proof[at] ^ (1 << random.below(8));
        f.refuses(&format!("byte {at}: a bit"), &f.with(at, &[flipped]));
    }
    for at in (0..front).step_by(3) {
        f.refuses(&format!("byte {at}: all bits"), &f.with(at, &[!f.proof[at]]));
    }
}

/// Case 30: u32 values replaced by value + p, in the header, and in the whole shard proof wherever one fits.
#[test]
fn no_number_is_read_modulo_p() {
    let f = &*FIXTURE;
    let mut random = Random(2);
    let header = (VK..SHARDS).step_by(4).chain((CHAIN..OUTPUT_FLAG).step_by(4));
    let start = f.shard() + 4;
    let shard = (0..1200).map(|_| start + random.below(f.proof.len() - start - 4));
    for at in header.chain(shard) {
        if let Some(more) = f.number(at).checked_add(P) {
            f.refuses(&format!("number at {at} + p"), &f.with(at, &more.to_le_bytes()));
        }
    }
}

#[test]
fn no_part_of_a_file_is_valid() {
    let f = &*FIXTURE;
    let length = f.proof.len();
    let cuts = (0..f.shard() + 64).chain((0..length).step_by(997)).chain(length - 64..length);
    for end in cuts {
        let error = f.refuses(&format!("the first {end} bytes"), &f.proof[..end]);
        assert!(matches!(error, VerifyFileError::Truncated(_)), "{end}: {error}");
    }
    for start in [1, 8, VK, SHARDS, f.shard(), f.shard() + 4] {
        f.refuses(&format!("without the first {start} bytes"), &f.proof[start..]);
    }
    assert!(matches!(f.refuses("empty", &[]), VerifyFileError::Truncated(_)));
}

#[test]
fn nothing_can_be_added() {
    let f = &*FIXTURE;
    for more in [vec![0], vec![0; 4], vec![255; 1000], f.proof.clone(), f.proof[f.shard()..].to_vec()] {
        let error = f.refuses("trailing bytes", &[f.proof.clone(), more].concat());
        assert!(matches!(error, VerifyFileError::Trailing), "{error}");
    }
    let mut random = Random(3);
    for _ in 0..200 {
        let at = random.below(f.proof.len());
        let mut file = f.proof.clone();
        file.insert(at, random.bits() as u8);
        f.refuses(&format!("a byte inserted at {at}"), &file);
        let mut file = f.proof.clone();
        file.remove(at);
        f.refuses(&format!("byte {at} removed"), &file);
    }
    // A shard that grows or shrinks together with its length.
    let (at, length) = (f.shard(), f.number(f.shard()));
    for change in [-1_i32, 1, 8] {
        let mut file = f.with(at, &(length as i32 + change).to_le_bytes());
        file.resize((file.len() as i32 + change) as usize, 0);
        f.refuses(&format!("a shard of {change} more bytes"), &file);
    }
}

/// Lengths that promise more than there is must not be believed: allocation is what `verdict` watches.
#[test]
fn no_length_is_believed() {
    let f = &*FIXTURE;
    let is_large = |error| matches!(error, VerifyFileError::TooLarge { .. });
    assert!(is_large(f.refuses("an output of 4 GiB", &f.with(OUTPUT_LENGTH, &[255; 4]))));
    assert!(is_large(f.refuses("a shard of 4 GiB", &f.with(f.shard(), &[255; 4]))));
    f.refuses("an output of 64 MiB", &f.with(OUTPUT_LENGTH, &(1u32 << 26).to_le_bytes()));
    f.refuses("a shard of 32 MiB", &f.with(f.shard(), &SHARD_BYTES_MAX.to_le_bytes()));
    for shards in [0, 2, 1 << 16, (1 << 16) + 1, u32::MAX] {
        f.refuses(&format!("{shards} shards"), &f.with(SHARDS, &shards.to_le_bytes()));
    }
    for length in [0, 1, 15, 17, 1 << 16] {
        f.refuses(&format!("an output of {length} bytes"), &f.with(OUTPUT_LENGTH, &u32::to_le_bytes(length)));
    }
    // Lengths inside the shard proof: at every byte a varint that promises up to 2^63 elements.
    let start = f.shard() + 4;
    let mut random = Random(4);
    let places = (0..160).map(|i| start + i).chain((0..400).map(|_| 0));
    for at in places {
        let at = if at == 0 { start + random.below(f.proof.len() - start - 10) } else { at };
        for length in [&[0xff; 9][..], &[0xff, 0xff, 0xff, 0x7f], &[0]] {
            let file = f.with(at, length);
            if file != f.proof {
                f.refuses(&format!("length at {at}"), &file);
            }
        }
    }
}

#[test]
fn random_bytes_are_no_proof() {
    let f = &*FIXTURE;
    let mut random = Random(5);
    for i in 0..300 {
        let bytes: Vec<u8> = (0..random.below(4000)).map(|_| random.bits() as u8).collect();
        f.refuses(&format!("random bytes {i}"), &bytes);
        // Behind an honest header, as a shard of the right length; or over a part of the honest one.
        let length = (bytes.len() as u32).to_le_bytes();
        f.refuses(&format!("random shard {i}"), &[&f.proof[..f.shard()], &length, &bytes].concat());
        let at = f.shard() + 4 + random.below(f.proof.len() - f.shard() - 4 - bytes.len());
        if !bytes.is_empty() {
            f.refuses(&format!("random part {i}"), &f.with(at, &bytes));
        }
    }
    f.refuses("zeros", &vec![0; f.proof.len()]);
    f.refuses("ones", &vec![255; f.proof.len()]);
    let zeros = vec![0; f.proof.len() - f.shard() - 4];
    f.refuses("a shard of zeros", &f.with(f.shard() + 4, &zeros));
}

/// Case 36: the output is what was proven, or the proof is refused.
#[test]
fn no_other_output_is_accepted() {
    let f = &*FIXTURE;
    let output = f.shard() - 16;
    for byte in 0..16 {
        let error = f.refuses("another output", &f.with(output + byte, &[f.proof[output + byte] ^ 1]));
        assert!(matches!(error, VerifyFileError::Output), "{error}");
    }
    let parts = |flag: u8, bytes: &[u8]| {
        let length = (bytes.len() as u32).to_le_bytes();
        [&f.proof[..OUTPUT_FLAG], &[flag], &length, bytes, &f.proof[f.shard()..]].concat()
    };
    assert!(matches!(f.refuses("no output", &parts(0, &[])), VerifyFileError::Output));
    assert!(matches!(f.refuses("empty output", &parts(1, &[])), VerifyFileError::Output));
    assert!(matches!(f.refuses("flag 0 with bytes", &parts(0, &[1])), VerifyFileError::Malformed(_)));
    assert!(matches!(f.refuses("flag 2", &parts(2, &[])), VerifyFileError::Malformed(_)));
    f.refuses("a longer output", &parts(1, &[&f.proof[output..output + 16], &[0]].concat()));
    assert_eq!(parts(1, &f.proof[output..output + 16]), f.proof);
}

/// Case 26: only the caller's key counts.
#[test]
fn no_other_key_is_accepted() {
    let f = &*FIXTURE;
    for bit in (0..256).step_by(17) {
        let mut vk = f.vk;
        vk[bit / 8] ^= 1 << (bit % 8);
        let error = verify(&f.machine, &vk, &mut f.proof.as_slice()).unwrap_err();
        assert!(matches!(error, VerifyFileError::OtherProgram { .. }), "{error}");
    }
    let standard = Machine::new(Profile::Standard);
    assert!(matches!(verify(&standard, &f.vk, &mut f.proof.as_slice()), Err(VerifyFileError::Invalid(_))));
    // The file names another key, and the caller believes it.
    for at in VK..SHARDS {
        let file = f.with(at, &[f.proof[at] ^ 1]);
        let mut bytes = [0; 106];
        bytes.copy_from_slice(&file[VK..SHARDS]);
        if let Some(vk) = vellum_zkvm::VerifyingKey::decode(&bytes) {
            assert_ne!(vk.digest_bytes(), f.vk, "byte {at}");
            let verdict = verify(&f.machine, &vk.digest_bytes(), &mut file.as_slice());
            assert!(matches!(verdict, Err(VerifyFileError::Invalid(_))), "byte {at}");
        }
    }
}
