// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity ^0.8.28;

import { OutputProposal } from "../libraries/Types.sol";

/// @title IL2OutputOracle
/// @notice The views through which OP Stack clients find outputs. An output index is a batch index; only proven or
///         final outputs are served, and a batch within a proven range is answered with the range's last output.
interface IL2OutputOracle {
    /// @notice Output that stands for a batch; reverts if the batch is not proven.
    function getL2Output(uint256 l2OutputIndex) external view returns (OutputProposal memory);
    /// @notice Lowest index whose output covers an L2 block. Reverts with the OP Stack's reason string, by which
    ///         clients recognise a withdrawal that cannot be proven yet.
    function getL2OutputIndexAfter(uint256 l2BlockNumber) external view returns (uint256);
    /// @notice Output at {getL2OutputIndexAfter}.
    function getL2OutputAfter(uint256 l2BlockNumber) external view returns (OutputProposal memory);
    /// @notice Index of the last output.
    function latestOutputIndex() external view returns (uint256);
    /// @notice Index of the next output if it is proven batch by batch.
    function nextOutputIndex() external view returns (uint256);
    /// @notice L2 block number of the last output.
    function latestBlockNumber() external view returns (uint256);
    /// @notice L2 block number at which the next output is expected.
    function nextBlockNumber() external view returns (uint256);
    /// @notice Always 0: the output of genesis has index 0.
    function startingBlockNumber() external view returns (uint256);
    /// @notice Time of deployment on L1.
    function startingTimestamp() external view returns (uint256);
    /// @notice L2 blocks expected per batch.
    function SUBMISSION_INTERVAL() external view returns (uint256);
    /// @notice Seconds per L2 block.
    function L2_BLOCK_TIME() external view returns (uint256);
    /// @notice Seconds between the proof of an output and its finality.
    function FINALIZATION_PERIOD_SECONDS() external view returns (uint256);
}
