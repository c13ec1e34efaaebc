//! Accesses of consecutive dwords.
//!
//! Two cells each, the time of the previous access and the low half of the distance: see `access`. The values are the
//! caller's expressions, so that bytes can be operands of an identity and, in pairs, the limbs of a dword.

use vellum_executor::Touch;
use vellum_stark::{Algebra, Builder, Columns, F, PrimeCharacteristicRing};

use crate::{RANGE8, Read, Write, tables::send_bytes};

/// The times of the accesses of `N` dwords in a row.
#[derive(Clone)]
pub(crate) struct Times<T, const N: usize> {
    /// Times of the previous accesses.
    pub(crate) prev_ts: [T; N],
    /// Low 16 bits of the time distances minus one.
    pub(crate) dlo: [T; N],
}

impl<T: Default, const N: usize> Default for Times<T, N> {
    fn default() -> Self {
        Self { prev_ts: std::array::from_fn(|_| T::default()), dlo: std::array::from_fn(|_| T::default()) }
    }
}

impl<T: Default, const N: usize> Columns<T> for Times<T, N> {
    fn visit(&mut self, f: &mut impl FnMut(&mut T)) {
        self.prev_ts.iter_mut().for_each(&mut *f);
        self.dlo.iter_mut().for_each(f);
    }
}

impl<T, const N: usize> Times<T, N> {
    /// The cells of the first `N` touches of a call that started at `ts`; zero for those that it does not make.
    pub(crate) fn new(touches: &[Touch], ts: u32, cell: impl Fn(u32) -> T) -> Self {
        let distance =
            |touch: &Touch| (ts + touch.slot).wrapping_sub(touch.access.prev_ts).wrapping_sub(1) & 0xffff;
        Self {
            prev_ts: std::array::from_fn(|i| cell(touches.get(i).map_or(0, |touch| touch.access.prev_ts))),
            dlo: std::array::from_fn(|i| cell(touches.get(i).map_or(0, distance))),
        }
    }
}

impl<E: Algebra<F>, const N: usize> Times<E, N> {
    /// Where the flag `r` is 1, reads `limbs` (four per dword) from `key` on at time `time`.
    pub(crate) fn reads<B: Builder<Expr = E>>(&self, b: &mut B, r: &E, [key, time]: [E; 2], limbs: &[E]) {
        self.access(b, r, &key, |b, read, key| read.eval_open(b, r, key, time.clone()), limbs);
    }

    /// Where the flag `r` is 1, replaces `old` by `new` (four limbs per dword) from `key` on at time `time`. The caller
    /// must range-check `new`.
    pub(crate) fn writes<B: Builder<Expr = E>>(
        &self,
        b: &mut B,
        r: &E,
        [key, time]: [E; 2],
        [old, new]: [&[E]; 2],
    ) {
        let mut written = new.chunks_exact(4);
        let write = |b: &mut B, old: Read<E>, key: E| {
            let new = dword(written.next().unwrap_or_default());
            Write { old, new }.eval_open(b, r, key, time.clone())
        };
        self.access(b, r, &key, write, old);
    }

    /// Runs `access` on every dword and checks the high halves of the distances, two at a time.
    fn access<B: Builder<Expr = E>>(
        &self,
        b: &mut B,
        r: &E,
        key: &E,
        mut access: impl FnMut(&mut B, Read<E>, E) -> E,
        values: &[E],
    ) {
        let mut even = None;
        for (i, value) in values.chunks_exact(4).enumerate() {
            let read =
                Read { value: dword(value), prev_ts: self.prev_ts[i].clone(), dlo: self.dlo[i].clone() };
            let distance = access(b, read, key.clone() + F::from_usize(i));
            match even.take() {
                None => even = Some(distance),
                Some(even) => send_bytes(b, r.clone(), even, distance),
            }
        }
        if let Some(distance) = even {
            b.send(RANGE8, r.clone(), [distance]);
        }
    }
}

fn dword<E: Clone + Default>(limbs: &[E]) -> [E; 4] {
    std::array::from_fn(|i| limbs.get(i).cloned().unwrap_or_default())
}
