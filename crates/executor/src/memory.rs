//! The guest's memory: pages of dwords that appear when first touched, each dword with a stamp of its last access.
//!
//! Accessible is what the circuits can initialise: the image's segments, zeros from the image's end up to the input
//! region, and the input region. A stamp of zero means never touched, so the first access of a dword, and only it, takes
//! the slow path that checks this.

use vellum_isa::{
    Program,
    map::{ADDRESS_END, INPUT_BASE},
};

use crate::Fault;

const PAGE_DWORDS: usize = 1 << 13;
const PAGES: usize = (ADDRESS_END / 8) as usize / PAGE_DWORDS;
const INPUT_KEY: u32 = (INPUT_BASE / 8) as u32;
/// Longest input: the region without its length dword.
pub const INPUT_BYTES_MAX: u64 = ADDRESS_END - INPUT_BASE - 8;

/// A stamp: `u8` where it only says "touched", `u64` where it is a time.
pub(crate) trait Stamp: Copy + Default + PartialEq {
    /// Bytes of a page of dwords with their stamps.
    const PAGE_BYTES: u64 = (PAGE_DWORDS * (8 + size_of::<Self>())) as u64;
}

impl Stamp for u8 {}
impl Stamp for u64 {}

/// A dword and its stamp.
pub(crate) struct Slot<'a, S> {
    pub(crate) value: &'a mut u64,
    pub(crate) stamp: &'a mut S,
}

struct Page<S> {
    dwords: Box<[u64; PAGE_DWORDS]>,
    stamps: Box<[S; PAGE_DWORDS]>,
}

pub(crate) struct Memory<'a, S> {
    pages: Box<[Option<Page<S>>; PAGES]>,
    program: &'a Program,
    input: &'a [u8],
    /// Bytes that pages may still take.
    budget: u64,
    limit: u64,
}

impl<'a, S: Stamp> Memory<'a, S> {
    /// Memory that may grow to `limit` bytes beyond the image.
    pub(crate) fn new(program: &'a Program, input: &'a [u8], limit: Option<u64>) -> Self {
        let limit = limit.unwrap_or(u64::MAX);
        let pages = boxed(std::iter::repeat_with(|| None).take(PAGES).collect());
        Self { pages, program, input, budget: limit, limit }
    }

