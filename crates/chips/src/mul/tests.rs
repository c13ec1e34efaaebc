//! Every product against the manual, and the lies that each guard of MUL is there for.

use expect_test::expect_file;
use vellum_stark::{
    PrimeField32,
    check::{Cells, interactions},
    testing::{ChipTest, Lie, columns_complete, indices, lie, shape},
};

use super::*;
use crate::{
    access::inverse_2_16,
    testing::{EDGES, Operands, family_test, register_event, row},
};

/// The manual's definition.
fn reference(op: Op, a: u64, b: u64) -> u64 {
    let [signed_a, signed_b] = [a, b].map(|x| i128::from(x as i64));
    match op {
        Op::Mul => a.wrapping_mul(b),
        Op::Mulh => ((signed_a * signed_b) >> 64) as u64,
        Op::Mulhu => ((u128::from(a) * u128::from(b)) >> 64) as u64,
        Op::Mulhsu => ((signed_a * i128::from(b)) >> 64) as u64,
        _ => (a as i32).wrapping_mul(b as i32) as u64,
    }
}

fn honest(op: Op, a: u64, b: u64) -> Cells {
    row(&MulChip, register_event(op, a, b, reference(op, a, b)))
}

fn service(a: u64, b: u64, a_sign: bool, b_sign: bool) -> Cells {
    let mut cells = Cells::zero(MulChip.widths());
    Product { a, b, a_sign, b_sign }.write_row(&mut cells.main);
    cells
}

const A: u64 = 0x8123_4567_89ab_cdef;
const B: u64 = 0xfedc_ba98_7654_3210;

/// Makes `x` the product of these factors, though the operation may be another, and takes the result from it.
fn set_product(x: &mut Cells, product: Product, high: bool) {
    let c = indices::<Row<usize>>();
    let row = product.row();
    let copied = [(c.product, row.product), (c.carry_low, row.carry_low), (c.carry_high, row.carry_high)];
    for (columns, values) in copied {
        columns.into_iter().zip(values).for_each(|(column, value)| x.main[column] = value);
    }
    x.main[c.a_sign] = row.a_sign;
    x.main[c.b_sign] = row.b_sign;
    set_result(x, high);
}

/// Makes the result what the product's cells say.
fn set_result(x: &mut Cells, high: bool) {
    let c = indices::<Row<usize>>();
    (0..4).for_each(|i| x.main[c.result.new[i]] = x.main[c.product[i + if high { 4 } else { 0 }]]);
}

/// Sets flags, and the result to the flags' combination of product limbs.
fn set_flags(x: &mut Cells, flags: [i64; 5]) {
    let c = indices::<Row<usize>>();
    c.flags.into_iter().zip(flags).for_each(|(column, flag)| x.main[column] = F::from_i64(flag));
    let [mul, mulh, mulhu, mulhsu, mulw] = flags.map(F::from_i64);
    for i in 0..4 {
        let word = if i < 2 { x.main[c.product[i]] } else { x.main[c.word_sign] * F::from_u16(0xffff) };
        let [low, high] = [x.main[c.product[i]], x.main[c.product[4 + i]]];
        x.main[c.result.new[i]] = mul * low + (mulh + mulhu + mulhsu) * high + mulw * word;
    }
}

/// Lies about limb `i` of a factor 0x1234·2^16i; the other factor is 2^8, so that product_i = 2^8·low byte and
/// product_(i+1) = high byte.
///
/// ```text
/// low byte        high byte       product_i   product_(i+1)
/// 0x34            0x12            0x3400      0x12
/// 0x3401/2^8      32512 + 0x12    0x3401      32512 + 0x12      low + 2^8·high = 0x1234 + p
/// ```
fn bad_bytes(of_b: bool, i: usize) -> Lie {
    let c = indices::<Row<usize>>();
    let factor = 0x1234 << (16 * i);
    let (a, b) = if of_b { (256, factor) } else { (factor, 256) };
    let name = if of_b { "bytes of b + p" } else { "bytes of a + p" };
    lie(name, &honest(Op::Mul, a, b), |x| {
        x.main[if of_b { c.b_low } else { c.a_low }[i]] = F::from_u16(0x3401) * inverse_2_8();
        x.main[c.product[i]] += F::ONE;
        x.main[c.product[i + 1]] += F::from_u16(32512);
        set_result(x, false);
    })
}

