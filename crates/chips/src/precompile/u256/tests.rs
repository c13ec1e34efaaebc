use expect_test::expect_file;
use num_bigint::BigUint;
use vellum_stark::{
    Field, PrimeField32,
    check::Cells,
    testing::{ChipTest, Lie, columns_complete, indices, lie, shape},
};

use super::*;
use crate::{
    MEM,
    precompile::bigint::{
        LIMB_MAX,
        tests::{Interval, inject, limb_bound, to_cells},
    },
    testing::{Operands, TS, access, in_table},
};

/// A number of four dwords.
type Number256 = [u64; 4];

const POINTERS: [u32; 4] = [0x1234_5678, 0x0fff_fff0, 0x0001_0000, 0xffff_ff80];

/// A call with inputs and results as given.
fn call(precompile: Precompile, pointers: [u32; 4], inputs: &[Number256], result: &[u64]) -> Call {
    let mut age = 30;
    let mut touch = |key, slot, old, new| {
        age = (age + 29_989) % 79_000;
        Touch { key, slot, access: access(old, age + 30), new }
    };
    let mut touches = Vec::new();
    for ((input, slot), pointer) in inputs.iter().zip(INPUT_SLOTS).zip(&pointers[1..]) {
        touches.extend((pointer / 8..).zip(input).map(|(key, dword)| touch(key, slot, *dword, *dword)));
    }
    let old = 0x1111_2222_3333_4444;
    touches.extend((pointers[0] / 8..).zip(result).map(|(key, dword)| touch(key, OUT_SLOT, old, *dword)));
    let mut args = pointers;
    args[inputs.len() + 1..].fill(0);
    Call { ts: TS, code: precompile.code(), args, touches }
}

fn big(dwords: &[u64]) -> BigUint {
    BigUint::from_slice(&dwords.iter().flat_map(|x| [*x as u32, (x >> 32) as u32]).collect::<Vec<_>>())
}

fn dwords(number: BigUint, length: usize) -> Vec<u64> {
    let mut dwords = number.to_u64_digits();
    dwords.resize(length, 0);
    dwords
}

/// What the calls give, by another implementation.
fn mul_mod([a, b, m]: [Number256; 3]) -> Call {
    let m_big = big(&m);
    let result = if m == [0; 4] { BigUint::ZERO } else { big(&a) * big(&b) % m_big };
    call(Precompile::U256MulMod, POINTERS, &[a, b, m], &dwords(result, 4))
}

fn mul_add([a, b, c]: [Number256; 3]) -> Call {
    call(Precompile::U256MulAdd, POINTERS, &[a, b, c], &dwords(big(&a) * big(&b) + big(&c), 8))
}

fn sub([a, b]: [Number256; 2]) -> Call {
    let borrow = big(&a) < big(&b);
    let mut result =
        dwords((big(&a) + (BigUint::from(1u8) << 256) - big(&b)) % (BigUint::from(1u8) << 256), 4);
    result.push(borrow.into());
    call(Precompile::U256Sub, POINTERS, &[a, b], &result)
}

fn row(call: &Call) -> Cells {
    let mut cells = Cells::zero(U256Chip.widths());
    U256Chip.rows(call).iter().for_each(|from| U256Chip.write_row(from, &mut cells.main));
    cells
}

