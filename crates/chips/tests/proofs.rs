//! False statements as machine proofs: lies that are proven like the truth, and honest proofs put together wrongly. The
//! verifier must refuse them all.
#![allow(clippy::unwrap_used, missing_docs)]

mod common;

use std::sync::LazyLock;

use common::{
    Execution, INPUT, MACHINE, assembler::A0, carry_on, histories, instructions, mixture, output_digest,
    prove, set_final, shards, verify,
};
use vellum_chips::{
    Exit, GLOBAL_INTERACTIONS_MAX, GlobalChallenge, Machine, MachineError, MachineHeader, MachineVerifier,
    ProgramKey, Public, SHARDS_MAX, ShardProof, VerifyingKey, global_interactions, prove_shard,
};
use vellum_executor::{InitRow, Shard, ShardLimits};
use vellum_isa::{
    Family, Program,
    map::{HALT, REGISTER_KEY, STACK_TOP},
};
use vellum_stark::{
    Digest, EF, F, PrimeCharacteristicRing, PrimeField32, Profile, Shape, Stages, VerifyError,
};

/// A program, an honest execution of it and its proof.
struct Fixture {
    key: ProgramKey,
    shards: Vec<Shard>,
    header: MachineHeader,
    proofs: Vec<ShardProof>,
}

impl Fixture {
    fn new(input: &[u8], limits: &ShardLimits) -> Self {
        let key = ProgramKey::new(&MACHINE, mixture(2, 0));
        let shards = shards(&key.program, input, limits);
        let (header, proofs) = prove(&key, &shards);
        Self { key, shards, header, proofs }
    }

    fn verify(&self) -> Result<Exit, MachineError> {
        verify(&self.header, &self.proofs)
    }

    /// Verifies with one thing changed in the header or the shard proofs.
    fn with(&self, lie: impl FnOnce(&mut MachineHeader, &mut Vec<ShardProof>)) -> Result<Exit, MachineError> {
        let (mut header, mut proofs) = (self.header.clone(), self.proofs.clone());
        lie(&mut header, &mut proofs);
        verify(&header, &proofs)
    }
}

static CUT: LazyLock<Fixture> = LazyLock::new(|| Fixture::new(INPUT, &instructions(80)));

/// Proves the shards after a lie about them and verifies the result.
fn prove_lie(key: &ProgramKey, mut shards: Vec<Shard>, lie: impl FnOnce(&mut Vec<Shard>)) -> MachineError {
    lie(&mut shards);
    let (header, proofs) = prove(key, &shards);
    verify(&header, &proofs).expect_err("a false statement is accepted")
}

fn one_shard() -> (ProgramKey, Vec<Shard>) {
    let key = ProgramKey::new(&MACHINE, mixture(1, 0));
    let shards = shards(&key.program, INPUT, &ShardLimits::UNLIMITED);
    (key, shards)
}

fn constraints(error: &MachineError) -> bool {
    matches!(error, MachineError::Shard { error: VerifyError::Constraints { .. }, .. })
}

fn local_buses(error: &MachineError) -> bool {
    *error == MachineError::Shard { index: 1, error: VerifyError::LocalBuses }
}

#[test]
fn an_honest_execution_is_accepted() {
    assert!(CUT.shards.len() >= 3);
    assert_eq!(CUT.verify(), Ok(Exit { status: 0, digest: output_digest() }));
    assert!(CUT.shards[..2].iter().any(|s| s.pc_out != HALT));
    let crossing =
        |shard: &Shard| shard.boundary.iter().any(|row| row.prev_shard > 0 && row.first != row.last);
    assert!(CUT.shards[1..].iter().all(crossing));
}

