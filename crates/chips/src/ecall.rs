//! ECALL proves `ecall`: the two exits, the calls without effect in the circuit, and that a precompile is called.
//!
//! | columns | number | vouched for by |
//! |---|---|---|
//! | pc, ts | 2 | STATE |
//! | npc | 1 | PROG |
//! | next pc | 1 | constraints |
//! | exit, exit_output, write, commit, mark, precompile | 6 | constraints; which is set: MEM through a7, PRE |
//! | code of the precompile | 1 | PRE |
//! | a7: previous time, distance | 2 | MEM |
//! | a0 access | 6 | MEM |
//! | a1 … a4 accesses | 24 | MEM |
//!
//! halt = exit + exit_output, r = halt + write + commit + mark + precompile. Constraints (degree):
//! - the six flags and r ∈ {0, 1} (2)
//! - next pc = halt·HALT + (r − halt)·npc (2)
//! - exit·a_(1+j),i = 0 (2): no digest without output
//! - precompile·a_j,2 = precompile·a_j,3 = 0 for j = 0 … 3 (2): arguments of 32 bits
//!
//! Interactions: PROG, STATE; the access of a7 (ts + 1), whose value is (Σ flag·code + code of the precompile, 0, 0, 0); of
//! a0 (ts + 2, where halt or precompile); of a1 … a3 (ts + 3 … ts + 5, where exit_output or precompile); of a4 (ts + 6,
//! where exit_output); EXIT.send(a0, a1, …, a4) where halt; PRE.send(code, ts, two limbs of each of a0 … a3) where precompile.
//!
//! # Soundness
//! - a7 is read with the value that the flags say, all four limbs, so the set flag is the call made: the codes differ. A
//!   code that is not listed has no row. So the next pc is fixed: HALT after an exit, the following instruction otherwise.
//! - A precompile's code column counts in a7 only together with the other flags' codes, so a row with another flag whose
//!   column is not zero would pass another call for this one: code·(r − precompile) = 0. With the flag `precompile` the code
//!   is a7's, and PRE balances only if a chip receives it: no chip receives a code that is no precompile's, the codes above
//!   included.
//! - The digest is a1 … a4 as read (limb i of a_(1+j) is bytes 8j + 2i and 8j + 2i + 1) or zero, the status a0 as read, all
//!   limbs of both. Cells that the row's call does not read reach no bus.
//! - HALT is no ROM row, so nothing follows an exit, and the verifier receives exactly one EXIT tuple in the last shard
//!   and none elsewhere.

use vellum_executor::EcallEvent;
use vellum_isa::{Family, Op, Precompile, RomRow, ecall, map::HALT};
use vellum_stark::{Builder, Chip, Columns, F, PrimeCharacteristicRing, Widths};

use crate::{Cpu, EXIT, PRE, Read, access::slot, family::exclusive};

const NO_DIGEST: [[&str; 4]; 4] = [
    ["no digest, a1 limb 0", "no digest, a1 limb 1", "no digest, a1 limb 2", "no digest, a1 limb 3"],
    ["no digest, a2 limb 0", "no digest, a2 limb 1", "no digest, a2 limb 2", "no digest, a2 limb 3"],
    ["no digest, a3 limb 0", "no digest, a3 limb 1", "no digest, a3 limb 2", "no digest, a3 limb 3"],
    ["no digest, a4 limb 0", "no digest, a4 limb 1", "no digest, a4 limb 2", "no digest, a4 limb 3"],
];
/// Register number of a7.
const A7: u32 = 17;
/// Register number of a0; a1 to a4 follow.
const A0: u32 = 10;

/// The calls in the order of the flags: the two that end the execution first.
const CALLS: [u64; 5] = [ecall::EXIT, ecall::EXIT_OUTPUT, ecall::WRITE, ecall::COMMIT, ecall::MARK];

/// The columns.
#[derive(Clone, Default)]
struct Row<T> {
    /// pc and time.
    cpu: Cpu<T>,
    /// pc cell of the following instruction.
    npc: T,
    /// pc cell of the instruction executed next, or HALT.
    next_pc: T,
    /// One-hot: the call, in the order of `CALLS`, then any precompile.
    flags: [T; 6],
    /// Number of the precompile.
    code: T,
    /// Time of the previous access of a7.
    a7_prev_ts: T,
    /// Low 16 bits of the time distance of a7.
    a7_dlo: T,
    /// Access of a0, the exit status.
    a0: Read<T>,
    /// Accesses of a1 to a4, the digest.
    digest: [Read<T>; 4],
}

