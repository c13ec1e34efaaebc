// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity ^0.8.28;

import { Predeploys } from "../libraries/Predeploys.sol";
import { L2ToL1MessagePasser } from "./L2ToL1MessagePasser.sol";

/// @title FeeVault
/// @notice Predeploys 0x42…11 (sequencer), 0x42…19 (base fee), 0x42…1A (L1 fee), 0x42…1b (operator fee): one code.
///         Genesis writes slots 1 and 2; nothing changes them afterwards.
contract FeeVault {
    /// @notice Where fees are paid out.
    enum WithdrawalNetwork {
        L1,
        L2
    }

    /// @notice Fees were paid out.
    event Withdrawal(uint256 value, address to, address from);
    /// @notice Fees were paid out.
    event Withdrawal(uint256 value, address to, address from, WithdrawalNetwork withdrawalNetwork);

    /// @notice The vault holds less than {minWithdrawalAmount}.
    error TooLittle(uint256 minimum, uint256 balance);
    /// @notice The recipient on L2 refused the fees.
    error TransferFailed();

    /// @notice Version of the interface.
    string public constant version = "1.6.0";
    /// @notice L1 gas of a payment there.
    uint256 internal constant WITHDRAWAL_GAS = 400_000;

    /// @notice Fees paid out so far, in wei. Slot 0.
    uint256 public totalProcessed;
    /// @notice Least balance that is paid out, in wei. Slot 1.
    uint256 public minWithdrawalAmount;
    /// @notice Who gets the fees. Slot 2, low 20 bytes.
    address public recipient;
    /// @notice Where the recipient gets the fees. Slot 2, the byte above the recipient: 0 is L1, 1 is L2.
    WithdrawalNetwork public withdrawalNetwork;

    /// @notice Fees come in as ordinary transfers, too.
    receive() external payable { }

    /// @notice Pays all fees to the recipient; anyone may ask for it.
    function withdraw() external {
        uint256 value = address(this).balance;
        if (value < minWithdrawalAmount) revert TooLittle(minWithdrawalAmount, value);
        totalProcessed += value;
        emit Withdrawal(value, recipient, msg.sender);
        emit Withdrawal(value, recipient, msg.sender, withdrawalNetwork);
        if (withdrawalNetwork == WithdrawalNetwork.L2) {
            (bool success,) = recipient.call{ value: value }("");
            if (!success) revert TransferFailed();
        } else {
            L2ToL1MessagePasser passer = L2ToL1MessagePasser(payable(Predeploys.L2_TO_L1_MESSAGE_PASSER));
            passer.initiateWithdrawal{ value: value }(recipient, WITHDRAWAL_GAS, "");
        }
    }

    /// @notice {minWithdrawalAmount} under its older name.
    function MIN_WITHDRAWAL_AMOUNT() external view returns (uint256) {
        return minWithdrawalAmount;
    }

    /// @notice {recipient} under its older name.
    function RECIPIENT() external view returns (address) {
        return recipient;
    }

    /// @notice {withdrawalNetwork} under its older name.
    function WITHDRAWAL_NETWORK() external view returns (WithdrawalNetwork) {
        return withdrawalNetwork;
    }

    /// @notice {recipient} under the sequencer vault's oldest name.
    function l1FeeWallet() external view returns (address) {
        return recipient;
    }
}