/// The ten proofs of section 1 of the soundness notes, and some more. Each is what a cheating prover would do with the
/// honest prover's code.
#[test]
fn false_results_are_refused() {
    let (key, honest) = one_shard();
    let program = &key.program;
    // A sum that nobody reads: the row's own constraints and lookups.
    let error = prove_lie(&key, honest.clone(), |s| s[0].events[Family::Add as usize][0].rd_new ^= 1 << 20);
    assert!(constraints(&error) || local_buses(&error), "{error}");
    // The quotient of the first division, one too large, and all that follows.
    let error = prove_lie(&key, honest.clone(), |s| {
        let at = Family::DivRem;
        let history = histories(program, &s[0]).into_iter().find_map(|h| {
            h.iter()
                .position(|p| p.family == at && p.event == 0 && p.which == common::Which::Rd)
                .map(|i| (h, i))
        });
        let (history, i) = history.unwrap();
        let new = history[i].of(&mut s[0]).1.unwrap();
        *new += 1;
        let value = *new;
        carry_on(program, s, &history, i + 1, value);
    });
    assert!(constraints(&error) || local_buses(&error), "{error}");
    // A load that returns what was never stored.
    let error = prove_lie(&key, honest.clone(), |s| {
        let event = &mut s[0].events[Family::Mem64 as usize][1];
        (event.mem.old, event.mem_new, event.rd_new) = (77, 77, 77);
    });
    assert!(local_buses(&error), "{error}");
    // A branch that goes the other way.
    let error = prove_lie(&key, honest.clone(), |s| s[0].events[Family::CmpBr as usize][1].next_pc += 2);
    assert!(constraints(&error) || local_buses(&error), "{error}");
    // A row too many.
    let error = prove_lie(&key, honest, |s| {
        let event = s[0].events[0][0];
        s[0].events[0].push(event);
    });
    assert!(local_buses(&error), "{error}");
}

/// Cases 8 and 36.
#[test]
fn false_ends_are_refused() {
    let key = ProgramKey::new(&MACHINE, mixture(1, 1 << 16));
    let honest = shards(&key.program, INPUT, &ShardLimits::UNLIMITED);
    // Status 65536 is published as 0, alone or as the call reads it.
    let error = prove_lie(&key, honest.clone(), |s| s[0].exit.as_mut().unwrap().status = 0);
    assert!(local_buses(&error), "{error}");
    let error = prove_lie(&key, honest.clone(), |s| {
        s[0].exit.as_mut().unwrap().status = 0;
        let histories = histories(&key.program, &s[0]);
        let history = histories.iter().find(|h| h[0].key == REGISTER_KEY + A0).unwrap();
        let write = history.iter().rposition(|p| p.writes(&key.program, &s[0])).unwrap();
        carry_on(&key.program, s, history, write + 1, 0);
    });
    assert!(local_buses(&error), "{error}");
    let error = prove_lie(&key, honest.clone(), |s| s[0].exit.as_mut().unwrap().digest = [7; 32]);
    assert!(local_buses(&error), "{error}");
    // The last call is left out, and the shard ends at HALT all the same.
    let error = prove_lie(&key, honest.clone(), |s| {
        let call = s[0].ecalls.pop().unwrap();
        s[0].ts_out = call.ts;
    });
    assert!(local_buses(&error), "{error}");
    // It ends where it stops: an execution that does not halt.
    let error = prove_lie(&key, honest, |s| {
        let call = s[0].ecalls.pop().unwrap();
        (s[0].ts_out, s[0].pc_out) = (call.ts, key.program.rom[call.row as usize].pc);
    });
    assert!(local_buses(&error) || matches!(error, MachineError::NotHalted { .. }), "{error}");
}

/// Case 13.
#[test]
fn false_memories_are_refused() {
    let (key, honest) = one_shard();
    let program = &key.program;
    // A register starts with 5: every shard is fine, the global bus is not.
    let error = prove_lie(&key, honest.clone(), |s| {
        let register = REGISTER_KEY + common::assembler::T2;
        s[0].boundary.iter_mut().find(|row| row.key == register).unwrap().first = 5;
        let histories = histories(program, &s[0]);
        let history = histories.iter().find(|h| h[0].key == register).unwrap();
        carry_on(program, s, history, 0, 5);
    });
    assert_eq!(error, MachineError::GlobalMemory);
    // A dword of the stack starts with 9.
    let error = prove_lie(&key, honest.clone(), |s| {
        let key = (STACK_TOP / 8) as u32 + 1;
        let at = s[0].init.partition_point(|row| row.key < key);
        s[0].init.insert(at, InitRow { key, first: 9, last: 9, last_shard: 0 });
    });
    assert!(constraints(&error), "{error}");
    // A key is initialised twice.
    let error = prove_lie(&key, honest.clone(), |s| {
        let row = s[0].init[0];
        s[0].init.insert(0, row);
    });
    assert!(local_buses(&error), "{error}");
    // A final value that nothing left.
    let error = prove_lie(&key, honest, |s| set_final(program, s, REGISTER_KEY + A0, 1));
    assert_eq!(error, MachineError::GlobalMemory);
}

