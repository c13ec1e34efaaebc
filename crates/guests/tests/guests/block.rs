//! The block guest publishes what the same crate says natively, or stops with the same reason.

use vellum_block::{BlockInput, Phase, execute};

use crate::harness::{self, Run};

const BLOCKS: [&[u8]; 3] = [
    include_bytes!("../../../block/testdata/demo.block"),
    include_bytes!("../../../block/testdata/types.block"),
    include_bytes!("../../../block/testdata/hashes.block"),
];

fn run(file: &[u8]) -> Run {
    harness::run(vellum_guests::find("block").expect("a bundled guest").elf, file)
}

#[test]
fn captured_blocks_give_the_native_public_values() {
    for file in BLOCKS {
        let input = BlockInput::parse(file).expect("a block file");
        let native = execute(&input).expect("a valid block");
        let run = run(file);
        assert_eq!((run.status, run.printed.as_str()), (0, ""));
        assert_eq!(run.output.as_deref(), Some(&native.public.encode()[..]));
        let transactions = (0..native.transactions.len()).map(|index| Phase::Transaction(index as u32));
        let phases = [Phase::Reading, Phase::Opening]
            .into_iter()
            .chain(transactions)
            .chain([Phase::Closing, Phase::StateRoot]);
        assert_eq!(run.marks, phases.map(Phase::label).collect::<Vec<_>>());
    }
}

#[test]
fn tampered_blocks_panic_with_the_native_reason() {
    let file = BLOCKS[0];
    // A byte of the block, of the parent, of a node, of a code; a cut file; another chain.
    let input = BlockInput::parse(file).expect("a block file");
    let parts = [input.block, input.headers, input.nodes, input.codes];
    let starts = parts.iter().scan(40, |at, part| {
        let start = *at;
        *at += part.len();
        Some(start)
    });
    let changed = |at: usize| {
        let mut file = file.to_vec();
        file[at] ^= 1;
        file
    };
    let mut bad: Vec<_> = starts.map(|start| changed(start + 80)).collect();
    bad.push(file[..file.len() - 1].to_vec());
    bad.push(changed(16));
    for file in bad {
        let reason = match BlockInput::parse(&file) {
            Ok(input) => execute(&input).expect_err("a tampered block").to_string(),
            Err(error) => error.to_string(),
        };
        let run = run(&file);
        assert_eq!((run.status, run.output), (1, None));
        assert!(run.printed.contains(&reason), "{} instead of {reason}", run.printed);
    }
}
