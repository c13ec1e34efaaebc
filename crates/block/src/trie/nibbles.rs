//! Paths in a trie: up to 64 nibbles of a 32-byte key.

use core::fmt;

/// Number of nibbles in a key, which is the depth of every leaf.
pub(crate) const KEY_NIBBLES: usize = 64;

/// A run of at most 64 nibbles, packed two a byte, high nibble first.
///
/// The run may begin at an odd position, so that a suffix of a key or of a node's path is the same bytes
/// with another start.
#[derive(Clone, Copy)]
pub struct Nibbles {
    bytes: [u8; 32],
    start: u8,
    end: u8,
}

impl Nibbles {
    /// The empty path.
    pub(crate) const EMPTY: Self = Self { bytes: [0; 32], start: 0, end: 0 };

    /// All nibbles of a key.
    pub(crate) const fn of_key(key: &[u8; 32]) -> Self {
        Self { bytes: *key, start: 0, end: KEY_NIBBLES as u8 }
    }

    /// Number of nibbles.
    pub const fn len(&self) -> usize {
        (self.end - self.start) as usize
    }

    /// Whether the path has no nibble.
    pub const fn is_empty(&self) -> bool {
        self.start == self.end
    }

    /// The nibble at `index`, which must be below [`Self::len`].
    pub const fn at(&self, index: usize) -> u8 {
        let place = self.start as usize + index;
        let byte = self.bytes[place / 2];
        if place.is_multiple_of(2) { byte >> 4 } else { byte & 0x0f }
    }

    /// The path without its first `count` nibbles.
    pub(crate) fn skip(&self, count: usize) -> Self {
        debug_assert!(count <= self.len());
        Self { start: self.start + count as u8, ..*self }
    }

    /// The first `count` nibbles.
    pub(crate) fn take(&self, count: usize) -> Self {
        debug_assert!(count <= self.len());
        Self { end: self.start + count as u8, ..*self }
    }

    /// Number of leading nibbles that both paths share.
    pub(crate) fn common_prefix(&self, other: &Self) -> usize {
        let most = self.len().min(other.len());
        (0..most).find(|&i| self.at(i) != other.at(i)).unwrap_or(most)
    }

    /// This path followed by `nibble` and by `tail`; the three together must not exceed 64 nibbles.
    pub(crate) fn join(&self, nibble: Option<u8>, tail: &Self) -> Self {
        let mut joined = Self::EMPTY;
        let own = (0..self.len()).map(|i| self.at(i));
        for value in own.chain(nibble).chain((0..tail.len()).map(|i| tail.at(i))) {
            joined.push(value);
        }
        joined
    }

    /// Appends one nibble.
    pub(crate) fn push(&mut self, nibble: u8) {
        let place = self.end as usize;
        let byte = &mut self.bytes[place / 2];
        *byte = if place.is_multiple_of(2) { nibble << 4 } else { (*byte & 0xf0) | nibble };
        self.end += 1;
    }

    /// Reads the hex-prefix encoding (Yellow Paper, appendix C): the path and whether the node is a leaf.
    /// `None` if the flag nibble is unknown, the padding nibble is not zero or the path is too long.
    pub(crate) fn from_hex_prefix(encoded: &[u8]) -> Option<(Self, bool)> {
        let (&first, rest) = encoded.split_first()?;
        if first >> 4 > 3 {
            return None;
        }
        let (leaf, odd) = (first & 0x20 != 0, first & 0x10 != 0);
        let packed = if odd { encoded } else { rest };
        if packed.len() > 32 || (!odd && first & 0x0f != 0) {
            return None;
        }
        let mut bytes = [0; 32];
        bytes[..packed.len()].copy_from_slice(packed);
        Some((Self { bytes, start: odd as u8, end: (packed.len() * 2) as u8 }, leaf))
    }

    /// Writes the hex-prefix encoding into `out` and returns its length.
    pub(crate) fn hex_prefix(&self, leaf: bool, out: &mut [u8; 33]) -> usize {
        let odd = self.len() % 2;
        out[0] = (leaf as u8) << 5 | (odd as u8) << 4;
        if odd == 1 {
            out[0] |= self.at(0);
        }
        let rest = self.skip(odd);
        let count = rest.len() / 2;
        if rest.start.is_multiple_of(2) {
            let from = rest.start as usize / 2;
            out[1..=count].copy_from_slice(&rest.bytes[from..from + count]);
        } else {
            for i in 0..count {
                out[1 + i] = rest.at(2 * i) << 4 | rest.at(2 * i + 1);
            }
        }
        count + 1
    }
}

impl PartialEq for Nibbles {
    fn eq(&self, other: &Self) -> bool {
        if self.len() != other.len() {
            return false;
        }
        if !(self.start ^ other.start).is_multiple_of(2) {
            return self.common_prefix(other) == self.len();
        }
        // Both begin in the same half of a byte: whole bytes can be compared, between halves at the ends.
        let first = |path: &Self| (!path.start.is_multiple_of(2)).then(|| path.at(0));
        let last = |path: &Self| (!path.end.is_multiple_of(2)).then(|| path.at(path.len() - 1));
        let whole = |path: &Self| path.start.div_ceil(2) as usize..(path.end / 2) as usize;
        self.is_empty()
            || first(self) == first(other)
                && last(self) == last(other)
                && self.bytes.get(whole(self)) == other.bytes.get(whole(other))
    }
}

impl Eq for Nibbles {}

impl fmt::Display for Nibbles {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        (0..self.len()).try_for_each(|i| write!(f, "{:x}", self.at(i)))
    }
}

impl fmt::Debug for Nibbles {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Nibbles({self})")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hex_prefix_of_every_suffix_reads_back() {
        let key: [u8; 32] = core::array::from_fn(|i| (i * 37 + 11) as u8);
        for start in 0..=KEY_NIBBLES {
            for end in [start, start + (KEY_NIBBLES - start) / 2, KEY_NIBBLES] {
                let path = Nibbles::of_key(&key).take(end).skip(start);
                for leaf in [false, true] {
                    let mut encoded = [0; 33];
                    let len = path.hex_prefix(leaf, &mut encoded);
                    assert_eq!(Nibbles::from_hex_prefix(&encoded[..len]), Some((path, leaf)));
                }
            }
        }
    }

    #[test]
    fn bad_hex_prefixes_are_refused() {
        for bad in [&[][..], &[0x40], &[0x01], &[0x2f], &[0; 34]] {
            assert_eq!(Nibbles::from_hex_prefix(bad), None, "{bad:?}");
        }
    }

    #[test]
    fn paths_are_equal_wherever_they_begin() {
        let paths = |bytes: [u8; 32]| {
            let key = Nibbles::of_key(&bytes);
            (0..8usize).flat_map(move |start| (start..8).map(move |end| key.take(end).skip(start)))
        };
        for a in paths([0x11; 32]).chain(paths([0x12; 32])) {
            for b in paths([0x11; 32]).chain(paths([0x21; 32])) {
                let nibbles =
                    |path: &Nibbles| (0..path.len()).map(|i| path.at(i)).collect::<alloc::vec::Vec<_>>();
                assert_eq!(a == b, nibbles(&a) == nibbles(&b), "{a:?} {b:?}");
            }
        }
    }

    #[test]
    fn joining_keeps_the_order() {
        let key = [0x12; 32];
        let path = Nibbles::of_key(&key);
        let joined = path.take(3).join(Some(9), &path.skip(61));
        assert_eq!(alloc::format!("{joined}"), "1219212");
    }
}
