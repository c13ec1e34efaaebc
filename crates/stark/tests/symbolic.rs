//! Descriptions: what set-up refuses, and that the encoding in the verifying key loses nothing.

use proptest::prelude::*;
use vellum_stark::{
    Algebra, Builder, Bus, BusKind, Chip, Direction, F, PrimeCharacteristicRing, PrimeField32, Scope, Widths,
    symbolic::{Cell, Description, Expr, Op, SetupError, describe, validate_machine},
};

/// A chip given as data.
#[derive(Clone, Debug)]
struct Data {
    name: &'static str,
    widths: Widths,
    constraints: Vec<Term>,
    interactions: Vec<(Direction, Bus, Term, Vec<Term>)>,
}

/// An expression given as data.
#[derive(Clone, Debug)]
enum Term {
    Constant(u32),
    Cell(Cell),
    Op(Op, Box<[Self; 2]>),
}

impl Term {
    fn eval<B: Builder>(&self, builder: &B) -> B::Expr {
        match self {
            Self::Constant(value) => B::Expr::from_u32(*value),
            Self::Cell(Cell::Preprocessed(i)) => builder.preprocessed()[*i].clone(),
            Self::Cell(Cell::Phase0(i)) => builder.phase0()[*i].clone(),
            Self::Cell(Cell::Main(i)) => builder.main()[*i].clone(),
            Self::Cell(Cell::Public(i)) => builder.public(*i),
            Self::Op(op, operands) => {
                let [left, right] = [&operands[0], &operands[1]].map(|operand| operand.eval(builder));
                match op {
                    Op::Add => left + right,
                    Op::Sub => left - right,
                    Op::Mul => left * right,
                }
            }
        }
    }
}

fn op(op: Op, left: Term, right: Term) -> Term {
    Term::Op(op, Box::new([left, right]))
}

const fn main(i: usize) -> Term {
    Term::Cell(Cell::Main(i))
}

impl Chip for Data {
    fn name(&self) -> &'static str {
        self.name
    }

    fn widths(&self) -> Widths {
        self.widths
    }

    fn eval<B: Builder>(&self, builder: &mut B) {
        for constraint in &self.constraints {
            let value = constraint.eval(builder);
            builder.assert_zero("constraint", value);
        }
        for (direction, bus, multiplicity, tuple) in &self.interactions {
            let multiplicity = multiplicity.eval(builder);
            let tuple: Vec<B::Expr> = tuple.iter().map(|entry| entry.eval(builder)).collect();
            match <[B::Expr; 1]>::try_from(tuple) {
                Ok(tuple) => builder.interact(*direction, *bus, multiplicity, tuple),
                Err(tuple) => {
                    let tuple: [B::Expr; 2] =
                        tuple.try_into().expect("the tests' tuples have 1 or 2 entries");
                    builder.interact(*direction, *bus, multiplicity, tuple);
                }
            }
        }
    }
}

const BUS: Bus = Bus::permutation("BUS", 1, 1);
const TABLE: Bus = Bus::lookup("TABLE", 2, 1);
const GLOBAL: Bus = Bus::global("GLOBAL", 3, 1);

/// One flag, one value sent and received where the flag is set, and a phase-0 and a preprocessed column.
fn sound() -> Data {
    let widths = Widths { preprocessed: 1, phase0: 1, main: 2 };
    let flag = |cell: Term| op(Op::Mul, cell.clone(), op(Op::Sub, cell, Term::Constant(1)));
    let phase0 = Term::Cell(Cell::Phase0(0));
    Data {
        name: "SOUND",
        widths,
        constraints: vec![flag(main(0)), flag(phase0.clone())],
        interactions: vec![
            (Direction::Send, BUS, main(0), vec![main(1)]),
            (Direction::Receive, BUS, main(0), vec![main(1)]),
            (Direction::Receive, TABLE, main(1), vec![Term::Cell(Cell::Preprocessed(0))]),
            (Direction::Send, GLOBAL, phase0.clone(), vec![phase0]),
        ],
    }
}

fn error_of(change: impl FnOnce(&mut Data)) -> SetupError {
    let mut data = sound();
    change(&mut data);
    describe(&data).validate().expect_err("the change makes the chip invalid")
}

#[test]
fn a_sound_chip_is_accepted() {
    assert_eq!(describe(&sound()).validate(), Ok(()));
}