/// Cases 13 and 25 over several shards: what the global bus and the chain of pcs are for.
#[test]
fn false_memories_between_shards_are_refused() {
    let program = &CUT.key.program;
    // A register that shard 2 overwrites before it reads it holds something else when shard 2 starts.
    let error = prove_lie(&CUT.key, CUT.shards.clone(), |s| {
        let histories = histories(program, &s[1]);
        let history = histories
            .iter()
            .find(|h| h[0].writes(program, &s[1]) && h[0].which == common::Which::Rd)
            .unwrap();
        s[1].boundary.iter_mut().find(|row| row.key == history[0].key).unwrap().first ^= 1;
        let value = history[0].of(&mut s[1]).0.old ^ 1;
        carry_on(program, &mut s[1..], history, 0, value);
    });
    assert_eq!(error, MachineError::GlobalMemory);
    // A shard is left out and the others renumbered; pcs tell.
    let error = prove_lie(&CUT.key, CUT.shards.clone(), |s| {
        s.remove(1);
        (1..).zip(s.iter_mut()).for_each(|(i, shard)| shard.index = i);
    });
    assert!(matches!(error, MachineError::Pc { index: 2, .. }), "{error}");
    // A key that two shards initialise.
    let error = prove_lie(&CUT.key, CUT.shards.clone(), |s| {
        let last = s.len() - 1;
        let row = s[last].init[0];
        s[0].init.push(row);
        s[0].key_out = row.key;
    });
    assert!(matches!(error, MachineError::Keys { index: 2, .. }), "{error}");
}

/// Cases 24 and 25: honest shard proofs that are not the execution.
#[test]
fn parts_are_not_the_whole() {
    let n = CUT.proofs.len();
    for at in 0..=n {
        for end in at..=n {
            if (at, end) == (0, n) {
                continue;
            }
            let range = at..end;
            // As many shards as the header says, or as there are.
            assert!(CUT.with(|_, p| *p = p[range.clone()].to_vec()).is_err());
            let error = CUT.with(|h, p| {
                *p = p[range.clone()].to_vec();
                h.shards = p.len() as u32;
            });
            assert!(error.is_err(), "shards {at}..{end}");
            // With numbers and marks set right, and a global challenge of their own.
            let error = CUT.with(|h, p| {
                *p = p[range.clone()].to_vec();
                h.shards = p.len() as u32;
                relabel(p);
                recommit(h, p);
            });
            assert!(error.is_err(), "shards {at}..{end} relabelled");
        }
    }
    for i in 0..n {
        assert!(CUT.with(|_, p| p.insert(i, p[i].clone())).is_err(), "shard twice");
        assert!(CUT.with(|_, p| p.push(p[i].clone())).is_err(), "one more shard");
        for j in 0..i {
            assert!(CUT.with(|_, p| p.swap(i, j)).is_err(), "order");
            assert!(CUT.with(|_, p| p[j] = p[i].clone()).is_err(), "one in place of another");
            let relabelled = CUT.with(|h, p| {
                p.swap(i, j);
                relabel(p);
                recommit(h, p);
            });
            assert!(relabelled.is_err(), "order, relabelled");
        }
    }
}

/// Case 25: the same program on two inputs, equal in pcs, times and shapes.
#[test]
fn shards_of_two_executions_do_not_mix() {
    let other = Fixture::new(b"another.", &instructions(80));
    assert_eq!(other.verify(), CUT.verify());
    let n = CUT.proofs.len();
    assert_eq!(other.proofs.len(), n);
    for at in 0..n {
        let place = |p: &mut Vec<ShardProof>| p[at] = other.proofs[at].clone();
        assert!(CUT.with(|_, p| place(p)).is_err(), "shard {at}");
        assert!(
            CUT.with(|h, p| {
                place(p);
                recommit(h, p)
            })
            .is_err(),
            "shard {at}, recommitted"
        );
    }
    for (from_header, proofs) in [(&CUT.header, &other.proofs), (&other.header, &CUT.proofs)] {
        assert!(verify(from_header, proofs).is_err());
    }
    // Proven together under one global challenge: only the memory differs.
    let mixed = [&CUT.shards[..1], &other.shards[1..]].concat();
    let (header, proofs) = prove(&CUT.key, &mixed);
    assert_eq!(verify(&header, &proofs), Err(MachineError::GlobalMemory));
}

