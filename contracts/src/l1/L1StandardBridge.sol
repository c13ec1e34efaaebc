// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity ^0.8.28;

import { StandardBridge } from "../bridge/StandardBridge.sol";
import { IPortal } from "../interfaces/IPortal.sol";
import { Predeploys } from "../libraries/Predeploys.sol";

/// @title L1StandardBridge
/// @notice The bridge on L1, over the portal. Deposits and withdrawals also under their older names.
contract L1StandardBridge is StandardBridge {
    /// @notice Ether left for L2.
    event ETHDepositInitiated(address indexed from, address indexed to, uint256 amount, bytes extraData);
    /// @notice Ether arrived from L2.
    event ETHWithdrawalFinalized(address indexed from, address indexed to, uint256 amount, bytes extraData);
    /// @notice Tokens left for L2.
    event ERC20DepositInitiated(
        address indexed l1Token,
        address indexed l2Token,
        address indexed from,
        address to,
        uint256 amount,
        bytes extraData
    );
    /// @notice Tokens arrived from L2.
    event ERC20WithdrawalFinalized(
        address indexed l1Token,
        address indexed l2Token,
        address indexed from,
        address to,
        uint256 amount,
        bytes extraData
    );

    /// @notice Version of the interface.
    string public constant version = "2.3.0";

    /// @notice L2 gas per byte of a deposit's calldata, as the portal asks for.
    uint64 internal constant GAS_PER_BYTE = 40;

    /// @notice Carries the messages.
    IPortal public immutable portal;

    constructor(IPortal portal_) {
        portal = portal_;
        otherBridgeSlot = Predeploys.L2_STANDARD_BRIDGE;
    }

    /// @notice As {bridgeETH}.
    function depositETH(uint32 minGasLimit, bytes calldata extraData) external payable onlyEOA {
        _initiateETH(msg.sender, minGasLimit, extraData);
    }

    /// @notice As {bridgeETHTo}.
    function depositETHTo(address to, uint32 minGasLimit, bytes calldata extraData) external payable {
        _initiateETH(to, minGasLimit, extraData);
    }

    /// @notice As {bridgeERC20}.
    function depositERC20(
        address l1Token,
        address l2Token,
        uint256 amount,
        uint32 minGasLimit,
        bytes calldata extraData
    ) external onlyEOA {
        _initiateERC20(l1Token, l2Token, msg.sender, amount, minGasLimit, extraData);
    }

    /// @notice As {bridgeERC20To}.
    function depositERC20To(
        address l1Token,
        address l2Token,
        address to,
        uint256 amount,
        uint32 minGasLimit,
        bytes calldata extraData
    ) external {
        _initiateERC20(l1Token, l2Token, to, amount, minGasLimit, extraData);
    }

    /// @notice As {finalizeBridgeETH}.
    function finalizeETHWithdrawal(address from, address to, uint256 amount, bytes calldata extraData)
        external
        payable
    {
        finalizeBridgeETH(from, to, amount, extraData);
    }

    /// @notice As {finalizeBridgeERC20}.
    function finalizeERC20Withdrawal(
        address l1Token,
        address l2Token,
        address from,
        address to,
        uint256 amount,
        bytes calldata extraData
    ) external {
        finalizeBridgeERC20(l1Token, l2Token, from, to, amount, extraData);
    }

    /// @notice The bridge on L2.
    function l2TokenBridge() external view returns (address) {
        return otherBridge();
    }

    /// @dev The portal executes a withdrawal that the L2 bridge sent.
    function _isFromOtherBridge() internal view override returns (bool) {
        return msg.sender == address(portal) && portal.l2Sender() == otherBridge();
    }

    function _sendMessage(uint256 value, uint32 minGasLimit, bytes memory message) internal override {
        uint64 gasLimit = uint64(FINALIZE_GAS) + minGasLimit + GAS_PER_BYTE * uint64(message.length);
        portal.depositTransaction{ value: value }(otherBridge(), value, gasLimit, false, message);
    }

    function _emitETHInitiated(address from, address to, uint256 amount, bytes memory extraData) internal override {
        emit ETHDepositInitiated(from, to, amount, extraData);
        super._emitETHInitiated(from, to, amount, extraData);
    }

    function _emitETHFinalized(address from, address to, uint256 amount, bytes memory extraData) internal override {
        emit ETHWithdrawalFinalized(from, to, amount, extraData);
        super._emitETHFinalized(from, to, amount, extraData);
    }

    function _emitERC20Initiated(
        address localToken,
        address remoteToken,
        address from,
        address to,
        uint256 amount,
        bytes memory extraData
    ) internal override {
        emit ERC20DepositInitiated(localToken, remoteToken, from, to, amount, extraData);
        super._emitERC20Initiated(localToken, remoteToken, from, to, amount, extraData);
    }

    function _emitERC20Finalized(
        address localToken,
        address remoteToken,
        address from,
        address to,
        uint256 amount,
        bytes memory extraData
    ) internal override {
        emit ERC20WithdrawalFinalized(localToken, remoteToken, from, to, amount, extraData);
        super._emitERC20Finalized(localToken, remoteToken, from, to, amount, extraData);
    }
}
