// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity ^0.8.28;

import { Predeploys } from "../libraries/Predeploys.sol";

/// @title L1Block
/// @notice Predeploy 0x42…15. What L2 knows of L1, written by the first transaction of every block. Slots 0 to 8 are
///         the OP Stack's: the L1 fee of a transaction is computed from them.
contract L1Block {
    /// @notice Only the L1 attributes transaction may write.
    error NotDepositor();

    /// @notice Version of the interface.
    string public constant version = "1.6.0";

    /// @notice Number of the L1 anchor block. Slot 0, low half.
    uint64 public number;
    /// @notice Its timestamp. Slot 0.
    uint64 public timestamp;
    /// @notice Its base fee, in wei. Slot 1.
    uint256 public basefee;
    /// @notice Its hash. Slot 2.
    bytes32 public hash;
    /// @notice Number of L2 blocks since the anchor changed. Slot 3, low quarter.
    uint64 public sequenceNumber;
    /// @notice Weight of the blob base fee in the L1 fee, in millionths. Slot 3.
    uint32 public blobBaseFeeScalar;
    /// @notice Weight of the base fee in the L1 fee, in millionths. Slot 3.
    uint32 public baseFeeScalar;
    /// @notice The batcher's address. Slot 4.
    bytes32 public batcherHash;
    /// @notice Always 0: part of the fee before Ecotone. Slot 5.
    uint256 public l1FeeOverhead;
    /// @notice Always 0: part of the fee before Ecotone. Slot 6.
    uint256 public l1FeeScalar;
    /// @notice The anchor's blob base fee, in wei. Slot 7.
    uint256 public blobBaseFee;
    /// @notice Constant part of the operator fee, in wei. Slot 8, low quarter.
    uint64 public operatorFeeConstant;
    /// @notice Operator fee per gas, in millionths of a wei. Slot 8.
    uint32 public operatorFeeScalar;

    /// @notice Sender of the L1 attributes transaction.
    function DEPOSITOR_ACCOUNT() external pure returns (address) {
        return Predeploys.DEPOSITOR;
    }

    /// @notice Ether, in which gas is paid.
    function gasPayingToken() external pure returns (address token, uint8 decimals) {
        return (0xEeeeeEeeeEeEeeEeEeEeeEEEeeeeEeeeeeeeEEeE, 18);
    }

    /// @notice Name of the gas token.
    function gasPayingTokenName() external pure returns (string memory) {
        return "Ether";
    }

    /// @notice Symbol of the gas token.
    function gasPayingTokenSymbol() external pure returns (string memory) {
        return "ETH";
    }

    /// @notice Gas is paid in ether.
    function isCustomGasToken() external pure returns (bool) {
        return false;
    }

    /// @notice Writes all values but the operator fee. The arguments follow the selector without padding:
    ///         baseFeeScalar 4 bytes, blobBaseFeeScalar 4, sequenceNumber 8, timestamp 8, number 8, basefee 32,
    ///         blobBaseFee 32, hash 32, batcherHash 32.
    function setL1BlockValuesEcotone() external {
        _setEcotone();
    }

    /// @notice As {setL1BlockValuesEcotone}, followed by operatorFeeScalar 4 bytes and operatorFeeConstant 8.
    function setL1BlockValuesIsthmus() external {
        _setEcotone();
        operatorFeeScalar = uint32(bytes4(msg.data[164:168]));
        operatorFeeConstant = uint64(bytes8(msg.data[168:176]));
    }

    function _setEcotone() internal {
        if (msg.sender != Predeploys.DEPOSITOR) revert NotDepositor();
        baseFeeScalar = uint32(bytes4(msg.data[4:8]));
        blobBaseFeeScalar = uint32(bytes4(msg.data[8:12]));
        sequenceNumber = uint64(bytes8(msg.data[12:20]));
        timestamp = uint64(bytes8(msg.data[20:28]));
        number = uint64(bytes8(msg.data[28:36]));
        basefee = uint256(bytes32(msg.data[36:68]));
        blobBaseFee = uint256(bytes32(msg.data[68:100]));
        hash = bytes32(msg.data[100:132]);
        batcherHash = bytes32(msg.data[132:164]);
    }
}