#[test]
fn degrees_are_limited() {
    let cube = |cell: Term| op(Op::Mul, cell.clone(), op(Op::Mul, cell.clone(), cell));
    let fourth = op(Op::Mul, main(0), cube(main(0)));
    let error = error_of(|data| data.constraints.push(fourth));
    assert!(matches!(error, SetupError::ConstraintDegree { degree: 4, .. }), "{error}");
    let error = error_of(|data| data.constraints.push(Term::Constant(0)));
    assert!(matches!(error, SetupError::ConstantConstraint { .. }), "{error}");
    let error = error_of(|data| data.constraints.push(op(Op::Mul, main(0), Term::Constant(0))));
    assert!(matches!(error, SetupError::ConstantConstraint { .. }), "{error}");
    let error = error_of(|data| data.interactions[0].2 = cube(main(0)));
    assert!(matches!(error, SetupError::MultiplicityDegree { degree: 3, .. }), "{error}");
    let error = error_of(|data| data.interactions[0].3[0] = op(Op::Mul, main(0), main(1)));
    assert!(matches!(error, SetupError::TupleDegree { entry: 0, degree: 2, .. }), "{error}");
}

#[test]
fn tuples_fit_their_bus() {
    let error = error_of(|data| data.interactions[0].3.push(main(0)));
    assert!(matches!(error, SetupError::Arity { expected: 1, got: 2, .. }), "{error}");
    let error = error_of(|data| data.interactions[0].1.id = 0);
    assert!(matches!(error, SetupError::BusId { bus: "BUS" }), "{error}");
}

#[test]
fn global_interactions_do_not_use_main_cells() {
    let changes = [
        |data: &mut Data| data.interactions[3].2 = main(0),
        |data: &mut Data| data.interactions[3].3[0] = main(0),
    ];
    for change in changes {
        let error = error_of(change);
        assert!(matches!(error, SetupError::GlobalCell { cell: Cell::Main(0), .. }), "{error}");
    }
}

#[test]
fn lookup_tables_are_preprocessed_and_have_one_owner() {
    let error = error_of(|data| data.interactions[2].3[0] = main(1));
    assert!(matches!(error, SetupError::LookupTable { cell: Cell::Main(1), .. }), "{error}");
    let [first, mut second] = [sound(), sound()];
    second.name = "SECOND";
    let error = validate_machine(&[describe(&first), describe(&second)]);
    assert!(matches!(error, Err(SetupError::LookupReceivers { bus: "TABLE", .. })), "{error:?}");
}

