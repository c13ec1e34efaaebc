use expect_test::expect_file;
use k256::{ProjectivePoint, Scalar, elliptic_curve::sec1::ToEncodedPoint};
use num_bigint::{BigInt, BigUint};
use vellum_stark::{
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

const P: u32 = 0x1234_5678;
const Q: u32 = 0x0fff_fff0;

/// A point: x, y.
type Point = [U256; 2];

fn prime() -> U256 {
    U256::from_limbs(PRIME)
}

fn dwords([x, y]: Point) -> [u64; 8] {
    std::array::from_fn(|i| if i < 4 { x.as_limbs()[i] } else { y.as_limbs()[i - 4] })
}

/// The call p ← p + q, or 2p without q, that gives `sum`.
fn call([at_p, at_q]: [u32; 2], p: Point, q: Option<Point>, sum: Point) -> Call {
    let block = |at: u32, slot, old: [u64; 8], new: [u64; 8]| {
        (0..8).map(move |i| {
            let access = access(old[i], 30 + 30_000 * (i as u32 % 3));
            Touch { key: at / 8 + i as u32, slot, access, new: new[i] }
        })
    };
    let (old, new) = (dwords(p), dwords(sum));
    let read = q.map(dwords).into_iter().flat_map(|q| block(at_q, Q_SLOT, q, q));
    let touches = read.chain(block(at_p, P_SLOT, old, new)).collect();
    let precompile = if q.is_some() { Precompile::Secp256k1Add } else { Precompile::Secp256k1Double };
    let args = [at_p, if q.is_some() { at_q } else { 0 }, 0, 0];
    Call { ts: TS, code: precompile.code(), args, touches }
}

fn row(call: &Call) -> Cells {
    let mut cells = Cells::zero(Secp256k1Chip.widths());
    Secp256k1Chip.rows(call).iter().for_each(|from| Secp256k1Chip.write_row(from, &mut cells.main));
    cells
}

fn test(rows: Vec<(&'static str, Cells)>) -> ChipTest<'static, Secp256k1Chip> {
    ChipTest { rows, lookup: in_table, ordered: &[(MEM, 1)], ..ChipTest::new(&Secp256k1Chip) }
}

/// The third point by the formulas over arbitrary integers: independent of the row generation.
fn formulas([x1, y1]: Point, q: Option<Point>) -> Point {
    let big = |x: U256| BigInt::from(BigUint::from_bytes_le(&x.to_le_bytes::<32>()));
    let prime = big(prime());
    let modulo = |x: BigInt| ((x % &prime) + &prime) % &prime;
    let (x1, y1) = (big(x1), big(y1));
    let (rise, run, x2) = match q {
        Some([x2, y2]) => (big(y2) - &y1, big(x2) - &x1, big(x2)),
        None => (3 * &x1 * &x1, 2 * &y1, x1.clone()),
    };
    let inverse = modulo(run).modpow(&(&prime - 2), &prime);
    let slope = modulo(rise * inverse);
    let x3 = modulo(&slope * &slope - &x1 - x2);
    let y3 = modulo(slope * (x1 - &x3) - y1);
    [x3, y3].map(|x| U256::from_le_slice(&x.to_bytes_le().1))
}

/// A multiple of the generator.
fn multiple(k: u64) -> Point {
    affine(ProjectivePoint::GENERATOR * Scalar::from(k))
}

fn affine(point: ProjectivePoint) -> Point {
    let encoded = point.to_affine().to_encoded_point(false);
    [encoded.x(), encoded.y()].map(|x| U256::from_be_slice(x.expect("not infinity")))
}

fn field(operands: &mut Operands) -> U256 {
    U256::from_limbs(std::array::from_fn(|_| operands.bits())).reduce_mod(prime())
}

fn add(a: U256, b: U256) -> U256 {
    a.add_mod(b, prime())
}

fn neg(a: U256) -> U256 {
    prime() - a.reduce_mod(prime())
}

fn mul(a: U256, b: U256) -> U256 {
    a.mul_mod(b, prime())
}

/// An addition as integers, from x1, y1, x2 and the slope: y2, x3, y3 are what makes it right.
fn addition([x1, y1, x2, slope]: [U256; 4]) -> Row<Int> {
    let y2 = add(y1, mul(slope, add(x2, neg(x1))));
    cells(&call([P, Q], [x1, y1], Some([x2, y2]), formulas([x1, y1], Some([x2, y2]))))
}

/// By how much an identity differs from 0: multiples of 2^(16·limb).
type Error = Vec<(usize, i64)>;

/// An identity's value modulo the prime.
fn value(identity: &Identity<Int>) -> U256 {
    let mut rest = identity.clone();
    subtract(&mut rest, &quotient(identity));
    let mut carry = 0;
    let mut dwords = [0u64; 4];
    for k in 0..16 {
        carry += rest.limbs[k].0;
        dwords[k / 4] |= (carry as u64 & 0xffff) << (16 * (k % 4));
        carry >>= 16;
    }
    U256::from_limbs(dwords)
}

/// Chooses y2 (in an addition), x3 and y3 so that identity i holds up to `error(i, …)`, then the rest of the row. `widen`
/// is called between x3 and y3.
fn solve(row: &mut Row<Int>, error: impl Fn(usize, &Identity<Int>) -> Error, widen: impl Fn(&mut Row<Int>)) {
    let mut errors: [Error; 3] = Default::default();
    let mut wrong = |row: &Row<Int>, i: usize| {
        let mut identity = row.identities()[i].clone();
        errors[i] = error(i, &identity);
        inject(&mut identity, &errors[i]);
        value(&identity)
    };
    if row.flags[0] == Int(1) {
        row.y2 = Default::default();
        row.y2 = limbs_of(wrong(row, 0).as_limbs());
    }
    row.x3 = Default::default();
    row.x3 = bytes(wrong(row, 1).as_limbs());
    widen(row);
    row.y3 = Default::default();
    row.y3 = limbs_of(wrong(row, 2).as_limbs());
    finish(row, &errors);
}

/// Quotients, carries and witnesses that fit up to `errors`.
fn finish(row: &mut Row<Int>, errors: &[Error; 3]) {
    row.complete();
    for (i, error) in errors.iter().enumerate() {
        let mut identity = row.identities()[i].clone();
        inject(&mut identity, error);
        row.quotients[i] = quotient(&identity);
        subtract(&mut identity, &row.quotients[i]);
        row.carries[i] = Carries::new(&identity);
    }
}

/// The error that makes an identity's limbs, the same field elements, small integers.
fn wraps(identity: &Identity<Int>) -> Error {
    let order = i64::from(F::ORDER_U32);
    let wrap = |limb: &Int| -(limb.0 + order / 2).div_euclid(order) * order;
    identity.limbs.iter().map(wrap).enumerate().filter(|(_, wrap)| *wrap != 0).collect()
}

/// A false row. It need not be near the honest one.
fn false_row(name: &'static str, forged: Row<Int>, honest: &Cells) -> Lie {
    Lie { name, honest: honest.clone(), forged: to_cells(forged) }
}

/// Whether all carries are in range.
fn carries_fit(row: &Row<Int>) -> bool {
    let mut carries = row.carries.iter().flat_map(|carries| carries.low.iter().chain(&carries.high));
    carries.all(|byte| (0..256).contains(&byte.0))
}

struct Honest {
    add: Row<Int>,
    double: Row<Int>,
    cells: Cells,
}

fn honest() -> Honest {
    let mut operands = Operands(5);
    let add = addition([(); 4].map(|()| field(&mut operands)));
    let double = cells(&call([P, 0], multiple(7), None, multiple(14)));
    let cells = to_cells(add.clone());
    Honest { add, double, cells }
}

/// One equation of one identity is off by 1, or one cell that it needs is out of range.
fn identity_lies(honest: &Honest) -> Vec<Lie> {
    let mut lies = Vec::new();
    for i in 0..3 {
        let solved = |error: Error| {
            let mut row = honest.add.clone();
            solve(&mut row, |j, _| if i == j { error.clone() } else { Vec::new() }, |_| ());
            row
        };
        for k in 0..33 {
            // P_k + carry − 2^16·carry' = −1
            lies.push(false_row("an equation is off by 1", solved(vec![(k, 1)]), &honest.cells));
        }
        for k in 0..32 {
            // carry_k is 1/2^16 = −32512 too far, and so is the next equation's limb
            let mut row = solved(vec![(k, 1), (k + 1, 32512)]);
            row.carries[i].low[k].0 += 32512;
            lies.push(false_row("a carry is a fraction", row, &honest.cells));
        }
        for k in 0..16 {
            // u_k is 2^26 too large, and 977·2^26 wraps
            let mut product = Identity::new(33);
            for (shift, factor) in [(0, PRIME_LOW), (2, 1), (16, -1)] {
                product.add_limbs(factor << 26, k + shift, &[Int(1)]);
            }
            let wraps = wraps(&product);
            inject(&mut product, &wraps);
            let mut row = solved(product.limbs.iter().map(|limb| limb.0).enumerate().collect());
            row.quotients[i][k].0 += 1 << 26;
            lies.push(false_row("a quotient wraps", row, &honest.cells));
        }
    }
    lies
}

type Column = fn(&mut Row<Int>) -> &mut [Int; 32];

/// A pair of bytes that makes the same limb, but is no pair of bytes.
fn widened(bytes: &mut [Int; 32], pair: usize, amount: i64) {
    bytes[2 * pair].0 -= 256 * amount;
    bytes[2 * pair + 1].0 += amount;
}

/// Products with two cells that are no bytes wrap.
fn byte_lies(honest: &Honest) -> Vec<Lie> {
    let mut operands = Operands(6);
    let mut lies = Vec::new();
    let columns: [Column; 4] =
        [|row| &mut row.x1, |row| &mut row.x2, |row| &mut row.slope, |row| &mut row.x3];
    for ((n, column), pair) in
        columns.into_iter().enumerate().flat_map(|c| (0..16).map(move |pair| (c, pair)))
    {
        let row = (0..10_000).find_map(|_| {
            let mut row = honest.add.clone();
            let amount = (operands.bits() % (1 << 20)) as i64;
            let widen = |row: &mut Row<Int>| widened(column(row), pair, amount);
            if n < 3 {
                widen(&mut row);
            }
            solve(
                &mut row,
                |_, identity| wraps(identity),
                |row| {
                    if n == 3 {
                        widen(row)
                    }
                },
            );
            carries_fit(&row).then_some(row)
        });
        lies.push(false_row("cells that are no bytes", row.expect("one in twenty"), &honest.cells));
    }
    // y1 is a factor in a double only, where x1 is what makes the identity right.
    for pair in 0..16 {
        let row = (0..10_000).find_map(|_| {
            let mut row = honest.double.clone();
            widened(&mut row.y1, pair, (operands.bits() % (1 << 20)) as i64);
            let square = Row { slope: Default::default(), ..row.clone() }.identities()[0].clone();
            let mut product = row.identities()[0].clone();
            product.add_limbs(-1, 0, &square.limbs);
            let wraps = wraps(&product);
            inject(&mut product, &wraps);
            let target = mul(value(&product), U256::from(3).inv_mod(prime())?);
            let x1 = target.pow_mod((prime() >> 2) + U256::ONE, prime());
            row.x1 = bytes(x1.as_limbs());
            solve(&mut row, |_, _| Vec::new(), |_| ());
            finish(&mut row, &[wraps, Vec::new(), Vec::new()]);
            (mul(x1, x1) == target && carries_fit(&row)).then_some(row)
        });
        lies.push(false_row("cells of y1 that are no bytes", row.expect("one in ten"), &honest.cells));
    }
    lies
}

/// Limbs of the result that are no limbs: (l_i + 2^16, l_(i+1) − 1), or a value of 2^256 and more.
fn limb_lies(honest: &Honest) -> Vec<Lie> {
    let mut lies = Vec::new();
    for i in 0..16 {
        let mut rows = [honest.add.clone(), honest.add.clone()];
        let [x, y] = &mut rows;
        if i < 15 {
            x.x3[2 * i + 1].0 += 256;
            x.x3[2 * i + 2].0 -= 1;
            y.y3[i].0 += 1 << 16;
            y.y3[i + 1].0 -= 1;
        } else {
            // the value plus twice the prime
            let twice = |value: [u64; 4]| {
                let wide = Uint::<320, 5>::from_limbs_slice;
                (wide(&value) + wide(&PRIME) + wide(&PRIME)).into_limbs()
            };
            let dwords = |limbs: &[Int]| -> [u64; 4] {
                std::array::from_fn(|d| (0..4).map(|l| (limbs[4 * d + l].0 as u64) << (16 * l)).sum())
            };
            let x3 = twice(dwords(&merged(&x.x3)));
            x.x3 = bytes(&x3);
            x.x3[31].0 += 256 * x3[4] as i64;
            let y3 = twice(dwords(&y.y3));
            y.y3 = limbs_of(&y3);
            y.y3[15].0 += (y3[4] as i64) << 16;
        }
        for mut row in rows {
            row.complete();
            lies.push(false_row("limbs beyond 16 bits", row, &honest.cells));
        }
    }
    lies
}

/// A coordinate that is the prime plus a little, as one and the same point would have two forms.
fn unreduced_lies(honest: &Honest) -> Vec<Lie> {
    let mut operands = Operands(7);
    let mut lies = Vec::new();
    for coordinate in 0..6 {
        for (excess, witness) in [(5, 0), (5, 1), (5, 2), (1000, 3)] {
            let small = U256::from(excess);
            let [mut x1, mut y1, mut x2, slope] = [(); 4].map(|()| field(&mut operands));
            let third = |x1, x2| add(mul(slope, slope), neg(add(x1, x2)));
            match coordinate {
                0 => x1 = small,
                1 => y1 = small,
                2 => x2 = small,
                3 => y1 = add(small, neg(mul(slope, add(x2, neg(x1))))),
                4 => x2 = third(x1, small),
                _ => y1 = add(mul(slope, add(x1, neg(third(x1, x2)))), neg(small)),
            }
            let mut row = addition([x1, y1, x2, slope]);
            let unreduced = (small + prime()).into_limbs();
            match coordinate {
                0 => row.x1 = bytes(&unreduced),
                1 => row.y1 = bytes(&unreduced),
                2 => row.x2 = bytes(&unreduced),
                3 => row.y2 = limbs_of(&unreduced),
                4 => row.x3 = bytes(&unreduced),
                _ => row.y3 = limbs_of(&unreduced),
            }
            row.complete();
            let witnesses = &mut row.canonical[coordinate];
            match witness {
                0 => {}
                // the upper limbs are said to be smaller
                1 => *witnesses = Canonical { upper: Int(1), ..Canonical::default() },
                // the second limb is said to be smaller
                2 => *witnesses = Canonical { second: Int(1), ..Canonical::default() },
                // the second limb is smaller, but the third is larger
                _ => {
                    *witnesses = Canonical {
                        upper: Int(0),
                        second: Int(1),
                        inverse: field_cell(F::from_u16(0xffff).inverse()),
                    }
                }
            }
            lies.push(false_row("a coordinate is not below the prime", row, &honest.cells));
        }
    }
    lies
}

/// Divisions by 0, flags, pointers, times.
fn other_lies(honest: &Honest) -> Vec<Lie> {
    let c = indices::<Row<usize>>();
    let mut operands = Operands(8);
    let [x, y, slope] = [(); 3].map(|()| field(&mut operands));
    // x2 − x1 = y2 − y1 = 0: any slope will do
    let equal = addition([x, y, x, slope]);
    let mut equal = Row { slope: bytes(slope.as_limbs()), ..equal };
    solve(&mut equal, |_, _| Vec::new(), |_| ());
    // 2·0·slope = 3·0²: any slope will do
    let mut flat = Row {
        slope: bytes(slope.as_limbs()),
        x1: Default::default(),
        y1: Default::default(),
        ..honest.double.clone()
    };
    solve(&mut flat, |_, _| Vec::new(), |_| ());
    let flag = |flags: [i64; 2]| {
        let times = |slot: u32| Times { prev_ts: [Int::cell(slot - 1); 8], dlo: Default::default() };
        let mut row =
            Row { flags: flags.map(Int), q_times: times(Q_SLOT), p_times: times(P_SLOT), ..Row::default() };
        // Without r, carries are any numbers.
        let mut carry = 0;
        let identity = row.identities()[0].clone();
        for (k, limb) in identity.limbs.iter().take(32).enumerate() {
            carry = (carry + limb.0) >> 16;
            row.carries[0].low[k] = Int(carry);
        }
        row
    };
    let mut lies = vec![
        false_row("p + p with any slope", equal, &honest.cells),
        false_row("2·(0, 0) with any slope", flat, &honest.cells),
        false_row("q is given back: add −1, double 1", flag([-1, 1]), &honest.cells),
        false_row("q is read without a call: add 1, double −1", flag([1, -1]), &honest.cells),
        lie("p + 4", &honest.cells, |row| row.main[c.p[0]] += F::from_u8(4)),
        lie("q + 4", &honest.cells, |row| row.main[c.q[0]] += F::from_u8(4)),
    ];
    let double = to_cells(honest.double.clone());
    for limb in 0..2 {
        lies.push(lie("an argument too many", &double, |row| row.main[c.q[limb]] = F::from_u8(8)));
    }
    for (times, slot) in [(&c.q_times, Q_SLOT), (&c.p_times, P_SLOT)] {
        for i in 0..8 {
            // distance −1 = −1 + 2^16·0
            lies.push(lie("low distance −1", &honest.cells, |row| {
                row.main[times.prev_ts[i]] = F::from_u32(TS + slot);
                row.main[times.dlo[i]] = F::NEG_ONE;
            }));
            // distance −1 = 0 + 2^16·(−1/2^16)
            lies.push(lie("high distance a fraction", &honest.cells, |row| {
                row.main[times.prev_ts[i]] = F::from_u32(TS + slot);
                row.main[times.dlo[i]] = F::ZERO;
            }));
        }
    }
    lies
}

fn kit() -> ChipTest<'static, Secp256k1Chip> {
    let honest = honest();
    let lies = [identity_lies, byte_lies, limb_lies, unreduced_lies, other_lies];
    let c = indices::<Row<usize>>();
    // The search changes representatives: flags, pointers, times, and of every number the ends.
    let mut representatives =
        vec![c.ts, c.p_times.prev_ts[7], c.p_times.dlo[7], c.q_times.prev_ts[0], c.q_times.dlo[0]];
    representatives.extend([c.flags, c.p, c.q].as_flattened());
    for bytes in [c.x1, c.y1, c.x2, c.x3, c.slope] {
        representatives.extend([bytes[0], bytes[31]]);
    }
    for limbs in [c.y2, c.y3] {
        representatives.extend([limbs[0], limbs[15]]);
    }
    for (quotient, carries) in c.quotients.iter().zip(&c.carries) {
        representatives.extend([quotient[0], quotient[15], carries.low[0], carries.high[31]]);
    }
    for canonical in &c.canonical {
        representatives.extend([canonical.upper, canonical.second, canonical.inverse]);
    }
    representatives.extend(c.divisor_inverse);
    let inputs = (0..Row::<F>::width()).filter(|column| !representatives.contains(column)).collect();
    let double = to_cells(honest.double.clone());
    ChipTest {
        lies: lies.iter().flat_map(|lies| lies(&honest)).collect(),
        inputs,
        budget: 8,
        allowed_mutes: &ALLOWED,
        ..test(vec![("add", honest.cells), ("double", double)])
    }
}

const ALLOWED: [(&str, &str); 7] = [
    ("at most one flag is set", "two calls at once have a code that no call has"),
    ("upper or second#0", "set-up asks for it: it makes a multiplicity boolean"),
    ("upper or second#1", "as #0"),
    ("upper or second#2", "as #0"),
    ("upper or second#3", "as #0"),
    ("upper or second#4", "as #0"),
    ("upper or second#5", "as #0"),
];

#[test]
fn no_lie_is_accepted() {
    kit().run();
}

#[test]
fn sums_and_doubles_are_the_curve_s() {
    let mut operands = Operands(9);
    for _ in 0..40 {
        let [p, q] = [(); 2].map(|()| ProjectivePoint::GENERATOR * Scalar::from(operands.bits()));
        let pointers = [0, 8, 0xfff8, 0x1_0000, 0xffff_ff80][operands.bits() as usize % 5];
        let sum = row(&call([pointers, Q], affine(p), Some(affine(q)), affine(p + q)));
        let double = row(&call([pointers, 0], affine(p), None, affine(p.double())));
        assert_eq!(test(vec![("sum", sum), ("double", double)]).honest(), [""; 0]);
    }
}

/// Any coordinates below the prime, on the curve or not: 0, the prime − 1, and what leaves them as the result.
#[test]
fn edge_coordinates_have_rows() {
    let edges = [0, 1, 2, 977, 978, 0x1_0000].map(U256::from);
    let below = [1u64, 2, 976, 977, 1000, 0xffff_fc2f, 0xffff_fc30, 1 << 32, 1 << 33]
        .map(|x| prime() - U256::from(x));
    let all = [edges.as_slice(), &below, &[U256::MAX >> 1, U256::ONE << 255]].concat();
    let mut operands = Operands(10);
    let mut pick = || all[operands.bits() as usize % all.len()];
    for _ in 0..300 {
        let [p, q] = [[pick(), pick()], [pick(), pick()]];
        if p[0] != q[0] {
            assert_eq!(
                test(vec![("sum", row(&call([P, Q], p, Some(q), formulas(p, Some(q)))))]).honest(),
                [""; 0]
            );
        }
        if !p[1].is_zero() {
            assert_eq!(
                test(vec![("double", row(&call([P, 0], p, None, formulas(p, None))))]).honest(),
                [""; 0]
            );
        }
        // x3 is an edge
        let [x1, y1, slope] = [pick(), pick(), pick()];
        let x2 = add(mul(slope, slope), neg(add(x1, pick())));
        if x1 != x2 {
            assert_eq!(test(vec![("result", to_cells(addition([x1, y1, x2, slope])))]).honest(), [""; 0]);
        }
    }
}

#[test]
fn exceptional_points_have_no_row() {
    let [x, y] = multiple(5);
    let large = |x: U256| x + prime();
    let [one, none] = [Some([x, y]), None];
    for (p, q) in [
        ([x, y], one),
        ([x, neg(y)], one),
        ([x, U256::ZERO], none),
        ([U256::ZERO, U256::ZERO], none),
        ([large(U256::ONE), y], one),
        ([prime(), y], none),
        ([x, prime()], none),
        ([U256::MAX, y], one),
    ] {
        for sum in [multiple(10), [U256::ZERO; 2], [x, y], formulas(p, q)] {
            assert_ne!(test(vec![("point", row(&call([P, Q], p, q, sum)))]).honest(), [""; 0], "{p:?}");
        }
    }
}

#[test]
fn limbs_stay_in_bounds() {
    let byte = Interval(0, 255);
    let limb = Interval(0, 0xffff);
    // The last equation makes the top limb a carry less at most 3.
    let mut quotient = [limb; 17];
    quotient[16] = Interval(-(1 << 14) - 3, 16511);
    let bounds = [[1, 0], [0, 1], [0, 0]].map(|flags| {
        let row = Row {
            flags: flags.map(Interval::constant),
            x1: [byte; 32],
            y1: [byte; 32],
            x2: [byte; 32],
            y2: [limb; 16],
            x3: [byte; 32],
            y3: [limb; 16],
            slope: [byte; 32],
            quotients: [quotient; 3],
            ..Row::default()
        };
        row.remainders().each_ref().map(limb_bound)
    });
    assert!(bounds.as_flattened().iter().all(|bound| *bound <= LIMB_MAX), "{bounds:?}");
    assert_eq!(bounds.as_flattened().iter().max(), Some(&1_002_784_313));
}

#[test]
fn shape_is_pinned() {
    expect_file!["../../../snapshots/secp256k1.txt"].assert_eq(&shape(&Secp256k1Chip));
    columns_complete::<Row<u8>>();
}
