//! HINT proves that a call wrote up to eight dwords, whatever they are.
//!
//! | columns | number | vouched for by |
//! |---|---|---|
//! | ts | 1 | PRE |
//! | kind, question: limbs | 4 | PRE |
//! | out: limbs | 2 | PRE, alignment by RANGE16 |
//! | f_0 … f_7: dword i is written | 8 | constraints, Σ f_i by PRE |
//! | eight writes: old value, previous time, distance, new value | 80 | MEM; new value: RANGE16 only |
//!
//! r = f_0. Constraints (degree):
//! - f_i ∈ {0, 1} (2), f_(i+1)·(1 − f_i) = 0 (2): the first Σ f_i dwords are written
//!
//! Interactions: PRE.receive(HINT, ts, kind, question, out, Σ f_i, 0) where r; dword i at out's key + i, time ts + 7, new
//! limbs in 16 bits, where f_i.
//!
//! # Soundness
//! Nothing is claimed of the values but that they are dwords: a guest must check every hint. Which dwords are written, and
//! when, is what the call says, because PRE carries the pointer and the number.

use vellum_executor::{Call, Table};
use vellum_isa::Precompile;
use vellum_stark::{Builder, Chip, Columns, F, PrimeCharacteristicRing, Widths};

use crate::precompile::{FIRST_SLOT, PrecompileChip, aligned_key, argument, code, receive_call};
use crate::{Write, access::range_check};

const DWORDS: usize = 8;

/// The columns.
#[derive(Clone, Default)]
struct Row<T> {
    ts: T,
    kind: [T; 2],
    question: [T; 2],
    out: [T; 2],
    flags: [T; DWORDS],
    writes: [Write<T>; DWORDS],
}

impl<T: Default> Columns<T> for Row<T> {
    fn visit(&mut self, f: &mut impl FnMut(&mut T)) {
        f(&mut self.ts);
        self.kind.visit(f);
        self.question.visit(f);
        self.out.visit(f);
        self.flags.visit(f);
        for write in &mut self.writes {
            write.visit(f);
        }
    }
}

/// The chip.
#[derive(Clone, Copy, Debug, Default)]
pub struct HintChip;

impl Chip for HintChip {
    fn name(&self) -> &'static str {
        "HINT"
    }

    fn widths(&self) -> Widths {
        Widths { main: Row::<F>::width(), ..Widths::default() }
    }

    fn eval<B: Builder>(&self, b: &mut B) {
        let row = Row::<B::Expr>::read(b.main());
        for flag in &row.flags {
            b.assert_bool("dword flag", flag.clone());
        }
        for pair in row.flags.windows(2) {
            // f_(i+1)·(1 − f_i) = 0
            b.assert_zero("dwords in order", pair[1].clone() * (B::Expr::ONE - pair[0].clone()));
        }
        let active = row.flags[0].clone();
        let count = row.flags.iter().cloned().sum();
        let key = aligned_key(b, &active, &row.out);
        for (i, (flag, write)) in row.flags.iter().zip(&row.writes).enumerate() {
            let time = row.ts.clone() + B::Expr::from_u32(FIRST_SLOT);
            write.eval(b, flag, key.clone() + B::Expr::from_usize(i), time);
            range_check(b, flag, &write.new);
        }
        let arguments = [row.kind, row.question, row.out, [count, B::Expr::ZERO]];
        receive_call(b, active, code(Precompile::Hint), row.ts, arguments);
    }
}

impl PrecompileChip for HintChip {
    type Row = Call;

    fn table(&self) -> Table {
        Table::Hint
    }

    fn rows(&self, call: &Call) -> Vec<Call> {
        if call.code == Precompile::Hint.code() { vec![call.clone()] } else { Vec::new() }
    }

    fn write_row(&self, call: &Call, row: &mut [F]) {
        let [kind, question, out, _] = call.args.map(argument);
        let touched = |i: usize| call.touches.get(i);
        Row {
            ts: F::from_u32(call.ts),
            kind,
            question,
            out,
            flags: std::array::from_fn(|i| F::from_bool(touched(i).is_some())),
            writes: std::array::from_fn(|i| {
                let write = touched(i).map(|touch| Write::new(touch.access, touch.new, call.ts, touch.slot));
                write.unwrap_or_default()
            }),
        }
        .write(row);
    }
}

#[cfg(test)]
mod tests {
    use expect_test::expect_file;
    use vellum_executor::Touch;
    use vellum_stark::{
        check::{Cells, interactions},
        testing::{ChipTest, columns_complete, indices, lie, shape},
    };

    use super::*;
    use crate::{
        MEM, PRE, limbs,
        testing::{Operands, TS, access, in_table},
    };

    const OUT: u32 = 0x1234_5678;

    /// A call that writes these dwords at `out`.
    fn call(out: u32, dwords: &[u64]) -> Call {
        let touch = |(i, new): (usize, &u64)| {
            let access = access(0x1111_2222_3333_4444 * i as u64, 30 + 40_000 * (i as u32 % 2));
            Touch { key: out / 8 + i as u32, slot: FIRST_SLOT, access, new: *new }
        };
        let touches = dwords.iter().enumerate().map(touch).collect();
        let args = [3, 0x7fff_0008, out, dwords.len() as u32];
        Call { ts: TS, code: Precompile::Hint.code(), args, touches }
    }

