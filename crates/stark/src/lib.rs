//! Tables in, a proof out; a proof in, yes or no out.

mod air;
mod bus;
pub mod check;
pub mod examples;
pub mod symbolic;
pub mod testing;

pub use air::{Builder, Chip, Columns, Direction, Widths};
pub use bus::{Bus, BusKind, Scope};

/// The field: KoalaBear, p = 2^31 - 2^24 + 1.
pub type F = p3_koala_bear::KoalaBear;
/// The extension of degree 4, from which challenges are drawn.
pub type EF = p3_field::extension::BinomialExtensionField<F, 4>;

pub use p3_field::{Algebra, Field, PrimeCharacteristicRing, PrimeField32};
