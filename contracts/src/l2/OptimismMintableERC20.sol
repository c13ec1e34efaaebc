// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity ^0.8.28;

import { ERC20 } from "@openzeppelin/contracts/token/ERC20/ERC20.sol";
import { ERC20Permit } from "@openzeppelin/contracts/token/ERC20/extensions/ERC20Permit.sol";
import { IERC165 } from "@openzeppelin/contracts/utils/introspection/IERC165.sol";
import { ILegacyMintableERC20, IOptimismMintableERC20 } from "../interfaces/IMintableERC20.sol";

/// @title OptimismMintableERC20
/// @notice A token's counterpart on the other side, minted and burnt by the bridge there.
contract OptimismMintableERC20 is ERC20Permit, IOptimismMintableERC20, ILegacyMintableERC20 {
    /// @notice Tokens were created.
    event Mint(address indexed account, uint256 amount);
    /// @notice Tokens were destroyed.
    event Burn(address indexed account, uint256 amount);

    /// @notice Only the bridge mints and burns.
    error OnlyBridge();

    /// @notice Version of the interface.
    string public constant version = "1.4.0";

    /// @inheritdoc IOptimismMintableERC20
    address public immutable remoteToken;
    /// @inheritdoc IOptimismMintableERC20
    address public immutable bridge;
    uint8 internal immutable tokenDecimals;

    modifier onlyBridge() {
        if (msg.sender != bridge) revert OnlyBridge();
        _;
    }

    constructor(address bridge_, address remoteToken_, string memory name_, string memory symbol_, uint8 decimals_)
        ERC20(name_, symbol_)
        ERC20Permit(name_)
    {
        bridge = bridge_;
        remoteToken = remoteToken_;
        tokenDecimals = decimals_;
    }

    /// @inheritdoc IOptimismMintableERC20
    function mint(address to, uint256 amount)
        external
        override(IOptimismMintableERC20, ILegacyMintableERC20)
        onlyBridge
    {
        _mint(to, amount);
        emit Mint(to, amount);
    }

    /// @inheritdoc IOptimismMintableERC20
    function burn(address from, uint256 amount)
        external
        override(IOptimismMintableERC20, ILegacyMintableERC20)
        onlyBridge
    {
        _burn(from, amount);
        emit Burn(from, amount);
    }

    /// @notice Token decimals.
    function decimals() public view override returns (uint8) {
        return tokenDecimals;
    }

    /// @inheritdoc ILegacyMintableERC20
    function l1Token() external view returns (address) {
        return remoteToken;
    }

    /// @notice {bridge} under its older name.
    function l2Bridge() external view returns (address) {
        return bridge;
    }

    /// @notice {remoteToken} under another of its names.
    function REMOTE_TOKEN() external view returns (address) {
        return remoteToken;
    }

    /// @notice {bridge} under another of its names.
    function BRIDGE() external view returns (address) {
        return bridge;
    }

    /// @inheritdoc IERC165
    function supportsInterface(bytes4 interfaceId) external pure returns (bool) {
        return interfaceId == type(IERC165).interfaceId || interfaceId == type(ILegacyMintableERC20).interfaceId
            || interfaceId == type(IOptimismMintableERC20).interfaceId;
    }
}
