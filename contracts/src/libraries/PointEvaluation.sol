// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity ^0.8.28;

import { Blob } from "./Types.sol";

/// @title PointEvaluation
/// @notice Checks blob openings with the EIP-4844 point evaluation precompile.
library PointEvaluation {
    /// @notice Commitment and proof, 48 bytes each.
    uint256 internal constant OPENING_BYTES = 96;

    address internal constant PRECOMPILE = address(0x0A);

    /// @notice The precompile's whole output is two words; an L1 without it answers a call with none.
    uint256 internal constant OUTPUT_BYTES = 64;

    /// @notice `openings` are not 96 bytes per blob.
    error WrongOpeningsLength(uint256 expected, uint256 got);
    /// @notice Blob `position` of the list does not have value `y` at `z`.
    error WrongOpening(uint256 position);

    /// @notice Reverts unless every blob has its value at its point.
    /// @param openings Per blob the commitment followed by the proof.
    function check(Blob[] calldata blobs, bytes calldata openings) internal view {
        uint256 expected = blobs.length * OPENING_BYTES;
        if (openings.length != expected) revert WrongOpeningsLength(expected, openings.length);
        for (uint256 i = 0; i < blobs.length; ++i) {
            bytes calldata opening = openings[i * OPENING_BYTES:(i + 1) * OPENING_BYTES];
            (bool success, bytes memory output) =
                PRECOMPILE.staticcall(abi.encodePacked(blobs[i].versionedHash, blobs[i].z, blobs[i].y, opening));
            if (!success || output.length != OUTPUT_BYTES) revert WrongOpening(i);
        }
    }
}