impl<T: Default> Columns<T> for Row<T> {
    fn visit(&mut self, f: &mut impl FnMut(&mut T)) {
        self.cpu.visit(f);
        f(&mut self.npc);
        f(&mut self.next_pc);
        self.flags.visit(f);
        f(&mut self.code);
        f(&mut self.a7_prev_ts);
        f(&mut self.a7_dlo);
        self.a0.visit(f);
        for read in &mut self.digest {
            read.visit(f);
        }
    }
}

/// Their constraints' names.
const FLAGS: [&str; 6] = [
    "exit boolean",
    "exit_output boolean",
    "write boolean",
    "commit boolean",
    "mark boolean",
    "precompile boolean",
];

const SHORT: [[&str; 2]; 4] = [
    ["precompile, a0 limb 2", "precompile, a0 limb 3"],
    ["precompile, a1 limb 2", "precompile, a1 limb 3"],
    ["precompile, a2 limb 2", "precompile, a2 limb 3"],
    ["precompile, a3 limb 2", "precompile, a3 limb 3"],
];

/// The chip.
#[derive(Clone, Copy, Debug, Default)]
pub struct EcallChip;

impl Chip for EcallChip {
    fn name(&self) -> &'static str {
        Family::Ecall.name()
    }

    fn widths(&self) -> Widths {
        Widths { main: Row::<F>::width(), ..Widths::default() }
    }

    fn eval<B: Builder>(&self, b: &mut B) {
        let row = Row::<B::Expr>::read(b.main());
        let [exit, exit_output, _, _, _, precompile] = row.flags.clone();
        let halt = exit.clone() + exit_output.clone();
        // the flags and their sum ∈ {0, 1}
        let r = exclusive(b, &row.flags, FLAGS);
        // next pc = halt·HALT + (r − halt)·npc
        let next_pc = halt.clone() * F::from_u32(HALT) + (r.clone() - halt.clone()) * row.npc.clone();
        b.assert_eq("next pc", row.next_pc.clone(), next_pc);
        for (names, read) in NO_DIGEST.iter().zip(&row.digest) {
            for (name, limb) in names.iter().zip(&read.value) {
                // exit·a_(1+j),i = 0
                b.assert_zero(name, exit.clone() * limb.clone());
            }
        }
        let arguments = [&row.a0, &row.digest[0], &row.digest[1], &row.digest[2]];
        for (names, read) in SHORT.iter().zip(arguments) {
            for (name, limb) in names.iter().zip(&read.value[2..]) {
                // precompile·a_j,2 = precompile·a_j,3 = 0
                b.assert_zero(name, precompile.clone() * limb.clone());
            }
        }
        // code·(r − precompile) = 0
        b.assert_zero("code of a precompile only", row.code.clone() * (r.clone() - precompile.clone()));

        let code: B::Expr =
            row.flags.iter().zip(CALLS).map(|(flag, call)| flag.clone() * F::from_u64(call)).sum();
        let code = code + row.code.clone();
        let zero = B::Expr::ZERO;
        let a7 = Read {
            value: [code, zero.clone(), zero.clone(), zero.clone()],
            prev_ts: row.a7_prev_ts.clone(),
            dlo: row.a7_dlo.clone(),
        };
        a7.register(b, &r, B::Expr::from_u32(A7), row.cpu.time(slot::RS1));
        let first = halt.clone() + precompile.clone();
        row.a0.register(b, &first, B::Expr::from_u32(A0), row.cpu.time(slot::RS2));
        let both = exit_output.clone() + precompile.clone();
        for (j, read) in (1..).zip(&row.digest) {
            let active = if j == 4 { &exit_output } else { &both };
            read.register(b, active, B::Expr::from_u32(A0 + j), row.cpu.time(slot::RS2 + j));
        }
        let mut call = [row.code, row.cpu.ts.clone()].into_iter();
        let mut low = arguments.into_iter().flat_map(|read| &read.value[..2]).cloned();
        let tuple: [B::Expr; 10] =
            std::array::from_fn(|_| call.next().or_else(|| low.next()).unwrap_or_default());
        b.send(PRE, precompile, tuple);
        let mut digest = row.digest.iter().flat_map(|read| read.value.iter().cloned());
        let mut status = row.a0.value.iter().cloned();
        let tuple: [B::Expr; 20] =
            std::array::from_fn(|_| status.next().or_else(|| digest.next()).unwrap_or_default());
        b.send(EXIT, halt, tuple);

        let op = r.clone() * F::from_u8(Op::Ecall as u8);
        let decoded = [op, zero.clone(), zero.clone(), zero.clone(), zero.clone(), zero, row.npc];
        row.cpu.eval(b, &r, decoded, row.next_pc);
    }
}

