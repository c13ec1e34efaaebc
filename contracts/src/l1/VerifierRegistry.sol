// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity ^0.8.28;

import { Ownable } from "@openzeppelin/contracts/access/Ownable.sol";
import { IProofVerifier } from "../interfaces/IProofVerifier.sol";
import { IVerifierRegistry } from "../interfaces/IVerifierRegistry.sol";

/// @title VerifierRegistry
/// @notice See {IVerifierRegistry}.
contract VerifierRegistry is IVerifierRegistry, Ownable {
    /// @notice A guest program and all who have to verify it.
    struct Program {
        bytes32 programVk;
        address[] verifiers;
    }

    /// @notice Upper bound on the verifiers of one program.
    uint256 public constant MAX_VERIFIERS = 4;

    /// @notice True once a version was added, even if it is retired.
    mapping(uint256 version => bool) public taken;

    mapping(uint256 version => Program) internal programs;

    /// @param owner A timelock; it adds all programs after the first.
    constructor(address owner, uint256 version, bytes32 programVk, address[] memory verifiers) Ownable(owner) {
        _addProgram(version, programVk, verifiers);
    }

    /// @inheritdoc IVerifierRegistry
    function addProgram(uint256 version, bytes32 programVk, address[] calldata verifiers) external onlyOwner {
        _addProgram(version, programVk, verifiers);
    }

    /// @inheritdoc IVerifierRegistry
    function retireProgram(uint256 version) external onlyOwner {
        if (programs[version].programVk == 0) revert UnknownVersion(version);
        delete programs[version];
        emit ProgramRetired(version);
    }

    /// @inheritdoc IVerifierRegistry
    function program(uint256 version) external view returns (bytes32, address[] memory) {
        return (programs[version].programVk, programs[version].verifiers);
    }

    /// @inheritdoc IVerifierRegistry
    function verify(uint256 version, bytes32 publicDigest, bytes[] calldata proofs) external view {
        Program storage known = programs[version];
        bytes32 programVk = known.programVk;
        if (programVk == 0) revert UnknownVersion(version);
        uint256 count = known.verifiers.length;
        if (proofs.length != count) revert WrongProofCount(count, proofs.length);
        for (uint256 i = 0; i < count; ++i) {
            address verifier = known.verifiers[i];
            if (!IProofVerifier(verifier).verify(programVk, publicDigest, proofs[i])) revert ProofRejected(verifier);
        }
    }

    function _addProgram(uint256 version, bytes32 programVk, address[] memory verifiers) internal {
        if (taken[version]) revert VersionTaken(version);
        if (programVk == 0 || verifiers.length == 0 || verifiers.length > MAX_VERIFIERS) revert InvalidProgram();
        _requireVerifiers(verifiers);
        taken[version] = true;
        programs[version] = Program(programVk, verifiers);
        emit ProgramAdded(version, programVk, verifiers);
    }

    /// @dev All have code, none comes twice, and one at least may stand alone.
    function _requireVerifiers(address[] memory verifiers) internal view {
        bool standalone = false;
        for (uint256 i = 0; i < verifiers.length; ++i) {
            if (verifiers[i].code.length == 0) revert InvalidVerifier(verifiers[i]);
            for (uint256 j = 0; j < i; ++j) {
                if (verifiers[j] == verifiers[i]) revert InvalidVerifier(verifiers[i]);
            }
            if (IProofVerifier(verifiers[i]).standalone()) standalone = true;
        }
        if (!standalone) revert NoStandaloneVerifier();
    }
}
