//! Environment call numbers (register a7). What each reads is in docs/protocol.md, section "Guest ABI".

/// `exit(a0 = status)`, no output. Same number as Linux.
pub const EXIT: u64 = 93;
/// `write(a0 = fd, a1 = pointer, a2 = length)`: debug print, no effect in the circuit. Same number as Linux.
pub const WRITE: u64 = 64;
/// `exit(a0 = status, a1..a4 = output digest)`.
pub const EXIT_OUTPUT: u64 = 0x1000;
/// `commit(a0 = pointer, a1 = length)`: tells the host the output bytes, no effect in the circuit.
pub const COMMIT: u64 = 0x1001;
/// `mark(a0 = label)`: lets the host attribute cost, no effect in the circuit.
pub const MARK: u64 = 0x1003;

/// The calls that specialised circuits prove. Each takes four arguments a0..a3 below 2^32, zero where it has fewer. All
/// inputs are read before any output is written, so they may overlap.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[repr(u64)]
pub enum Precompile {
    /// (kind, in, out, dwords of out): the host computes, the guest checks.
    Hint = 0x1002,
    /// (out, data, len, flags): absorbs and permutes; keccak256 where the flags say first and last.
    Keccak = 0x1100,
    /// (p, q): p ← p + q on secp256k1.
    Secp256k1Add,
    /// (p): p ← 2p on secp256k1.
    Secp256k1Double,
    /// (out, a, b, m): out ← a·b mod m.
    U256MulMod,
    /// (out, a, b, c): out ← a·b + c, 512 bits.
    U256MulAdd,
    /// (out, a, b): out ← a − b and the borrow.
    U256Sub,
    /// (to, from, len): overlapping allowed.
    Memcpy,
    /// (to, byte, len).
    Memset,
    /// (out, a, b, len): out ← −1, 0 or 1.
    Memcmp,
    /// (state, block): one compression.
    Sha256,
}

/// What a HINT asks the host for; numbers are 256 bits, little-endian. Nothing is proven of the answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[repr(u32)]
pub enum HintKind {
    /// (x, m): x⁻¹ mod m, or 0 where there is none.
    Inverse = 1,
    /// (x, m), m a prime, 3 mod 4: a square root of x mod m, or of −x where x has none.
    SquareRoot = 2,
    /// (k): k1, k2 and their signs (bit 0 and bit 1 of the last dword set for negative) with k = k1 + k2·λ modulo
    /// secp256k1's order and 128 bits in both.
    Glv = 3,
}

impl HintKind {
    /// The kind with a number.
    pub fn from_number(number: u32) -> Option<Self> {
        [Self::Inverse, Self::SquareRoot, Self::Glv].into_iter().find(|kind| *kind as u32 == number)
    }

    /// Dwords of question and answer.
    pub const fn dwords(self) -> [u32; 2] {
        match self {
            Self::Inverse | Self::SquareRoot => [8, 4],
            Self::Glv => [4, 5],
        }
    }
}

impl Precompile {
    /// All of them, in the order of their codes.
    pub const ALL: [Self; 11] = [
        Self::Hint,
        Self::Keccak,
        Self::Secp256k1Add,
        Self::Secp256k1Double,
        Self::U256MulMod,
        Self::U256MulAdd,
        Self::U256Sub,
        Self::Memcpy,
        Self::Memset,
        Self::Memcmp,
        Self::Sha256,
    ];

    /// Its number, in a7.
    pub const fn code(self) -> u64 {
        self as u64
    }

    /// The precompile with a number.
    pub fn from_code(code: u64) -> Option<Self> {
        Self::ALL.into_iter().find(|precompile| precompile.code() == code)
    }

    /// Its place in [`Self::ALL`].
    pub const fn index(self) -> usize {
        match self {
            Self::Hint => 0,
            other => (other as u64 - Self::Keccak as u64 + 1) as usize,
        }
    }

    /// Its name in reports.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Hint => "HINT",
            Self::Keccak => "KECCAK",
            Self::Secp256k1Add => "SECP256K1_ADD",
            Self::Secp256k1Double => "SECP256K1_DOUBLE",
            Self::U256MulMod => "U256_MULMOD",
            Self::U256MulAdd => "U256_MULADD",
            Self::U256Sub => "U256_SUB",
            Self::Memcpy => "MEMCPY",
            Self::Memset => "MEMSET",
            Self::Memcmp => "MEMCMP",
            Self::Sha256 => "SHA256",
        }
    }
}
