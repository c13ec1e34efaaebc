//! ECALL proves `ecall`: the two exits, and the calls without effect in the circuit.
//!
//! | columns | number | vouched for by |
//! |---|---|---|
//! | pc, ts | 2 | STATE |
//! | npc | 1 | PROG |
//! | next pc | 1 | constraints |
//! | exit, exit_output, write, commit, mark | 5 | constraints; which is set: MEM through a7 |
//! | a7: previous time, distance | 2 | MEM |
//! | a0 access | 6 | MEM |
//! | a1 … a4 accesses | 24 | MEM |
//!
//! halt = exit + exit_output, r = halt + write + commit + mark. Constraints (degree):
//! - the five flags and r ∈ {0, 1} (2)
//! - next pc = halt·HALT + (r − halt)·npc (2)
//! - exit·a_(1+j),i = 0 (2): no digest without output
//!
//! Interactions: PROG, STATE; the access of a7 (ts + 1), whose value is (Σ flag·code, 0, 0, 0); of a0 (ts + 2, where halt);
//! of a1 … a4 (ts + 3 … ts + 6, where exit_output); EXIT.send(a0, a1, …, a4) where halt.
//!
//! # Soundness
//! - a7 is read with the value that the flags say, all four limbs, so the set flag is the call made: the codes differ. A
//!   code that is not listed has no row. So the next pc is fixed: HALT after an exit, the following instruction otherwise.
//! - The digest is a1 … a4 as read (limb i of a_(1+j) is bytes 8j + 2i and 8j + 2i + 1) or zero, the status a0 as read, all
//!   limbs of both. Cells that the row's call does not read reach no bus.
//! - HALT is no ROM row, so nothing follows an exit, and the verifier receives exactly one EXIT tuple in the last shard
//!   and none elsewhere.

use vellum_executor::EcallEvent;
use vellum_isa::{Family, Op, RomRow, ecall, map::HALT};
use vellum_stark::{Builder, Chip, Columns, F, PrimeCharacteristicRing, Widths};

use crate::{Cpu, EXIT, Read, access::slot};

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

/// The columns.
#[derive(Clone, Default)]
pub struct Row<T> {
    /// pc and time.
    pub cpu: Cpu<T>,
    /// pc cell of the following instruction.
    pub npc: T,
    /// pc cell of the instruction executed next, or HALT.
    pub next_pc: T,
    /// Whether the call is EXIT.
    pub exit: T,
    /// Whether the call is EXIT_OUTPUT.
    pub exit_output: T,
    /// Whether the call is WRITE.
    pub write: T,
    /// Whether the call is COMMIT.
    pub commit: T,
    /// Whether the call is MARK.
    pub mark: T,
    /// Time of the previous access of a7.
    pub a7_prev_ts: T,
    /// Low 16 bits of the time distance of a7.
    pub a7_dlo: T,
    /// Access of a0, the exit status.
    pub a0: Read<T>,
    /// Accesses of a1 to a4, the digest.
    pub digest: [Read<T>; 4],
}

impl<T: Default> Columns<T> for Row<T> {
    fn visit(&mut self, f: &mut impl FnMut(&mut T)) {
        self.cpu.visit(f);
        f(&mut self.npc);
        f(&mut self.next_pc);
        f(&mut self.exit);
        f(&mut self.exit_output);
        f(&mut self.write);
        f(&mut self.commit);
        f(&mut self.mark);
        f(&mut self.a7_prev_ts);
        f(&mut self.a7_dlo);
        self.a0.visit(f);
        for read in &mut self.digest {
            read.visit(f);
        }
    }
}

/// The chip.
#[derive(Clone, Copy, Debug)]
pub struct Ecall;

