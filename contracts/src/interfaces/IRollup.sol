// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity ^0.8.28;

import { BatchHeader, PublicOutput } from "../libraries/Types.sol";

/// @notice Settlement parameters, fixed at deployment. Times are in seconds.
/// @param configHash Hash of the L2 chain's configuration.
/// @param genesisOutputRoot Output root of L2 block 0.
/// @param portal The deposit queue.
/// @param registry Program versions and their verifiers.
/// @param owner A timelock: changes the proposer, reverts unproven batches, ends a freeze.
/// @param proposer Commits batches as long as it does so once per `fallbackDelay`.
/// @param bond Wei that every commit puts up for its claim.
/// @param challengeWindow Age at which an unopposed claim is final without proof; 0: only a proof finalises.
/// @param executionDelay Age of a proof at which its output is final; 0: at once.
/// @param forcedInclusionDelay Age from which a deposit may not be left out of a batch.
/// @param fallbackDelay Time without a commit by the proposer after which anyone may commit.
/// @param maxDepositsPerBatch Upper bound on the deposits that one batch consumes, so that every batch can be proven.
/// @param l2BlockTime Seconds per L2 block; only told to clients.
/// @param submissionInterval L2 blocks expected per batch; only told to clients.
struct RollupParams {
    bytes32 configHash;
    bytes32 genesisOutputRoot;
    address portal;
    address registry;
    address owner;
    address proposer;
    uint256 bond;
    uint64 challengeWindow;
    uint64 executionDelay;
    uint64 forcedInclusionDelay;
    uint64 fallbackDelay;
    uint64 maxDepositsPerBatch;
    uint64 l2BlockTime;
    uint64 submissionInterval;
}

/// @notice What a committer says of its batch; the rest of the header comes from the chain.
/// @param parentHash Batch hash of the last committed batch.
/// @param outputRoot Claimed output root after the batch.
/// @param lastBlock Claimed number of the batch's last L2 block.
/// @param depositCount Deposits consumed up to and including this batch.
/// @param depositHash The queue's rolling hash after that many deposits.
/// @param l1Number Number of the L1 anchor block, at least the parent's.
/// @param l1Hash Hash of the L1 anchor block.
struct BatchClaim {
    bytes32 parentHash;
    bytes32 outputRoot;
    uint64 lastBlock;
    uint64 depositCount;
    bytes32 depositHash;
    uint64 l1Number;
    bytes32 l1Hash;
}

/// @notice What L1 keeps of a batch.
/// @param hash Batch hash.
/// @param outputRoot The claimed output root; after a proof that ends with this batch the proven one.
/// @param committer Whose bond it is until the batch is settled.
/// @param committedAt Time of the commit.
/// @param l1Number Number of the L1 anchor block.
/// @param lastBlock Number of the last L2 block: claimed, then proven, like the output root.
/// @param depositCount Deposits consumed up to and including this batch.
/// @param settledAt Time of the proof, or of finalisation by an unopposed claim; 0 before.
/// @param settledIn Last batch of the proven range: its output stands for this batch too.
struct Batch {
    bytes32 hash;
    bytes32 outputRoot;
    address committer;
    uint48 committedAt;
    uint48 l1Number;
    uint64 lastBlock;
    uint64 depositCount;
    uint64 settledAt;
    uint64 settledIn;
}

/// @notice A proven statement, for {IRollup.reportContradiction}.
struct ProvenStatement {
    uint256 programVersion;
    PublicOutput output;
    bytes openings;
    bytes[] proofs;
}

/// @title IRollup
/// @notice Publishes batches of L2 blocks as blobs, and decides which L2 outputs L1 believes.
/// @dev Batches are committed, proven and finalised in order: `lastFinalized ≤ lastProven ≤ lastCommitted`.
///      Derivation of a batch from the state before it is a function, so a proof replaces a different claim.
interface IRollup {
    /// @notice A batch was committed. The header is all that a follower needs besides the blobs.
    event BatchCommitted(uint64 indexed index, bytes32 indexed batchHash, BatchHeader header);
    /// @notice A proof covers the batches `first…last`.
    /// @param claimHeld False if the proof replaced the claim of `last`.
    event BatchesProven(
        uint64 indexed first, uint64 indexed last, bytes32 outputRoot, uint64 lastBlock, bool claimHeld
    );
    /// @notice All batches up to `last` are final.
    event BatchesFinalized(uint64 indexed last);
    /// @notice All batches after `last` are gone.
    event BatchesReverted(uint64 indexed last);
    /// @notice Two valid proofs contradict each other: nothing is finalised any more.
    event Frozen(bytes32 publicDigestA, bytes32 publicDigestB);
    /// @notice The owner ended the freeze; batches after `lastFinalized` need new proofs.
    event Unfrozen(uint64 lastFinalized);
    /// @notice The proposer changed.
    event ProposerSet(address proposer);
    /// @notice A bond was paid out of an account's credit.
    event CreditWithdrawn(address indexed account, uint256 amount);

