//! Lies about calls of precompiles in whole shards: one thing of an honest call is changed, alone or with all that follows
//! from it outside the call's rows. Nothing is proven here.
//!
//! The program's calls all end a shard, or all start one: so a lie is judged on a short shard, and what it changes of
//! registers and memory can come from the shard before and go to the next.
#![allow(clippy::unwrap_used, missing_docs)]

mod common;

use std::{
    collections::BTreeSet,
    panic::{AssertUnwindSafe, catch_unwind},
    sync::LazyLock,
};

use common::{
    MACHINE, Which,
    assembler::{A0, A1, A2, A3, Asm, DATA, T0, T1},
    carry, histories, instructions, shards,
};
use vellum_chips::{
    CopyAlignedChip, CopyChip, HintChip, KeccakChip, KeccakFChip, PrecompileChip, ProgramKey, Secp256k1Chip,
    Sha256Chip, Sha256RoundsChip, SpongeChip, U256Chip, check_execution, check_shard,
};
use vellum_executor::{Call, Shard, ShardLimits};
use vellum_isa::{
    HintKind,
    Precompile::{self, *},
    encode::{LOAD, i_type},
    map::{INPUT_BASE, REGISTER_KEY},
};
use vellum_stark::F;

/// Instructions of a shard: enough to set the registers of a call, and the call.
const PERIOD: u32 = 20;
/// The input's bytes.
const IN: u64 = INPUT_BASE + 8;
const HEAP: u64 = 0x10_0000;
const POINT: u64 = HEAP;
const NUMBER: u64 = HEAP + 0x800;
const STATE: u64 = HEAP + 0x900;
const DIGEST: u64 = HEAP + 0xa00;
const HASH: u64 = DATA + 0x80;
const ANSWER: u64 = HEAP + 0xb00;
const FIRST: u64 = 1;
const LAST: u64 = 2;

/// Calls of every precompile, and the dwords that each writes: address and number.
const CALLS: [(Precompile, [u64; 4], (u64, u32)); 20] = [
    (Memcpy, [POINT, IN, 64, 0], (POINT, 8)),
    (Memcpy, [HEAP + 0x103, IN + 6, 37, 0], (HEAP + 0x100, 5)),
    // over itself, in both ways
    (Memcpy, [HEAP + 0x106, HEAP + 0x101, 30, 0], (HEAP + 0x100, 5)),
    (Memcpy, [IN + 80, IN + 96, 48, 0], (IN + 80, 6)),
    (Memset, [HEAP + 0x201, 0xa5, 30, 0], (HEAP + 0x200, 4)),
    (Memset, [IN + 160, 7, 48, 0], (IN + 160, 6)),
    (Secp256k1Double, [POINT, 0, 0, 0], (POINT, 8)),
    (Secp256k1Add, [POINT, IN, 0, 0], (POINT, 8)),
    // one number twice, and the result over it
    (U256MulMod, [DATA + 8, DATA, DATA, IN], (DATA + 8, 4)),
    (U256MulAdd, [NUMBER, DATA + 0x20, IN, DATA + 0x28], (NUMBER, 8)),
    (U256Sub, [NUMBER, NUMBER, DATA + 0x40, 0], (NUMBER, 5)),
    (Keccak, [DIGEST, IN + 3, 100, FIRST | LAST], (DIGEST, 4)),
    (Keccak, [DIGEST, IN + 1, 300, FIRST | LAST], (DIGEST, 4)),
    (Keccak, [STATE, IN + 5, 136, FIRST], (STATE, 25)),
    // the state absorbs itself
    (Keccak, [STATE, STATE + 8, 136, 0], (STATE, 25)),
    (Keccak, [STATE, IN, 20, LAST], (STATE, 4)),
    (Sha256, [HASH, DATA + 0x40, 0, 0], (HASH, 4)),
    (Sha256, [HASH, HASH, 0, 0], (HASH, 4)),
    (Hint, [HintKind::Inverse as u64, IN, ANSWER, 4], (ANSWER, 4)),
    (Hint, [HintKind::Glv as u64, IN, ANSWER + 8, 5], (ANSWER + 8, 5)),
];