impl EcallChip {
    /// Writes the row that proves `event`, a call at the instruction `rom`.
    pub fn write_row(&self, rom: &RomRow, event: &EcallEvent, row: &mut [F]) {
        let code = event.a7.old;
        let halts = code == ecall::EXIT || code == ecall::EXIT_OUTPUT;
        let a7 = Read::new(event.a7, event.ts, slot::RS1);
        // Arguments that the call does not read are no accesses; their cells stay zero.
        let precompile = Precompile::from_code(code).is_some();
        let argument = |j: usize| match code {
            _ if precompile && j < 4 => Read::new(event.args[j], event.ts, slot::RS2 + j as u32),
            ecall::EXIT_OUTPUT => Read::new(event.args[j], event.ts, slot::RS2 + j as u32),
            ecall::EXIT if j == 0 => Read::new(event.args[0], event.ts, slot::RS2),
            _ => Read::default(),
        };
        Row {
            cpu: Cpu { pc: F::from_u32(rom.pc), ts: F::from_u32(event.ts) },
            npc: F::from_u32(rom.npc),
            next_pc: F::from_u32(if halts { HALT } else { rom.npc }),
            flags: std::array::from_fn(|i| {
                F::from_bool(CALLS.get(i).map_or(precompile, |call| *call == code))
            }),
            code: if precompile { F::from_u64(code) } else { F::ZERO },
            a7_prev_ts: a7.prev_ts,
            a7_dlo: a7.dlo,
            a0: argument(0),
            digest: [1, 2, 3, 4].map(argument),
        }
        .write(row);
    }
}

#[cfg(test)]
mod tests {
    use expect_test::expect_file;
    use vellum_executor::Access;
    use vellum_stark::{
        check::{Cells, interactions},
        testing::{ChipTest, columns_complete, indices, lie, shape},
    };

    use super::*;
    use crate::{
        MEM, PROG, limbs,
        testing::{Operands, TS, access, in_table},
    };

    /// The row of call `code` with these arguments.
    fn row(code: u64, args: [u64; 5]) -> Cells {
        let rom = RomRow { pc: 0x800, op: Op::Ecall, rd: 0, rs1: 0, rs2: 0, i0: 0, i1: 0, npc: 0x802 };
        let read = match code {
            ecall::EXIT => 1,
            ecall::EXIT_OUTPUT => 5,
            _ if Precompile::from_code(code).is_some() => 4,
            _ => 0,
        };
        let mut accesses = [Access::default(); 5];
        (0..read).for_each(|j| accesses[j] = access(args[j], 70_000 + j as u32));
        let event = EcallEvent { row: 0, ts: TS, a7: access(code, 12), args: accesses };
        let mut cells = Cells::zero(EcallChip.widths());
        EcallChip.write_row(&rom, &event, &mut cells.main);
        cells
    }

