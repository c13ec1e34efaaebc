// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity ^0.8.28;

import { BatchClaim, IRollup, RollupParams } from "../src/interfaces/IRollup.sol";
import { Base } from "./Base.sol";
import { bound, vm } from "./Vm.sol";

contract FinalizeByProofTest is Base {
    function test_final_after_the_execution_delay() public {
        commit();
        prove(1, 1);
        uint256 readyAt = block.timestamp + 1 hours;
        vm.warp(readyAt - 1);
        vm.expectRevert(abi.encodeWithSelector(IRollup.NotFinalizable.selector, uint64(1), readyAt));
        rollup.finalize(1);
        vm.warp(readyAt);
        rollup.finalize(1);
        vm.assertEq(rollup.lastFinalized(), 1);
    }

    function test_unproven_batches_never_become_final() public {
        commit();
        vm.warp(block.timestamp + 10_000 days);
        vm.expectRevert(abi.encodeWithSelector(IRollup.NeedsProof.selector, uint64(1)));
        rollup.finalize(1);
    }

    function test_rejects_batches_that_do_not_exist(uint64 index) public {
        index = uint64(bound(index, 1, type(uint64).max));
        vm.expectRevert(abi.encodeWithSelector(IRollup.NotFinalizable.selector, index, type(uint256).max));
        rollup.finalize(index);
    }

    function test_only_the_end_of_a_range_can_be_final() public {
        for (uint256 i = 0; i < 3; ++i) {
            commit();
        }
        prove(1, 3);
        vm.warp(block.timestamp + 1 hours);
        vm.expectRevert(abi.encodeWithSelector(IRollup.NotFinalizable.selector, uint64(2), type(uint256).max));
        rollup.finalize(2);
        rollup.finalize(3);
        vm.assertEq(rollup.lastFinalized(), 3);
    }

    function test_finalising_again_changes_nothing() public {
        uint64 index = settleBatch();
        rollup.finalize(index);
        rollup.finalize(0);
        vm.assertEq(rollup.lastFinalized(), 1);
    }

    function test_several_ranges_at_once() public {
        commit();
        commit();
        prove(1, 1);
        prove(2, 2);
        vm.warp(block.timestamp + 1 hours);
        rollup.finalize(2);
        vm.assertEq(rollup.lastFinalized(), 2);
    }
}

contract FinalizeAtOnceTest is Base {
    function parameters() internal view override returns (RollupParams memory p) {
        p = super.parameters();
        p.executionDelay = 0;
    }

    function test_proof_finalises_without_a_delay() public {
        commit();
        prove(1, 1);
        vm.assertEq(rollup.lastFinalized(), 1);
    }
}

contract FinalizeClaimTest is Base {
    uint64 internal constant WINDOW = 7 days;

    function parameters() internal view override returns (RollupParams memory p) {
        p = super.parameters();
        p.challengeWindow = WINDOW;
    }

    function test_unopposed_claim_is_final_after_the_window() public {
        commit();
        uint256 readyAt = block.timestamp + WINDOW;
        vm.warp(readyAt - 1);
        vm.expectRevert(abi.encodeWithSelector(IRollup.NotFinalizable.selector, uint64(1), readyAt));
        rollup.finalize(1);
        vm.warp(readyAt);
        rollup.finalize(1);
        vm.assertEq(rollup.lastProven(), 1);
        vm.assertEq(rollup.lastFinalized(), 1);
        vm.assertEq(rollup.getL2Output(1).outputRoot, outputRoot(1));
        vm.assertEq(rollup.credit(proposer), BOND);
    }

    function test_claims_are_not_served_before() public {
        commit();
        vm.expectRevert();
        rollup.getL2Output(1);
    }

    function test_a_proof_overturns_a_wrong_claim() public {
        BatchClaim memory claim = nextClaim();
        claim.outputRoot = keccak256("wrong");
        commitAs(proposer, claim);
        commit();
        vm.warp(block.timestamp + WINDOW - 1);
        prove(1, 1);
        vm.assertEq(rollup.credit(stranger), BOND);
        // The next claim was made on top of the wrong one: it needs a proof now.
        vm.warp(block.timestamp + WINDOW);
        vm.expectRevert(abi.encodeWithSelector(IRollup.NeedsProof.selector, uint64(2)));
        rollup.finalize(2);
        prove(2, 2);
        vm.warp(block.timestamp + 1 hours);
        rollup.finalize(2);
        vm.assertEq(rollup.getL2Output(1).outputRoot, outputRoot(1));
    }

    function test_claims_made_after_an_overturned_one_count_again() public {
        BatchClaim memory claim = nextClaim();
        claim.outputRoot = keccak256("wrong");
        commitAs(proposer, claim);
        prove(1, 1);
        commit();
        vm.warp(block.timestamp + WINDOW);
        rollup.finalize(2);
        vm.assertEq(rollup.lastFinalized(), 2);
    }

    function test_a_proof_confirms_a_claim_early() public {
        commit();
        prove(1, 1);
        vm.warp(block.timestamp + 1 hours);
        rollup.finalize(1);
        vm.assertEq(rollup.lastFinalized(), 1);
        vm.assertEq(rollup.credit(proposer), BOND);
    }

    function test_proven_and_claimed_batches_together() public {
        commit();
        commit();
        commit();
        prove(1, 2);
        vm.warp(block.timestamp + WINDOW);
        rollup.finalize(3);
        vm.assertEq(rollup.lastFinalized(), 3);
        vm.assertEq(rollup.credit(proposer), 3 * BOND);
    }

    function test_claims_wait_for_proven_batches_before_them() public {
        commit();
        commit();
        vm.warp(block.timestamp + WINDOW);
        prove(1, 1);
        vm.expectPartialRevert(IRollup.NotFinalizable.selector);
        rollup.finalize(2);
    }
}