/// Lies about limb m of the product, 2^16·32512 being p − 1:
///
/// ```text
/// product_m   carry_m   product_(m+1)
/// x           c         y
/// x + 1       c + 32512 y + 32512
/// ```
fn bad_carry(m: usize) -> Lie {
    let c = indices::<Row<usize>>();
    let op = if m < 4 { Op::Mul } else { Op::Mulh };
    lie("product + p", &honest(op, 3, 5), |x| {
        x.main[c.product[m]] += F::ONE;
        x.main[c.carry_high[m]] += F::from_u16(32512 / 16);
        if m < 7 {
            x.main[c.product[m + 1]] += F::from_u16(32512);
        }
        set_result(x, m >= 4);
    })
}

/// Trades limb m of the product against the next: x + 2^16, carry − 1, y − 1.
fn traded(m: usize) -> Lie {
    let c = indices::<Row<usize>>();
    let op = if m < 4 { Op::Mul } else { Op::Mulh };
    // Every limb of the product but the last is not 0, and every carry has a low part.
    lie("limbs of the product traded", &honest(op, 0x7ead_beef_7eef_cafe, 0x7234_5679_9bcd_ef11), |x| {
        x.main[c.product[m]] += F::from_u32(1 << 16);
        x.main[c.carry_low[m]] -= F::ONE;
        if m < 7 {
            x.main[c.product[m + 1]] -= F::ONE;
        } else {
            x.main[c.carry_low[m]] += F::from_u8(16);
            x.main[c.carry_high[m]] -= F::ONE;
        }
        set_result(x, m >= 4);
    })
}

/// A factor 1 of `mulh` and another whose sign y is no bit, though 2·top limb − 2^16·y has 16 bits. There are 2^16
/// such y, and in some of them all columns of the product still have limbs and carries in range.
fn bad_sign(of_b: bool) -> Lie {
    let c = indices::<Row<usize>>();
    let (a, b) = if of_b { (1, A) } else { (A, 1) };
    let name = if of_b { "a sign of b that is no bit" } else { "a sign of a that is no bit" };
    let top = F::from_u16((A >> 48) as u16).double();
    let y = (0..=u16::MAX).map(|t| (top - F::from_u16(t)) * inverse_2_16()).find_map(|y| {
        // With the factor 1 column m of the upper half is 65535·y and the carry.
        let mut carry = 0;
        let columns = [(); 4].map(|()| {
            let sum = (y * F::from_u16(0xffff) + F::from_u32(carry)).as_canonical_u32();
            carry = sum >> 16;
            (sum & 0xffff, carry)
        });
        let valid = y != F::ZERO && y != F::ONE && columns.iter().all(|(_, carry)| *carry < 4096);
        valid.then_some((y, columns))
    });
    let (y, columns) = y.expect("one of 2^16 signs fits");
    lie(name, &honest(Op::Mulh, a, b), |x| {
        x.main[if of_b { c.b_sign } else { c.a_sign }] = y;
        for (m, (limb, carry)) in (4..).zip(columns) {
            x.main[c.product[m]] = F::from_u32(limb);
            x.main[c.carry_low[m]] = F::from_u32(carry % 16);
            x.main[c.carry_high[m]] = F::from_u32(carry / 16);
        }
        set_result(x, true);
    })
}

