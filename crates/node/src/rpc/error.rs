//! Errors as JSON-RPC gives them, with geth's codes and words where clients look at them.

use alloy_primitives::{Bytes, hex};
use jsonrpsee::types::ErrorObjectOwned;
use revm::context::result::{ExecutionResult, HaltReason};

use crate::{
    chain::ChainError, evm::CallError, mempool::PoolError, node::NodeError, state::StateError,
    store::StoreError,
};

/// Why a request fails.
#[derive(Debug, Clone, thiserror::Error)]
pub enum RpcError {
    /// The parameters are wrong (-32602).
    #[error("{0}")]
    InvalidParams(String),
    /// The request is refused by the chain's or the pool's rules (-32000).
    #[error("{0}")]
    Refused(String),
    /// A call ended with a revert (3).
    #[error("execution reverted{}", reason(.0))]
    Reverted(Bytes),
    /// Nothing is there under this name (-32001).
    #[error("{0} not found")]
    NotFound(&'static str),
    /// The answer would be above a limit (-32005).
    #[error("{0}")]
    Limit(String),
    /// The method is not offered here (-32601).
    #[error("the method {0} does not exist/is not available")]
    NoMethod(&'static str),
    /// The node failed (-32603).
    #[error("internal error: {0}")]
    Internal(String),
}

impl RpcError {
    /// The call's result, if it succeeded.
    pub fn of_result(result: ExecutionResult<HaltReason>) -> Result<Bytes, Self> {
        match result {
            ExecutionResult::Success { output, .. } => Ok(output.into_data()),
            ExecutionResult::Revert { output, .. } => Err(Self::Reverted(output)),
            ExecutionResult::Halt { reason, .. } => Err(Self::Refused(halt(&reason))),
        }
    }
}

/// What geth says when the EVM halts.
pub fn halt(reason: &HaltReason) -> String {
    match reason {
        HaltReason::OutOfGas(_) => "out of gas".into(),
        HaltReason::OpcodeNotFound | HaltReason::InvalidFEOpcode => "invalid opcode".into(),
        HaltReason::InvalidJump => "invalid jump destination".into(),
        HaltReason::StackUnderflow => "stack underflow".into(),
        HaltReason::StackOverflow => "stack limit reached 1024 (1023)".into(),
        HaltReason::CallTooDeep => "max call depth exceeded".into(),
        HaltReason::StateChangeDuringStaticCall => "write protection".into(),
        other => format!("EVM error: {other:?}"),
    }
}

/// The text of Solidity's `Error(string)` or the number of `Panic(uint256)`.
fn reason(data: &Bytes) -> String {
    let text = |data: &[u8]| -> Option<String> {
        let rest = data.strip_prefix(&[0x08, 0xc3, 0x79, 0xa0])?;
        let length = rest.get(32..64)?;
        let (zeros, length) = length.split_at(24);
        let length = usize::try_from(u64::from_be_bytes(length.try_into().ok()?)).ok()?;
        let text = rest.get(64..)?.get(..length).filter(|_| zeros.iter().all(|&byte| byte == 0))?;
        String::from_utf8(text.to_vec()).ok()
    };
    let panic = |data: &[u8]| -> Option<String> {
        let rest = data.strip_prefix(&[0x4e, 0x48, 0x7b, 0x71])?;
        Some(format!("panic: 0x{:02x}", rest.get(31)?))
    };
    text(data).or_else(|| panic(data)).map_or_else(String::new, |text| format!(": {text}"))
}

impl From<RpcError> for ErrorObjectOwned {
    fn from(error: RpcError) -> Self {
        let message = error.to_string();
        let code = match &error {
            RpcError::InvalidParams(_) => -32602,
            RpcError::Refused(_) => -32000,
            RpcError::Reverted(data) => {
                return Self::owned(3, message, Some(hex::encode_prefixed(data)));
            }
            RpcError::NotFound(_) => -32001,
            RpcError::Limit(_) => -32005,
            RpcError::NoMethod(_) => -32601,
            RpcError::Internal(_) => -32603,
        };
        Self::owned(code, message, None::<()>)
    }
}

impl From<ChainError> for RpcError {
    fn from(error: ChainError) -> Self {
        Self::Internal(error.to_string())
    }
}

impl From<StoreError> for RpcError {
    fn from(error: StoreError) -> Self {
        Self::Internal(error.to_string())
    }
}

impl From<StateError> for RpcError {
    fn from(error: StateError) -> Self {
        Self::Internal(error.to_string())
    }
}

impl From<PoolError> for RpcError {
    fn from(error: PoolError) -> Self {
        match error {
            PoolError::Malformed(_) => Self::InvalidParams(error.to_string()),
            error => Self::Refused(error.to_string()),
        }
    }
}

impl From<NodeError> for RpcError {
    fn from(error: NodeError) -> Self {
        match error {
            NodeError::Pool(error) => error.into(),
            NodeError::Chain(error) => error.into(),
            error => Self::Internal(error.to_string()),
        }
    }
}

impl From<CallError> for RpcError {
    fn from(error: CallError) -> Self {
        match error {
            CallError::Invalid(reason) => Self::Refused(reason),
            CallError::State(error) => error.into(),
        }
    }
}
