//! The batch guest publishes what the same crate says natively, or stops with the same reason.

use vellum_block::l2::{BatchInput, execute_batches, field};

use crate::harness::{self, Run};

/// Two batches: deposits, a creation, transfers, a withdrawal, failing calls; then an invalid blob.
const DEMO: &[u8] = include_bytes!("../../../block/testdata/demo.batch");

fn run(file: &[u8]) -> Run {
    harness::run(vellum_guests::find("batch").expect("a bundled guest").elf, file)
}

#[test]
fn a_range_of_batches_gives_the_native_output() {
    let native = execute_batches(&BatchInput::parse(DEMO).expect("a batch file"), field::mul_mod);
    let native = native.expect("an executable range").encode();
    let run = run(DEMO);
    assert_eq!((run.status, run.printed.as_str()), (0, ""));
    assert_eq!(run.output, Some(native));
}

/// Any bytes in a blob have a result, the same one here and there.
#[test]
fn changed_blobs_give_the_native_output() {
    let input = BatchInput::parse(DEMO).expect("a batch file");
    // Length and content of the frame, a signature.
    let values = input.batches[0].blobs[0].values();
    let start = DEMO.windows(values.len()).position(|bytes| bytes == values).expect("is there");
    for at in [31 - 1, 31 - 15, 32 * 10 + 5, values.len() - 64] {
        let mut changed = DEMO.to_vec();
        changed[start + at] ^= 0x10;
        let native = execute_batches(&BatchInput::parse(&changed).expect("a batch file"), field::mul_mod);
        let run = run(&changed);
        assert_eq!(run.output, Some(native.expect("any bytes define a chain").encode()), "byte {at}");
    }
}

#[test]
fn faulty_files_panic_with_the_native_reason() {
    let changed = |at: usize| {
        let mut file = DEMO.to_vec();
        file[at] ^= 1;
        file
    };
    // Magic, gas limit's neighbourhood, the last code and a cut file.
    for file in [changed(0), changed(DEMO.len() - 3), DEMO[..DEMO.len() - 1].to_vec()] {
        let reason = match BatchInput::parse(&file) {
            Ok(input) => execute_batches(&input, field::mul_mod).expect_err("a faulty range").to_string(),
            Err(error) => error.to_string(),
        };
        let run = run(&file);
        assert_eq!((run.status, run.output), (1, None));
        assert!(run.printed.contains(&reason), "{} instead of {reason}", run.printed);
    }
}