    /// A dword that was touched before.
    #[inline(always)]
    pub(crate) fn touched(&mut self, key: u32) -> Option<Slot<'_, S>> {
        let page = self.pages[key as usize / PAGE_DWORDS % PAGES].as_mut()?;
        let i = key as usize % PAGE_DWORDS;
        if page.stamps[i] == S::default() {
            return None;
        }
        Some(Slot { value: &mut page.dwords[i], stamp: &mut page.stamps[i] })
    }

    /// A dword on its first access, which is made at byte `address`; the caller must set the stamp.
    #[cold]
    #[inline(never)]
    pub(crate) fn first_touch(&mut self, key: u32, address: u64, bytes: u64) -> Result<Slot<'_, S>, Fault> {
        if !accessible(self.program, key) {
            return Err(Fault::OutOfRange { address, bytes });
        }
        let number = key as usize / PAGE_DWORDS;
        if self.pages[number].is_none() {
            self.budget = self.budget.checked_sub(S::PAGE_BYTES).ok_or(Fault::MemoryLimit(self.limit))?;
            self.pages[number] = Some(self.page(number));
        }
        let page = self.pages[number].as_mut().expect("made above");
        let i = key as usize % PAGE_DWORDS;
        Ok(Slot { value: &mut page.dwords[i], stamp: &mut page.stamps[i] })
    }

    /// A page with its initial values.
    fn page(&self, number: usize) -> Page<S> {
        let mut dwords: Box<[u64; PAGE_DWORDS]> = boxed(vec![0; PAGE_DWORDS]);
        let first = (number * PAGE_DWORDS) as u32;
        if first < self.program.image_end || first >= INPUT_KEY {
            for (key, dword) in (first..).zip(dwords.iter_mut()) {
                *dword = self.initial(key);
            }
        }
        Page { dwords, stamps: boxed(vec![S::default(); PAGE_DWORDS]) }
    }

    /// A dword's value before the execution.
    pub(crate) fn initial(&self, key: u32) -> u64 {
        match key {
            INPUT_KEY.. => self.input_dword(key),
            _ => image_dword(self.program, key).unwrap_or_default(),
        }
    }

    /// The initial value of a dword of the input region.
    fn input_dword(&self, key: u32) -> u64 {
        let Some(from) = (key as usize - INPUT_KEY as usize).checked_sub(1) else {
            return self.input.len() as u64;
        };
        let bytes = self.input.get(8 * from..).unwrap_or_default();
        let mut dword = [0; 8];
        let count = bytes.len().min(8);
        dword[..count].copy_from_slice(&bytes[..count]);
        u64::from_le_bytes(dword)
    }

    /// A dword's value without touching it; `None` if it is not accessible.
    pub(crate) fn peek(&self, key: u32) -> Option<u64> {
        if !accessible(self.program, key) {
            return None;
        }
        Some(match &self.pages[key as usize / PAGE_DWORDS] {
            Some(page) => page.dwords[key as usize % PAGE_DWORDS],
            None => self.initial(key),
        })
    }

    /// The stamp of a dword.
    pub(crate) fn stamp(&self, key: u32) -> S {
        let page = self.pages[key as usize / PAGE_DWORDS].as_ref();
        page.map_or(S::default(), |page| page.stamps[key as usize % PAGE_DWORDS])
    }

    /// Hands bytes that need not be aligned to `sink`, in pieces of at most a page.
    pub(crate) fn read(&self, address: u64, bytes: u64, mut sink: impl FnMut(&[u8])) -> Result<(), Fault> {
        // An empty slice has a pointer to nowhere.
        if bytes == 0 {
            return Ok(());
        }
        let outside = Fault::OutOfRange { address, bytes };
        let end = address.checked_add(bytes).filter(|end| *end <= ADDRESS_END).ok_or(outside.clone())?;
        let mut piece = Vec::new();
        for key in address / 8..end.div_ceil(8) {
            let dword = self.peek(key as u32).ok_or(outside.clone())?.to_le_bytes();
            let from = address.saturating_sub(8 * key) as usize;
            let to = (end - 8 * key).min(8) as usize;
            piece.extend(&dword[from..to]);
            if piece.len() >= 8 * PAGE_DWORDS {
                sink(&piece);
                piece.clear();
            }
        }
        sink(&piece);
        Ok(())
    }

    /// Keys of all touched dwords at or above `first`, ascending.
    pub(crate) fn touched_from(&self, first: u32) -> impl Iterator<Item = u32> + '_ {
        let pages = self.pages.iter().enumerate().skip(first as usize / PAGE_DWORDS);
        let keys = pages.filter_map(|(number, page)| Some((number * PAGE_DWORDS, page.as_ref()?)));
        let touched = keys.flat_map(|(base, page)| {
            (base as u32..).zip(page.stamps.iter()).filter(|(_, stamp)| **stamp != S::default())
        });
        touched.map(|(key, _)| key).filter(move |key| *key >= first)
    }
}

/// Whether a dword can be accessed at all.
fn accessible(program: &Program, key: u32) -> bool {
    key >= program.image_end || image_dword(program, key).is_some()
}

/// The image's dword at `key`.
fn image_dword(program: &Program, key: u32) -> Option<u64> {
    let after = program.segments.partition_point(|segment| segment.key <= key);
    let segment = &program.segments[after.checked_sub(1)?];
    segment.dwords.get((key - segment.key) as usize).copied()
}

/// A boxed array from a vector of its length (never on the stack: pages are large).
fn boxed<T, const N: usize>(values: Vec<T>) -> Box<[T; N]> {
    values.into_boxed_slice().try_into().unwrap_or_else(|_| unreachable!("callers make N values"))
}
