// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity ^0.8.28;

/// @title Multicall3
/// @notice Many calls in one, with the interface of the contract that clients expect at 0xcA11bde05977b3631167028862bE2a173976CA11.
/// @dev Anyone can make it call anything: never give it tokens, approvals or ether to keep.
contract Multicall3 {
    /// @notice A call that has to succeed.
    struct Call {
        address target;
        bytes callData;
    }

    /// @notice A call that says whether it has to succeed.
    struct Call3 {
        address target;
        bool allowFailure;
        bytes callData;
    }

    /// @notice A call with ether.
    struct Call3Value {
        address target;
        bool allowFailure;
        uint256 value;
        bytes callData;
    }

    /// @notice What a call gave.
    struct Result {
        bool success;
        bytes returnData;
    }

    /// @notice A call that had to succeed failed.
    error CallFailed(uint256 index, bytes returnData);
    /// @notice The calls together want another amount than what was sent.
    error WrongValue(uint256 sent, uint256 wanted);

    /// @notice Calls that all have to succeed.
    function aggregate(Call[] calldata calls)
        external
        payable
        returns (uint256 blockNumber, bytes[] memory returnData)
    {
        blockNumber = block.number;
        returnData = new bytes[](calls.length);
        for (uint256 i = 0; i < calls.length; i++) {
            returnData[i] = _call(i, calls[i].target, 0, calls[i].callData, false).returnData;
        }
    }

    /// @notice Calls that all may fail, or none.
    function tryAggregate(bool requireSuccess, Call[] calldata calls)
        public
        payable
        returns (Result[] memory returnData)
    {
        returnData = new Result[](calls.length);
        for (uint256 i = 0; i < calls.length; i++) {
            returnData[i] = _call(i, calls[i].target, 0, calls[i].callData, !requireSuccess);
        }
    }

    /// @notice {tryAggregate}, with the block.
    function tryBlockAndAggregate(bool requireSuccess, Call[] calldata calls)
        public
        payable
        returns (uint256 blockNumber, bytes32 blockHash, Result[] memory returnData)
    {
        // A block cannot know its own hash: always zero, as with the contract that clients know.
        return (block.number, blockhash(block.number), tryAggregate(requireSuccess, calls));
    }

    /// @notice Calls that all have to succeed, with the block.
    function blockAndAggregate(Call[] calldata calls)
        external
        payable
        returns (uint256 blockNumber, bytes32 blockHash, Result[] memory returnData)
    {
        return tryBlockAndAggregate(true, calls);
    }

    /// @notice Calls of which each says whether it may fail.
    function aggregate3(Call3[] calldata calls) external payable returns (Result[] memory returnData) {
        returnData = new Result[](calls.length);
        for (uint256 i = 0; i < calls.length; i++) {
            returnData[i] = _call(i, calls[i].target, 0, calls[i].callData, calls[i].allowFailure);
        }
    }

    /// @notice {aggregate3} with ether, which the calls use up exactly.
    function aggregate3Value(Call3Value[] calldata calls) external payable returns (Result[] memory returnData) {
        returnData = new Result[](calls.length);
        uint256 wanted;
        for (uint256 i = 0; i < calls.length; i++) {
            wanted += calls[i].value;
            returnData[i] = _call(i, calls[i].target, calls[i].value, calls[i].callData, calls[i].allowFailure);
        }
        if (wanted != msg.value) revert WrongValue(msg.value, wanted);
    }

    /// @notice Hash of one of the last 256 blocks.
    function getBlockHash(uint256 blockNumber) external view returns (bytes32 blockHash) {
        return blockhash(blockNumber);
    }

    /// @notice Number of this block.
    function getBlockNumber() external view returns (uint256 blockNumber) {
        return block.number;
    }

    /// @notice Fee recipient of this block.
    function getCurrentBlockCoinbase() external view returns (address coinbase) {
        return block.coinbase;
    }

    /// @notice PREVRANDAO of this block, by the name it had.
    function getCurrentBlockDifficulty() external view returns (uint256 difficulty) {
        return block.prevrandao;
    }

    /// @notice Gas limit of this block.
    function getCurrentBlockGasLimit() external view returns (uint256 gaslimit) {
        return block.gaslimit;
    }

    /// @notice Timestamp of this block, in seconds.
    function getCurrentBlockTimestamp() external view returns (uint256 timestamp) {
        return block.timestamp;
    }

    /// @notice Wei that an account has.
    function getEthBalance(address addr) external view returns (uint256 balance) {
        return addr.balance;
    }

    /// @notice Hash of the block before this one.
    function getLastBlockHash() external view returns (bytes32 blockHash) {
        return blockhash(block.number - 1);
    }

    /// @notice Base fee of this block, in wei.
    function getBasefee() external view returns (uint256 basefee) {
        return block.basefee;
    }

    /// @notice Id of this chain.
    function getChainId() external view returns (uint256 chainid) {
        return block.chainid;
    }

    function _call(uint256 index, address target, uint256 value, bytes calldata data, bool allowFailure)
        internal
        returns (Result memory result)
    {
        (result.success, result.returnData) = target.call{ value: value }(data);
        if (!result.success && !allowFailure) revert CallFailed(index, result.returnData);
    }
}
