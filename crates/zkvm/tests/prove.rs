//! Programs proven and verified end to end.
#![allow(clippy::unwrap_used, missing_docs)]

use std::sync::atomic::AtomicBool;

use vellum_zkvm::{
    Budget, Limits, Machine, Profile, Program, ProgramKey, ProveOptions, ProveReport, prove, verify,
};

fn run(machine: &Machine, key: &ProgramKey, input: &[u8]) -> (ProveReport, Vec<u8>) {
    let mut proof = vec![];
    let report = prove(
        machine,
        key,
        input,
        &mut ProveOptions {
            limits: Limits::default(),
            budget: Budget { bytes: 4 << 30 },
            cancel: &AtomicBool::new(false),
            progress: &mut |_| {},
        },
        &mut proof,
    )
    .unwrap();
    (report, proof)
}

fn key(machine: &Machine, name: &str) -> ProgramKey {
    let program = Program::from_elf(vellum_guests::find(name).unwrap().elf).unwrap();
    ProgramKey::new(machine, program)
}

#[test]
fn square_is_proven_and_verified() {
    for profile in [Profile::TestInsecure, Profile::Standard] {
        let machine = Machine::new(profile);
        let key = key(&machine, "square");
        let input = [3u64, 4].map(u64::to_le_bytes).concat();
        let (report, proof) = run(&machine, &key, &input);
        assert_eq!(report.exit_status, 0);
        let verified = verify(&machine, &report.vk, &mut proof.as_slice()).unwrap();
        assert_eq!(verified.output, Some([3u64, 18].map(u64::to_le_bytes).concat()));
        assert_eq!(verified.exit_status, 0);
        eprintln!("{report:?}");
    }
}