/// A point of secp256k1, its generator, then bytes.
fn input() -> Vec<u8> {
    let generator: [u64; 8] = [
        0x59f2_815b_16f8_1798,
        0x029b_fcdb_2dce_28d9,
        0x55a0_6295_ce87_0b07,
        0x79be_667e_f9dc_bbac,
        0x9c47_d08f_fb10_d4b8,
        0xfd17_b448_a685_5419,
        0x5da4_fbfc_0e11_08a8,
        0x483a_da77_26a3_c465,
    ];
    generator.into_iter().flat_map(u64::to_le_bytes).chain((0..340).map(|i| (i * i) as u8)).collect()
}

struct Fixture {
    key: ProgramKey,
    whole: Vec<Shard>,
    cut: Vec<Shard>,
}

impl Fixture {
    /// The program with `late` instructions before all others: every call is that far behind the end of a shard.
    fn new(late: u32) -> Self {
        let nop = |asm: Asm| asm.addi(0, 0, 0);
        let mut asm = (0..late).fold(Asm::new(), |asm, _| nop(asm));
        for (precompile, [a0, a1, a2, a3], _) in CALLS {
            let call = Asm::new().li(A0, a0).li(A1, a1).li(A2, a2).li(A3, a3).ecall(precompile.code());
            asm = (call.0.len()..PERIOD as usize).fold(asm, |asm, _| nop(asm));
            asm.0.extend(call.0);
        }
        for (_, _, (at, dwords)) in CALLS {
            asm = asm.li(T1, at);
            asm = (0..dwords).fold(asm, |asm, i| asm.word(i_type(LOAD, 3, T0, T1, 8 * i)));
        }
        let key = ProgramKey::new(&MACHINE, asm.li(A0, 0).exit().program());
        let [whole, cut] = [ShardLimits::UNLIMITED, instructions(PERIOD)]
            .map(|limits| shards(&key.program, &input(), &limits));
        Self { key, whole, cut }
    }

    /// The short shards that have a call, with its number in [`CALLS`].
    fn calls(&self) -> impl Iterator<Item = (usize, &Shard)> {
        self.cut.iter().filter(|shard| !shard.calls.is_empty()).enumerate()
    }

    /// What becomes of a lie.
    fn judge(&self, honest: &Shard, lie: impl FnOnce(&mut Shard)) -> Verdict {
        let mut shard = honest.clone();
        lie(&mut shard);
        // Rows for millions of blocks would fill the memory before they were too many for their table.
        if shard.calls.iter().any(|call| call.code == Keccak.code() && call.args[2] >= 1 << 17) {
            return Verdict::NoRows;
        }
        let rows = |shard: &Shard| shard.calls.iter().map(cells).collect::<Vec<_>>();
        // Of some arguments no rows can be made, and their number may not suit their table.
        let verdict = catch_unwind(AssertUnwindSafe(|| {
            if rows(&shard) == rows(honest)
                && shard.ecalls == honest.ecalls
                && shard.boundary == honest.boundary
            {
                return Verdict::Same;
            }
            check_shard(&MACHINE, &self.key, &shard).map_or_else(Verdict::Refused, |()| Verdict::Accepted)
        }));
        verdict.unwrap_or(Verdict::NoRows)
    }
}

#[derive(Debug, PartialEq, Eq)]
enum Verdict {
    /// Everything committed is as it was.
    Same,
    /// The prover has no rows for it.
    NoRows,
    Refused(String),
    Accepted,
}

/// Counts the lies that were judged.
#[derive(Debug, Default)]
struct Tally {
    refused: usize,
    no_rows: usize,
}

impl Tally {
    #[track_caller]
    fn count(&mut self, verdict: &Verdict, lie: impl FnOnce() -> String) {
        match verdict {
            Verdict::Same => {}
            Verdict::NoRows => self.no_rows += 1,
            Verdict::Refused(_) => self.refused += 1,
            Verdict::Accepted => panic!("accepted: {}", lie()),
        }
    }
}

/// The rows that a call becomes in all tables.
fn cells(call: &Call) -> Vec<Vec<F>> {
    fn of<C: PrecompileChip>(chip: &C, call: &Call, cells: &mut Vec<Vec<F>>) {
        cells.extend(chip.rows(call).iter().map(|from| {
            let mut row = vec![F::default(); chip.widths().main];
            chip.write_row(from, &mut row);
            row
        }));
    }
    let mut cells = Vec::new();
    of(&HintChip, call, &mut cells);
    of(&KeccakChip, call, &mut cells);
    of(&SpongeChip, call, &mut cells);
    of(&KeccakFChip, call, &mut cells);
    of(&Secp256k1Chip, call, &mut cells);
    of(&U256Chip, call, &mut cells);
    of(&CopyChip, call, &mut cells);
    of(&CopyAlignedChip, call, &mut cells);
    of(&Sha256Chip, call, &mut cells);
    of(&Sha256RoundsChip, call, &mut cells);
    cells
}