fn kit() -> ChipTest<'static, MulChip> {
    let c = indices::<Row<usize>>();
    let mul = honest(Op::Mul, A, B);
    let mulh = honest(Op::Mulh, A, B);
    let mulhu = honest(Op::Mulhu, A, B);
    let mulhsu = honest(Op::Mulhsu, A, B);
    let mulw = honest(Op::Mulw, 0xffff_0001_ffff, 0x8000);
    let product = Product { a: A, b: B, a_sign: true, b_sign: true };
    let mut lies = vec![
        lie("mulh of |a|", &mulh, |x| set_product(x, Product { a_sign: false, ..product }, true)),
        lie("mulh of |b|", &mulh, |x| set_product(x, Product { b_sign: false, ..product }, true)),
        lie("mulhsu as mulh", &mulhsu, |x| set_product(x, product, true)),
        lie("mulhu as mulhsu", &mulhu, |x| set_product(x, Product { b_sign: false, ..product }, true)),
        lie("mulw without sign", &mulw, |x| {
            x.main[c.word_sign] = F::ZERO;
            (2..4).for_each(|i| x.main[c.result.new[i]] = F::ZERO);
        }),
        // sign_w: 2·product_1/2^16, which makes 2·product_1 − 2^16·sign_w = 0
        lie("mulw with a sign that is no bit", &mulw, |x| {
            x.main[c.word_sign] = x.main[c.product[1]].double() * inverse_2_16();
            (2..4).for_each(|i| x.main[c.result.new[i]] = x.main[c.word_sign] * F::from_u16(0xffff));
        }),
        lie("another result than the product", &mul, |x| x.main[c.result.new[2]] += F::ONE),
    ];
    // mul mulh mulhu mulhsu mulw | op: two flags, less one between them, have the code of a third
    let flags = [
        (Op::Mulhsu, [-1, 1, 1, 0, 0]),
        (Op::Mulhu, [1, -1, 0, 1, 0]),
        (Op::Mulhu, [0, 1, -1, 1, 0]),
        (Op::Mulhsu, [0, 0, 1, -1, 1]),
        (Op::Mulh, [0, 0, 1, 1, -1]),
    ];
    for (op, flags) in flags {
        let b_sign = flags[2] == -1;
        let b = if b_sign { B } else { 6 };
        lies.push(lie("three flags with the code of a fourth", &honest(op, 5, b), |x| {
            set_product(x, Product { a: 5, b, a_sign: false, b_sign }, false);
            set_flags(x, flags);
        }));
    }
    lies.extend((0..4).flat_map(|i| [bad_bytes(false, i), bad_bytes(true, i)]));
    lies.extend((0..8).flat_map(|m| [bad_carry(m), traded(m)]));
    lies.extend([bad_sign(false), bad_sign(true)]);
    let rows = vec![
        ("mul", mul),
        ("mulh", mulh),
        ("mulhu", mulhu),
        ("mulhsu", mulhsu),
        ("mulw", mulw),
        ("service", service(A, B, true, false)),
    ];
    ChipTest { lies, budget: 2, ..family_test(&MulChip, rows) }
}

#[test]
fn no_lie_is_accepted() {
    kit().run();
}

#[test]
fn products_as_riscv_has_them() {
    let mut operands = Operands(3);
    let edges = EDGES.into_iter().flat_map(|a| EDGES.map(|b| (a, b)));
    let random: Vec<_> = (0..300).map(|_| (operands.next(), operands.next())).collect();
    let mut rows = Vec::new();
    for (a, b) in edges.chain(random) {
        rows.extend(OPS.map(|op| ("product", honest(op, a, b))));
    }
    assert_eq!(family_test(&MulChip, rows).honest(), [""; 0]);
}

#[test]
fn wrong_results_have_no_row() {
    let mut operands = Operands(4);
    for _ in 0..300 {
        let (a, b) = (operands.next(), operands.next());
        for op in OPS {
            let wrong = reference(op, a, b) ^ 1 << (operands.bits() % 64);
            let rows = vec![("wrong", row(&MulChip, register_event(op, a, b, wrong)))];
            assert_ne!(family_test(&MulChip, rows).honest(), [""; 0], "{op:?} {a:#x} {b:#x} = {wrong:#x}");
        }
    }
}

#[test]
fn service_rows_give_the_product_of_the_signed_factors() {
    let mut operands = Operands(5);
    for _ in 0..300 {
        let (a, b, signs) = (operands.next(), operands.next(), operands.bits());
        let cells = service(a, b, signs & 1 == 1, signs & 2 == 2);
        assert_eq!(family_test(&MulChip, vec![("service", cells.clone())]).honest(), [""; 0]);
        let sent = interactions(&MulChip, cells.as_row(), &[]);
        let product = sent.iter().find(|i| i.bus == PRODUCT).expect("a service row serves");
        let value = product.tuple[8..16].iter().rev();
        let value = value.fold(0, |value, limb| value << 16 | u128::from(limb.as_canonical_u32()));
        let extended = |x: u64, sign: u64| i128::from(x) - (i128::from(sign) << 64);
        let expected = extended(a, signs & 1).wrapping_mul(extended(b, signs >> 1 & 1));
        assert_eq!(value, expected as u128);
    }
}

#[test]
fn shape_is_pinned() {
    expect_file!["../../snapshots/mul.txt"].assert_eq(&shape(&MulChip));
    columns_complete::<Row<u8>>();
}
