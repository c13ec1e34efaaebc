// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity ^0.8.28;

import { LowLevelCall } from "@openzeppelin/contracts/utils/LowLevelCall.sol";
import { IL2OutputOracle } from "../interfaces/IL2OutputOracle.sol";
import { IPortal } from "../interfaces/IPortal.sol";
import { IRollup } from "../interfaces/IRollup.sol";
import { AddressAlias } from "../libraries/AddressAlias.sol";
import { Hashing } from "../libraries/Hashing.sol";
import { StorageProof } from "../libraries/StorageProof.sol";
import { OutputRootProof, WithdrawalTransaction } from "../libraries/Types.sol";

/// @title Portal
/// @notice See {IPortal}. Holds all ether that is on L2.
contract Portal is IPortal {
    /// @notice A queued deposit: the queue's rolling hash after it, and its L1 time.
    struct Deposit {
        bytes32 rollingHash;
        uint64 time;
    }

    /// @notice The output against which a withdrawal was proven.
    struct ProvenWithdrawal {
        bytes32 outputRoot;
        uint128 timestamp;
        uint128 l2OutputIndex;
    }

    /// @notice Version of the OptimismPortal ABI: clients take their L2OutputOracle path for 2.x.
    string public constant version = "2.9.0";

    /// @notice Longest calldata of a deposit, in bytes.
    uint256 public constant MAX_DEPOSIT_DATA = 120_000;

    /// @notice L2 gas of a deposit made by sending ether.
    uint64 internal constant RECEIVE_GAS_LIMIT = 100_000;

    /// @notice Version of {TransactionDeposited}.
    uint256 internal constant DEPOSIT_VERSION = 0;

    /// @notice {l2Sender} outside of a withdrawal. Not zero, as on the OP Stack.
    address internal constant NO_L2_SENDER = 0x000000000000000000000000000000000000dEaD;

    /// @notice Gas kept for the steps between the gas check and the call, cold account and value transfer included.
    uint256 internal constant CALL_OVERHEAD_GAS = 40_000;

    /// @notice What the message passer stores for a sent message: RLP of `true`.
    bytes internal constant SENT = hex"01";

    /// @notice Decides which outputs are proven and final.
    IRollup public immutable rollup;

    /// @notice Most L2 gas that a deposit may ask for.
    uint64 public immutable MAX_DEPOSIT_GAS;

    /// @dev Element n is the queue after n deposits: element 0 is the empty queue.
    Deposit[] internal deposits;

    /// @inheritdoc IPortal
    mapping(bytes32 withdrawalHash => ProvenWithdrawal) public provenWithdrawals;

    /// @inheritdoc IPortal
    mapping(bytes32 withdrawalHash => bool) public finalizedWithdrawals;

    address internal transient currentL2Sender;

    constructor(IRollup rollup_, uint64 maxDepositGas) {
        rollup = rollup_;
        MAX_DEPOSIT_GAS = maxDepositGas;
        deposits.push();
    }

    /// @notice Sending ether deposits it to the sender's own L2 address.
    receive() external payable {
        _deposit(msg.sender, msg.value, RECEIVE_GAS_LIMIT, false, "");
    }

    /// @inheritdoc IPortal
    function depositTransaction(address to, uint256 value, uint64 gasLimit, bool isCreation, bytes calldata data)
        external
        payable
    {
        _deposit(to, value, gasLimit, isCreation, data);
    }

    /// @inheritdoc IPortal
    function donateETH() external payable { }

    /// @inheritdoc IPortal
    function proveWithdrawalTransaction(
        WithdrawalTransaction calldata withdrawal,
        uint256 l2OutputIndex,
        OutputRootProof calldata outputRootProof,
        bytes[] calldata withdrawalProof
    ) external {
        if (paused()) revert Paused();
        if (withdrawal.target == address(this)) revert BadTarget();

        bytes32 outputRoot = _outputRoot(l2OutputIndex);
        bytes32 givenRoot = Hashing.hashOutputRootProof(outputRootProof);
        if (outputRoot != givenRoot) revert WrongOutputRoot(outputRoot, givenRoot);

        bytes32 withdrawalHash = Hashing.hashWithdrawal(withdrawal);
        if (_provenStands(provenWithdrawals[withdrawalHash])) revert AlreadyProven(withdrawalHash);
        if (!_isSent(withdrawalHash, outputRootProof.messagePasserStorageRoot, withdrawalProof)) {
            revert WrongWithdrawalProof(withdrawalHash);
        }

        provenWithdrawals[withdrawalHash] =
            ProvenWithdrawal(outputRoot, uint128(block.timestamp), uint128(l2OutputIndex));
        emit WithdrawalProven(withdrawalHash, withdrawal.sender, withdrawal.target);
    }

    /// @inheritdoc IPortal
    function finalizeWithdrawalTransaction(WithdrawalTransaction calldata withdrawal) external {
        if (paused()) revert Paused();
        if (currentL2Sender != address(0)) revert Reentered();

        bytes32 withdrawalHash = Hashing.hashWithdrawal(withdrawal);
        if (finalizedWithdrawals[withdrawalHash]) revert AlreadyFinalized(withdrawalHash);
        ProvenWithdrawal memory proven = provenWithdrawals[withdrawalHash];
        if (proven.timestamp == 0) revert NotProven(withdrawalHash);
        if (!_provenStands(proven)) revert OutputReplaced(withdrawalHash);
        if (!isOutputFinalized(proven.l2OutputIndex)) rollup.finalize(_batchOf(proven.l2OutputIndex));

        finalizedWithdrawals[withdrawalHash] = true;
        currentL2Sender = withdrawal.sender;
        bytes memory data = withdrawal.data;
        _requireGas(withdrawal.gasLimit);
        // Return data is left where it is: copying it could use up the gas that the next lines need.
        bool success = LowLevelCall.callNoReturn(withdrawal.target, withdrawal.value, data);
        currentL2Sender = address(0);
        emit WithdrawalFinalized(withdrawalHash, success);
    }

    /// @inheritdoc IPortal
    function l2Sender() external view returns (address) {
        return currentL2Sender == address(0) ? NO_L2_SENDER : currentL2Sender;
    }

    /// @notice The rollup, under the name that OP Stack clients know.
    function l2Oracle() external view returns (address) {
        return address(rollup);
    }

    /// @inheritdoc IPortal
    function paused() public view returns (bool) {
        return rollup.frozen();
    }

    /// @inheritdoc IPortal
    function isOutputFinalized(uint256 l2OutputIndex) public view returns (bool) {
        return l2OutputIndex <= rollup.lastFinalized();
    }

    /// @inheritdoc IPortal
    function minimumGasLimit(uint64 byteCount) public pure returns (uint64) {
        return byteCount * 40 + 21_000;
    }

    /// @inheritdoc IPortal
    function depositCount() external view returns (uint64) {
        return uint64(deposits.length - 1);
    }

    /// @inheritdoc IPortal
    function depositHash(uint64 count) external view returns (bytes32) {
        return deposits[count].rollingHash;
    }

    /// @inheritdoc IPortal
    function depositTime(uint64 number) external view returns (uint64) {
        return deposits[uint256(number) + 1].time;
    }

    /// @dev Checks a deposit, appends it to the queue and tells L2.
    function _deposit(address to, uint256 value, uint64 gasLimit, bool isCreation, bytes memory data) internal {
        if (isCreation && to != address(0)) revert BadTarget();
        if (data.length > MAX_DEPOSIT_DATA) revert DataTooLong(MAX_DEPOSIT_DATA, data.length);
        uint64 minimum = minimumGasLimit(uint64(data.length));
        if (gasLimit < minimum) revert GasLimitTooLow(minimum, gasLimit);
        if (gasLimit > MAX_DEPOSIT_GAS) revert GasLimitTooHigh(MAX_DEPOSIT_GAS, gasLimit);

        address from = msg.sender == tx.origin ? msg.sender : AddressAlias.toL2(msg.sender);
        _enqueue(Hashing.hashDeposit(from, to, isCreation, msg.value, value, gasLimit, keccak256(data)));
        bytes memory opaqueData = abi.encodePacked(msg.value, value, gasLimit, isCreation, data);
        emit TransactionDeposited(from, to, DEPOSIT_VERSION, opaqueData);
    }

    /// @dev Extends the rolling hash.
    function _enqueue(bytes32 depositTxHash) internal {
        bytes32 previous = deposits[deposits.length - 1].rollingHash;
        deposits.push(Deposit(keccak256(abi.encode(previous, depositTxHash)), uint64(block.timestamp)));
    }

    /// @dev True if `sentMessages[withdrawalHash]`, a mapping at slot 0, is set under that storage root.
    function _isSent(bytes32 withdrawalHash, bytes32 storageRoot, bytes[] calldata proof) internal pure returns (bool) {
        bytes32 slot = keccak256(abi.encode(withdrawalHash, uint256(0)));
        return StorageProof.contains(storageRoot, keccak256(abi.encode(slot)), SENT, proof);
    }

    /// @dev True if a withdrawal is proven and its output was not replaced since.
    function _provenStands(ProvenWithdrawal memory proven) internal view returns (bool) {
        if (proven.timestamp == 0 || proven.l2OutputIndex > rollup.lastProven()) return false;
        return _outputRoot(proven.l2OutputIndex) == proven.outputRoot;
    }

    function _outputRoot(uint256 l2OutputIndex) internal view returns (bytes32) {
        return IL2OutputOracle(address(rollup)).getL2Output(l2OutputIndex).outputRoot;
    }

    /// @dev The batch whose finality makes an output final.
    function _batchOf(uint256 l2OutputIndex) internal view returns (uint64) {
        return rollup.batch(uint64(l2OutputIndex)).settledIn;
    }

    /// @dev The target must get at least its gas limit: a caller may not make it fail by sending too little.
    ///      A call passes on 63/64 of what is left.
    function _requireGas(uint256 gasLimit) internal view {
        uint256 needed = gasLimit * 64 / 63 + CALL_OVERHEAD_GAS;
        if (gasleft() < needed) revert NotEnoughGas(needed, gasleft());
    }
}