static ENDS: LazyLock<Fixture> = LazyLock::new(|| Fixture::new(0));
static STARTS: LazyLock<Fixture> = LazyLock::new(|| Fixture::new(1));

/// Changes of a 64-bit value.
const VALUES: [fn(u64) -> u64; 4] =
    [|v| v ^ 1, |v| v.wrapping_add(1 << 16), |v| v ^ 1 << 63, |v| v.wrapping_sub(0xffff)];
/// Changes of a time, key or slot.
const TIMES: [fn(u32) -> u32; 4] = [|t| t + 1, |t| t.saturating_sub(1), |t| t + 16, |t| t ^ 1 << 16];
/// Changes of an argument.
const ARGUMENTS: [fn(u32) -> u32; 7] = [
    |a| a.wrapping_add(1),
    |a| a.wrapping_sub(1),
    |a| a.wrapping_add(8),
    |a| a.wrapping_sub(8),
    |a| a.wrapping_add(1 << 16),
    |a| a.wrapping_sub(0xffff),
    |a| a ^ 1 << 31,
];

/// Up to about a dozen of a call's touches: the first, the last, some between.
fn sample(call: &Call) -> impl Iterator<Item = usize> {
    let count = call.touches.len();
    (0..count).filter(move |i| *i < 2 || i + 2 >= count || i % (count / 8 + 1) == 0)
}

#[test]
fn honest_calls_are_accepted() {
    for (fixture, place) in [(&*ENDS, PERIOD), (&*STARTS, 1)] {
        assert_eq!(check_execution(&MACHINE, &fixture.key, &fixture.whole), Ok(()));
        assert_eq!(check_execution(&MACHINE, &fixture.key, &fixture.cut), Ok(()));
        assert_eq!(fixture.calls().count(), CALLS.len());
        for ((_, shard), (precompile, ..)) in fixture.calls().zip(CALLS) {
            let [call] = &shard.calls[..] else { panic!("one call a shard") };
            assert_eq!((call.code, call.ts), (precompile.code(), 16 * place));
        }
    }
    let unproven = Precompile::ALL.into_iter().filter(|p| CALLS.iter().all(|(called, ..)| called != p));
    assert_eq!(unproven.collect::<Vec<_>>(), [Memcmp], "every precompile with a chip is called");
}

/// Cases 3, 5, 11, 12, 15: every field of a call and of its touches, one change at a time.
#[test]
fn no_field_of_a_call_can_be_changed() {
    let f = &*ENDS;
    let mut tally = Tally::default();
    for (number, shard) in f.calls() {
        let mut judge = |name: &str, lie: &dyn Fn(&mut Call)| {
            let verdict = f.judge(shard, |shard| lie(&mut shard.calls[0]));
            tally.count(&verdict, || format!("{name} of call {number}, {:?}", CALLS[number]));
        };
        for (turn, i) in sample(&shard.calls[0]).enumerate() {
            let value = VALUES[(turn + number) % VALUES.len()];
            let time = TIMES[(turn + number) % TIMES.len()];
            judge("old", &|call| call.touches[i].access.old = value(call.touches[i].access.old));
            judge("prev_ts", &|call| call.touches[i].access.prev_ts = time(call.touches[i].access.prev_ts));
            judge("new", &|call| call.touches[i].new = value(call.touches[i].new));
            judge("key", &|call| call.touches[i].key = time(call.touches[i].key));
            judge("slot", &|call| call.touches[i].slot = time(call.touches[i].slot));
            judge("a touch left out", &|call| {
                call.touches.remove(i);
            });
            // Once more at the end of a row of them, it would stand in cells that nothing reads.
            let touches = &shard.calls[0].touches;
            if touches.get(i + 1).is_some_and(|next| next.slot == touches[i].slot) {
                judge("a touch twice", &|call| call.touches.insert(i, call.touches[i]));
            }
            judge("two touches exchanged", &|call| {
                let other = (i + 1) % call.touches.len();
                call.touches.swap(i, other);
            });
        }
        TIMES.iter().for_each(|time| judge("ts", &|call| call.ts = time(call.ts)));
        for argument in 0..4 {
            for change in ARGUMENTS {
                judge("an argument", &|call| call.args[argument] = change(call.args[argument]));
            }
        }
        for code in Precompile::ALL.map(Precompile::code) {
            judge("the code", &|call| call.code = code);
        }
    }
    println!("{tally:?}");
    assert!(tally.refused > 1000 && tally.no_rows < tally.refused / 4, "{tally:?}");
}

