// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity ^0.8.28;

/// @title IStandardBridge
/// @notice Moves ether and ERC-20 tokens between L1 and L2; there is one bridge on each side. A native token is held
///         by the bridge of its own side, its counterpart is minted and burnt by the other one.
/// @dev Names and events are the OP Stack's. The bridges talk through the portal and the message passer directly:
///      there is no cross-domain messenger, so a message that fails on arrival cannot be sent again.
interface IStandardBridge {
    /// @notice Ether left for the other side.
    event ETHBridgeInitiated(address indexed from, address indexed to, uint256 amount, bytes extraData);
    /// @notice Ether arrived.
    event ETHBridgeFinalized(address indexed from, address indexed to, uint256 amount, bytes extraData);
    /// @notice Tokens left for the other side.
    event ERC20BridgeInitiated(
        address indexed localToken,
        address indexed remoteToken,
        address indexed from,
        address to,
        uint256 amount,
        bytes extraData
    );
    /// @notice Tokens arrived.
    event ERC20BridgeFinalized(
        address indexed localToken,
        address indexed remoteToken,
        address indexed from,
        address to,
        uint256 amount,
        bytes extraData
    );
    /// @notice Ether arrived whose receiver refused it: the receiver can claim it.
    event ETHUndelivered(address indexed to, uint256 amount);
    /// @notice Refused ether was claimed.
    event UndeliveredETHClaimed(address indexed account, address indexed to, uint256 amount);

    /// @notice Contracts name a receiver: they may not exist at their address on the other side.
    error OnlyEOA();
    /// @notice Only the other side's bridge may finalise.
    error OnlyOtherBridge();
    /// @notice The sent ether is not the amount.
    error WrongValue(uint256 expected, uint256 got);
    /// @notice A transfer of a native token moved another amount than asked for.
    error WrongTokenBalance(uint256 expected, uint256 got);
    /// @notice A mintable token belongs to one remote token.
    error WrongTokenPair(address localToken, address remoteToken);
    /// @notice Neither the zero address nor a bridge can receive.
    error BadReceiver(address to);

    /// @notice Sends ether to the caller's own address on the other side.
    /// @param minGasLimit Gas for the receiver there, on top of what the bridge itself needs.
    /// @param extraData Repeated in the events of both sides.
    function bridgeETH(uint32 minGasLimit, bytes calldata extraData) external payable;
    /// @notice Sends ether to `to` on the other side.
    function bridgeETHTo(address to, uint32 minGasLimit, bytes calldata extraData) external payable;
    /// @notice Sends tokens to the caller's own address on the other side.
    function bridgeERC20(
        address localToken,
        address remoteToken,
        uint256 amount,
        uint32 minGasLimit,
        bytes calldata extraData
    ) external;
    /// @notice Sends tokens to `to` on the other side.
    function bridgeERC20To(
        address localToken,
        address remoteToken,
        address to,
        uint256 amount,
        uint32 minGasLimit,
        bytes calldata extraData
    ) external;
    /// @notice Other bridge: delivers ether.
    function finalizeBridgeETH(address from, address to, uint256 amount, bytes calldata extraData) external payable;
    /// @notice Other bridge: delivers tokens.
    function finalizeBridgeERC20(
        address localToken,
        address remoteToken,
        address from,
        address to,
        uint256 amount,
        bytes calldata extraData
    ) external;
    /// @notice Pays ether that the caller refused on arrival to `to`.
    function claimUndeliveredETH(address payable to) external returns (uint256 amount);

    /// @notice Native tokens held here for their counterpart on the other side.
    function deposits(address localToken, address remoteToken) external view returns (uint256);
    /// @notice Ether that an account refused on arrival.
    function undeliveredETH(address account) external view returns (uint256);
    /// @notice The other side's bridge.
    function otherBridge() external view returns (address);
    /// @notice The other side's bridge.
    function OTHER_BRIDGE() external view returns (address);
}
