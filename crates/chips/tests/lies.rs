//! Lies about whole shards: one thing of an honest execution is changed, with or without what follows from it, and the
//! constraints and buses must refuse it. Nothing is proven here: `proofs` does that for some of them.
#![allow(clippy::unwrap_used, missing_docs)]

mod common;

use std::sync::LazyLock;

use common::{
    INPUT, MACHINE, Place, Which, carry_on, histories, instructions, mixture, output_digest, set_final,
    shards,
};
use vellum_chips::{
    AddChip, AddiChip, CmpBrChip, DivRemChip, EcallChip, FamilyChip, JalrChip, LiChip, LogicChip, Mem64Chip,
    MemSubChip, MulChip, ProgramKey, ShiftChip, check_execution, check_shard, product,
};
use vellum_executor::{Access, BoundaryRow, EcallEvent, Event, InitRow, Shard, ShardLimits};
use vellum_isa::{
    Family, Op, RomRow,
    map::{HALT, INPUT_BASE, REGISTER_KEY, STACK_TOP},
};
use vellum_stark::F;

struct Fixture {
    key: ProgramKey,
    /// The execution in one shard.
    whole: Vec<Shard>,
    /// The same, cut inside an atomic operation among other places.
    cut: Vec<Shard>,
}

static FIXTURE: LazyLock<Fixture> = LazyLock::new(|| {
    let key = ProgramKey::new(&MACHINE, mixture(2, 0));
    let whole = shards(&key.program, INPUT, &ShardLimits::UNLIMITED);
    let cut = shards(&key.program, INPUT, &instructions(55));
    Fixture { key, whole, cut }
});

impl Fixture {
    fn check(&self, shard: &Shard) -> Result<(), String> {
        check_shard(&MACHINE, &self.key, shard)
    }

    fn check_all(&self, shards: &[Shard]) -> Result<(), String> {
        check_execution(&MACHINE, &self.key, shards)
    }

    #[track_caller]
    fn refuses(&self, name: &str, lie: impl FnOnce(&mut Shard)) {
        let mut shard = self.whole[0].clone();
        lie(&mut shard);
        assert!(self.check(&shard).is_err(), "{name} is accepted");
    }

    #[track_caller]
    fn refuses_cut(&self, name: &str, lie: impl FnOnce(&mut [Shard])) {
        let mut shards = self.cut.clone();
        lie(&mut shards);
        assert!(self.check_all(&shards).is_err(), "{name} is accepted");
    }

    fn rom(&self, row: u32) -> &RomRow {
        &self.key.program.rom[row as usize]
    }

    /// The cells that an event becomes.
    fn cells(&self, family: Family, event: &Event) -> Vec<F> {
        fn write(chip: &impl FamilyChip, rom: &RomRow, event: &Event) -> Vec<F> {
            let mut row = vec![F::default(); chip.widths().main];
            chip.write_row(rom, event, &mut row);
            row
        }
        let rom = self.rom(event.row);
        match family {
            Family::Add => write(&AddChip, rom, event),
            Family::Addi => write(&AddiChip, rom, event),
            Family::Li => write(&LiChip, rom, event),
            Family::Logic => write(&LogicChip, rom, event),
            Family::Shift => write(&ShiftChip, rom, event),
            Family::CmpBr => write(&CmpBrChip, rom, event),
            Family::Jalr => write(&JalrChip, rom, event),
            Family::Mem64 => write(&Mem64Chip, rom, event),
            Family::MemSub => write(&MemSubChip, rom, event),
            Family::Mul => write(&MulChip, rom, event),
            Family::DivRem => {
                let mut row = write(&DivRemChip, rom, event);
                let mut service = vec![F::default(); vellum_stark::Chip::widths(&MulChip).main];
                product(rom, event).write_row(&mut service);
                row.extend(service);
                row
            }
            Family::Ecall => unreachable!("ecalls have events of their own"),
        }
    }

    fn ecall_cells(&self, event: &EcallEvent) -> Vec<F> {
        let mut row = vec![F::default(); vellum_stark::Chip::widths(&EcallChip).main];
        EcallChip.write_row(self.rom(event.row), event, &mut row);
        row
    }
}

