// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity ^0.8.28;

import { Batch, BatchClaim, IRollup } from "../src/interfaces/IRollup.sol";
import { BatchHeader, Blob } from "../src/libraries/Types.sol";
import { Base } from "./Base.sol";
import { Log, bound, vm } from "./Vm.sol";

contract CommitBatchTest is Base {
    function test_genesis_is_batch_0_and_final() public view {
        vm.assertEq(rollup.batchHash(0), keccak256(abi.encode(GENESIS_ROOT, CONFIG)));
        vm.assertEq(rollup.lastCommitted(), 0);
        vm.assertEq(rollup.lastFinalized(), 0);
        vm.assertEq(rollup.getL2Output(0).outputRoot, GENESIS_ROOT);
    }

    function test_batch_hash_is_the_hash_of_the_header() public {
        deposit(stranger, 1 ether);
        BatchClaim memory claim = nextClaim();
        attachBlobs(2);
        vm.prank(proposer);
        bytes32 hash = rollup.commitBatch{ value: BOND }(claim);

        BatchHeader memory header;
        header.index = 1;
        header.parentHash = rollup.batchHash(0);
        header.claimedOutputRoot = claim.outputRoot;
        header.lastBlock = claim.lastBlock;
        header.depositCount = 1;
        header.depositHash = portal.depositHash(1);
        header.l1Number = 999;
        header.l1Hash = blockhash(999);
        header.blobHashes = new bytes32[](2);
        for (uint256 i = 0; i < 2; ++i) {
            (Blob memory blob,) = opening(i);
            header.blobHashes[i] = blob.versionedHash;
        }
        vm.assertEq(hash, keccak256(abi.encode(header)));
        vm.assertEq(rollup.batchHash(1), hash);
        vm.assertEq(rollup.lastCommitted(), 1);
    }

    function test_event_carries_the_header() public {
        vm.recordLogs();
        bytes32 hash = commit();
        Log[] memory logs = vm.getRecordedLogs();
        Log memory log = logs[logs.length - 1];
        vm.assertEq(log.topics[0], IRollup.BatchCommitted.selector);
        vm.assertEq(log.topics[2], hash);
        vm.assertEq(keccak256(log.data), hash);
    }

    function test_rejects_a_stranger_while_the_proposer_lives() public {
        BatchClaim memory claim = nextClaim();
        uint256 from = rollup.fallbackFrom();
        vm.warp(from - 1);
        attachBlobs(1);
        vm.prank(stranger);
        vm.expectRevert(abi.encodeWithSelector(IRollup.NotProposer.selector, from));
        rollup.commitBatch{ value: BOND }(claim);
    }

    function test_anyone_commits_after_the_fallback_delay() public {
        vm.warp(rollup.fallbackFrom());
        vm.recordLogs();
        commitAs(stranger, nextClaim());
        // Forced, and the strangers stay in until the proposer is back.
        Log[] memory logs = vm.getRecordedLogs();
        BatchHeader memory header = abi.decode(logs[0].data, (BatchHeader));
        vm.assertTrue(header.forced);
        commitAs(stranger, nextClaim());
        commit();
        BatchClaim memory claim = nextClaim();
        attachBlobs(1);
        vm.prank(stranger);
        vm.expectPartialRevert(IRollup.NotProposer.selector);
        rollup.commitBatch{ value: BOND }(claim);
    }

    function test_rejects_another_bond(uint256 sent) public {
        sent = bound(sent, 0, 10 ether);
        vm.assume(sent != BOND);
        BatchClaim memory claim = nextClaim();
        attachBlobs(1);
        vm.prank(proposer);
        vm.expectRevert(abi.encodeWithSelector(IRollup.WrongBond.selector, BOND, sent));
        rollup.commitBatch{ value: sent }(claim);
    }

    function test_rejects_the_same_claim_twice() public {
        BatchClaim memory claim = nextClaim();
        bytes32 hash = commitAs(proposer, claim);
        expectRejection(claim, abi.encodeWithSelector(IRollup.WrongParent.selector, hash, claim.parentHash));
    }

    function test_rejects_a_transaction_without_blobs() public {
        BatchClaim memory claim = nextClaim();
        vm.prank(proposer);
        vm.expectRevert(IRollup.NoBlobs.selector);
        rollup.commitBatch{ value: BOND }(claim);
    }

    function test_rejects_an_anchor_of_another_fork() public {
        BatchClaim memory claim = nextClaim();
        bytes32 old = claim.l1Hash;
        // A reorg of L1 replaces the anchor while the transaction waits.
        vm.setBlockhash(999, keccak256("other fork"));
        expectRejection(
            claim, abi.encodeWithSelector(IRollup.WrongAnchor.selector, uint64(999), keccak256("other fork"), old)
        );
    }

    /// @dev A reorg of L1 drops a deposit and brings another: the batch that consumed the first cannot be committed.
    function test_rejects_a_queue_of_another_fork() public {
        uint256 fork = vm.snapshotState();
        deposit(stranger, 1);
        BatchClaim memory claim = nextClaim();
        vm.revertToState(fork);
        expectRejection(
            claim, abi.encodeWithSelector(IRollup.WrongDepositCount.selector, uint64(0), uint64(0), uint64(1))
        );
        deposit(stranger, 2);
        expectRejection(
            claim,
            abi.encodeWithSelector(
                IRollup.WrongDepositHash.selector, uint64(1), portal.depositHash(1), claim.depositHash
            )
        );
        commit();
    }

    function test_rejects_future_and_forgotten_anchors() public {
        BatchClaim memory claim = nextClaim();
        uint64[3] memory numbers = [uint64(1_000), 1_001, type(uint64).max];
        for (uint256 i = 0; i < 3; ++i) {
            claim.l1Number = numbers[i];
            claim.l1Hash = 0;
            expectRejection(
                claim, abi.encodeWithSelector(IRollup.WrongAnchor.selector, numbers[i], bytes32(0), bytes32(0))
            );
        }
    }

    function test_takes_an_older_anchor_from_the_history_contract() public {
        // EIP-2935: the contract answers the number with the hash; here it gives one hash for all.
        vm.etch(
            0x0000F90827F1C53a10cb7A02335B175320002935,
            hex"7f11111111111111111111111111111111111111111111111111111111111111115f5260205ff3"
        );
        BatchClaim memory claim = nextClaim();
        claim.l1Number = 500;
        claim.l1Hash = bytes32(uint256(0x1111111111111111111111111111111111111111111111111111111111111111));
        commitAs(proposer, claim);
        vm.assertEq(rollup.batch(1).l1Number, 500);
    }

    function test_rejects_an_anchor_before_the_parents() public {
        commit();
        BatchClaim memory claim = nextClaim();
        claim.l1Number = 998;
        claim.l1Hash = blockhash(998);
        expectRejection(claim, abi.encodeWithSelector(IRollup.AnchorTooOld.selector, uint64(999), uint64(998)));
    }

    function test_deposit_counts_are_bounded(uint64 queued, uint64 count) public {
        queued = uint64(bound(queued, 0, 20));
        for (uint256 i = 0; i < queued; ++i) {
            deposit(stranger, 1);
        }
        uint64 highest = queued < 8 ? queued : 8;
        BatchClaim memory claim = nextClaim();
        claim.depositCount = uint64(bound(count, highest + 1, type(uint64).max));
        expectRejection(
            claim, abi.encodeWithSelector(IRollup.WrongDepositCount.selector, uint64(0), highest, claim.depositCount)
        );
    }

    function test_rejects_going_back_in_the_queue() public {
        deposit(stranger, 1);
        commit();
        BatchClaim memory claim = nextClaim();
        claim.depositCount = 0;
        claim.depositHash = 0;
        expectRejection(
            claim, abi.encodeWithSelector(IRollup.WrongDepositCount.selector, uint64(1), uint64(1), uint64(0))
        );
    }

    function test_rejects_another_deposit_hash() public {
        deposit(stranger, 1);
        BatchClaim memory claim = nextClaim();
        claim.depositHash = keccak256("other");
        expectRejection(
            claim,
            abi.encodeWithSelector(
                IRollup.WrongDepositHash.selector, uint64(1), portal.depositHash(1), keccak256("other")
            )
        );
    }

    function test_deposits_may_wait_for_the_inclusion_delay_only() public {
        deposit(stranger, 1);
        vm.warp(block.timestamp + rollup.forcedInclusionDelay());
        BatchClaim memory claim = nextClaim();
        claim.depositCount = 0;
        claim.depositHash = 0;
        commitAs(proposer, claim);
        vm.warp(block.timestamp + 1);
        claim.parentHash = rollup.batchHash(1);
        expectRejection(claim, abi.encodeWithSelector(IRollup.DepositOverdue.selector, uint64(0)));
    }

    /// @dev A flood of deposits must not make the next commit impossible: a full batch may leave overdue ones.
    function test_a_full_batch_may_leave_overdue_deposits() public {
        for (uint256 i = 0; i < 20; ++i) {
            deposit(stranger, 1);
        }
        vm.warp(block.timestamp + 2 days);
        commit();
        vm.assertEq(rollup.batch(1).depositCount, 8);
        BatchClaim memory claim = nextClaim();
        claim.depositCount = 15;
        claim.depositHash = portal.depositHash(15);
        expectRejection(claim, abi.encodeWithSelector(IRollup.DepositOverdue.selector, uint64(15)));
        commit();
        commit();
        vm.assertEq(rollup.batch(3).depositCount, 20);
    }

    function test_stores_what_was_claimed(bytes32 root, uint64 lastBlock) public {
        BatchClaim memory claim = nextClaim();
        claim.outputRoot = root;
        claim.lastBlock = lastBlock;
        commitAs(proposer, claim);
        Batch memory stored = rollup.batch(1);
        vm.assertEq(stored.outputRoot, root);
        vm.assertEq(stored.lastBlock, lastBlock);
        vm.assertEq(stored.committer, proposer);
        vm.assertEq(stored.committedAt, block.timestamp);
        vm.assertEq(stored.settledAt, 0);
    }

    function expectRejection(BatchClaim memory claim, bytes memory reason) internal {
        attachBlobs(1);
        vm.prank(proposer);
        vm.expectRevert(reason);
        rollup.commitBatch{ value: BOND }(claim);
    }
}