/// Case 15: another argument or code, and the registers hold it since the shard before. Only the call's rows can object.
#[test]
fn registers_do_not_change_with_a_calls_arguments() {
    let f = &*STARTS;
    let mut tally = Tally::default();
    for (number, shard) in f.calls() {
        let registers: Vec<_> = histories(&f.key.program, shard)
            .into_iter()
            .filter(|history| matches!(history[0].which, Which::A7 | Which::Argument(0..4)))
            .collect();
        assert_eq!(registers.len(), 5);
        for history in registers {
            let key = history[0].key;
            // Whether the circuit says nothing about it: what a hint is asked.
            let free = |shard: &Shard| {
                shard.calls[0].code == Hint.code() && matches!(history[0].which, Which::Argument(0 | 1))
            };
            let mut judge = |lie: &dyn Fn(&mut Call) -> u64| {
                let mut false_shard = None;
                let verdict = f.judge(shard, |shard| {
                    let value = lie(&mut shard.calls[0]);
                    shard.boundary.iter_mut().find(|row| row.key == key).unwrap().first = value;
                    carry(&f.key.program, shard, &history, 0, value);
                    false_shard = Some(shard.clone());
                });
                let shard = false_shard.unwrap();
                if free(&shard) {
                    assert_eq!(verdict, Verdict::Accepted);
                } else {
                    tally.count(&verdict, || {
                        format!("x{} of call {number}: {:x?}", key - REGISTER_KEY, shard.calls[0])
                    });
                }
            };
            match history[0].which {
                Which::Argument(i) => ARGUMENTS.into_iter().for_each(|change| {
                    judge(&|call| {
                        call.args[i] = change(call.args[i]);
                        call.args[i].into()
                    });
                }),
                _ => Precompile::ALL
                    .into_iter()
                    .filter(|other| other.code() != shard.calls[0].code)
                    .for_each(|other| {
                        judge(&|call| {
                            call.code = other.code();
                            call.code
                        });
                    }),
            }
        }
    }
    println!("{tally:?}");
    assert!(tally.refused > 400 && tally.no_rows < tally.refused / 4, "{tally:?}");
}

/// Cases 2 to 5: a call writes something else, and memory holds it ever after. Of a hint, that is honest.
#[test]
fn no_result_of_a_call_is_free() {
    let f = &*ENDS;
    let mut tally = Tally::default();
    for (number, shard) in f.calls() {
        let touches = &shard.calls[0].touches;
        for i in
            (0..touches.len()).filter(|i| touches[i + 1..].iter().all(|later| later.key != touches[*i].key))
        {
            let key = touches[i].key;
            let verdict = f.judge(shard, |shard| {
                let new = &mut shard.calls[0].touches[i].new;
                *new = VALUES[i % VALUES.len()](*new);
                let value = *new;
                shard.boundary.iter_mut().find(|row| row.key == key).unwrap().last = value;
            });
            if shard.calls[0].code == Hint.code() {
                assert_eq!(verdict, Verdict::Accepted, "the host answers what it likes");
            } else {
                tally.count(&verdict, || format!("touch {i} of call {number}, {:?}", CALLS[number]));
            }
        }
    }
    println!("{tally:?}");
    assert!(tally.refused > 200 && tally.no_rows == 0, "{tally:?}");
}

