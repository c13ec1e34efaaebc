// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity ^0.8.28;

/// @title AddressAlias
/// @notice The L2 address of an L1 contract. Without the shift, whoever can deploy a contract at some address on L1
///         could act on L2 as the unrelated account at the same address.
library AddressAlias {
    uint160 internal constant OFFSET = uint160(0x1111000000000000000000000000000000001111);

    /// @notice L2 sender of a deposit made by the L1 contract `l1Address`.
    function toL2(address l1Address) internal pure returns (address) {
        unchecked {
            return address(uint160(l1Address) + OFFSET);
        }
    }
}