    /// @notice The proposer is alive, so nobody else may commit.
    error NotProposer(uint256 fallbackFrom);
    /// @notice A commit carries exactly the bond.
    error WrongBond(uint256 expected, uint256 got);
    /// @notice The claim was made for another parent: committed already, or overtaken.
    error WrongParent(bytes32 expected, bytes32 got);
    /// @notice A commit needs a transaction with blobs.
    error NoBlobs();
    /// @notice The anchor is older than the parent's.
    error AnchorTooOld(uint64 parentNumber, uint64 number);
    /// @notice The anchor is not a block of this L1, or no longer known to it.
    error WrongAnchor(uint64 number, bytes32 expected, bytes32 got);
    /// @notice Deposits are consumed in order, no more than exist and no more than one batch can take.
    error WrongDepositCount(uint64 lowest, uint64 highest, uint64 got);
    /// @notice The deposit queue has another rolling hash at that count.
    error WrongDepositHash(uint64 count, bytes32 expected, bytes32 got);
    /// @notice Deposit `number` has waited too long to be left out.
    error DepositOverdue(uint64 number);
    /// @notice A range starts with the first unproven batch and ends with a committed one.
    error WrongRange(uint64 first, uint64 last);
    /// @notice A field of the public output differs from what L1 knows.
    error WrongOutput(bytes32 field);
    /// @notice The batch is not committed, or ends no proven range, or its delay runs until `readyAt`.
    error NotFinalizable(uint64 index, uint256 readyAt);
    /// @notice Only a proof can settle this batch.
    error NeedsProof(uint64 index);
    /// @notice Two valid proofs contradict each other.
    error IsFrozen();
    /// @notice There is no freeze to end.
    error NotFrozen();
    /// @notice The two statements do not contradict each other.
    error NoContradiction();
    /// @notice Only committed batches that are not yet proven can be reverted.
    error NotRevertible(uint64 last);

    /// @notice Publishes the transaction's blobs as the next batch.
    /// @return batchHash The new batch's hash.
    function commitBatch(BatchClaim calldata claim) external payable returns (bytes32 batchHash);

    /// @notice Settles the batches `first…last` by proof; anyone may. The proof decides: if the claim of `last`
    ///         differs, the proven output replaces it and the claimant's bond goes to the caller.
    ///         Claims of batches before `last` are not judged, their outputs are never served.
    /// @param openings Per blob of `output.blobs` the commitment and the proof, 96 bytes.
    /// @param proofs One per verifier of the program version.
    function proveBatches(
        uint64 first,
        uint64 last,
        uint256 programVersion,
        PublicOutput calldata output,
        bytes calldata openings,
        bytes[] calldata proofs
    ) external;

    /// @notice Makes all batches up to `last` final: proven ones after the execution delay, and unopposed claims
    ///         after the challenge window if there is one. `last` has to end a proven range or be such a claim.
    function finalize(uint64 last) external;

    /// @notice Shows two valid proofs of different outputs for the same batches after the same state. One of them is
    ///         false, so a verifier is broken: finalisation stops until the owner acts.
    function reportContradiction(uint64 first, uint64 last, ProvenStatement calldata a, ProvenStatement calldata b)
        external;

    /// @notice Owner: drops all batches after `last`, none of which may be proven; bonds go back.
    function revertBatches(uint64 last) external;

    /// @notice Owner: ends a freeze. Proofs of batches that are not final count no more.
    function unfreeze() external;

    /// @notice Owner: replaces the proposer.
    function setProposer(address newProposer) external;

    /// @notice Pays the caller's credit to `to`.
    function withdrawCredit(address payable to) external returns (uint256 amount);

    /// @notice Hash of a batch; zero if it is not committed.
    function batchHash(uint64 index) external view returns (bytes32);
    /// @notice All that L1 keeps of a batch.
    function batch(uint64 index) external view returns (Batch memory);
    /// @notice Index of the last committed batch.
    function lastCommitted() external view returns (uint64);
    /// @notice Index of the last proven (or finally claimed) batch.
    function lastProven() external view returns (uint64);
    /// @notice Index of the last final batch.
    function lastFinalized() external view returns (uint64);
    /// @notice Batches up to this index can be settled by proof only: a claim before them was proven wrong, or a freeze
    ///         undid their proof.
    function lastDoubted() external view returns (uint64);
    /// @notice True after a contradiction was shown.
    function frozen() external view returns (bool);
    /// @notice Account that may always commit.
    function proposer() external view returns (address);
    /// @notice Time from which anyone may commit, unless the proposer commits before.
    function fallbackFrom() external view returns (uint256);
    /// @notice Wei that an account can withdraw.
    function credit(address account) external view returns (uint256);
}
