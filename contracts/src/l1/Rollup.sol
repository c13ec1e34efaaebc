// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity ^0.8.28;

import { Ownable } from "@openzeppelin/contracts/access/Ownable.sol";
import { Address } from "@openzeppelin/contracts/utils/Address.sol";
import { Blockhash } from "@openzeppelin/contracts/utils/Blockhash.sol";
import { IL2OutputOracle } from "../interfaces/IL2OutputOracle.sol";
import { IPortal } from "../interfaces/IPortal.sol";
import { Batch, BatchClaim, IRollup, ProvenStatement, RollupParams } from "../interfaces/IRollup.sol";
import { IVerifierRegistry } from "../interfaces/IVerifierRegistry.sol";
import { PointEvaluation } from "../libraries/PointEvaluation.sol";
import { BatchHeader, OutputProposal, PublicOutput } from "../libraries/Types.sol";

/// @title Rollup
/// @notice See {IRollup}.
contract Rollup is IRollup, IL2OutputOracle, Ownable {
    /// @notice Version of {BatchHeader}.
    uint8 internal constant HEADER_VERSION = 0;

    // The OP Stack's reasons: clients compare the second one to tell "not yet" from a failure.
    string internal constant NOT_PROPOSED_INDEX =
        "L2OutputOracle: cannot get output for an index that has not been proposed";
    string internal constant NOT_PROPOSED_BLOCK =
        "L2OutputOracle: cannot get output for a block that has not been proposed";

    // ---- Parameters, see {RollupParams} ----

    /// @notice Hash of the L2 chain's configuration.
    bytes32 public immutable configHash;
    /// @notice The deposit queue.
    IPortal public immutable portal;
    /// @notice Program versions and their verifiers.
    IVerifierRegistry public immutable registry;
    /// @notice Wei per commit.
    uint256 public immutable bond;
    /// @notice Seconds until an unopposed claim is final; 0: never.
    uint64 public immutable challengeWindow;
    /// @notice Seconds until a proven output is final.
    uint64 public immutable executionDelay;
    /// @notice Seconds until a deposit may not be left out.
    uint64 public immutable forcedInclusionDelay;
    /// @notice Seconds without the proposer until anyone may commit.
    uint64 public immutable fallbackDelay;
    /// @notice Most deposits in one batch.
    uint64 public immutable maxDepositsPerBatch;
    /// @inheritdoc IL2OutputOracle
    uint256 public immutable startingTimestamp;
    /// @inheritdoc IL2OutputOracle
    uint256 public immutable L2_BLOCK_TIME;
    /// @inheritdoc IL2OutputOracle
    uint256 public immutable SUBMISSION_INTERVAL;

    // ---- State ----

    /// @inheritdoc IRollup
    uint64 public lastCommitted;
    /// @inheritdoc IRollup
    uint64 public lastProven;
    /// @inheritdoc IRollup
    uint64 public lastFinalized;
    /// @dev Time of the proposer's last commit.
    uint48 internal lastProposerCommit;
    /// @inheritdoc IRollup
    bool public frozen;

    /// @inheritdoc IRollup
    address public proposer;
    /// @inheritdoc IRollup
    uint64 public lastDoubted;

    mapping(uint64 index => Batch) internal batches;

    /// @inheritdoc IRollup
    mapping(address account => uint256) public credit;

    constructor(RollupParams memory params) Ownable(params.owner) {
        configHash = params.configHash;
        portal = IPortal(params.portal);
        registry = IVerifierRegistry(params.registry);
        bond = params.bond;
        challengeWindow = params.challengeWindow;
        executionDelay = params.executionDelay;
        forcedInclusionDelay = params.forcedInclusionDelay;
        fallbackDelay = params.fallbackDelay;
        maxDepositsPerBatch = params.maxDepositsPerBatch;
        startingTimestamp = block.timestamp;
        L2_BLOCK_TIME = params.l2BlockTime;
        SUBMISSION_INTERVAL = params.submissionInterval;

        lastProposerCommit = uint48(block.timestamp);
        proposer = params.proposer;
        emit ProposerSet(params.proposer);

        Batch storage genesis = batches[0];
        genesis.hash = keccak256(abi.encode(params.genesisOutputRoot, params.configHash));
        genesis.outputRoot = params.genesisOutputRoot;
        genesis.committedAt = uint48(block.timestamp);
        genesis.settledAt = uint64(block.timestamp);
    }

    // ---- Commit ----

    /// @inheritdoc IRollup
    function commitBatch(BatchClaim calldata claim) external payable returns (bytes32 hash) {
        bool forced = _requireMayCommit();
        if (msg.value != bond) revert WrongBond(bond, msg.value);

        uint64 index = lastCommitted + 1;
        Batch storage parent = batches[index - 1];
        if (claim.parentHash != parent.hash) revert WrongParent(parent.hash, claim.parentHash);
        _requireAnchor(parent.l1Number, claim);
        _requireDeposits(parent.depositCount, claim);

        BatchHeader memory header = BatchHeader({
            version: HEADER_VERSION,
            index: index,
            parentHash: claim.parentHash,
            claimedOutputRoot: claim.outputRoot,
            lastBlock: claim.lastBlock,
            depositCount: claim.depositCount,
            depositHash: claim.depositHash,
            l1Number: claim.l1Number,
            l1Hash: claim.l1Hash,
            forced: forced,
            blobHashes: _blobHashes()
        });
        hash = keccak256(abi.encode(header));
        lastCommitted = index;
        if (!forced) lastProposerCommit = uint48(block.timestamp);
        batches[index] = Batch({
            hash: hash,
            outputRoot: claim.outputRoot,
            committer: msg.sender,
            committedAt: uint48(block.timestamp),
            l1Number: uint48(claim.l1Number),
            lastBlock: claim.lastBlock,
            depositCount: claim.depositCount,
            settledAt: 0,
            settledIn: 0
        });
        emit BatchCommitted(index, hash, header);
    }

    /// @dev The proposer always may; anyone else once the proposer is gone. True for anyone else.
    function _requireMayCommit() internal view returns (bool forced) {
        if (msg.sender == proposer) return false;
        uint256 from = fallbackFrom();
        if (block.timestamp < from) revert NotProposer(from);
        return true;
    }

    /// @dev The anchor is a known block of this very L1 fork: after an L1 reorg a claim made for the old one reverts.
    function _requireAnchor(uint64 parentNumber, BatchClaim calldata claim) internal view {
        if (claim.l1Number < parentNumber) revert AnchorTooOld(parentNumber, claim.l1Number);
        bytes32 known = Blockhash.blockHash(claim.l1Number);
        if (known == 0 || claim.l1Hash != known) revert WrongAnchor(claim.l1Number, known, claim.l1Hash);
    }

    /// @dev Deposits are consumed in order, and none that is overdue stays behind unless the batch is full.
    function _requireDeposits(uint64 consumedBefore, BatchClaim calldata claim) internal view {
        uint64 highest = _highestDepositCount(consumedBefore);
        uint64 count = claim.depositCount;
        if (count < consumedBefore || count > highest) revert WrongDepositCount(consumedBefore, highest, count);
        bytes32 known = portal.depositHash(count);
        if (claim.depositHash != known) revert WrongDepositHash(count, known, claim.depositHash);
        if (count == highest) return;
        uint256 overdueAfter = uint256(portal.depositTime(count)) + forcedInclusionDelay;
        if (block.timestamp > overdueAfter) revert DepositOverdue(count);
    }

    /// @dev All deposits there are, or as many as one batch takes.
    function _highestDepositCount(uint64 consumedBefore) internal view returns (uint64) {
        uint64 queued = portal.depositCount();
        return queued - consumedBefore < maxDepositsPerBatch ? queued : consumedBefore + maxDepositsPerBatch;
    }

    /// @dev Versioned hashes of the transaction's blobs.
    function _blobHashes() internal view returns (bytes32[] memory hashes) {
        uint256 count = 0;
        while (blobhash(count) != 0) ++count;
        if (count == 0) revert NoBlobs();
        hashes = new bytes32[](count);
        for (uint256 i = 0; i < count; ++i) {
            hashes[i] = blobhash(i);
        }
    }

    // ---- Prove ----

    /// @inheritdoc IRollup
    function proveBatches(
        uint64 first,
        uint64 last,
        uint256 programVersion,
        PublicOutput calldata output,
        bytes calldata openings,
        bytes[] calldata proofs
    ) external {
        if (frozen) revert IsFrozen();
        if (first != lastProven + 1 || last < first || last > lastCommitted) revert WrongRange(first, last);
        _requireStatement(first, last, output);
        _requireProof(programVersion, output, openings, proofs);

        Batch storage end = batches[last];
        bool claimHeld = end.outputRoot == output.outputRoot && end.lastBlock == output.lastBlock;
        _settle(first, last, claimHeld ? end.committer : msg.sender);
        if (!claimHeld) {
            end.outputRoot = output.outputRoot;
            end.lastBlock = output.lastBlock;
            // Claims after a wrong one were most likely made from the same wrong state.
            if (challengeWindow != 0) lastDoubted = lastCommitted;
        }
        lastProven = last;
        emit BatchesProven(first, last, output.outputRoot, output.lastBlock, claimHeld);
        if (executionDelay == 0) _setFinalized(last);
    }

    /// @dev The output continues the batch before `first`, ends with the batch `last`, and saw the deposit queue and
    ///      L1 as they are. The batch hash binds the rest: blob hashes, anchor hash, all headers of the range.
    function _requireStatement(uint64 first, uint64 last, PublicOutput calldata output) internal view {
        Batch storage start = batches[first - 1];
        Batch storage end = batches[last];
        if (output.configHash != configHash) revert WrongOutput("configHash");
        if (output.previousOutputRoot != start.outputRoot) revert WrongOutput("previousOutputRoot");
        if (output.previousBatchHash != start.hash) revert WrongOutput("previousBatchHash");
        if (output.previousDepositCount != start.depositCount) revert WrongOutput("previousDepositCount");
        if (output.previousDepositHash != portal.depositHash(start.depositCount)) {
            revert WrongOutput("previousDepositHash");
        }
        if (output.batchHash != end.hash) revert WrongOutput("batchHash");
        if (output.depositCount != end.depositCount) revert WrongOutput("depositCount");
        if (output.depositHash != portal.depositHash(end.depositCount)) revert WrongOutput("depositHash");
        if (output.l1Number != end.l1Number) revert WrongOutput("l1Number");
    }

    /// @dev The guest committed the output, from blobs that are the ones published.
    function _requireProof(
        uint256 programVersion,
        PublicOutput calldata output,
        bytes calldata openings,
        bytes[] calldata proofs
    ) internal view {
        PointEvaluation.check(output.blobs, openings);
        registry.verify(programVersion, keccak256(abi.encode(output)), proofs);
    }

    /// @dev Marks a range as settled now and releases its bonds: the last one to `winner`, the others to their
    ///      committers. After a freeze a batch can be settled again, but its bond is gone.
    function _settle(uint64 first, uint64 last, address winner) internal {
        for (uint64 index = first; index <= last; ++index) {
            Batch storage settled = batches[index];
            if (settled.settledAt == 0) _release(index == last ? winner : settled.committer);
            settled.settledAt = uint64(block.timestamp);
            settled.settledIn = last;
        }
    }

    /// @dev Credits one bond.
    function _release(address account) internal {
        if (bond != 0) credit[account] += bond;
    }

    // ---- Finalise ----

    /// @inheritdoc IRollup
    function finalize(uint64 last) external {
        if (frozen) revert IsFrozen();
        if (last > lastCommitted) revert NotFinalizable(last, type(uint256).max);
        if (last <= lastFinalized) return;
        uint64 proven = last < lastProven ? last : lastProven;
        if (proven > lastFinalized) _requireProvenLongEnough(proven);
        for (uint64 index = lastProven + 1; index <= last; ++index) {
            _acceptClaim(index);
        }
        _setFinalized(last);
    }

    function _requireProvenLongEnough(uint64 index) internal view {
        Batch storage proven = batches[index];
        if (proven.settledIn != index) revert NotFinalizable(index, type(uint256).max);
        uint256 readyAt = uint256(proven.settledAt) + executionDelay;
        if (block.timestamp < readyAt) revert NotFinalizable(index, readyAt);
    }

    /// @dev An unopposed claim stands for a proof once its window is over. Outputs whose proof a freeze undid are among
    ///      the doubted.
    function _acceptClaim(uint64 index) internal {
        Batch storage claimed = batches[index];
        if (challengeWindow == 0 || index <= lastDoubted) revert NeedsProof(index);
        uint256 readyAt = uint256(claimed.committedAt) + challengeWindow;
        if (block.timestamp < readyAt) revert NotFinalizable(index, readyAt);
        _settle(index, index, claimed.committer);
        lastProven = index;
    }

    function _setFinalized(uint64 last) internal {
        lastFinalized = last;
        emit BatchesFinalized(last);
    }

    // ---- Emergency and owner ----

    /// @inheritdoc IRollup
    function reportContradiction(uint64 first, uint64 last, ProvenStatement calldata a, ProvenStatement calldata b)
        external
    {
        if (frozen) revert IsFrozen();
        // The state before has to be a served one: about made-up states proofs may say anything.
        if (first == 0 || last < first || last > lastCommitted || first - 1 > lastProven) {
            revert WrongRange(first, last);
        }
        if (batches[first - 1].settledIn != first - 1) revert WrongRange(first, last);
        if (a.output.outputRoot == b.output.outputRoot && a.output.lastBlock == b.output.lastBlock) {
            revert NoContradiction();
        }
        _requireStatement(first, last, a.output);
        _requireStatement(first, last, b.output);
        // Openings too: a proof over other bytes than the published ones contradicts nothing.
        _requireProof(a.programVersion, a.output, a.openings, a.proofs);
        _requireProof(b.programVersion, b.output, b.openings, b.proofs);
        frozen = true;
        emit Frozen(keccak256(abi.encode(a.output)), keccak256(abi.encode(b.output)));
    }

    /// @inheritdoc IRollup
    function revertBatches(uint64 last) external onlyOwner {
        if (last < lastProven || last >= lastCommitted) revert NotRevertible(last);
        for (uint64 index = lastCommitted; index > last; --index) {
            if (batches[index].settledAt == 0) _release(batches[index].committer);
            delete batches[index];
        }
        lastCommitted = last;
        if (lastDoubted > last) lastDoubted = last;
        emit BatchesReverted(last);
    }

    /// @inheritdoc IRollup
    function unfreeze() external onlyOwner {
        if (!frozen) revert NotFrozen();
        frozen = false;
        lastProven = lastFinalized;
        lastDoubted = lastCommitted;
        emit Unfrozen(lastFinalized);
    }

    /// @inheritdoc IRollup
    function setProposer(address newProposer) external onlyOwner {
        proposer = newProposer;
        lastProposerCommit = uint48(block.timestamp);
        emit ProposerSet(newProposer);
    }

    /// @inheritdoc IRollup
    function withdrawCredit(address payable to) external returns (uint256 amount) {
        amount = credit[msg.sender];
        credit[msg.sender] = 0;
        emit CreditWithdrawn(msg.sender, amount);
        Address.sendValue(to, amount);
    }

    // ---- Views ----

    /// @inheritdoc IRollup
    function batchHash(uint64 index) external view returns (bytes32) {
        return batches[index].hash;
    }

    /// @inheritdoc IRollup
    function batch(uint64 index) external view returns (Batch memory) {
        return batches[index];
    }

    /// @inheritdoc IRollup
    function fallbackFrom() public view returns (uint256) {
        return uint256(lastProposerCommit) + fallbackDelay;
    }

    /// @inheritdoc IL2OutputOracle
    function getL2Output(uint256 l2OutputIndex) public view returns (OutputProposal memory) {
        require(l2OutputIndex <= lastProven, NOT_PROPOSED_INDEX);
        Batch storage served = batches[batches[uint64(l2OutputIndex)].settledIn];
        return OutputProposal(served.outputRoot, served.settledAt, served.lastBlock);
    }

    /// @inheritdoc IL2OutputOracle
    function getL2OutputIndexAfter(uint256 l2BlockNumber) public view returns (uint256) {
        require(l2BlockNumber <= latestBlockNumber(), NOT_PROPOSED_BLOCK);
        uint256 low = 0;
        uint256 high = lastProven;
        while (low < high) {
            uint256 middle = (low + high) / 2;
            if (getL2Output(middle).l2BlockNumber < l2BlockNumber) low = middle + 1;
            else high = middle;
        }
        return low;
    }

    /// @inheritdoc IL2OutputOracle
    function getL2OutputAfter(uint256 l2BlockNumber) external view returns (OutputProposal memory) {
        return getL2Output(getL2OutputIndexAfter(l2BlockNumber));
    }

    /// @inheritdoc IL2OutputOracle
    function latestOutputIndex() external view returns (uint256) {
        return lastProven;
    }

    /// @inheritdoc IL2OutputOracle
    function nextOutputIndex() external view returns (uint256) {
        return uint256(lastProven) + 1;
    }

    /// @inheritdoc IL2OutputOracle
    function latestBlockNumber() public view returns (uint256) {
        return batches[lastProven].lastBlock;
    }

    /// @inheritdoc IL2OutputOracle
    function nextBlockNumber() external view returns (uint256) {
        return latestBlockNumber() + SUBMISSION_INTERVAL;
    }

    /// @inheritdoc IL2OutputOracle
    function startingBlockNumber() external pure returns (uint256) {
        return 0;
    }

    /// @inheritdoc IL2OutputOracle
    function FINALIZATION_PERIOD_SECONDS() external view returns (uint256) {
        return executionDelay;
    }
}
