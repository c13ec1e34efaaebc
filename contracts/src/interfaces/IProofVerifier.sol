// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity ^0.8.28;

/// @title IProofVerifier
/// @notice Decides whether a guest program, named by its verification key, produced a public output.
interface IProofVerifier {
    /// @notice True if `proof` shows that the program `programVk` committed an output with digest `publicDigest`.
    ///         May revert instead of returning false.
    /// @dev Nothing in `proof` may serve as an identifier: proofs can be malleable.
    function verify(bytes32 programVk, bytes32 publicDigest, bytes calldata proof) external view returns (bool);

    /// @notice True if this verifier alone may accept batches on this L1.
    function standalone() external view returns (bool);
}