/// Cases 2 to 5: a call read something else, memory held it all along, and the result is the honest one's.
#[test]
fn no_input_of_a_call_is_free() {
    let f = &*ENDS;
    let mut tally = Tally::default();
    for (number, shard) in f.calls() {
        let call = &shard.calls[0];
        let run = match CALLS[number] {
            (Memcpy, [_, from, len, _], _) | (Keccak, [_, from, len, _], _) => Some(from..from + len),
            _ => None,
        };
        let mut seen = BTreeSet::new();
        for (i, touch) in call.touches.iter().enumerate() {
            let replaced = match CALLS[number].0 {
                Hint => true,
                Secp256k1Add | Secp256k1Double | Sha256 => false,
                // KECCAK loads a state in slot 9.
                Keccak => touch.slot == 10,
                U256MulMod | U256MulAdd | U256Sub => touch.slot == 10,
                _ => touch.new != touch.access.old || touch.slot == 8,
            };
            if !seen.insert(touch.key) || replaced {
                continue;
            }
            let base = 8 * u64::from(touch.key);
            let byte = match &run {
                Some(run) if touch.slot <= 8 => run.start.max(base)..run.end.min(base + 8),
                _ => base..base + 8,
            };
            let bit = 1 << (8 * (byte.start - base) + i as u64 % 8);
            let verdict = f.judge(shard, |shard| {
                let row = shard.boundary.iter_mut().find(|row| row.key == touch.key).unwrap();
                row.first ^= bit;
                let mut read_only = true;
                for later in shard.calls[0].touches.iter_mut().filter(|later| later.key == touch.key) {
                    let write = later.new != later.access.old;
                    if read_only {
                        later.access.old ^= bit;
                    }
                    read_only &= !write;
                    if read_only {
                        later.new ^= bit;
                    }
                }
                if read_only {
                    row.last ^= bit;
                }
            });
            tally.count(&verdict, || format!("touch {i} of call {number}, {:?}", CALLS[number]));
        }
    }
    println!("{tally:?}");
    assert!(tally.refused > 150 && tally.no_rows == 0, "{tally:?}");
}

/// Cases 8 and 11: calls missing, twice, without an ecall, and with each other's touches, arguments and times.
#[test]
fn no_call_can_be_added_left_out_or_mixed() {
    let f = &*ENDS;
    let shard = &f.whole[0];
    let mut tally = Tally::default();
    let mut judge = |name: &str, number: usize, lie: &dyn Fn(&mut Shard)| {
        let verdict = f.judge(shard, lie);
        tally.count(&verdict, || format!("{name}, call {number}, {:?}", CALLS[number]));
    };
    for (number, call) in shard.calls.iter().enumerate() {
        let at = shard.ecalls.iter().position(|ecall| ecall.ts == call.ts).unwrap();
        judge("a call left out", number, &|s| {
            s.calls.remove(number);
        });
        judge("a call twice", number, &|s| s.calls.push(s.calls[number].clone()));
        judge("a call at the end", number, &|s| {
            s.calls.push(Call { ts: s.ts_out, ..s.calls[number].clone() });
        });
        judge("an ecall left out", number, &|s| {
            s.ecalls.remove(at);
        });
        judge("ecall and call left out", number, &|s| {
            s.ecalls.remove(at);
            s.calls.remove(number);
        });
        judge("a call without touches", number, &|s| s.calls[number].touches.clear());
        let next = (number + 1) % CALLS.len();
        let alike = (0..CALLS.len()).find(|other| *other != number && CALLS[*other].0 == CALLS[number].0);
        for other in [Some(next), alike].into_iter().flatten() {
            let exchange = |s: &mut Shard, what: fn(&mut Call, &mut Call)| {
                let [a, b] = s.calls.get_disjoint_mut([number, other]).unwrap();
                what(a, b);
            };
            judge("touches", number, &|s| {
                exchange(s, |a, b| std::mem::swap(&mut a.touches, &mut b.touches));
            });
            judge("arguments", number, &|s| exchange(s, |a, b| std::mem::swap(&mut a.args, &mut b.args)));
            judge("times", number, &|s| exchange(s, |a, b| std::mem::swap(&mut a.ts, &mut b.ts)));
            judge("codes", number, &|s| exchange(s, |a, b| std::mem::swap(&mut a.code, &mut b.code)));
            judge("a touch", number, &|s| {
                exchange(s, |a, b| {
                    if let ([.., a], [.., b]) = (&mut a.touches[..], &mut b.touches[..]) {
                        std::mem::swap(a, b);
                    }
                });
            });
        }
    }
    println!("{tally:?}");
    assert!(tally.refused > 150 && tally.no_rows < tally.refused / 4, "{tally:?}");
}
