// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity ^0.8.28;

/// @notice What is hashed into a batch hash: `keccak256(abi.encode(BatchHeader))`.
/// @param version Always 0.
/// @param index 1, 2, …; batch 0 is genesis and has no header.
/// @param parentHash Batch hash of `index - 1`; for batch 0 `keccak256(abi.encode(genesisOutputRoot, configHash))`.
/// @param claimedOutputRoot Output root after the batch, as the committer claims it.
/// @param lastBlock Number of the batch's last L2 block, as the committer claims it.
/// @param depositCount Deposits of the portal's queue consumed up to and including this batch.
/// @param depositHash The queue's rolling hash after that many deposits.
/// @param l1Number Number of the L1 anchor block.
/// @param l1Hash Hash of the L1 anchor block.
/// @param forced Committed by somebody else than the proposer, after the fallback delay.
/// @param blobHashes Versioned hashes of the transaction's blobs.
struct BatchHeader {
    uint8 version;
    uint64 index;
    bytes32 parentHash;
    bytes32 claimedOutputRoot;
    uint64 lastBlock;
    uint64 depositCount;
    bytes32 depositHash;
    uint64 l1Number;
    bytes32 l1Hash;
    bool forced;
    bytes32[] blobHashes;
}

/// @notice One blob's point evaluation: the polynomial behind `versionedHash` has value `y` at `z`.
struct Blob {
    bytes32 versionedHash;
    bytes32 z;
    bytes32 y;
}

/// @notice What the guest program commits for the batches `first…last`; its digest is
///         `keccak256(abi.encode(PublicOutput))`.
struct PublicOutput {
    bytes32 configHash;
    bytes32 previousOutputRoot;
    bytes32 previousBatchHash;
    bytes32 outputRoot;
    bytes32 batchHash;
    uint64 lastBlock;
    bytes32 lastBlockHash;
    Blob[] blobs;
    uint64 previousDepositCount;
    bytes32 previousDepositHash;
    uint64 depositCount;
    bytes32 depositHash;
    uint64 l1Number;
    bytes32 l1Hash;
}

/// @notice An L2 output as the OP Stack's L2OutputOracle gives it.
struct OutputProposal {
    bytes32 outputRoot;
    uint128 timestamp;
    uint128 l2BlockNumber;
}

/// @notice The parts of an output root: `keccak256(abi.encode(OutputRootProof))`.
struct OutputRootProof {
    bytes32 version;
    bytes32 stateRoot;
    bytes32 messagePasserStorageRoot;
    bytes32 latestBlockhash;
}

/// @notice A message from L2 to L1; identified by `keccak256(abi.encode(fields…))`.
struct WithdrawalTransaction {
    uint256 nonce;
    address sender;
    address target;
    uint256 value;
    uint256 gasLimit;
    bytes data;
}
