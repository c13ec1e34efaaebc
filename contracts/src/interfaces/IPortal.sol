// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity ^0.8.28;

import { OutputRootProof, WithdrawalTransaction } from "../libraries/Types.sol";

/// @title IPortal
/// @notice Carries messages between L1 and L2, with the ABI of the OP Stack's OptimismPortal 2.x.
interface IPortal {
    /// @notice A deposit was queued.
    /// @param from Sender on L2: aliased if it is an L1 contract.
    /// @param version Always 0.
    /// @param opaqueData `abi.encodePacked(uint256 mint, uint256 value, uint64 gasLimit, bool isCreation, bytes data)`.
    event TransactionDeposited(address indexed from, address indexed to, uint256 indexed version, bytes opaqueData);
    /// @notice A withdrawal was shown to be in a proven output.
    event WithdrawalProven(bytes32 indexed withdrawalHash, address indexed from, address indexed to);
    /// @notice A withdrawal was executed, once and for all; `success` says what its target answered.
    event WithdrawalFinalized(bytes32 indexed withdrawalHash, bool success);

    /// @notice A creation has no target; a withdrawal may not call the portal.
    error BadTarget();
    /// @notice The gas limit is below {minimumGasLimit}.
    error GasLimitTooLow(uint64 minimum, uint64 got);
    /// @notice The gas limit is above {MAX_DEPOSIT_GAS}.
    error GasLimitTooHigh(uint64 maximum, uint64 got);
    /// @notice The calldata is longer than {MAX_DEPOSIT_DATA}.
    error DataTooLong(uint256 maximum, uint256 got);
    /// @notice The output has another root than the proof's parts give.
    error WrongOutputRoot(bytes32 expected, bytes32 got);
    /// @notice The message passer of that output does not hold the withdrawal.
    error WrongWithdrawalProof(bytes32 withdrawalHash);
    /// @notice The withdrawal is proven against an output that still stands.
    error AlreadyProven(bytes32 withdrawalHash);
    /// @notice The withdrawal has to be proven first.
    error NotProven(bytes32 withdrawalHash);
    /// @notice The withdrawal was executed before.
    error AlreadyFinalized(bytes32 withdrawalHash);
    /// @notice The output that the withdrawal was proven against is gone: prove it again.
    error OutputReplaced(bytes32 withdrawalHash);
    /// @notice A withdrawal's target tried to finalise another one.
    error Reentered();
    /// @notice The call has too little gas for the withdrawal's own gas limit.
    error NotEnoughGas(uint256 needed, uint256 got);
    /// @notice The rollup is frozen.
    error Paused();

    /// @notice Queues a transaction for L2. The sent ether is minted to the sender there.
    /// @param to Target on L2; zero for a creation.
    /// @param value Ether that the L2 transaction carries, out of the sender's L2 balance.
    /// @param gasLimit L2 gas, between {minimumGasLimit} and {MAX_DEPOSIT_GAS}.
    function depositTransaction(address to, uint256 value, uint64 gasLimit, bool isCreation, bytes calldata data)
        external
        payable;

    /// @notice Takes ether without a deposit.
    function donateETH() external payable;

    /// @notice Shows that a withdrawal is in the message passer at a proven output.
    /// @param l2OutputIndex Index for the rollup's `getL2Output`.
    /// @param withdrawalProof Trie nodes from the message passer's storage root to the slot of `sentMessages`.
    function proveWithdrawalTransaction(
        WithdrawalTransaction calldata withdrawal,
        uint256 l2OutputIndex,
        OutputRootProof calldata outputRootProof,
        bytes[] calldata withdrawalProof
    ) external;

    /// @notice Executes a proven withdrawal whose output is final (finalising it if only the call is missing).
    ///         A failing target changes nothing about that: the ether stays here and the withdrawal is spent.
    function finalizeWithdrawalTransaction(WithdrawalTransaction calldata withdrawal) external;

    /// @notice Output, time and index against which a withdrawal was proven; zeros if it was not.
    function provenWithdrawals(bytes32 withdrawalHash)
        external
        view
        returns (bytes32 outputRoot, uint128 timestamp, uint128 l2OutputIndex);
    /// @notice True once a withdrawal was executed.
    function finalizedWithdrawals(bytes32 withdrawalHash) external view returns (bool);
    /// @notice L2 sender of the withdrawal being executed; outside of one 0x…dEaD.
    function l2Sender() external view returns (address);
    /// @notice True while the rollup is frozen: no withdrawal is executed.
    function paused() external view returns (bool);
    /// @notice True if withdrawals proven against this output can be executed.
    function isOutputFinalized(uint256 l2OutputIndex) external view returns (bool);
    /// @notice Least L2 gas for a deposit with that much calldata.
    function minimumGasLimit(uint64 byteCount) external pure returns (uint64);
    /// @notice Number of deposits so far.
    function depositCount() external view returns (uint64);
    /// @notice Rolling hash after the first `count` deposits; zero for none.
    function depositHash(uint64 count) external view returns (bytes32);
    /// @notice L1 time of deposit `number`, counted from 0.
    function depositTime(uint64 number) external view returns (uint64);
}
