// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity ^0.8.28;

import { StandardBridge } from "../bridge/StandardBridge.sol";
import { ILegacyMintableERC20 } from "../interfaces/IMintableERC20.sol";
import { AddressAlias } from "../libraries/AddressAlias.sol";
import { Predeploys } from "../libraries/Predeploys.sol";
import { L2ToL1MessagePasser } from "./L2ToL1MessagePasser.sol";

/// @title L2StandardBridge
/// @notice Predeploy 0x42…10: the bridge on L2, over the message passer. Genesis writes the L1 bridge's address to
///         slot 4. Withdrawals also under their older names.
contract L2StandardBridge is StandardBridge {
    /// @notice Tokens (or ether, as the token 0xDeaD…0000) left for L1.
    event WithdrawalInitiated(
        address indexed l1Token,
        address indexed l2Token,
        address indexed from,
        address to,
        uint256 amount,
        bytes extraData
    );
    /// @notice Tokens (or ether, as the token 0xDeaD…0000) arrived from L1.
    event DepositFinalized(
        address indexed l1Token,
        address indexed l2Token,
        address indexed from,
        address to,
        uint256 amount,
        bytes extraData
    );

    /// @notice Version of the interface.
    string public constant version = "1.12.0";

    /// @notice Stands for ether in {withdraw} and in the older events.
    address internal constant ETHER = 0xDeadDeAddeAddEAddeadDEaDDEAdDeaDDeAD0000;

    /// @notice As {bridgeERC20}, or {bridgeETH} for the ether token.
    function withdraw(address l2Token, uint256 amount, uint32 minGasLimit, bytes calldata extraData)
        external
        payable
        onlyEOA
    {
        _withdraw(l2Token, msg.sender, amount, minGasLimit, extraData);
    }

    /// @notice As {bridgeERC20To}, or {bridgeETHTo} for the ether token.
    function withdrawTo(address l2Token, address to, uint256 amount, uint32 minGasLimit, bytes calldata extraData)
        external
        payable
    {
        _withdraw(l2Token, to, amount, minGasLimit, extraData);
    }

    /// @notice The bridge on L1.
    function l1TokenBridge() external view returns (address) {
        return otherBridge();
    }

    function _withdraw(address l2Token, address to, uint256 amount, uint32 minGasLimit, bytes calldata extraData)
        internal
    {
        uint256 value = l2Token == ETHER ? amount : 0;
        if (msg.value != value) revert WrongValue(value, msg.value);
        if (l2Token == ETHER) return _initiateETH(to, minGasLimit, extraData);
        address l1Token = ILegacyMintableERC20(l2Token).l1Token();
        _initiateERC20(l2Token, l1Token, to, amount, minGasLimit, extraData);
    }

    /// @dev A deposit of the L1 bridge comes from its alias.
    function _isFromOtherBridge() internal view override returns (bool) {
        return msg.sender == AddressAlias.toL2(otherBridge());
    }

    function _sendMessage(uint256 value, uint32 minGasLimit, bytes memory message) internal override {
        uint256 gasLimit = uint256(FINALIZE_GAS) + minGasLimit;
        L2ToL1MessagePasser(payable(Predeploys.L2_TO_L1_MESSAGE_PASSER)).initiateWithdrawal{ value: value }(
            otherBridge(), gasLimit, message
        );
    }

    function _emitETHInitiated(address from, address to, uint256 amount, bytes memory extraData) internal override {
        emit WithdrawalInitiated(address(0), ETHER, from, to, amount, extraData);
        super._emitETHInitiated(from, to, amount, extraData);
    }

    function _emitETHFinalized(address from, address to, uint256 amount, bytes memory extraData) internal override {
        emit DepositFinalized(address(0), ETHER, from, to, amount, extraData);
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
        emit WithdrawalInitiated(remoteToken, localToken, from, to, amount, extraData);
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
        emit DepositFinalized(remoteToken, localToken, from, to, amount, extraData);
        super._emitERC20Finalized(localToken, remoteToken, from, to, amount, extraData);
    }
}
