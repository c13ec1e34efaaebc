//! The part of `k256::ecdsa` that recovers keys, by the same names, on precompiles: a program that uses it from there changes
//! its `use` line.

use crate::secp256k1::{N, Number, less, number, recover_with, subtract, write_number};

/// A signature, key or recovery id that is none.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Error;

impl core::fmt::Display for Error {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.write_str("signature error")
    }
}

impl core::error::Error for Error {}

/// A signature r ‖ s: two numbers from 1 to the group order less 1.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Signature([u8; 64]);

impl Signature {
    /// From 64 bytes r ‖ s, big-endian.
    ///
    /// # Errors
    /// Another length, or r or s out of range.
    pub fn from_slice(bytes: &[u8]) -> Result<Self, Error> {
        let bytes: [u8; 64] = bytes.try_into().map_err(|_| Error)?;
        let signature = Self(bytes);
        let in_range = |x: Number| x != [0; 4] && less(&x, &N);
        let (r, s) = signature.halves();
        if in_range(number(r)) && in_range(number(s)) { Ok(signature) } else { Err(Error) }
    }

    /// From r and s, big-endian.
    ///
    /// # Errors
    /// r or s out of range.
    pub fn from_scalars(r: impl Into<[u8; 32]>, s: impl Into<[u8; 32]>) -> Result<Self, Error> {
        let mut bytes = [0; 64];
        bytes[..32].copy_from_slice(&r.into());
        bytes[32..].copy_from_slice(&s.into());
        Self::from_slice(&bytes)
    }

    /// The bytes r ‖ s.
    pub const fn to_bytes(&self) -> [u8; 64] {
        self.0
    }

    /// The signature with the lower of s and −s, if s is not it.
    pub fn normalize_s(&self) -> Option<Self> {
        let s = number(self.halves().1);
        let negated = subtract(&N, &s);
        if !less(&negated, &s) {
            return None;
        }
        let mut normalized = *self;
        write_number(&negated, &mut normalized.0[32..]);
        Some(normalized)
    }

    fn halves(&self) -> (&[u8; 32], &[u8; 32]) {
        let (halves, _) = self.0.as_chunks::<32>();
        (&halves[0], &halves[1])
    }
}

/// Which of up to four points R a signature was made with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RecoveryId(u8);

impl RecoveryId {
    /// From the parity of R's y, and whether its x is r plus the group order.
    pub const fn new(is_y_odd: bool, is_x_reduced: bool) -> Self {
        Self((is_x_reduced as u8) << 1 | is_y_odd as u8)
    }

    /// From its number, 0 to 3.
    pub const fn from_byte(byte: u8) -> Option<Self> {
        if byte < 4 { Some(Self(byte)) } else { None }
    }

    /// Its number.
    pub const fn to_byte(self) -> u8 {
        self.0
    }

    /// Whether R's y is odd.
    pub const fn is_y_odd(self) -> bool {
        self.0 & 1 == 1
    }

    /// Whether R's x is r plus the group order.
    pub const fn is_x_reduced(self) -> bool {
        self.0 & 2 == 2
    }
}

/// A public key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct VerifyingKey([u8; 65]);

impl VerifyingKey {
    /// The key that signed a hash of 32 bytes. Costs what [`crate::recover`] does.
    ///
    /// # Errors
    /// Another length, or no such key.
    ///
    /// # Panics
    /// If the host answers a hint falsely.
    pub fn recover_from_prehash(
        prehash: &[u8],
        signature: &Signature,
        id: RecoveryId,
    ) -> Result<Self, Error> {
        let prehash: &[u8; 32] = prehash.try_into().map_err(|_| Error)?;
        let (r, s) = signature.halves();
        let key = recover_with(prehash, r, s, id.is_y_odd(), id.is_x_reduced()).ok_or(Error)?;
        let mut encoded = [4; 65];
        encoded[1..].copy_from_slice(&key);
        Ok(Self(encoded))
    }

    /// The uncompressed encoding of SEC 1: 4 ‖ x ‖ y.
    pub const fn to_sec1_bytes(&self) -> [u8; 65] {
        self.0
    }
}
