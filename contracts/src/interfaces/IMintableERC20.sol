// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity ^0.8.28;

import { IERC165 } from "@openzeppelin/contracts/utils/introspection/IERC165.sol";

/// @title IOptimismMintableERC20
/// @notice A token that a bridge mints and burns; the interface id is the OP Stack's.
interface IOptimismMintableERC20 is IERC165 {
    /// @notice The native token on the other side.
    function remoteToken() external view returns (address);
    /// @notice The only account that mints and burns.
    function bridge() external view returns (address);
    /// @notice Bridge: creates tokens.
    function mint(address to, uint256 amount) external;
    /// @notice Bridge: destroys tokens.
    function burn(address from, uint256 amount) external;
}

/// @title ILegacyMintableERC20
/// @notice The older interface of the same.
interface ILegacyMintableERC20 is IERC165 {
    /// @notice The native token on L1.
    function l1Token() external view returns (address);
    /// @notice Bridge: creates tokens.
    function mint(address to, uint256 amount) external;
    /// @notice Bridge: destroys tokens.
    function burn(address from, uint256 amount) external;
}
