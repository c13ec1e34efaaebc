// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity ^0.8.28;

import { OutputRootProof, WithdrawalTransaction } from "./Types.sol";

/// @title Hashing
/// @notice The hashes that L1 and L2 have to compute alike.
library Hashing {
    /// @notice Identity of a withdrawal, and its key in the message passer's `sentMessages`.
    function hashWithdrawal(WithdrawalTransaction memory withdrawal) internal pure returns (bytes32) {
        return keccak256(
            abi.encode(
                withdrawal.nonce,
                withdrawal.sender,
                withdrawal.target,
                withdrawal.value,
                withdrawal.gasLimit,
                withdrawal.data
            )
        );
    }

    /// @notice Output root from its parts.
    function hashOutputRootProof(OutputRootProof memory proof) internal pure returns (bytes32) {
        return
            keccak256(abi.encode(proof.version, proof.stateRoot, proof.messagePasserStorageRoot, proof.latestBlockhash));
    }

    /// @notice Hash of one deposit as the queue's rolling hash takes it.
    /// @param from Sender on L2: already aliased.
    function hashDeposit(
        address from,
        address to,
        bool isCreation,
        uint256 mint,
        uint256 value,
        uint64 gasLimit,
        bytes32 dataHash
    ) internal pure returns (bytes32) {
        return keccak256(abi.encode(from, to, isCreation, mint, value, gasLimit, dataHash));
    }
}