    fn row(call: &Call) -> Cells {
        let mut cells = Cells::zero(HintChip.widths());
        HintChip.rows(call).iter().for_each(|from| HintChip.write_row(from, &mut cells.main));
        cells
    }

    fn test(rows: Vec<(&'static str, Cells)>) -> ChipTest<'static, HintChip> {
        // What is written is the prover's choice.
        let c = indices::<Row<usize>>();
        let inputs = c.writes.iter().flat_map(|write| write.new).collect();
        ChipTest { rows, lookup: in_table, ordered: &[(MEM, 1)], inputs, ..ChipTest::new(&HintChip) }
    }

    fn kit() -> ChipTest<'static, HintChip> {
        let c = indices::<Row<usize>>();
        let one = row(&call(OUT, &[7]));
        let eight = row(&call(OUT, &[0, 1, 2, 3, u64::MAX, 5, 6, 7]));
        let mut lies = Vec::new();
        for (i, write) in c.writes.iter().enumerate() {
            // a limb beyond 16 bits
            for limb in write.new {
                lies.push(lie("limb + 2^16", &eight, |x| x.main[limb] += F::from_u32(1 << 16)));
                lies.push(lie("limb -1", &eight, |x| x.main[limb] = F::NEG_ONE));
            }
            // f: 1 1 0 0 → 1 0 1 0, PRE has 2 dwords: dword i is written, dword i − 1 is not
            if i > 1 {
                let two = row(&call(OUT, &vec![7; i]));
                lies.push(lie("a dword is skipped", &two, |x| {
                    (x.main[c.flags[i - 1]], x.main[c.flags[i]]) = (F::ZERO, F::ONE);
                    let [from, to] = [i - 1, i].map(|i| c.writes[i].old.clone());
                    (x.main[to.prev_ts], x.main[to.dlo]) = (x.main[from.prev_ts], x.main[from.dlo]);
                }));
            }
        }
        lies.extend([
            // f: 1 0 … → 0 1 …: dword 1 is written without a call
            lie("a write without a call", &one, |x| {
                (x.main[c.flags[0]], x.main[c.flags[1]]) = (F::ZERO, F::ONE);
                let [from, to] = [0, 1].map(|i| c.writes[i].old.clone());
                (x.main[to.prev_ts], x.main[to.dlo]) = (x.main[from.prev_ts], x.main[from.dlo]);
            }),
            // f: 2 1 0 …: no multiplicity is 2
            lie("a flag of 2", &one, |x| x.main[c.flags[0]] = F::TWO),
            // out + 4: key + 1/2
            lie("a pointer that is no multiple of 8", &one, |x| x.main[c.out[0]] += F::from_u8(4)),
            lie("written from the future", &one, |x| {
                x.main[c.writes[0].old.prev_ts] = F::from_u32(TS + FIRST_SLOT);
                x.main[c.writes[0].old.dlo] = F::NEG_ONE;
            }),
        ]);
        let rows = vec![("one dword", one), ("eight dwords", eight)];
        ChipTest { lies, ..test(rows) }
    }

    #[test]
    fn no_lie_is_accepted() {
        kit().run();
    }

    #[test]
    fn any_dwords_are_written_where_the_call_says() {
        let mut operands = Operands(3);
        for count in 1..=DWORDS {
            for out in [0, 8, 0xfff8, 0x1_0000, 0xffff_ff80] {
                let dwords: Vec<u64> = (0..count).map(|_| operands.next()).collect();
                let cells = row(&call(out, &dwords));
                assert_eq!(test(vec![("hint", cells.clone())]).honest(), [""; 0]);
                let all = interactions(&HintChip, cells.as_row(), &[]);
                let written = all.iter().filter(|i| i.bus == MEM && i.multiplicity == F::ONE);
                let sent: Vec<_> = written.skip(1).step_by(2).map(|i| i.tuple.clone()).collect();
                let tuple = |(i, dword): (usize, &u64)| {
                    let key = F::from_u32(out / 8 + i as u32);
                    [&[key, F::from_u32(TS + FIRST_SLOT)][..], &limbs(*dword)].concat()
                };
                assert_eq!(sent, dwords.iter().enumerate().map(tuple).collect::<Vec<_>>());
                let call = all.iter().find(|i| i.bus == PRE).expect("the chip has a PRE interaction");
                assert_eq!(call.tuple[8..], [F::from_usize(count), F::ZERO]);
            }
        }
    }

    #[test]
    fn misaligned_pointers_have_no_row() {
        for out in 1..8 {
            assert_ne!(test(vec![("misaligned", row(&call(out, &[1])))]).honest(), [""; 0]);
        }
    }

    #[test]
    fn shape_is_pinned() {
        expect_file!["../../snapshots/hint.txt"].assert_eq(&shape(&HintChip));
        columns_complete::<Row<u8>>();
    }
}
