// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity ^0.8.28;

import { FastLz } from "../libraries/FastLz.sol";
import { Predeploys } from "../libraries/Predeploys.sol";
import { L1Block } from "./L1Block.sol";

/// @title GasPriceOracle
/// @notice Predeploy 0x42…0F. Tells what the execution engine charges besides L2 gas: the Fjord L1 fee and the
///         Isthmus operator fee. Holds no state; the chain has had these rules from genesis on.
contract GasPriceOracle {
    /// @notice A value of the fee before Ecotone, which this chain never had.
    error Deprecated();

    /// @notice Version of the interface.
    string public constant version = "1.4.0";
    /// @notice Decimals of the scalars.
    uint256 public constant DECIMALS = 6;
    /// @notice Rules in force.
    bool public constant isEcotone = true;
    /// @notice Rules in force.
    bool public constant isFjord = true;
    /// @notice Rules in force.
    bool public constant isIsthmus = true;
    /// @notice Rules not in force.
    bool public constant isJovian = false;

    /// @notice Bytes of a signature, which the transactions given here lack.
    uint256 internal constant SIGNATURE_BYTES = 68;
    /// @notice Regression from FastLZ bytes to bytes on L1, both in millionths.
    int256 internal constant COST_INTERCEPT = -42_585_600;
    int256 internal constant COST_PER_BYTE = 836_500;
    /// @notice Least size on L1, in millionths of a byte.
    int256 internal constant MINIMUM_SIZE = 100_000_000;

    /// @notice L1 fee of an unsigned RLP-encoded transaction, in wei.
    function getL1Fee(bytes memory data) external view returns (uint256) {
        return _l1Fee(FastLz.compressedLength(data) + SIGNATURE_BYTES);
    }

    /// @notice L1 fee that no unsigned transaction of that size exceeds in practice, in wei.
    function getL1FeeUpperBound(uint256 unsignedSize) external view returns (uint256) {
        uint256 size = unsignedSize + SIGNATURE_BYTES;
        return _l1Fee(size + size / 255 + 16);
    }

    /// @notice L1 gas behind {getL1Fee} at 16 gas per byte.
    function getL1GasUsed(bytes memory data) external pure returns (uint256) {
        return _estimatedSize(FastLz.compressedLength(data) + SIGNATURE_BYTES) * 16 / 1e6;
    }

    /// @notice Operator fee of a transaction that uses `gasUsed`, in wei.
    function getOperatorFee(uint256 gasUsed) external view returns (uint256) {
        return gasUsed * operatorFeeScalar() / 1e6 + operatorFeeConstant();
    }

    /// @notice L2 base fee, in wei.
    function gasPrice() external view returns (uint256) {
        return block.basefee;
    }

    /// @notice L2 base fee, in wei.
    function baseFee() external view returns (uint256) {
        return block.basefee;
    }

    /// @notice Decimals of the scalars.
    function decimals() external pure returns (uint256) {
        return DECIMALS;
    }

    /// @notice Reverts: not part of the fee.
    function overhead() external pure returns (uint256) {
        revert Deprecated();
    }

    /// @notice Reverts: not part of the fee.
    function scalar() external pure returns (uint256) {
        revert Deprecated();
    }

    /// @notice Base fee of the L1 anchor, in wei.
    function l1BaseFee() public view returns (uint256) {
        return L1Block(Predeploys.L1_BLOCK).basefee();
    }

    /// @notice Blob base fee of the L1 anchor, in wei.
    function blobBaseFee() public view returns (uint256) {
        return L1Block(Predeploys.L1_BLOCK).blobBaseFee();
    }

    /// @notice Weight of the L1 base fee, in millionths.
    function baseFeeScalar() public view returns (uint32) {
        return L1Block(Predeploys.L1_BLOCK).baseFeeScalar();
    }

    /// @notice Weight of the L1 blob base fee, in millionths.
    function blobBaseFeeScalar() public view returns (uint32) {
        return L1Block(Predeploys.L1_BLOCK).blobBaseFeeScalar();
    }

    /// @notice Operator fee per gas, in millionths of a wei.
    function operatorFeeScalar() public view returns (uint32) {
        return L1Block(Predeploys.L1_BLOCK).operatorFeeScalar();
    }

    /// @notice Constant part of the operator fee, in wei.
    function operatorFeeConstant() public view returns (uint64) {
        return L1Block(Predeploys.L1_BLOCK).operatorFeeConstant();
    }

    /// @dev Price of a millionth of a byte of L1 data, in millionths of a wei, times the size.
    function _l1Fee(uint256 fastLzSize) internal view returns (uint256) {
        uint256 price = uint256(baseFeeScalar()) * 16 * l1BaseFee() + uint256(blobBaseFeeScalar()) * blobBaseFee();
        return _estimatedSize(fastLzSize) * price / 1e12;
    }

    /// @dev Estimated bytes on L1, in millionths.
    function _estimatedSize(uint256 fastLzSize) internal pure returns (uint256) {
        int256 estimated = COST_INTERCEPT + COST_PER_BYTE * int256(fastLzSize);
        return uint256(estimated < MINIMUM_SIZE ? MINIMUM_SIZE : estimated);
    }
}
