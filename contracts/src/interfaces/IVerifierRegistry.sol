// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity ^0.8.28;

/// @title IVerifierRegistry
/// @notice Which guest programs settle this rollup, and who has to verify each. The owner is a timelock.
interface IVerifierRegistry {
    /// @notice A program version was added.
    event ProgramAdded(uint256 indexed version, bytes32 programVk, address[] verifiers);
    /// @notice A program version accepts no more proofs.
    event ProgramRetired(uint256 indexed version);

    /// @notice The version is taken: a version never changes its meaning.
    error VersionTaken(uint256 version);
    /// @notice The version was never added or is retired.
    error UnknownVersion(uint256 version);
    /// @notice A program needs a verification key, and between one and four verifiers.
    error InvalidProgram();
    /// @notice The verifier has no code, or is listed twice.
    error InvalidVerifier(address verifier);
    /// @notice No verifier of the list may stand alone on this chain.
    error NoStandaloneVerifier();
    /// @notice There must be one proof per verifier.
    error WrongProofCount(uint256 expected, uint256 got);
    /// @notice `verifier` did not accept its proof.
    error ProofRejected(address verifier);

    /// @notice Adds a program. All its verifiers have to accept a proof.
    /// @param version Identifier, chosen by the owner; used once.
    /// @param programVk The guest's verification key digest.
    /// @param verifiers One to four contracts, at least one of which may stand alone on this chain.
    function addProgram(uint256 version, bytes32 programVk, address[] calldata verifiers) external;

    /// @notice Takes a version out of use for good.
    function retireProgram(uint256 version) external;

    /// @notice Key and verifiers of a version; zero and empty if unknown or retired.
    function program(uint256 version) external view returns (bytes32 programVk, address[] memory verifiers);

    /// @notice Reverts unless every verifier of the version accepts its proof.
    /// @param proofs One per verifier, in the order of {program}.
    function verify(uint256 version, bytes32 publicDigest, bytes[] calldata proofs) external view;
}