fn test(rows: Vec<(&'static str, Cells)>) -> ChipTest<'static, U256Chip> {
    ChipTest { rows, lookup: in_table, ordered: &[(MEM, 1)], ..ChipTest::new(&U256Chip) }
}

fn random(operands: &mut Operands) -> Number256 {
    std::array::from_fn(|_| operands.bits())
}

/// A number of any length, or nearly a power of two.
fn number(operands: &mut Operands) -> Number256 {
    let mut number: Number256 = std::array::from_fn(|_| operands.next());
    let length = operands.bits() as usize % 5;
    number[length..].fill(0);
    match operands.bits() % 8 {
        0 => [u64::MAX; 4],
        1 => [1, 0, 0, 0],
        _ => number,
    }
}

type Error = Vec<(usize, i64)>;

/// The error that makes an identity's limbs, the same field elements, small integers.
fn wraps(identity: &Identity<Int>) -> Error {
    let order = i64::from(F::ORDER_U32);
    let wrap = |limb: &Int| -(limb.0 + order / 2).div_euclid(order) * order;
    identity.limbs.iter().map(wrap).enumerate().filter(|(_, wrap)| *wrap != 0).collect()
}

/// Sets the result of a MULADD so that the identity holds up to `error`, then the carries.
fn solve(row: &mut Row<Int>, error: impl Fn(&Identity<Int>) -> Error) {
    row.low = Default::default();
    row.q = [[Int(0); 32]; 2];
    let mut identity = row.identity();
    let error = error(&identity);
    inject(&mut identity, &error);
    let mut carry = 0;
    let mut dwords = [0u64; 8];
    for (k, limb) in identity.limbs.iter().take(32).enumerate() {
        carry += limb.0;
        dwords[k / 4] |= (carry as u64 & 0xffff) << (16 * (k % 4));
        carry >>= 16;
    }
    row.low = limbs_of(&dwords);
    row.q[0] = bytes(&dwords[4..]);
    finish(row, &error);
}

/// Carries that fit up to `error`, and why the result is below m.
fn finish(row: &mut Row<Int>, error: &Error) {
    row.complete();
    let mut identity = row.identity();
    inject(&mut identity, error);
    row.carries = Carries::new(&identity);
}

/// Whether the chip has a single objection.
fn only_one_objection(row: &Row<Int>) -> bool {
    test(vec![("", to_cells(row.clone()))]).honest().len() == 1
}

fn false_row(name: &'static str, forged: Row<Int>, honest: &Cells) -> Lie {
    Lie { name, honest: honest.clone(), forged: to_cells(forged) }
}

struct Honest {
    mul_add: Row<Int>,
    sub: Row<Int>,
    cells: Cells,
}

fn honest() -> Honest {
    let mut operands = Operands(5);
    let [a, b, mut m] = [(); 3].map(|()| random(&mut operands));
    m[3] >>= 9;
    Honest { mul_add: cells(&mul_add([a, b, m])), sub: cells(&sub([a, b])), cells: row(&mul_mod([a, b, m])) }
}

/// An equation is off by 1, or a cell that it needs is out of range.
fn identity_lies(honest: &Honest) -> Vec<Lie> {
    let mut lies = Vec::new();
    for k in 0..32 {
        // P_k + carry − 2^16·carry' = −1
        let mut row = honest.mul_add.clone();
        solve(&mut row, |_| vec![(k, 1)]);
        lies.push(false_row("an equation is off by 1", row, &honest.cells));
    }
    for k in 0..31 {
        // carry_k is 1/2^16 = −32512 too far
        let mut row = honest.mul_add.clone();
        solve(&mut row, |_| vec![(k, 1), (k + 1, 32512)]);
        row.carries.low[k].0 += 32512;
        lies.push(false_row("a carry is a fraction", row, &honest.cells));
    }
    for k in 0..16 {
        // (l_k + 2^16, l_(k+1) − 1), at the top borrowed from q
        let mut row = honest.mul_add.clone();
        row.low[k].0 += 1 << 16;
        match k {
            15 => row.q[0][0].0 -= 1,
            _ => row.low[k + 1].0 -= 1,
        }
        row.complete();
        lies.push(false_row("a limb beyond 16 bits", row, &honest.cells));
    }
    for k in 0..15 {
        // The same between limbs of the high half.
        let mut row = honest.mul_add.clone();
        row.q[0][2 * k + 1].0 += 256;
        row.q[0][2 * k + 2].0 -= 1;
        row.complete();
        lies.push(false_row("a limb of the high half beyond 16 bits", row, &honest.cells));
    }
    // Limb 32 + k of q·m: with m = 2^(8j) a product above 2^512 is dropped.
    for k in 0..16 {
        let mut m = [0; 4];
        let byte = if k == 15 { 31 } else { 2 * k + 1 };
        m[byte / 8] = 1 << (8 * (byte % 8));
        let mut row = cells(&mul_mod([[5, 0, 0, 0], [7, 0, 0, 0], m]));
        let at = 64 + 2 * k - byte;
        row.q[at / 32][at % 32] = Int(1);
        row.complete();
        // The result stays 35 mod m, so it is the inputs that tell this row from the honest one.
        lies.push(false_row("a quotient beyond 2^512/m", row, &honest.cells));
    }
    lies
}

/// A pair of cells makes the right limb, but they are no bytes.
fn widened(bytes: &mut [Int; 32], pair: usize, amount: i64) {
    bytes[2 * pair].0 -= 256 * amount;
    bytes[2 * pair + 1].0 += amount;
}

/// Products with two cells that are no bytes wrap.
fn byte_lies(honest: &Honest) -> Vec<Lie> {
    let mut operands = Operands(6);
    let mut lies = Vec::new();
    let mut amount = move || (operands.bits() % (1 << 20)) as i64;
    for (input, pair) in (0..2).flat_map(|input| (0..16).map(move |pair| (input, pair))) {
        let row = (0..10_000).find_map(|_| {
            let mut row = honest.mul_add.clone();
            // The other factor is short, so that the product does not reach 2^512.
            row.inputs[1 - input][16..].fill(Int(0));
            widened(&mut row.inputs[input], pair, amount());
            solve(&mut row, wraps);
            only_one_objection(&row).then_some(row)
        });
        lies.push(false_row("cells of a factor that are no bytes", row.expect("one in ten"), &honest.cells));
    }
    // 2^248·b = 2^8·201·m + low, where low is what makes the right side a multiple of 2^248
    for pair in 0..16 {
        let row = (0..10_000).find_map(|_| {
            let mut row = cells(&mul_mod([[0, 0, 0, 1 << 56], [1, 0, 0, 0], [1, 2, 3, 77 << 56]]));
            (row.inputs[1], row.low) = Default::default();
            row.q = Default::default();
            row.q[0][1] = Int(201);
            widened(&mut row.inputs[2], pair, amount());
            let mut identity = row.identity();
            let error = wraps(&identity);
            inject(&mut identity, &error);
            // −(2^8·201·m + error) in limbs, and what is left above them
            let mut carry = 0;
            let mut limbs = Vec::new();
            for limb in &identity.limbs[..32] {
                carry += limb.0;
                limbs.push(carry & 0xffff);
                carry >>= 16;
            }
            limbs[16..].iter_mut().for_each(|limb| *limb ^= 0xffff);
            (carry == -1).then_some(())?;
            row.low = std::array::from_fn(|i| Int(if i < 15 { limbs[i] } else { limbs[i] & 0xff }));
            // b = (2^8·201·m + error + low)/2^248, with the limbs from 15 on negated
            let top = 256 - (limbs[15] >> 8);
            row.inputs[1][0] = Int(top % 256);
            let mut rest = (top / 256 - 1) + (limbs[16] + 1);
            for i in 1..31 {
                let byte = if i % 2 == 1 { rest & 0xff } else { rest >> 8 & 0xff };
                row.inputs[1][i] = Int(byte);
                if i % 2 == 0 {
                    rest = (rest >> 16) + limbs[16 + i / 2];
                }
            }
            finish(&mut row, &error);
            only_one_objection(&row).then_some(row)
        });
        lies.push(false_row("cells of m that are no bytes", row.expect("some are"), &honest.cells));
    }
    // 2^(16·pair) = q·3 with q = 2^(16·pair)/3 in the field: the remainder is 0
    for pair in 0..32 {
        let power = |byte: usize| -> Number256 {
            dwords(BigUint::from(1u8) << (8 * byte), 4).try_into().expect("four")
        };
        let mut row = cells(&mul_mod([power(pair), power(pair), [3, 0, 0, 0]]));
        row.low = Default::default();
        row.q = Default::default();
        row.q[pair / 16][2 * pair % 32] = Int::cell(F::from_u8(3).inverse().as_canonical_u32());
        let error = wraps(&row.identity());
        finish(&mut row, &error);
        lies.push(false_row("a quotient that is a fraction", row, &honest.cells));
    }
    lies
}

/// Which result, of which operation.
fn result_lies(honest: &Honest) -> Vec<Lie> {
    let c = indices::<Row<usize>>();
    let mut lies = Vec::new();
    // 1·b = 0·m + b, where b ≥ m: which limb is the first, and with what difference
    let unreduced = |b: Number256, m: Number256, first: &[(usize, i64)], difference: i64| {
        let mut row = cells(&mul_mod([[1, 0, 0, 0], b, m]));
        row.q = Default::default();
        row.low = limbs_of(&b);
        row.complete();
        row.first = Default::default();
        first.iter().for_each(|(limb, flag)| row.first[*limb] = Int(*flag));
        row.difference = Int(difference);
        row
    };
    let mut lie_of = |row| lies.push(false_row("a result that is not below m", row, &honest.cells));
    let (b, m) = ([1, 0, 0, 4 << 48], [5, 0, 0, 3 << 48]);
    lie_of(unreduced(b, m, &[(15, 1)], -1));
    lie_of(unreduced(b, m, &[(15, 1)], 1));
    // both limb 15 and limb 0 first
    lie_of(unreduced(b, m, &[(15, 1), (0, 1)], 3));
    for limb in 1..15 {
        lie_of(unreduced(b, m, &[(15, 1), (limb, -1), (0, 1)], 3));
    }
    lie_of(unreduced([5, 0, 0, 4 << 48], [1, 0, 0, 3 << 48], &[(15, 1), (7, 1), (0, -1)], 3));
    for limb in 1..16 {
        // limb 0 is said to be the first
        let at = |value: u64, low: u64| -> Number256 {
            std::array::from_fn(
                |i| if i == limb / 4 { value << (16 * (limb % 4)) } else { 0 } + if i == 0 { low } else { 0 },
            )
        };
        lie_of(unreduced(at(4, 1), at(3, 5), &[(0, 1)], 4));
    }
    // A flag of −1 makes up for another: nothing is received on PRE, but memory is touched.
    for (flags, slot) in [([0, -1, 1, 0], OUT_SLOT), ([0, 0, 1, -1], OUT_SLOT), ([0, 0, -1, 1], OUT_SLOT)] {
        let before = |slot: u32| Int::cell(slot - 1);
        lies.push(false_row(
            "accesses without a call",
            Row {
                flags: flags.map(Int),
                input_times: INPUT_SLOTS
                    .map(|slot| Times { prev_ts: [before(slot); 4], dlo: Default::default() }),
                low_times: Times { prev_ts: [before(slot); 4], dlo: Default::default() },
                fifth_time: Times { prev_ts: [before(slot)], dlo: Default::default() },
                high_times: Times { prev_ts: [before(slot); 3], dlo: Default::default() },
                ..Row::default()
            },
            &honest.cells,
        ));
    }
    // a MULMOD by 5 as one by 0
    let mut row = cells(&mul_mod([[3, 0, 0, 0], [4, 0, 0, 0], [5, 0, 0, 0]]));
    row.flags = [0, 1, 0, 0].map(Int);
    row.low = Default::default();
    row.q = Default::default();
    row.complete();
    lies.push(false_row("a product mod 5 is 0", row, &honest.cells));
    // a MULMOD by 0 as one by a number
    let mut row = cells(&mul_mod([[3, 0, 0, 0], [4, 0, 0, 0], [0; 4]]));
    row.flags = [1, 0, 0, 0].map(Int);
    row.low[0] = Int(12);
    row.complete();
    lies.push(false_row("a product mod 0 is not 0", row, &honest.cells));
    // 7 − 2 = 5 + 2·2^256 − 2·2^256
    let difference = |low: Number256, fifth: u64| {
        let mut row = cells(&sub([[7, 0, 0, 0], [2, 0, 0, 0]]));
        row.low = limbs_of(&low);
        row.q[0] = bytes(&[fifth, 0, 0, 0]);
        row.complete();
        row
    };
    for limb in 1..4 {
        let row = difference([5, 0, 0, 0], 1 << (16 * limb));
        lies.push(false_row("an upper limb of the borrow", row, &honest.cells));
    }
    let sub = to_cells(honest.sub.clone());
    for limb in 0..2 {
        lies.push(lie("an argument too many", &sub, |row| row.main[c.pointers[3][limb]] = F::from_u8(8)));
    }
    lies
}

/// Pointers and times.
fn access_lies(honest: &Honest) -> Vec<Lie> {
    let c = indices::<Row<usize>>();
    let wide = to_cells(honest.mul_add.clone());
    let mut lies = Vec::new();
    for pointer in c.pointers {
        lies.push(lie("pointer + 4", &wide, |row| row.main[pointer[0]] += F::from_u8(4)));
    }
    let mut times = Vec::new();
    for (input, slot) in c.input_times.iter().zip(INPUT_SLOTS) {
        times.extend((0..4).map(|i| (input.prev_ts[i], input.dlo[i], slot)));
    }
    times.extend((0..4).map(|i| (c.low_times.prev_ts[i], c.low_times.dlo[i], OUT_SLOT)));
    times.push((c.fifth_time.prev_ts[0], c.fifth_time.dlo[0], OUT_SLOT));
    times.extend((0..3).map(|i| (c.high_times.prev_ts[i], c.high_times.dlo[i], OUT_SLOT)));
    for (prev_ts, dlo, slot) in times {
        for low in [F::NEG_ONE, F::ZERO] {
            // distance −1 = −1 + 2^16·0 = 0 + 2^16·(−1/2^16)
            lies.push(lie("read from the future", &wide, |row| {
                row.main[prev_ts] = F::from_u32(TS + slot);
                row.main[dlo] = low;
            }));
        }
    }
    lies
}

fn kit() -> ChipTest<'static, U256Chip> {
    let honest = honest();
    let lies = [identity_lies, byte_lies, result_lies, access_lies];
    let c = indices::<Row<usize>>();
    let mut representatives = vec![c.ts, c.low_times.prev_ts[3], c.low_times.dlo[3], c.difference];
    representatives.extend(c.flags);
    representatives.extend(c.pointers.as_flattened());
    representatives.extend(c.first);
    for bytes in c.inputs.iter().chain(&c.q) {
        representatives.extend([bytes[0], bytes[1], bytes[31]]);
    }
    representatives.extend([c.low[0], c.low[15], c.old[0], c.old[31], c.carries.low[0], c.carries.high[30]]);
    let inputs = (0..Row::<F>::width()).filter(|column| !representatives.contains(column)).collect();
    let zero = row(&mul_mod([[3, 0, 0, 0], [4, 0, 0, 0], [0; 4]]));
    let rows = vec![
        ("mulmod", honest.cells.clone()),
        ("mulmod by 0", zero),
        ("muladd", to_cells(honest.mul_add.clone())),
        ("sub", to_cells(honest.sub.clone())),
    ];
    ChipTest {
        lies: lies.iter().flat_map(|lies| lies(&honest)).collect(),
        inputs,
        budget: 4,
        allowed_mutes: &ALLOWED,
        ..test(rows)
    }
}

const ALLOWED: [(&str, &str); 4] = [
    ("at most one flag is set", "two calls at once have a code that no call has"),
    ("mulmod boolean", "follows from one is first, as set-up does not see"),
    (
        "first boolean#0",
        "the top limb's: follows from the others, for there is no limb above to make up for it",
    ),
    ("three inputs", "follows from the flags; set-up asks for it as it stands"),
];

#[test]
fn no_lie_is_accepted() {
    kit().run();
}

#[test]
fn results_are_num_bigint_s() {
    let mut operands = Operands(9);
    for _ in 0..300 {
        let numbers = [(); 3].map(|()| number(&mut operands));
        let [a, b, _] = numbers;
        let calls = [mul_mod(numbers), mul_add(numbers), sub([a, b]), sub([a, a])];
        let rows = calls.iter().map(|call| ("call", row(call))).collect();
        assert_eq!(test(rows).honest(), [""; 0], "{numbers:x?}");
    }
}

/// Moduli 0, 1, 2 and the largest, with the largest factors; one pointer for everything.
#[test]
fn edges_have_rows() {
    let one = [1, 0, 0, 0];
    let most = [u64::MAX; 4];
    for a in [[0; 4], one, most] {
        for m in [[0; 4], one, [2, 0, 0, 0], [0, 0, 0, 1 << 63], most] {
            assert_eq!(test(vec![("mulmod", row(&mul_mod([a, most, m])))]).honest(), [""; 0]);
            assert_eq!(test(vec![("muladd", row(&mul_add([a, most, m])))]).honest(), [""; 0]);
            assert_eq!(test(vec![("sub", row(&sub([a, m])))]).honest(), [""; 0]);
        }
    }
    let same = call(Precompile::U256MulMod, [64; 4], &[most; 3], &[0; 4]);
    assert_eq!(test(vec![("same", row(&same))]).honest(), [""; 0]);
}

#[test]
fn wrong_results_have_no_row() {
    let mut operands = Operands(11);
    for _ in 0..100 {
        let numbers = [(); 3].map(|()| number(&mut operands));
        for mut call in [mul_mod(numbers), mul_add(numbers), sub([numbers[0], numbers[1]])] {
            let outputs =
                call.touches.len() - call.touches.iter().position(|t| t.slot == OUT_SLOT).expect("writes");
            let wrong = call.touches.len() - 1 - operands.bits() as usize % outputs;
            call.touches[wrong].new ^= 1 << (operands.bits() % 64);
            assert_ne!(test(vec![("wrong", row(&call))]).honest(), [""; 0], "{numbers:x?}");
        }
    }
}

#[test]
fn limbs_stay_in_bounds() {
    let bytes = [Interval(0, 255); 32];
    let bounds = (0..5).map(|flag| {
        let flags = std::array::from_fn(|i| Interval::constant((i == flag).into()));
        let row = Row {
            flags,
            inputs: [bytes; 3],
            q: [bytes; 2],
            low: [Interval(0, 0xffff); 16],
            ..Row::default()
        };
        limb_bound(&row.identity())
    });
    assert!(bounds.clone().all(|bound| bound <= LIMB_MAX), "{bounds:?}");
    assert_eq!(bounds.max(), Some(534_766_110));
}

#[test]
fn shape_is_pinned() {
    expect_file!["../../../snapshots/u256.txt"].assert_eq(&shape(&U256Chip));
    columns_complete::<Row<u8>>();
}