/// A local table may pass on what it looks up on a global bus, and nothing else.
#[test]
fn relayed_tuples_are_looked_up_globally() {
    const ELSEWHERE: Bus = Bus::global_lookup("ELSEWHERE", 4, 1);
    let phase0 = || Term::Cell(Cell::Phase0(0));
    let relay = || {
        let mut data = sound();
        data.widths.phase0 = 2;
        let tuple = || vec![Term::Cell(Cell::Phase0(1))];
        data.interactions[2] = (Direction::Receive, TABLE, op(Op::Mul, phase0(), main(1)), tuple());
        data.interactions.push((Direction::Send, ELSEWHERE, phase0(), tuple()));
        data.interactions.push((
            Direction::Send,
            BUS,
            main(0),
            vec![op(Op::Add, main(1), Term::Cell(Cell::Preprocessed(0)))],
        ));
        data
    };
    assert_eq!(describe(&relay()).validate(), Ok(()));
    type Change = (&'static str, fn(&mut Data));
    let changes: [Change; 7] = [
        ("another tuple", |data| data.interactions[4].3 = vec![Term::Cell(Cell::Phase0(0))]),
        ("a received multiplicity of its own", |data| data.interactions[2].2 = main(1)),
        ("a sum instead of a product", |data| {
            data.interactions[2].2 = op(Op::Add, Term::Cell(Cell::Phase0(0)), main(1));
        }),
        ("another factor", |data| data.interactions[2].2 = op(Op::Mul, main(0), main(1))),
        ("received, not sent", |data| data.interactions[4].0 = Direction::Receive),
        ("sent on a permutation bus", |data| data.interactions[4].1 = Bus::global("OTHER", 5, 1)),
        ("sent locally", |data| data.interactions[4].1 = Bus::lookup("OTHER", 5, 1)),
    ];
    for (name, change) in changes {
        let mut data = relay();
        change(&mut data);
        let error = describe(&data).validate();
        assert!(matches!(error, Err(SetupError::LookupTable { .. })), "{name}: {error:?}");
    }
}

#[test]
fn every_column_is_used() {
    let error = error_of(|data| data.widths.main += 1);
    assert_eq!(error, SetupError::UnusedColumn { chip: "SOUND", column: Cell::Main(2) });
    // x·0 is no use.
    let error = error_of(|data| {
        data.widths.main += 1;
        data.constraints[0] =
            op(Op::Add, data.constraints[0].clone(), op(Op::Mul, main(2), Term::Constant(0)));
    });
    assert_eq!(error, SetupError::UnusedColumn { chip: "SOUND", column: Cell::Main(2) });
}

#[test]
fn machines_agree_on_buses_and_names() {
    let (first, mut second) = (sound(), sound());
    assert_eq!(
        validate_machine(&[describe(&first), describe(&second)]),
        Err(SetupError::DuplicateChip { chip: "SOUND" })
    );
    second.name = "SECOND";
    second.interactions.remove(2);
    second.constraints.push(op(Op::Sub, main(1), Term::Cell(Cell::Preprocessed(0))));
    assert_eq!(validate_machine(&[describe(&first), describe(&second)]), Ok(()));
    let clashes = [
        |bus: &mut Bus| bus.name = "OTHER",
        |bus: &mut Bus| bus.id = 9,
        |bus: &mut Bus| bus.kind = BusKind::Lookup,
        |bus: &mut Bus| bus.id = 3,
    ];
    for change in clashes {
        let mut second = second.clone();
        change(&mut second.interactions[0].1);
        let error = validate_machine(&[describe(&first), describe(&second)]);
        assert!(matches!(error, Err(SetupError::BusClash { .. })), "{error:?}");
    }
}

#[test]
fn multiplicities_outside_tables_are_constrained_to_0_and_1() {
    let free = |multiplicity: Term| {
        let error = error_of(|data| data.interactions[0].2 = multiplicity);
        assert!(matches!(error, SetupError::FreeMultiplicity { .. }), "{error}");
    };
    free(main(1));
    free(Term::Constant(2));
    free(op(Op::Add, main(0), main(0)));
    free(op(Op::Sub, main(0), Term::Constant(1)));
    free(op(Op::Add, main(0), Term::Cell(Cell::Phase0(0))));

    let accepted = |change: &dyn Fn(&mut Data)| {
        let mut data = sound();
        change(&mut data);
        assert_eq!(describe(&data).validate(), Ok(()));
    };
    let (a, b) = (main(0), Term::Cell(Cell::Phase0(0)));
    let sum = op(Op::Add, a.clone(), b.clone());
    let minus_one = |x: Term| op(Op::Sub, x, Term::Constant(1));
    accepted(&|data| data.interactions[0].2 = Term::Constant(1));
    accepted(&|data| data.interactions[0].2 = op(Op::Sub, Term::Constant(1), a.clone()));
    accepted(&|data| data.interactions[0].2 = op(Op::Mul, a.clone(), b.clone()));
    // The sum of two flags that are stated to be exclusive, in this or another way.
    for exclusion in [op(Op::Mul, sum.clone(), minus_one(sum.clone())), op(Op::Mul, a.clone(), b.clone())] {
        accepted(&|data| {
            data.constraints.push(exclusion.clone());
            data.interactions[0].2 = sum.clone();
        });
    }
    // b ∈ {0, a}: a − b is 0 or 1, b − a is not.
    let below = op(Op::Mul, b.clone(), op(Op::Sub, b.clone(), a.clone()));
    accepted(&|data| {
        data.constraints[1] = below.clone();
        data.interactions[0].2 = op(Op::Sub, a.clone(), b.clone());
    });
    let error = error_of(|data| {
        data.constraints[1] = below.clone();
        data.interactions[0].2 = op(Op::Sub, b.clone(), a.clone());
    });
    assert!(matches!(error, SetupError::FreeMultiplicity { .. }), "{error}");
}

#[test]
fn names_of_constraints_and_buses_are_not_encoded() {
    let data = sound();
    let mut renamed = data.clone();
    renamed.interactions[0].1.name = "RENAMED";
    let mut description = describe(&data);
    description.constraints[0].name = "renamed";
    assert_eq!(describe(&renamed).encode(), describe(&data).encode());
    assert_eq!(description.encode(), describe(&data).encode());
}

/// What the encoding must keep, written out: expressions as fully parenthesized text.
fn text_of(description: &Description) -> String {
    fn expr(e: &Expr) -> String {
        match e {
            Expr::Constant(value) => value.as_canonical_u32().to_string(),
            Expr::Cell(cell) => cell.to_string(),
            Expr::Node(node) => format!("({} {:?} {})", expr(&node.left), node.op, expr(&node.right)),
        }
    }
    let constraints: Vec<String> = description.constraints.iter().map(|c| expr(&c.expr)).collect();
    let interactions = description.interactions.iter().map(|i| {
        let Bus { id, arity, kind, scope, .. } = i.bus;
        let exprs: Vec<String> = i.exprs().map(expr).collect();
        format!("{:?} {id} {arity} {kind:?} {scope:?} {exprs:?}", i.direction)
    });
    let interactions: Vec<String> = interactions.collect();
    format!("{} {:?} {constraints:?} {interactions:?}", description.name, description.widths)
}

/// Reads an encoding back to the same text.
fn text_of_bytes(bytes: &[u8]) -> String {
    let mut rest = bytes;
    let mut take = |count: usize| {
        let (taken, after) = rest.split_at(count);
        rest = after;
        taken
    };
    let length = |bytes: &[u8]| u32::from_le_bytes(bytes.try_into().expect("four bytes")) as usize;
    let name_length = length(take(4));
    let name = String::from_utf8(take(name_length).to_vec()).expect("the name is text");
    let mut number = || length(take(4));
    let widths = Widths { preprocessed: number(), phase0: number(), main: number() };
    let mut steps: Vec<String> = Vec::new();
    for _ in 0..number() {
        let step = match number() {
            0 => number().to_string(),
            1 => Cell::Preprocessed(number()).to_string(),
            2 => Cell::Phase0(number()).to_string(),
            3 => Cell::Main(number()).to_string(),
            4 => Cell::Public(number()).to_string(),
            op => {
                let (left, right) = (number(), number());
                format!("({} {:?} {})", steps[left], [Op::Add, Op::Sub, Op::Mul][op - 5], steps[right])
            }
        };
        steps.push(step);
    }
    let constraints: Vec<String> = (0..number()).map(|_| steps[number()].clone()).collect();
    let mut interactions = Vec::new();
    for _ in 0..number() {
        let direction = [Direction::Send, Direction::Receive][number()];
        let (kind, scope) = [
            (BusKind::Permutation, Scope::Local),
            (BusKind::Permutation, Scope::Global),
            (BusKind::Lookup, Scope::Local),
            (BusKind::Lookup, Scope::Global),
        ][number()];
        let (id, arity, entries) = (number(), number(), number());
        let exprs: Vec<String> = (0..=entries).map(|_| steps[number()].clone()).collect();
        interactions.push(format!("{direction:?} {id} {arity} {kind:?} {scope:?} {exprs:?}"));
    }
    assert_eq!(rest, [0u8; 0], "nothing follows");
    format!("{name} {widths:?} {constraints:?} {interactions:?}")
}

fn any_term() -> impl Strategy<Value = Term> {
    let leaf = prop_oneof![
        prop_oneof![0..3u32, Just(F::ORDER_U32 - 1)].prop_map(Term::Constant),
        (0..2usize).prop_map(|i| Term::Cell(Cell::Preprocessed(i))),
        (0..2usize).prop_map(|i| Term::Cell(Cell::Phase0(i))),
        (0..2usize).prop_map(|i| Term::Cell(Cell::Main(i))),
        (0..2usize).prop_map(|i| Term::Cell(Cell::Public(i))),
    ];
    leaf.prop_recursive(4, 12, 2, |inner| {
        let ops = prop_oneof![Just(Op::Add), Just(Op::Sub), Just(Op::Mul)];
        (ops, inner.clone(), inner).prop_map(|(o, left, right)| op(o, left, right))
    })
}

fn any_chip() -> impl Strategy<Value = Data> {
    let bus =
        (1..4u32, 1..3usize, any::<bool>(), any::<bool>()).prop_map(|(id, arity, lookup, global)| Bus {
            name: "BUS",
            id,
            arity,
            kind: if lookup { BusKind::Lookup } else { BusKind::Permutation },
            scope: if global { Scope::Global } else { Scope::Local },
        });
    let direction = prop_oneof![Just(Direction::Send), Just(Direction::Receive)];
    let interaction = (direction, bus, any_term(), prop::collection::vec(any_term(), 1..3));
    (
        prop_oneof![Just("A"), Just("AB")],
        prop::collection::vec(any_term(), 0..3),
        prop::collection::vec(interaction, 0..3),
    )
        .prop_map(|(name, constraints, interactions)| Data {
            name,
            widths: Widths { preprocessed: 2, phase0: 2, main: 2 },
            constraints,
            interactions,
        })
}

/// A small change: of a name, a width, an order, a constant, a cell, an operation, a bus.
fn changed(mut data: Data, choice: usize) -> Data {
    fn change_term(term: &mut Term) {
        *term = match term.clone() {
            Term::Constant(value) => Term::Constant(value + 1),
            Term::Cell(Cell::Main(i)) => Term::Cell(Cell::Phase0(i)),
            Term::Cell(_) => main(1),
            Term::Op(Op::Add, operands) => Term::Op(Op::Sub, operands),
            Term::Op(Op::Sub, operands) => Term::Op(Op::Mul, operands),
            Term::Op(Op::Mul, mut operands) => {
                operands.swap(0, 1);
                Term::Op(Op::Mul, operands)
            }
        };
    }
    match choice {
        0 => data.name = "B",
        1 => data.widths.main += 1,
        2 => data.constraints.reverse(),
        3 => data.interactions.reverse(),
        4 => data.constraints.iter_mut().for_each(change_term),
        5 => data.interactions.iter_mut().for_each(|i| change_term(&mut i.2)),
        6 => data.interactions.iter_mut().for_each(|i| i.3.iter_mut().for_each(change_term)),
        7 => data.interactions.iter_mut().for_each(|i| i.1.id += 1),
        8 => data.interactions.iter_mut().for_each(|i| i.3.reverse()),
        _ => drop(data.constraints.pop()),
    }
    data
}

proptest! {
    /// The encoding can be read back, so no two descriptions share one.
    #[test]
    fn encodings_keep_everything(data in any_chip()) {
        let description = describe(&data);
        prop_assert_eq!(text_of_bytes(&description.encode()), text_of(&description));
        prop_assert_eq!(describe(&data).encode(), description.encode());
    }

    #[test]
    fn small_changes_show(data in any_chip(), choice in 0..10usize) {
        let (before, after) = (describe(&data), describe(&changed(data, choice)));
        prop_assert_eq!(before.encode() == after.encode(), text_of(&before) == text_of(&after));
    }

    /// Folding does not change what an expression says.
    #[test]
    fn symbols_mean_what_elements_do(data in any_chip(), seed in any::<u32>()) {
        use vellum_stark::{check::{Cells, violations}, symbolic::Tape};
        let cells = |offset: u32| (0..2).map(|i| F::from_u32(seed / 2) * F::from_u32(offset + i)).collect::<Vec<F>>();
        let row = Cells { preprocessed: cells(1), phase0: cells(3), main: cells(5) };
        let public = cells(7);
        let read = |cell| match cell {
            Cell::Preprocessed(i) => row.preprocessed[i],
            Cell::Phase0(i) => row.phase0[i],
            Cell::Main(i) => row.main[i],
            Cell::Public(i) => public[i],
        };
        let description = describe(&data);
        let values = description.constraints.iter().map(|c| Tape::of(&c.expr).eval(&mut Vec::new(), read));
        let broken = values.filter(|value| *value != F::ZERO).count();
        prop_assert_eq!(violations(&data, row.as_row(), &public).len(), broken);
    }
}

/// Shared parts are counted once: an expression of 2^40 leaves has a short encoding.
#[test]
fn shared_parts_are_encoded_once() {
    struct Doubling;
    impl Chip for Doubling {
        fn name(&self) -> &'static str {
            "DOUBLING"
        }
        fn widths(&self) -> Widths {
            Widths { main: 1, ..Widths::default() }
        }
        fn eval<B: Builder>(&self, builder: &mut B) {
            fn power_of_two<E: Algebra<F>>(x: E) -> E {
                (0..40).fold(x, |sum, _| sum.clone() + sum)
            }
            let sum = power_of_two(builder.main()[0].clone());
            builder.assert_zero("doubled 40 times", sum);
        }
    }
    assert!(describe(&Doubling).encode().len() < 1000);
    assert_eq!(describe(&Doubling).validate(), Ok(()));
    assert!(vellum_stark::testing::shape(&Doubling).len() < 1000);
}
