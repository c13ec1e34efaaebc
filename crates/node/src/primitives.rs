//! The words that this crate's interface is written in, for callers without dependencies of their own.

pub use alloy_primitives::{Address, B256, Bytes, U256};
pub use alloy_sol_types::SolCall;

/// An amount of ether as wei: a decimal number with at most 18 digits behind the point.
///
/// # Errors
/// Not such a number.
pub fn parse_ether(text: &str) -> Result<U256, String> {
    alloy_primitives::utils::parse_ether(text)
        .map_err(|_| format!("{text:?} is no amount of ether, such as 0.5"))
}