/// Cases 20, 25, 36: every public value of every shard.
#[test]
fn public_values_are_bound() {
    type Edit = (&'static str, fn(&mut Public));
    let edits: [Edit; 20] = [
        ("index", |p| p.index += 1),
        ("index 0", |p| p.index = 0),
        ("index + p", |p| p.index += F::ORDER_U32),
        ("is_last", |p| p.is_last ^= true),
        ("pc_in", |p| p.pc_in += 1),
        ("pc_in + p", |p| p.pc_in += F::ORDER_U32),
        ("pc_out", |p| p.pc_out ^= 1),
        ("pc_out + p", |p| p.pc_out += F::ORDER_U32),
        ("pc_out = HALT", |p| p.pc_out = if p.pc_out == HALT { 0 } else { HALT }),
        ("ts_out", |p| p.ts_out += 16),
        ("ts_out + p", |p| p.ts_out += F::ORDER_U32),
        ("key_in", |p| p.key_in += 1),
        ("key_in + p", |p| p.key_in += F::ORDER_U32),
        ("key_out", |p| p.key_out += 1),
        ("key_out + p", |p| p.key_out += F::ORDER_U32),
        ("keys", |p| (p.key_in, p.key_out) = (p.key_in + 1, p.key_out + 1)),
        ("status", |p| p.status ^= 1),
        ("status 65536", |p| p.status = 1 << 16),
        ("digest", |p| p.digest[31] ^= 1),
        ("exit", |p| (p.status, p.digest) = (1, [1; 32])),
    ];
    for i in 0..CUT.proofs.len() {
        for (name, edit) in edits {
            assert!(CUT.with(|_, p| edit(&mut p[i].public)).is_err(), "shard {i}: {name}");
        }
    }
    // Two shards that agree on a lie.
    assert!(CUT.with(|_, p| (p[0].public.pc_out, p[1].public.pc_in) = (7, 7)).is_err());
    assert!(CUT.with(|_, p| (p[0].public.key_out, p[1].public.key_in) = (1 << 20, 1 << 20)).is_err());
    let early = CUT.with(|_, p| p[0].public.status = 1);
    assert_eq!(early, Err(MachineError::EarlyExit { index: 1 }));
}

/// Cases 19, 22, 25: the header.
#[test]
fn the_header_is_bound() {
    for shards in [0, 1, 2, CUT.header.shards + 1, SHARDS_MAX, SHARDS_MAX + 1, u32::MAX] {
        assert!(CUT.with(|h, _| h.shards = shards).is_err(), "{shards} shards");
    }
    for element in 0..8 {
        assert!(CUT.with(|h, _| h.chain_end[element] += F::ONE).is_err(), "chain end");
        // Ground again, so that only the chain and the challenges can tell.
        let again = CUT.with(|h, _| {
            h.chain_end[element] += F::ONE;
            h.global_witness = GlobalChallenge::grind(&MACHINE, &h.chain_end, h.shards).1;
        });
        assert!(again.is_err(), "chain end, ground again");
    }
    for delta in 1..20 {
        // Another witness that grinds gives other challenges.
        assert!(CUT.with(|h, _| h.global_witness += F::from_u32(delta)).is_err(), "witness + {delta}");
    }
}

/// Case 26: every field of the verifying key changes its digest and is needed.
#[test]
fn every_field_of_the_key_is_bound() {
    type Edit = (&'static str, fn(&mut VerifyingKey));
    let edits: [Edit; 9] = [
        ("machine", |vk| vk.machine[3] += F::ONE),
        ("program root", |vk| vk.program_root[0] += F::ONE),
        ("program height", |vk| vk.program_log_height += 1),
        ("program height 255", |vk| vk.program_log_height = 255),
        ("image root", |vk| vk.image_root[7] += F::ONE),
        ("image height", |vk| vk.image_log_height -= 1),
        ("image end", |vk| vk.image_end += 1),
        ("image end 0", |vk| vk.image_end = 0),
        ("entry", |vk| vk.entry += 1),
    ];
    let mut digests = vec![CUT.key.vk.digest()];
    for (name, edit) in edits {
        let refused = CUT.with(|h, p| {
            edit(&mut h.vk);
            assert_eq!(VerifyingKey::decode(&h.vk.encode()), Some(h.vk.clone()));
            digests.push(h.vk.digest());
            // The public values that the key gives, as the edited key has them.
            (p[0].public.pc_in, p[0].public.key_in) = (h.vk.entry, h.vk.image_end.wrapping_sub(1));
        });
        assert!(refused.is_err(), "{name}");
    }
    assert_distinct(digests);
}

/// Case 26: what differs in a program or its circuits differs in the key.
#[test]
fn different_programs_have_different_keys() {
    let base = mixture(1, 0);
    let key = |program: Program| ProgramKey::new(&MACHINE, program).vk;
    let edit = |lie: fn(&mut Program)| {
        let mut program = base.clone();
        lie(&mut program);
        key(program)
    };
    let keys = [
        key(base.clone()),
        edit(|p| p.rom[3].i0 ^= 1),
        edit(|p| p.rom[0].rd = 31),
        edit(|p| p.rom[5].npc += 2),
        edit(|p| p.rom.truncate(p.rom.len() - 1)),
        edit(|p| p.segments[1].dwords[0] ^= 1),
        edit(|p| p.segments[1].dwords.truncate(31)),
        edit(|p| p.entry += 2),
        edit(|p| p.image_end += 1),
        ProgramKey::new(&Machine::new(Profile::Standard), base.clone()).vk,
    ];
    assert_distinct(keys.iter().map(VerifyingKey::digest).collect());
    assert_distinct(keys.iter().map(|vk| vk.encode().to_vec()).collect());
    // The same program in another run of the set-up has the same key.
    assert_eq!(key(base), keys[0]);
    // A proof of one program under the key of another.
    let other = key(mixture(2, 0x77));
    assert!(CUT.with(|h, _| h.vk = other.clone()).is_err());
    let standard = Machine::new(Profile::Standard);
    assert_eq!(MachineVerifier::new(&standard, &CUT.header).err(), Some(MachineError::OtherMachine));
}

/// Cases 9, 13, 24: tables that must or must not be there; heights.
#[test]
fn no_other_shape_is_accepted() {
    let names = MACHINE.chip_names();
    let chips = names.len();
    let chip = |name| names.iter().position(|other| *other == name).unwrap();
    let first: Vec<_> = (0..chips).map(|chip| CUT.proofs[0].tables.shape.log_heights[chip]).collect();
    for shard in [0, CUT.proofs.len() - 1] {
        for chip in 0..chips {
            for height in [None, Some(0), Some(4), Some(5), Some(6), Some(16), Some(22), Some(23), Some(255)]
            {
                if CUT.proofs[shard].tables.shape.log_heights[chip] != height {
                    let refused = CUT.with(|_, p| p[shard].tables.shape.log_heights[chip] = height);
                    assert!(refused.is_err(), "shard {shard}, chip {chip}: {height:?}");
                }
            }
        }
        for lie in
            [vec![], first[..chips - 1].to_vec(), [first.clone(), vec![Some(6)]].concat(), vec![None; chips]]
        {
            let refused = CUT.with(|_, p| p[shard].tables.shape = Shape { log_heights: lie.clone() });
            assert!(refused.is_err(), "shard {shard}: {lie:?}");
        }
        for (a, b) in [("ADD", "ADDI"), ("BOUNDARY", "INIT"), ("PROGRAM", "IMAGE"), ("RANGE", "BYTE")] {
            let (a, b) = (chip(a), chip(b));
            let heights = &CUT.proofs[shard].tables.shape.log_heights;
            if heights[a] != heights[b] {
                assert!(CUT.with(|_, p| p[shard].tables.shape.log_heights.swap(a, b)).is_err());
            }
        }
    }
    let (program, image) = (chip("PROGRAM"), chip("IMAGE"));
    // Case 20: tables whose rows together make more interactions than the characteristic allows for.
    let tall = CUT.with(|_, p| {
        let heights = &mut p[0].tables.shape.log_heights;
        let others = heights.iter_mut().enumerate().filter(|(chip, _)| ![program, image].contains(chip));
        others.for_each(|(_, h)| *h = Some(22));
    });
    assert!(
        matches!(tall, Err(MachineError::Shard { error: VerifyError::TooManyInteractions { .. }, .. })),
        "{tall:?}"
    );
    let image = CUT.with(|_, p| p[0].tables.shape.log_heights[image] = Some(6));
    assert_eq!(image, Err(MachineError::Presence { index: 1, table: "IMAGE", expected: false }));
    let program = CUT.with(|_, p| p[0].tables.shape.log_heights[program] = Some(6));
    assert_eq!(program, Err(MachineError::Presence { index: 1, table: "PROGRAM", expected: false }));
}

/// A shard that has every table, each of another height, can be verified: no program is without a proof because of what it
/// calls.
#[test]
fn all_tables_fit_one_shard() {
    let chips = &MACHINE.chip_set().chips;
    let columns = chips.iter().map(|entry| {
        let quotient = 8;
        entry.widths.preprocessed
            + entry.committed_columns()
            + 4 * entry.aux_columns()
            + 8 * entry.sums()
            + quotient
    });
    let columns: usize = columns.sum();
    assert!(columns <= vellum_stark::COLUMNS_MAX, "{columns} columns");
}

/// Case 20: at most 2 interactions a row of BOUNDARY, INIT, CODE, PROGRAM and IMAGE, and no sum of them wraps.
#[test]
fn global_interactions_are_counted() {
    let names = MACHINE.chip_names();
    let mut shape = Shape { log_heights: vec![Some(22); names.len()] };
    assert_eq!(global_interactions(&shape), 5 << 23);
    for (height, name) in shape.log_heights.iter_mut().zip(names) {
        if ["BOUNDARY", "INIT", "CODE", "PROGRAM", "IMAGE"].contains(&name) {
            *height = None;
        }
    }
    assert_eq!(global_interactions(&shape), 0);
    let shards = CUT.proofs.iter().map(|proof| global_interactions(&proof.tables.shape));
    assert!(shards.clone().all(|count| count > 0) && shards.sum::<u64>() < GLOBAL_INTERACTIONS_MAX);
}

/// The shard proof of one global challenge does not serve under another: γ and β are public values.
#[test]
fn global_challenges_cannot_be_chosen() {
    let (key, shards) = one_shard();
    let execution = Execution::commit(&key, &shards);
    let mut chosen = execution.chain[0];
    chosen.global = GlobalChallenge { gamma: EF::ONE, beta: EF::TWO };
    let (proof, _) = prove_shard(&MACHINE, &key, &shards[0], &chosen, &mut Stages::start());
    assert!(verify(&execution.header, [&proof]).is_err());
    let mut chosen = execution.chain[0];
    chosen.before = Digest::default();
    let (proof, _) = prove_shard(&MACHINE, &key, &shards[0], &chosen, &mut Stages::start());
    assert!(verify(&execution.header, [&proof]).is_err());
}

/// Gives the shards the numbers, marks, pcs and ranges that the verifier wants to see.
fn relabel(proofs: &mut [ShardProof]) {
    let n = proofs.len();
    let mut pc = CUT.key.vk.entry;
    let mut key = CUT.key.vk.image_end - 1;
    let names = MACHINE.chip_names();
    let [program, image] =
        ["PROGRAM", "IMAGE"].map(|name| names.iter().position(|other| *other == name).unwrap());
    for (i, proof) in proofs.iter_mut().enumerate() {
        let public = &mut proof.public;
        (public.index, public.is_last) = (i as u32 + 1, i + 1 == n);
        (public.pc_in, public.key_in) = (pc, key);
        if public.is_last {
            public.pc_out = HALT;
            proof.tables.shape.log_heights[program] = Some(CUT.key.vk.program_log_height);
            proof.tables.shape.log_heights[image] = Some(CUT.key.vk.image_log_height);
        } else {
            (public.status, public.digest) = (0, [0; 32]);
            proof.tables.shape.log_heights[program] = None;
            proof.tables.shape.log_heights[image] = None;
        }
        (pc, key) = (public.pc_out, public.key_out);
    }
}

/// Recomputes the chain's end and grinds, as if the roots had been these.
fn recommit(header: &mut MachineHeader, proofs: &[ShardProof]) {
    let mut chain = vellum_chips::chain_start(&header.vk.digest());
    for (i, proof) in (1..).zip(proofs) {
        let root = proof.tables.phase0_root();
        chain = vellum_chips::chain_next(&chain, i, &proof.tables.shape, &root);
    }
    header.chain_end = chain;
    header.global_witness = GlobalChallenge::grind(&MACHINE, &chain, header.shards).1;
}

fn assert_distinct<T: PartialEq + std::fmt::Debug>(values: Vec<T>) {
    for (i, a) in values.iter().enumerate() {
        for b in &values[i + 1..] {
            assert_ne!(a, b);
        }
    }
}