    fn test(rows: Vec<(&'static str, Cells)>) -> ChipTest<'static, EcallChip> {
        ChipTest { rows, lookup: in_table, held: &[PROG], ordered: &[(MEM, 1)], ..ChipTest::new(&EcallChip) }
    }

    const SHORT_ARGS: [u64; 5] = [0x1234_5678, 0xffff_ffff, 0, 7, 0];
    const ARGS: [u64; 5] = [0x1_0000, 0x0011_2233_4455_6677, 0x8899_aabb_ccdd_eeff, 3, u64::MAX];

    fn kit() -> ChipTest<'static, EcallChip> {
        let c = indices::<Row<usize>>();
        let output = row(ecall::EXIT_OUTPUT, ARGS);
        let exit = row(ecall::EXIT, ARGS);
        let mark = row(ecall::MARK, ARGS);
        let precompile = row(Precompile::Keccak.code(), SHORT_ARGS);
        // exit exit_output write commit mark | a7 = Σ flag·code: no call, or HINT
        let flags = [
            ("call 4067", [-1, 1, 1, 0, 0]),
            ("call 4100", [0, -1, 0, 1, 1]),
            ("call 4125", [1, 1, -1, 0, 0]),
            ("HINT", [0, 1, 0, -1, 1]),
            ("call 4094", [0, 1, 0, 1, -1]),
        ];
        let empty = row(ecall::EXIT_OUTPUT, [0; 5]);
        let unknown = flags.map(|(name, flags)| {
            lie(name, &empty, |x| {
                c.flags
                    .into_iter()
                    .zip(flags.into_iter().chain([0]))
                    .for_each(|(column, flag)| x.main[column] = F::from_i64(flag));
                let halt = F::from_i64(flags[0] + flags[1]);
                x.main[c.next_pc] = halt * F::from_u32(HALT) + (F::ONE - halt) * x.main[c.npc];
            })
        });
        let mut lies = vec![
            lie("jump anywhere after a call", &mark, |x| x.main[c.next_pc] = F::from_u16(0x1234)),
            lie("no halt after exit", &exit, |x| x.main[c.next_pc] = x.main[c.npc]),
            lie("exit with a digest", &exit, |x| x.main[c.digest[3].value[3]] = F::ONE),
            lie("a0 from the future", &exit, |x| {
                x.main[c.a0.prev_ts] = F::from_u32(TS + 3);
                x.main[c.a0.dlo] = -F::TWO;
            }),
        ];
        lies.extend(unknown);
        lies.push(lie("an exit as a precompile", &exit, |x| {
            // exit → precompile, code = 93: PRE carries 93, the pc goes on
            (x.main[c.flags[0]], x.main[c.flags[5]]) = (F::ZERO, F::ONE);
            (x.main[c.code], x.main[c.next_pc]) = (F::from_u64(ecall::EXIT), x.main[c.npc]);
            x.main[c.a0.value[2]] = F::ONE;
        }));
        lies.push(lie("MARK as HINT", &mark, |x| x.main[c.code] = F::ONE));
        for j in 0..4 {
            let read = if j == 0 { &c.a0 } else { &c.digest[j - 1] };
            lies.push(lie("argument + 2^32", &precompile, |x| x.main[read.value[2]] = F::ONE));
            lies.push(lie("argument + 2^48", &precompile, |x| x.main[read.value[3]] = F::ONE));
        }
        let rows = vec![
            ("exit", exit),
            ("exit with output", output),
            ("write", row(ecall::WRITE, ARGS)),
            ("commit", row(ecall::COMMIT, ARGS)),
            ("mark", mark),
            ("precompile", precompile),
        ];
        let allowed_mutes = &[("at most one flag is set", "two calls at once ask the ROM for op 122")];
        ChipTest { lies, allowed_mutes, ..test(rows) }
    }

    #[test]
    fn no_lie_is_accepted() {
        kit().run();
    }

    #[test]
    fn exits_carry_all_limbs_of_status_and_digest() {
        let mut operands = Operands(8);
        for code in CALLS {
            let args = [(); 5].map(|()| operands.bits());
            let cells = row(code, args);
            assert_eq!(test(vec![("call", cells.clone())]).honest(), [""; 0]);
            let interactions = interactions(&EcallChip, cells.as_row(), &[]);
            let exit = interactions.iter().find(|i| i.bus == EXIT).expect("the chip has an EXIT interaction");
            let halts = code == ecall::EXIT || code == ecall::EXIT_OUTPUT;
            assert_eq!(exit.multiplicity, F::from_bool(halts), "{code:#x}");
            let digest = if code == ecall::EXIT_OUTPUT { &args[1..] } else { &[0; 4] };
            if halts {
                let expected = [&args[..1], digest].concat().into_iter().flat_map(limbs).collect::<Vec<_>>();
                assert_eq!(exit.tuple, expected, "{code:#x}");
            }
            let next_pc = interactions.last().expect("the frame comes last").tuple[0];
            assert_eq!(next_pc, F::from_u32(if halts { HALT } else { 0x802 }), "{code:#x}");
        }
    }

    #[test]
    fn precompiles_pass_their_arguments_on() {
        for precompile in Precompile::ALL {
            let cells = row(precompile.code(), SHORT_ARGS);
            assert_eq!(test(vec![("call", cells.clone())]).honest(), [""; 0]);
            let sent = interactions(&EcallChip, cells.as_row(), &[]);
            let call = sent.iter().find(|i| i.bus == PRE).expect("the chip has a PRE interaction");
            let arguments = SHORT_ARGS[..4].iter().flat_map(|a| [a & 0xffff, a >> 16]);
            let expected = [precompile.code(), TS.into()].into_iter().chain(arguments).map(F::from_u64);
            assert_eq!((call.multiplicity, call.tuple.clone()), (F::ONE, expected.collect()));
        }
    }

    #[test]
    fn other_codes_have_no_row() {
        let hidden = CALLS.map(|code| code + (1 << 16)).into_iter().chain(CALLS.map(|code| code | 1 << 63));
        for code in [0, 1, 92, 94, 0x1004, 0x10ff, u64::MAX].into_iter().chain(hidden) {
            assert_ne!(test(vec![("other", row(code, ARGS))]).honest(), [""; 0], "{code:#x}");
        }
    }

    #[test]
    fn shape_is_pinned() {
        expect_file!["../snapshots/ecall.txt"].assert_eq(&shape(&EcallChip));
        columns_complete::<Row<u8>>();
    }
}
