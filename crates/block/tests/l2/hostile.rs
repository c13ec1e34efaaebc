//! Batch files from anybody: every error has a name, and nothing panics.

use proptest::prelude::*;
use vellum_block::l2::{
    BatchError, BatchInput, BatchInputError, DepositQueue, L2Error, execute_batches, field,
};

use crate::demo::demo;

fn refused(change: impl FnOnce(&mut BatchInput<'_>)) -> BatchError {
    demo().0.with_input(|mut input| {
        change(&mut input);
        execute_batches(&input, field::mul_mod).unwrap_err()
    })
}

#[test]
fn faulty_ranges_are_named() {
    assert!(matches!(refused(|input| input.batches.clear()), BatchError::NoBatch));
    let version = refused(|input| input.batches[1].header.version = 1);
    assert!(matches!(version, BatchError::Version { index: 2, version: 1 }), "{version}");
    for error in [
        refused(|input| input.batches[1].header.index = 3),
        refused(|input| input.batches[1].header.parent_hash.0[0] ^= 1),
        refused(|input| input.batches[0].header.claimed_output_root.0[0] ^= 1),
        refused(|input| input.batches.swap(0, 1)),
    ] {
        assert!(matches!(error, BatchError::Sequence { .. } | BatchError::Anchor { .. }), "{error}");
    }
    let blobs = refused(|input| input.batches[0].blobs.clear());
    assert!(matches!(blobs, BatchError::BlobCount { index: 1, hashes: 1, blobs: 0 }), "{blobs}");
    for error in [
        refused(|input| input.batches[0].header.l1_number -= 1),
        refused(|input| input.batches[0].header.l1_number = u64::MAX),
        refused(|input| input.batches[0].header.l1_hash.0[0] ^= 1),
        refused(|input| input.l1_headers = &[]),
        refused(|input| {
            input.batches.pop();
        }),
    ] {
        assert!(matches!(error, BatchError::Anchor { index: 1, .. }), "{error}");
    }
    let cut = refused(|input| input.l1_headers = &input.l1_headers[..input.l1_headers.len() - 1]);
    assert!(matches!(cut, BatchError::L1Headers(_)), "{cut}");
    for error in [
        refused(|input| input.batches[0].header.deposit_count += 1),
        refused(|input| input.batches[0].header.deposit_hash.0[0] ^= 1),
        refused(|input| input.deposits.clear()),
        refused(|input| input.deposits[0].mint += 1),
        refused(|input| input.previous_deposits = DepositQueue { count: 8, ..DepositQueue::default() }),
    ] {
        assert!(matches!(error, BatchError::Deposits { index: 1, .. }), "{error}");
    }
    let more = refused(|input| input.deposits.push(input.deposits[0].clone()));
    assert!(matches!(more, BatchError::UnusedDeposits(1)), "{more}");
    assert!(matches!(refused(|input| input.headers = &[]), BatchError::Headers(_)));
    assert!(matches!(refused(|input| input.nodes = &[]), BatchError::State(_)));
    let codes = refused(|input| input.codes = &[]);
    assert!(matches!(codes, BatchError::Block { number: 1, error: L2Error::State(_) }), "{codes}");
    let config = refused(|input| input.config.base_fee_denominator = 0);
    assert!(matches!(config, BatchError::Block { number: 1, error: L2Error::Config(_) }), "{config}");
}

#[test]
fn cut_and_changed_files_are_named() {
    let file = demo().0.file();
    assert_eq!(BatchInput::parse(&[]), Err(BatchInputError::Magic));
    assert_eq!(BatchInput::parse(&file[..11]), Err(BatchInputError::Magic));
    let mut version = file.clone();
    version[8] = 2;
    assert_eq!(BatchInput::parse(&version), Err(BatchInputError::Version { got: 2 }));
    let longer = [&file[..], b"x"].concat();
    assert_eq!(BatchInput::parse(&longer), Err(BatchInputError::TrailingBytes { part: "file", count: 1 }));
    for cut in (12..file.len()).step_by(97) {
        assert!(matches!(
            BatchInput::parse(&file[..cut]),
            Err(BatchInputError::Malformed { part: "file", .. })
        ));
    }
}

/// Every byte up to the witness, and some of the witness, changed: an error, or another output that L1 does not know.
#[test]
fn changed_bytes_never_panic() {
    let file = demo().0.file();
    let output = execute_batches(&BatchInput::parse(&file).unwrap(), field::mul_mod).unwrap();
    let (mut errors, mut others) = (0, 0);
    for at in (0..file.len()).step_by(5) {
        let mut changed = file.clone();
        changed[at] ^= 1 << (at % 8);
        let Ok(input) = BatchInput::parse(&changed) else {
            errors += 1;
            continue;
        };
        match execute_batches(&input, field::mul_mod) {
            Ok(other) => {
                // What no hash binds is in the output, or has no influence.
                others += 1;
                if other == output {
                    assert_eq!(input.previous_deposits, DepositQueue::default());
                }
            }
            Err(_) => errors += 1,
        }
    }
    assert!(errors > 100 && others > 10, "{errors} errors, {others} other outputs");
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(256))]

    #[test]
    fn arbitrary_files_never_panic(bytes in prop::collection::vec(any::<u8>(), 0..300)) {
        let _ = BatchInput::parse(&bytes);
        let wrapped = [&b"VLMBATCH\x01\0\0\0"[..], &alloy_rlp::encode(vec![bytes])].concat();
        let _ = BatchInput::parse(&wrapped);
    }

    /// Blobs with any bytes at all, first in the place of the demo's: always an output.
    #[test]
    fn any_blob_has_a_result(
        bytes in prop::collection::vec(any::<u8>(), 0..600),
        changes in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..5),
    ) {
        let (mut range, _) = demo();
        let used = 31 * range.batches[0].blobs[0].chunks(32).rposition(|value| value.iter().any(|&b| b != 0)).unwrap();
        for (at, value) in changes {
            // Positions within the payload, where the value's first byte stays zero.
            let at = at.index(used);
            range.batches[0].blobs[0][at / 31 * 32 + 31 - at % 31] = value;
        }
        range.batches[1].blobs = crate::world::packed(&bytes);
        let output = range.execute();
        prop_assert_eq!(output.deposit_count, 9);
    }
}
