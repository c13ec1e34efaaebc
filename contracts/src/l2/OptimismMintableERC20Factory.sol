// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity ^0.8.28;

import { Predeploys } from "../libraries/Predeploys.sol";
import { OptimismMintableERC20 } from "./OptimismMintableERC20.sol";

/// @title OptimismMintableERC20Factory
/// @notice Predeploy 0x42…12. Anyone creates counterparts of L1 tokens here.
contract OptimismMintableERC20Factory {
    /// @notice A token was created.
    event StandardL2TokenCreated(address indexed remoteToken, address indexed localToken);
    /// @notice A token was created.
    event OptimismMintableERC20Created(address indexed localToken, address indexed remoteToken, address deployer);

    /// @notice A counterpart needs a token on the other side.
    error NoRemoteToken();

    /// @notice Version of the interface.
    string public constant version = "1.10.1";

    uint256[2] private unused01;

    /// @notice Remote token of every token made here. Slot 2.
    mapping(address localToken => address remoteToken) public deployments;

    /// @notice As {createOptimismMintableERC20}.
    function createStandardL2Token(address remoteToken, string memory name, string memory symbol)
        external
        returns (address)
    {
        return createOptimismMintableERC20WithDecimals(remoteToken, name, symbol, 18);
    }

    /// @notice Creates a token with 18 decimals.
    function createOptimismMintableERC20(address remoteToken, string memory name, string memory symbol)
        external
        returns (address)
    {
        return createOptimismMintableERC20WithDecimals(remoteToken, name, symbol, 18);
    }

    /// @notice Creates the counterpart of `remoteToken`, at an address that its arguments determine.
    function createOptimismMintableERC20WithDecimals(
        address remoteToken,
        string memory name,
        string memory symbol,
        uint8 decimals
    ) public returns (address localToken) {
        if (remoteToken == address(0)) revert NoRemoteToken();
        bytes32 salt = keccak256(abi.encode(remoteToken, name, symbol, decimals));
        localToken = address(new OptimismMintableERC20{ salt: salt }(bridge(), remoteToken, name, symbol, decimals));
        deployments[localToken] = remoteToken;
        emit StandardL2TokenCreated(remoteToken, localToken);
        emit OptimismMintableERC20Created(localToken, remoteToken, msg.sender);
    }

    /// @notice The bridge that mints and burns the tokens.
    function bridge() public pure returns (address) {
        return Predeploys.L2_STANDARD_BRIDGE;
    }

    /// @notice {bridge} under another of its names.
    function BRIDGE() external pure returns (address) {
        return bridge();
    }
}
