// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity ^0.8.28;

import { IERC20 } from "@openzeppelin/contracts/token/ERC20/IERC20.sol";
import { SafeERC20 } from "@openzeppelin/contracts/token/ERC20/utils/SafeERC20.sol";
import { Address } from "@openzeppelin/contracts/utils/Address.sol";
import { ERC165Checker } from "@openzeppelin/contracts/utils/introspection/ERC165Checker.sol";
import { ILegacyMintableERC20, IOptimismMintableERC20 } from "../interfaces/IMintableERC20.sol";
import { IStandardBridge } from "../interfaces/IStandardBridge.sol";

/// @title StandardBridge
/// @notice See {IStandardBridge}: what both sides have in common. Storage as the OP Stack's where there is any:
///         `deposits` in slot 2, the other bridge in slot 4.
abstract contract StandardBridge is IStandardBridge {
    using SafeERC20 for IERC20;

    /// @notice Gas for the receiver when ether is bridged by sending it.
    uint32 internal constant RECEIVE_GAS_LIMIT = 200_000;

    /// @notice Gas that finalising needs besides the receiver's: calldata, checks, storage, events, minting.
    uint32 internal constant FINALIZE_GAS = 250_000;

    /// @notice Least gas kept while ether is delivered, to record a refusal.
    uint256 internal constant UNDELIVERED_GAS = 50_000;

    uint256[2] private unused01;

    /// @inheritdoc IStandardBridge
    mapping(address localToken => mapping(address remoteToken => uint256)) public deposits;

    uint256 private unused3;

    /// @dev Slot 4. Set by the constructor on L1 and by genesis on L2.
    address internal otherBridgeSlot;

    /// @inheritdoc IStandardBridge
    mapping(address account => uint256) public undeliveredETH;

    /// @dev Contracts could lose what they send to their own address: it may belong to nobody on the other side.
    ///      An account with delegated code (EIP-7702) is recognised as the origin.
    modifier onlyEOA() {
        if (msg.sender.code.length != 0 && msg.sender != tx.origin) revert OnlyEOA();
        _;
    }

    modifier onlyOtherBridge() {
        if (!_isFromOtherBridge()) revert OnlyOtherBridge();
        _;
    }

    /// @notice Sends ether to the caller's own address on the other side.
    receive() external payable onlyEOA {
        _initiateETH(msg.sender, RECEIVE_GAS_LIMIT, "");
    }

    /// @inheritdoc IStandardBridge
    function bridgeETH(uint32 minGasLimit, bytes calldata extraData) external payable onlyEOA {
        _initiateETH(msg.sender, minGasLimit, extraData);
    }

    /// @inheritdoc IStandardBridge
    function bridgeETHTo(address to, uint32 minGasLimit, bytes calldata extraData) external payable {
        _initiateETH(to, minGasLimit, extraData);
    }

    /// @inheritdoc IStandardBridge
    function bridgeERC20(
        address localToken,
        address remoteToken,
        uint256 amount,
        uint32 minGasLimit,
        bytes calldata extraData
    ) external onlyEOA {
        _initiateERC20(localToken, remoteToken, msg.sender, amount, minGasLimit, extraData);
    }

    /// @inheritdoc IStandardBridge
    function bridgeERC20To(
        address localToken,
        address remoteToken,
        address to,
        uint256 amount,
        uint32 minGasLimit,
        bytes calldata extraData
    ) external {
        _initiateERC20(localToken, remoteToken, to, amount, minGasLimit, extraData);
    }

    /// @inheritdoc IStandardBridge
    function finalizeBridgeETH(address from, address to, uint256 amount, bytes calldata extraData)
        public
        payable
        onlyOtherBridge
    {
        if (msg.value != amount) revert WrongValue(amount, msg.value);
        _emitETHFinalized(from, to, amount, extraData);
        // A refusal must not undo the arrival: the message cannot be sent again.
        uint256 gasForReceiver = gasleft() > UNDELIVERED_GAS ? gasleft() - UNDELIVERED_GAS : 0;
        if (!_send(to, amount, gasForReceiver)) {
            undeliveredETH[to] += amount;
            emit ETHUndelivered(to, amount);
        }
    }

    /// @inheritdoc IStandardBridge
    function finalizeBridgeERC20(
        address localToken,
        address remoteToken,
        address from,
        address to,
        uint256 amount,
        bytes calldata extraData
    ) public onlyOtherBridge {
        if (_isMintable(localToken)) {
            _requirePair(localToken, remoteToken);
            IOptimismMintableERC20(localToken).mint(to, amount);
        } else {
            deposits[localToken][remoteToken] -= amount;
            IERC20(localToken).safeTransfer(to, amount);
        }
        _emitERC20Finalized(localToken, remoteToken, from, to, amount, extraData);
    }

    /// @inheritdoc IStandardBridge
    function claimUndeliveredETH(address payable to) external returns (uint256 amount) {
        amount = undeliveredETH[msg.sender];
        undeliveredETH[msg.sender] = 0;
        emit UndeliveredETHClaimed(msg.sender, to, amount);
        Address.sendValue(to, amount);
    }

    /// @inheritdoc IStandardBridge
    function otherBridge() public view returns (address) {
        return otherBridgeSlot;
    }

    /// @inheritdoc IStandardBridge
    function OTHER_BRIDGE() external view returns (address) {
        return otherBridge();
    }

    /// @dev Takes the call's ether and tells the other side.
    function _initiateETH(address to, uint32 minGasLimit, bytes memory extraData) internal {
        _requireReceiver(to);
        _emitETHInitiated(msg.sender, to, msg.value, extraData);
        bytes memory message = abi.encodeCall(this.finalizeBridgeETH, (msg.sender, to, msg.value, extraData));
        _sendMessage(msg.value, minGasLimit, message);
    }

    /// @dev Takes the caller's tokens and tells the other side, where local and remote change places.
    function _initiateERC20(
        address localToken,
        address remoteToken,
        address to,
        uint256 amount,
        uint32 minGasLimit,
        bytes memory extraData
    ) internal {
        _requireReceiver(to);
        _take(localToken, remoteToken, amount);
        _emitERC20Initiated(localToken, remoteToken, msg.sender, to, amount, extraData);
        bytes memory message =
            abi.encodeCall(this.finalizeBridgeERC20, (remoteToken, localToken, msg.sender, to, amount, extraData));
        _sendMessage(0, minGasLimit, message);
    }

    /// @dev Burns a mintable token, holds a native one. Exactly the amount has to arrive: tokens that charge for
    ///      transfers are refused, and so is a second deposit made from within a token's transfer hook.
    function _take(address localToken, address remoteToken, uint256 amount) internal {
        if (_isMintable(localToken)) {
            _requirePair(localToken, remoteToken);
            IOptimismMintableERC20(localToken).burn(msg.sender, amount);
            return;
        }
        uint256 expected = IERC20(localToken).balanceOf(address(this)) + amount;
        IERC20(localToken).safeTransferFrom(msg.sender, address(this), amount);
        uint256 balance = IERC20(localToken).balanceOf(address(this));
        if (balance != expected) revert WrongTokenBalance(expected, balance);
        deposits[localToken][remoteToken] += amount;
    }

    function _requireReceiver(address to) internal view {
        if (to == address(0) || to == otherBridge()) revert BadReceiver(to);
    }

    function _isMintable(address token) internal view returns (bool) {
        return ERC165Checker.supportsInterface(token, type(ILegacyMintableERC20).interfaceId)
            || ERC165Checker.supportsInterface(token, type(IOptimismMintableERC20).interfaceId);
    }

    function _requirePair(address mintable, address remoteToken) internal view {
        address known = ERC165Checker.supportsInterface(mintable, type(ILegacyMintableERC20).interfaceId)
            ? ILegacyMintableERC20(mintable).l1Token()
            : IOptimismMintableERC20(mintable).remoteToken();
        if (known != remoteToken) revert WrongTokenPair(mintable, remoteToken);
    }

    /// @dev Sends ether with a gas limit; whatever comes back is not copied.
    function _send(address to, uint256 amount, uint256 gasLimit) internal returns (bool success) {
        assembly ("memory-safe") {
            success := call(gasLimit, to, amount, 0, 0, 0, 0)
        }
    }

    /// @dev True if the call is a message from the other bridge.
    function _isFromOtherBridge() internal view virtual returns (bool);

    /// @dev Sends a message with ether to the other bridge.
    function _sendMessage(uint256 value, uint32 minGasLimit, bytes memory message) internal virtual;

    function _emitETHInitiated(address from, address to, uint256 amount, bytes memory extraData) internal virtual {
        emit ETHBridgeInitiated(from, to, amount, extraData);
    }

    function _emitETHFinalized(address from, address to, uint256 amount, bytes memory extraData) internal virtual {
        emit ETHBridgeFinalized(from, to, amount, extraData);
    }

    function _emitERC20Initiated(
        address localToken,
        address remoteToken,
        address from,
        address to,
        uint256 amount,
        bytes memory extraData
    ) internal virtual {
        emit ERC20BridgeInitiated(localToken, remoteToken, from, to, amount, extraData);
    }

    function _emitERC20Finalized(
        address localToken,
        address remoteToken,
        address from,
        address to,
        uint256 amount,
        bytes memory extraData
    ) internal virtual {
        emit ERC20BridgeFinalized(localToken, remoteToken, from, to, amount, extraData);
    }
}
