// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity ^0.8.28;

import { Hashing } from "../libraries/Hashing.sol";
import { WithdrawalTransaction } from "../libraries/Types.sol";

/// @title L2ToL1MessagePasser
/// @notice Predeploy 0x42…16. Records messages to L1 in its storage, whose root is part of every output root.
contract L2ToL1MessagePasser {
    /// @notice A message was recorded.
    event MessagePassed(
        uint256 indexed nonce,
        address indexed sender,
        address indexed target,
        uint256 value,
        uint256 gasLimit,
        bytes data,
        bytes32 withdrawalHash
    );
    /// @notice Withdrawn ether was taken out of the L2 supply.
    event WithdrawerBalanceBurnt(uint256 indexed amount);

    /// @notice Version of the interface.
    string public constant version = "1.1.0";

    /// @notice Version of the message encoding, in the upper two bytes of a nonce.
    uint16 public constant MESSAGE_VERSION = 1;

    /// @notice L1 gas for a withdrawal made by sending ether.
    uint256 internal constant RECEIVE_GAS_LIMIT = 100_000;

    /// @notice True for every message sent. Slot 0: the portal proves entries of it.
    mapping(bytes32 withdrawalHash => bool) public sentMessages;

    /// @notice Number of messages sent. Slot 1.
    uint240 internal sentCount;

    /// @notice Sending ether withdraws it to the sender's own L1 address.
    receive() external payable {
        initiateWithdrawal(msg.sender, RECEIVE_GAS_LIMIT, "");
    }

    /// @notice Sends a message and the call's ether to L1.
    /// @param target Who is called on L1.
    /// @param gasLimit Least gas for that call.
    /// @param data Its calldata.
    function initiateWithdrawal(address target, uint256 gasLimit, bytes memory data) public payable {
        uint256 nonce = messageNonce();
        bytes32 withdrawalHash =
            Hashing.hashWithdrawal(WithdrawalTransaction(nonce, msg.sender, target, msg.value, gasLimit, data));
        sentMessages[withdrawalHash] = true;
        ++sentCount;
        emit MessagePassed(nonce, msg.sender, target, msg.value, gasLimit, data, withdrawalHash);
    }

    /// @notice Takes this contract's ether, all of which L1 pays out, out of the L2 supply.
    function burn() external {
        uint256 balance = address(this).balance;
        new Burner{ value: balance }();
        emit WithdrawerBalanceBurnt(balance);
    }

    /// @notice Nonce of the next message, version included.
    function messageNonce() public view returns (uint256) {
        return uint256(MESSAGE_VERSION) << 240 | sentCount;
    }
}

/// @title Burner
/// @notice Destroys the ether it is created with: self-destruction in the creating transaction to itself burns.
contract Burner {
    constructor() payable {
        selfdestruct(payable(address(this)));
    }
}
