// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity ^0.8.28;

import { ECDSA } from "@openzeppelin/contracts/utils/cryptography/ECDSA.sol";
import { MessageHashUtils } from "@openzeppelin/contracts/utils/cryptography/MessageHashUtils.sol";
import { IAttestedVerifier } from "../interfaces/IAttestedVerifier.sol";
import { IProofVerifier } from "../interfaces/IProofVerifier.sol";

/// @title AttestedVerifier
/// @notice See {IAttestedVerifier}. A proof is `threshold` signatures (r ‖ s ‖ v), ascending by signer.
///         Other signers need another contract, which the registry's timelock has to add.
contract AttestedVerifier is IAttestedVerifier {
    uint256 internal constant SIGNATURE_BYTES = 65;

    /// @inheritdoc IAttestedVerifier
    uint256 public immutable threshold;

    /// @inheritdoc IAttestedVerifier
    mapping(address account => bool) public isSigner;

    address[] internal signerList;

    constructor(address[] memory signers_, uint256 threshold_) {
        if (threshold_ == 0 || threshold_ > signers_.length) revert InvalidThreshold(threshold_, signers_.length);
        address previous = address(0);
        for (uint256 i = 0; i < signers_.length; ++i) {
            if (signers_[i] <= previous) revert InvalidSigner(signers_[i]);
            previous = signers_[i];
            isSigner[previous] = true;
        }
        signerList = signers_;
        threshold = threshold_;
    }

    /// @inheritdoc IProofVerifier
    function verify(bytes32 programVk, bytes32 publicDigest, bytes calldata proof) external view returns (bool) {
        uint256 expected = threshold * SIGNATURE_BYTES;
        if (proof.length != expected) revert WrongProofLength(expected, proof.length);
        bytes32 hash = attestationHash(programVk, publicDigest);
        address previous = address(0);
        for (uint256 i = 0; i < threshold; ++i) {
            address signer = ECDSA.recover(hash, proof[i * SIGNATURE_BYTES:(i + 1) * SIGNATURE_BYTES]);
            if (signer <= previous || !isSigner[signer]) revert WrongSigner(signer);
            previous = signer;
        }
        return true;
    }

    /// @inheritdoc IProofVerifier
    /// @dev Signatures alone are good enough for development chains only.
    function standalone() external view returns (bool) {
        return block.chainid == 900 || block.chainid == 901 || block.chainid == 1337 || block.chainid == 31337;
    }

    /// @inheritdoc IAttestedVerifier
    function signers() external view returns (address[] memory) {
        return signerList;
    }

    /// @inheritdoc IAttestedVerifier
    function attestationHash(bytes32 programVk, bytes32 publicDigest) public view returns (bytes32) {
        bytes32 message = keccak256(abi.encode(block.chainid, address(this), programVk, publicDigest));
        return MessageHashUtils.toEthSignedMessageHash(message);
    }
}