/// Changes of a 64-bit value: one limb, a borrow between limbs, the sign, all.
const VALUES: [fn(u64) -> u64; 6] = [
    |v| v ^ 1,
    |v| v.wrapping_add(1 << 16),
    |v| v ^ 1 << 63,
    |v| !v,
    |v| v.wrapping_sub(0xffff),
    |v| v ^ 1 << 32,
];
/// Changes of a time or pc.
const TIMES: [fn(u32) -> u32; 4] =
    [|t| t + 1, |t| t.wrapping_sub(1), |t| t.wrapping_add(16), |t| t ^ 1 << 16];

type Edit = (&'static str, Box<dyn Fn(&mut Event)>);

/// One change of every field of an event; `turn` chooses which.
fn edits(turn: usize) -> Vec<Edit> {
    let value = VALUES[turn % VALUES.len()];
    let time = TIMES[turn % TIMES.len()];
    fn access(
        name: &'static str,
        of: fn(&mut Event) -> &mut Access,
        value: fn(u64) -> u64,
        time: fn(u32) -> u32,
    ) -> [Edit; 2] {
        [
            (name, Box::new(move |e| of(e).old = value(of(e).old))),
            (name, Box::new(move |e| of(e).prev_ts = time(of(e).prev_ts))),
        ]
    }
    let mut edits: Vec<Edit> = vec![
        ("ts", Box::new(move |e| e.ts = time(e.ts))),
        ("next_pc", Box::new(move |e| e.next_pc = time(e.next_pc))),
        ("rd_new", Box::new(move |e| e.rd_new = value(e.rd_new))),
        ("mem_new", Box::new(move |e| e.mem_new = value(e.mem_new))),
    ];
    edits.extend(access("rs1", |e| &mut e.rs1, value, time));
    edits.extend(access("rs2", |e| &mut e.rs2, value, time));
    edits.extend(access("rd", |e| &mut e.rd, value, time));
    edits.extend(access("mem", |e| &mut e.mem, value, time));
    edits
}

#[test]
fn honest_shards_are_accepted() {
    let f = &*FIXTURE;
    assert_eq!(f.check_all(&f.whole), Ok(()));
    assert_eq!(f.check_all(&f.cut), Ok(()));
    assert!(f.cut.len() >= 4);
    let events = |family: Family| f.whole[0].events[family as usize].len();
    assert!(Family::ALL[..11].iter().all(|family| events(*family) > 0), "every chip has rows");
    assert!(f.cut.iter().any(|s| s.pc_in >= vellum_isa::map::VIRTUAL_PC), "a cut inside an atomic operation");
}

/// Cases 3, 5, 6, 7, 12, 17: every field of every event, one change at a time.
#[test]
fn no_field_of_an_event_can_be_changed() {
    let f = &*FIXTURE;
    let honest = &f.whole[0];
    let mut lies: Vec<(Family, usize, &str, Event)> = Vec::new();
    let mut turn = 0;
    for family in Family::ALL {
        // The second round of the loop repeats the first one's instructions.
        let events = &honest.events[family as usize];
        for (i, event) in events.iter().enumerate().take(events.len() * 3 / 5 + 2) {
            turn += 1;
            let rows = [event.row + 1, event.row.wrapping_sub(1)].into_iter().filter(|row| {
                f.key.program.rom.get(*row as usize).is_some_and(|rom| rom.op.family() == family)
            });
            let mut changed: Vec<_> = rows.map(|row| ("row", Event { row, ..*event })).collect();
            changed.extend(edits(turn).into_iter().map(|(name, edit)| {
                let mut event = *event;
                edit(&mut event);
                (name, event)
            }));
            changed.retain(|(_, lie)| f.cells(family, lie) != f.cells(family, event));
            lies.extend(changed.into_iter().map(|(name, event)| (family, i, name, event)));
        }
    }
    assert!(lies.len() > 500, "{} lies", lies.len());
    std::thread::scope(|scope| {
        for half in 0..2 {
            let lies = lies.iter().skip(half).step_by(2);
            scope.spawn(move || {
                let mut shard = f.whole[0].clone();
                for (family, i, name, lie) in lies {
                    let honest = std::mem::replace(&mut shard.events[*family as usize][*i], *lie);
                    assert!(f.check(&shard).is_err(), "{family:?} event {i}: {name} of {honest:?}");
                    shard.events[*family as usize][*i] = honest;
                }
            });
        }
    });
}

/// Cases 6, 8, 36: every field of every ecall.
#[test]
fn no_field_of_an_ecall_can_be_changed() {
    let f = &*FIXTURE;
    let honest = &f.whole[0];
    let mut refused = 0;
    for (i, event) in honest.ecalls.iter().enumerate() {
        let mut lies = Vec::new();
        for value in VALUES {
            let mut lie = *event;
            lie.a7.old = value(lie.a7.old);
            lies.push(lie);
            for argument in 0..5 {
                let mut lie = *event;
                lie.args[argument].old = value(lie.args[argument].old);
                lies.push(lie);
            }
        }
        for time in TIMES {
            lies.push(EcallEvent { ts: time(event.ts), ..*event });
            let mut lie = *event;
            lie.a7.prev_ts = time(lie.a7.prev_ts);
            lies.push(lie);
            for argument in 0..5 {
                let mut lie = *event;
                lie.args[argument].prev_ts = time(lie.args[argument].prev_ts);
                lies.push(lie);
            }
        }
        lies.extend(honest.ecalls.iter().map(|other| EcallEvent { row: other.row, ..*event }));
        lies.retain(|lie| f.ecall_cells(lie) != f.ecall_cells(event));
        for lie in lies {
            refused += 1;
            let mut shard = honest.clone();
            shard.ecalls[i] = lie;
            assert!(f.check(&shard).is_err(), "ecall {i}: {lie:?}");
        }
    }
    assert!(refused > 60, "{refused} lies");
}

/// Cases 2 to 5 and 17: a wrong value is written and everything later agrees with it. Where nothing reads the value, the
/// instruction's own row is all that can object.
#[test]
fn no_value_can_be_changed_with_all_that_follows_from_it() {
    let f = &*FIXTURE;
    let program = &f.key.program;
    let mut dead = [0; 12];
    for history in histories(program, &f.whole[0]) {
        for (i, place) in history.iter().enumerate().filter(|(_, p)| p.writes(program, &f.whole[0])) {
            let mut shards = f.whole.clone();
            let (_, new) = place.of(&mut shards[0]);
            let new = new.unwrap();
            *new = VALUES[i % VALUES.len()](*new);
            let value = *new;
            carry_on(program, &mut shards, &history, i + 1, value);
            assert!(f.check_all(&shards).is_err(), "{place:?} writes {value:#x}");
            if history.get(i + 1).is_none_or(|next| next.writes(program, &f.whole[0])) {
                dead[place.family as usize] += 1;
            }
        }
    }
    for family in [Family::Add, Family::Addi, Family::Logic, Family::Shift, Family::CmpBr] {
        assert!(dead[family as usize] > 0, "{family:?} has no dead result");
    }
    assert!(dead[Family::Mul as usize] > 0 && dead[Family::DivRem as usize] > 0);
}

/// Case 1: `remu t1, t2, t2`, one register read twice with two values: a mod (a + 1) is a, not 0.
#[test]
fn a_register_has_one_value_in_a_row() {
    let f = &*FIXTURE;
    let program = &f.key.program;
    let at = f.whole[0].events[Family::DivRem as usize]
        .iter()
        .position(|event| {
            let rom = f.rom(event.row);
            rom.op == Op::Remu && u16::from(rom.rs1) == rom.rs2
        })
        .unwrap();
    let mut shards = f.whole.clone();
    let event = &mut shards[0].events[Family::DivRem as usize][at];
    assert_eq!((event.rs2.old, event.rd_new), (event.rs1.old, 0));
    (event.rs2.old, event.rd_new) = (event.rs1.old + 1, event.rs1.old);
    let value = event.rd_new;
    let here =
        |place: &Place| place.family == Family::DivRem && place.event == at && place.which == Which::Rd;
    let history = histories(program, &f.whole[0]).into_iter().find(|h| h.iter().any(here)).unwrap();
    let from = history.iter().position(here).unwrap() + 1;
    carry_on(program, &mut shards, &history, from, value);
    assert!(f.check_all(&shards).is_err());
}

/// Case 12: two accesses of a key in the other order. The tokens still form a path, only time forbids it.
#[test]
fn no_access_comes_before_an_earlier_one() {
    let f = &*FIXTURE;
    let program = &f.key.program;
    let mut refused = 0;
    for history in histories(program, &f.whole[0]) {
        for (i, two) in history.windows(2).enumerate().step_by(3) {
            let mut shards = f.whole.clone();
            let [a, b] = two else { unreachable!() };
            let shard = &mut shards[0];
            let before = *a.of(shard).0;
            let leaves = |place: &Place, shard: &mut Shard, old: u64| {
                let writes = place.writes(program, shard);
                match place.of(shard) {
                    (_, Some(new)) if writes => *new,
                    (_, Some(new)) if place.which == Which::Mem => {
                        *new = old;
                        old
                    }
                    _ => old,
                }
            };
            *b.of(shard).0 = before;
            let value = leaves(b, shard, before.old);
            *a.of(shard).0 = Access { old: value, prev_ts: b.time };
            let value = leaves(a, shard, value);
            match history.get(i + 2) {
                Some(next) => next.of(shard).0.prev_ts = a.time,
                None => shard.boundary.iter_mut().find(|row| row.key == a.key).unwrap().last_ts = a.time,
            }
            carry_on(program, &mut shards, &history, i + 2, value);
            assert!(f.check_all(&shards).is_err(), "{b:?} before {a:?}");
            refused += 1;
        }
    }
    assert!(refused > 100, "{refused} lies");
}

/// Cases 8 and 23: an event missing, twice, or of elsewhere.
#[test]
fn no_event_can_be_added_or_left_out() {
    let f = &*FIXTURE;
    for family in &Family::ALL[..11] {
        let at = *family as usize;
        for i in [0, f.whole[0].events[at].len() - 1] {
            f.refuses("an event left out", |s| {
                s.events[at].remove(i);
            });
            f.refuses("an event twice", |s| {
                let event = s.events[at][i];
                s.events[at].push(event);
            });
            f.refuses("an event once more at the end", |s| {
                let event = Event { ts: s.ts_out, ..s.events[at][i] };
                s.events[at].push(event);
            });
        }
    }
    for i in 0..f.whole[0].ecalls.len() {
        f.refuses("an ecall left out", |s| {
            s.ecalls.remove(i);
        });
        f.refuses("an ecall twice", |s| s.ecalls.push(s.ecalls[i]));
    }
    f.refuses("a whole table left out", |s| s.events[Family::Mul as usize].clear());
    f.refuses("a row of an instruction of another shard", |s| {
        s.events[0].push(f.cut[1].events[0][0]);
    });
}

/// Case 7: rows that trade their pcs, their times, or both.
#[test]
fn rows_cannot_trade_places() {
    let f = &*FIXTURE;
    for family in [Family::Add, Family::Addi, Family::Li, Family::Mul, Family::MemSub, Family::DivRem] {
        let at = family as usize;
        f.refuses("pcs traded", |s| {
            let [a, b] = [s.events[at][0].row, s.events[at][1].row];
            (s.events[at][0].row, s.events[at][1].row) = (b, a);
        });
        f.refuses("times traded", |s| {
            let [a, b] = [s.events[at][0].ts, s.events[at][1].ts];
            (s.events[at][0].ts, s.events[at][1].ts) = (b, a);
        });
    }
    // The order of rows in a table means nothing.
    let mut shard = f.whole[0].clone();
    shard.events[0].reverse();
    assert_eq!(f.check(&shard), Ok(()));
}

/// Case 8: every prefix of the execution as the whole, ended at HALT or where it stopped.
#[test]
fn no_prefix_is_the_whole() {
    let f = &*FIXTURE;
    let ts_out = f.whole[0].ts_out;
    for end in (32..ts_out).step_by(16 * 7) {
        let mut shard = f.whole[0].clone();
        shard.events.iter_mut().for_each(|events| events.retain(|event| event.ts < end));
        shard.ecalls.retain(|event| event.ts < end);
        shard.ts_out = end;
        // What a prefix touches, and what it leaves: everything a cheating prover can set right.
        let histories = histories(&f.key.program, &shard);
        let mut rows = Vec::new();
        for history in &histories {
            let last = *history.last().unwrap();
            let writes = last.writes(&f.key.program, &shard);
            let value = match last.of(&mut shard) {
                (_, Some(new)) if writes => *new,
                (access, _) => access.old,
            };
            let row = f.whole[0].boundary.iter().find(|row| row.key == last.key).unwrap();
            rows.push(BoundaryRow { last: value, last_ts: last.time, ..*row });
        }
        shard.boundary = rows;
        let next = f.whole[0].events.iter().flatten().find(|event| event.ts == end);
        let stopped = next.map_or(HALT, |event| f.rom(event.row).pc);
        let mut whole = [shard];
        for row in whole[0].boundary.clone() {
            set_final(&f.key.program, &mut whole, row.key, row.last);
        }
        whole[0].pc_out = HALT;
        assert!(f.check(&whole[0]).is_err(), "the prefix up to {end} halts");
        whole[0].pc_out = stopped;
        assert!(f.check(&whole[0]).is_err(), "the prefix up to {end} exits");
        // The same prefix is a fine middle shard: only its end is missing.
        if stopped != HALT {
            (whole[0].is_last, whole[0].exit) = (false, None);
            whole[0].image.clear();
            assert_eq!(f.check(&whole[0]), Ok(()), "the prefix up to {end} as a middle shard");
        }
    }
}

/// Cases 6, 8, 20, 25, 36: what a shard says of itself.
#[test]
fn no_public_value_can_be_changed() {
    let f = &*FIXTURE;
    f.refuses("another start", |s| s.pc_in += 1);
    f.refuses("another end", |s| s.pc_out -= 1);
    f.refuses("another time at the end", |s| s.ts_out += 16);
    f.refuses("exit status 1", |s| s.exit.as_mut().unwrap().status = 1);
    f.refuses("exit status 65536", |s| s.exit.as_mut().unwrap().status = 1 << 16);
    f.refuses("exit status 2^32", |s| s.exit.as_mut().unwrap().status = 1 << 32);
    for byte in [0, 1, 15, 31] {
        f.refuses("another digest", |s| s.exit.as_mut().unwrap().digest[byte] ^= 0x80);
    }
    f.refuses("no exit", |s| s.exit = None);
    f.refuses("no digest", |s| s.exit.as_mut().unwrap().digest = [0; 32]);
    // A lower end below the first key is the verifier's to compare; see `proofs`.
    f.refuses("key_in at the first key", |s| s.key_in = s.init[0].key);
    f.refuses("key_in above the first key", |s| s.key_in = s.init[0].key + 1);
    f.refuses("key_out + 1", |s| s.key_out += 1);
    f.refuses("not the last", |s| {
        s.is_last = false;
        s.image.clear();
    });
    assert_eq!(f.whole[0].exit.unwrap().digest, output_digest());
}

/// Case 36: a program that ends with 65536 or with an error is not one that ends with 0.
#[test]
fn no_status_is_read_as_another() {
    for status in [1, 1 << 16, 1 << 63] {
        let key = ProgramKey::new(&MACHINE, mixture(1, status));
        let honest = shards(&key.program, INPUT, &ShardLimits::UNLIMITED);
        assert_eq!(check_execution(&MACHINE, &key, &honest), Ok(()));
        let mut public = honest[0].clone();
        public.exit.as_mut().unwrap().status = 0;
        assert!(check_shard(&MACHINE, &key, &public).is_err(), "status {status} as 0");
        // The call reads 0 as well, and with it all later and earlier accesses of a0 that saw the status.
        let histories = histories(&key.program, &public);
        let history = histories.iter().find(|h| h[0].key == REGISTER_KEY + common::assembler::A0).unwrap();
        let mut all = [public];
        let last_write = history.iter().rposition(|p| p.writes(&key.program, &all[0])).unwrap();
        carry_on(&key.program, &mut all, history, last_write + 1, 0);
        assert!(check_execution(&MACHINE, &key, &all).is_err(), "status {status} read as 0");
        *history[last_write].of(&mut all[0]).1.unwrap() = 0;
        assert!(check_execution(&MACHINE, &key, &all).is_err(), "status {status} written as 0");
    }
}

/// Cases 13, 14, 19: every field of every BOUNDARY row of an execution of several shards.
#[test]
fn no_boundary_row_can_be_changed() {
    let f = &*FIXTURE;
    for shard in [0, 1, f.cut.len() - 1] {
        for i in (0..f.cut[shard].boundary.len()).step_by(3) {
            let turn = shard + i;
            let value = VALUES[turn % VALUES.len()];
            let edit = |name: &str, lie: &dyn Fn(&mut BoundaryRow)| {
                f.refuses_cut(name, |s| lie(&mut s[shard].boundary[i]));
            };
            edit("first", &|row| row.first = value(row.first));
            edit("last", &|row| row.last = value(row.last));
            edit("key", &|row| row.key ^= 1);
            edit("previous shard", &|row| row.prev_shard = row.prev_shard.wrapping_add(1));
            edit("last time", &|row| row.last_ts += 1);
            f.refuses_cut("a row left out", |s| {
                s[shard].boundary.remove(i);
            });
            f.refuses_cut("a row twice", |s| s[shard].boundary.push(s[shard].boundary[i]));
        }
    }
    let last = f.cut.len() - 1;
    f.refuses_cut("an untouched key passes through with another value", |s| {
        let row = BoundaryRow { key: REGISTER_KEY + 3, prev_shard: 0, first: 0, last: 7, last_ts: 0 };
        s[0].boundary.push(row);
        set_final(&f.key.program, s, REGISTER_KEY + 3, 7);
    });
    f.refuses_cut("a cycle of a key without initial value", |s| {
        let key = (1 << 29) + 5;
        s[0].boundary.push(BoundaryRow { key, prev_shard: 2, first: 7, last: 7, last_ts: 0 });
        s[1].boundary.push(BoundaryRow { key, prev_shard: 1, first: 7, last: 7, last_ts: 0 });
    });
    f.refuses_cut("a token from a later shard", |s| {
        let row = s[last].boundary.iter().find(|row| row.prev_shard > 0).copied().unwrap();
        let earlier = row.prev_shard as usize - 1;
        let at = s[earlier].boundary.iter().position(|r| r.key == row.key).unwrap();
        s[earlier].boundary[at].prev_shard = last as u32 + 1;
    });
}

/// Case 13, with all that follows: a key starts a shard with another value than it ended the one before with.
#[test]
fn no_value_changes_between_shards() {
    let f = &*FIXTURE;
    let program = &f.key.program;
    let mut locally_fine = 0;
    for at in 0..f.cut.len() {
        for history in histories(program, &f.cut[at]).iter().step_by(2) {
            let mut shards = f.cut.clone();
            let row = shards[at].boundary.iter_mut().find(|row| row.key == history[0].key).unwrap();
            row.first ^= 1 << 40;
            let value = row.first;
            carry_on(program, &mut shards[at..], history, 0, value);
            locally_fine += usize::from(shards.iter().all(|shard| f.check(shard).is_ok()));
            assert!(
                f.check_all(&shards).is_err(),
                "key {:#x} changes before shard {}",
                history[0].key,
                at + 1
            );
        }
    }
    // Overwritten before it is read: each shard is fine, only the global bus can tell.
    assert!(locally_fine > 3, "{locally_fine} lies reach the global bus");
}

/// Cases 13, 14, 15, 35: the initialised keys.
#[test]
fn no_initial_value_is_free_but_the_input() {
    let f = &*FIXTURE;
    let (program, last) = (&f.key.program, f.cut.len() - 1);
    let init = &f.cut[last].init;
    assert!(init.len() > 2 && init.iter().any(|row| u64::from(row.key) * 8 >= INPUT_BASE));
    for i in 0..init.len() {
        f.refuses_cut("a row left out", |s| {
            s[last].init.remove(i);
        });
        f.refuses_cut("a row twice", |s| s[last].init.insert(i, s[last].init[i]));
        f.refuses_cut("another key", |s| s[last].init[i].key += 1);
        f.refuses_cut("another first value", |s| s[last].init[i].first ^= 1);
        f.refuses_cut("another last value", |s| s[last].init[i].last ^= 1 << 17);
        f.refuses_cut("another last shard", |s| s[last].init[i].last_shard ^= 1);
    }
    f.refuses_cut("a key in two shards", |s| {
        let row = s[last].init[0];
        s[0].init.push(row);
        (s[0].key_out, s[1].key_in) = (row.key, row.key);
    });
    f.refuses_cut("rows in descending order", |s| s[last].init.reverse());
    f.refuses_cut("an image key initialised once more", |s| {
        let key = program.segments[0].key;
        s[last].init.insert(0, InitRow { key, first: 0, last: 0, last_shard: 0 });
    });
    f.refuses_cut("a register initialised once more", |s| {
        s[last].init.push(InitRow { key: REGISTER_KEY + 5, first: 0, last: 0, last_shard: 0 });
        s[last].key_out = REGISTER_KEY + 5;
    });
    f.refuses_cut("a key between memory and registers", |s| {
        s[last].init.push(InitRow { key: 1 << 29, first: 0, last: 0, last_shard: 0 });
        s[last].key_out = 1 << 29;
    });
    // A key that no one touches may be initialised: it takes its own token back.
    let mut shards = f.cut.clone();
    let key = (STACK_TOP / 8) as u32 + 1;
    let at = shards[last].init.partition_point(|row| row.key < key);
    shards[last].init.insert(at, InitRow { key, first: 0, last: 0, last_shard: 0 });
    assert_eq!(f.check_all(&shards), Ok(()));
    shards[last].init[at] = InitRow { key, first: 9, last: 9, last_shard: 0 };
    assert!(f.check_all(&shards).is_err(), "the stack holds 9 from the start");

    // The stack's first dword holds something from the start, and all agree.
    for row in init.iter().filter(|row| u64::from(row.key) * 8 < INPUT_BASE) {
        let mut shards = f.cut.clone();
        let row = shards[last].init.iter_mut().find(|r| r.key == row.key).unwrap();
        row.first = 1 << 20;
        let key = row.key;
        carry_from_start(f, &mut shards, key, 1 << 20);
        assert!(f.check_all(&shards).is_err(), "key {key:#x} starts with 2^20");
    }
}

/// Another input is another execution: the input's dwords may start with anything, their readers must agree.
#[test]
fn the_input_is_free_and_its_readers_are_not() {
    let f = &*FIXTURE;
    let other = shards(&f.key.program, b"another.", &ShardLimits::UNLIMITED);
    assert_eq!(f.check_all(&other), Ok(()));
    let mut mixed = f.whole.clone();
    mixed[0].init.clone_from(&other[0].init);
    assert!(f.check_all(&mixed).is_err());
}

/// Case 13: the final values and shards in IMAGE, and registers and image dwords that start with other values.
#[test]
fn no_image_row_can_be_changed() {
    let f = &*FIXTURE;
    let last = f.cut.len() - 1;
    let rows = f.cut[last].image.len();
    for i in (0..rows).step_by(11).chain([rows - 1]) {
        f.refuses_cut("another final value", |s| s[last].image[i].last ^= 1 << 33);
        f.refuses_cut("another last shard", |s| s[last].image[i].last_shard ^= 1);
    }
    f.refuses_cut("a row left out", |s| {
        s[last].image.remove(0);
    });
    f.refuses_cut("no image", |s| s[last].image.clear());
    f.refuses_cut("a row in the padding", |s| {
        let row = s[last].image[0];
        s[last].image.insert(0, row);
    });
    for key in [REGISTER_KEY + 2, REGISTER_KEY + 5, f.key.program.segments[0].key] {
        if let Some(mut shards) = touched(f, key) {
            carry_from_start(f, &mut shards, key, 77);
            assert!(f.check_all(&shards).is_err(), "key {key:#x} starts with 77");
        }
    }
}

/// Cases 19, 24, 25: shards in another order, with other numbers, missing, or of another execution.
/// The two steps of the instruction lookup: what a shard executes stands in its CODE, and that in PROGRAM.
#[test]
fn only_the_program_is_executed() {
    let f = &*FIXTURE;
    for at in 0..f.whole[0].code.len() {
        f.refuses("an instruction that CODE lacks", |shard| {
            shard.code.remove(at);
        });
    }
    f.refuses_cut("an instruction executed once more than counted", |shards| {
        shards[0].code.push(*shards[0].code.last().unwrap());
    });
    let last = f.cut.len() - 1;
    for row in 0..f.cut[last].rom.len() {
        f.refuses_cut("another count of an instruction", |shards| shards[last].rom[row] += 1);
    }
    // An instruction that is not the program's: add becomes sub in the rows, CODE included, not in the committed ROM.
    let mut key = ProgramKey::new(&MACHINE, mixture(2, 0));
    let add = key.program.rom.iter().position(|row| row.op == Op::Add).unwrap();
    key.program.rom[add].op = Op::Sub;
    let shards = shards(&key.program, INPUT, &ShardLimits::UNLIMITED);
    assert_eq!(check_shard(&MACHINE, &key, &shards[0]), Ok(()));
    let refused = check_execution(&MACHINE, &key, &shards).expect_err("another program is accepted");
    assert!(refused.contains("ROM"), "{refused}");
}

#[test]
fn no_other_sequence_of_shards_balances() {
    let f = &*FIXTURE;
    let last = f.cut.len() - 1;
    f.refuses_cut("a number repeated", |s| s[1].index = 1);
    f.refuses_cut("two numbers traded", |s| (s[1].index, s[2].index) = (3, 2));
    for i in 0..=last {
        let mut shards = f.cut.clone();
        shards.remove(i);
        assert!(f.check_all(&shards).is_err(), "shard {} is missing", i + 1);
        shards = f.cut.clone();
        shards.push(f.cut[i].clone());
        assert!(f.check_all(&shards).is_err(), "shard {} is there twice", i + 1);
    }
    for at in 1..last {
        assert!(f.check_all(&f.cut[..at]).is_err(), "a prefix");
        assert!(f.check_all(&f.cut[at..]).is_err(), "a suffix");
    }
    let other = shards(&f.key.program, b"another.", &instructions(55));
    assert_eq!(other.len(), f.cut.len());
    for at in 1..=last {
        let mixed = [&f.cut[..at], &other[at..]].concat();
        assert!(f.check_all(&mixed).is_err(), "the first {at} shards of another execution");
    }
}

/// The shards, if an instruction touches the key.
fn touched(f: &Fixture, key: u32) -> Option<Vec<Shard>> {
    f.cut.iter().any(|shard| shard.boundary.iter().any(|row| row.key == key)).then(|| f.cut.clone())
}

/// Lets a key start the execution with `value`.
fn carry_from_start(f: &Fixture, shards: &mut [Shard], key: u32, value: u64) {
    let at = shards.iter().position(|s| s.boundary.iter().any(|row| row.key == key)).unwrap();
    shards[at].boundary.iter_mut().find(|row| row.key == key).unwrap().first = value;
    let histories = histories(&f.key.program, &shards[at]);
    let history = histories.iter().find(|h| h[0].key == key).unwrap();
    carry_on(&f.key.program, &mut shards[at..], history, 0, value);
}