impl Chip for Ecall {
    fn name(&self) -> &'static str {
        Family::Ecall.name()
    }

    fn widths(&self) -> Widths {
        Widths { main: Row::<F>::width(), ..Widths::default() }
    }

    fn eval<B: Builder>(&self, b: &mut B) {
        let row = Row::<B::Expr>::read(b.main());
        let halt = row.exit.clone() + row.exit_output.clone();
        let goes_on = row.write.clone() + row.commit.clone() + row.mark.clone();
        let r = halt.clone() + goes_on.clone();

        b.assert_bool("exit boolean", row.exit.clone());
        b.assert_bool("exit_output boolean", row.exit_output.clone());
        b.assert_bool("write boolean", row.write.clone());
        b.assert_bool("commit boolean", row.commit.clone());
        b.assert_bool("mark boolean", row.mark.clone());
        b.assert_bool("calls exclusive", r.clone());
        // next pc = halt·HALT + (r − halt)·npc
        let next_pc = halt.clone() * F::from_u32(HALT) + goes_on * row.npc.clone();
        b.assert_eq("next pc", row.next_pc.clone(), next_pc);
        for (names, read) in NO_DIGEST.iter().zip(&row.digest) {
            for (name, limb) in names.iter().zip(&read.value) {
                // exit·a_(1+j),i = 0
                b.assert_zero(name, row.exit.clone() * limb.clone());
            }
        }

        let code = row.exit.clone() * F::from_u64(ecall::EXIT)
            + row.exit_output.clone() * F::from_u64(ecall::EXIT_OUTPUT)
            + row.write.clone() * F::from_u64(ecall::WRITE)
            + row.commit.clone() * F::from_u64(ecall::COMMIT)
            + row.mark.clone() * F::from_u64(ecall::MARK);
        let zero = B::Expr::ZERO;
        let a7 = Read {
            value: [code, zero.clone(), zero.clone(), zero.clone()],
            prev_ts: row.a7_prev_ts.clone(),
            dlo: row.a7_dlo.clone(),
        };
        a7.register(b, &r, B::Expr::from_u32(A7), row.cpu.time(slot::RS1));
        row.a0.register(b, &halt, B::Expr::from_u32(A0), row.cpu.time(slot::RS2));
        for (j, read) in (1..).zip(&row.digest) {
            read.register(b, &row.exit_output, B::Expr::from_u32(A0 + j), row.cpu.time(slot::RS2 + j));
        }
        let mut digest = row.digest.iter().flat_map(|read| read.value.iter().cloned());
        let mut status = row.a0.value.into_iter();
        let tuple: [B::Expr; 20] =
            std::array::from_fn(|_| status.next().or_else(|| digest.next()).unwrap_or_default());
        b.send(EXIT, halt, tuple);

        let op = r.clone() * F::from_u8(Op::Ecall as u8);
        let decoded = [op, zero.clone(), zero.clone(), zero.clone(), zero.clone(), zero, row.npc];
        row.cpu.eval(b, &r, decoded, row.next_pc);
    }
}

impl Ecall {
    /// Writes the row that proves `event`, a call at the instruction `rom`.
    pub fn write_row(&self, rom: &RomRow, event: &EcallEvent, row: &mut [F]) {
        let code = event.a7.old;
        let flag = |call| F::from_bool(code == call);
        let halts = code == ecall::EXIT || code == ecall::EXIT_OUTPUT;
        let a7 = Read::new(event.a7, event.ts, slot::RS1);
        // Arguments that the call does not read are no accesses; their cells stay zero.
        let argument = |j: usize| match code {
            ecall::EXIT_OUTPUT => Read::new(event.args[j], event.ts, slot::RS2 + j as u32),
            ecall::EXIT if j == 0 => Read::new(event.args[0], event.ts, slot::RS2),
            _ => Read::default(),
        };
        Row {
            cpu: Cpu { pc: F::from_u32(rom.pc), ts: F::from_u32(event.ts) },
            npc: F::from_u32(rom.npc),
            next_pc: F::from_u32(if halts { HALT } else { rom.npc }),
            exit: flag(ecall::EXIT),
            exit_output: flag(ecall::EXIT_OUTPUT),
            write: flag(ecall::WRITE),
            commit: flag(ecall::COMMIT),
            mark: flag(ecall::MARK),
            a7_prev_ts: a7.prev_ts,
            a7_dlo: a7.dlo,
            a0: argument(0),
            digest: [1, 2, 3, 4].map(argument),
        }
        .write(row);
    }
}
