// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity ^0.8.28;

import { IProofVerifier } from "./IProofVerifier.sol";

/// @title IAttestedVerifier
/// @notice Accepts an output if enough independent services, each of which checked the STARK proof natively, sign it.
///         It is as trustworthy as its signers: nothing on L1 checks the proof itself.
interface IAttestedVerifier is IProofVerifier {
    /// @notice The threshold is between 1 and the number of signers.
    error InvalidThreshold(uint256 threshold, uint256 signers);
    /// @notice Signers are not zero and in strictly ascending order.
    error InvalidSigner(address signer);
    /// @notice The proof is not `threshold` signatures of 65 bytes.
    error WrongProofLength(uint256 expected, uint256 got);
    /// @notice Not a signer, or not in strictly ascending order.
    error WrongSigner(address signer);

    /// @notice Signatures needed.
    function threshold() external view returns (uint256);
    /// @notice All signers, ascending.
    function signers() external view returns (address[] memory);
    /// @notice True if the account is one of the signers.
    function isSigner(address account) external view returns (bool);
    /// @notice What a signer signs: the EIP-191 personal message hash (version 0x45, as `eth_sign` and
    ///         `personal_sign` make it) of `keccak256(abi.encode(chainId, verifier, programVk, publicDigest))`.
    function attestationHash(bytes32 programVk, bytes32 publicDigest) external view returns (bytes32);
}
