// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity ^0.8.28;

import { Ownable } from "@openzeppelin/contracts/access/Ownable.sol";
import { IRollup, ProvenStatement, RollupParams } from "../src/interfaces/IRollup.sol";
import { IAttestedVerifier } from "../src/interfaces/IAttestedVerifier.sol";
import { IPortal } from "../src/interfaces/IPortal.sol";
import { PointEvaluation } from "../src/libraries/PointEvaluation.sol";
import { OutputRootProof, PublicOutput, WithdrawalTransaction } from "../src/libraries/Types.sol";
import { Base } from "./Base.sol";
import { vm } from "./Vm.sol";

abstract contract ContradictionBase is Base {
    /// @dev An honest statement, and one of another output, both with valid proofs.
    function contradiction(uint64 first, uint64 last)
        internal
        view
        returns (ProvenStatement memory a, ProvenStatement memory b)
    {
        a = proven(statement(first, last));
        PublicOutput memory other = statement(first, last);
        other.outputRoot = keccak256("other");
        b = proven(other);
    }

    function proven(PublicOutput memory output) internal view returns (ProvenStatement memory) {
        return ProvenStatement(VERSION, output, openings(output.blobs.length), proofsOf(output));
    }
}

contract ContradictionTest is ContradictionBase {
    function test_two_valid_proofs_freeze_finalisation() public {
        commit();
        prove(1, 1);
        (ProvenStatement memory a, ProvenStatement memory b) = contradiction(1, 1);
        vm.prank(stranger);
        rollup.reportContradiction(1, 1, a, b);
        vm.assertTrue(rollup.frozen());

        vm.warp(block.timestamp + 1 days);
        vm.expectRevert(IRollup.IsFrozen.selector);
        rollup.finalize(1);
        commit();
        PublicOutput memory output = statement(2, 2);
        bytes memory opened = openings(1);
        bytes[] memory proofs = proofsOf(output);
        vm.expectRevert(IRollup.IsFrozen.selector);
        rollup.proveBatches(2, 2, VERSION, output, opened, proofs);
        vm.expectRevert(IRollup.IsFrozen.selector);
        rollup.reportContradiction(1, 1, a, b);
    }

    function test_a_freeze_stops_withdrawals() public {
        settleBatch();
        commit();
        (ProvenStatement memory a, ProvenStatement memory b) = contradiction(2, 2);
        rollup.reportContradiction(2, 2, a, b);
        WithdrawalTransaction memory withdrawal;
        vm.assertTrue(portal.paused());
        vm.expectRevert(IPortal.Paused.selector);
        portal.finalizeWithdrawalTransaction(withdrawal);
        (OutputRootProof memory parts, bytes[] memory proof) = outputWith(withdrawal);
        vm.expectRevert(IPortal.Paused.selector);
        portal.proveWithdrawalTransaction(withdrawal, 1, parts, proof);
    }

    function test_the_owner_ends_a_freeze_and_proofs_start_again() public {
        settleBatch();
        commit();
        prove(2, 2);
        (ProvenStatement memory a, ProvenStatement memory b) = contradiction(2, 2);
        rollup.reportContradiction(2, 2, a, b);
        uint256 bondsBefore = rollup.credit(proposer);

        vm.expectRevert(abi.encodeWithSelector(Ownable.OwnableUnauthorizedAccount.selector, address(this)));
        rollup.unfreeze();
        asOwner();
        rollup.unfreeze();
        vm.assertEq(rollup.lastProven(), 1);
        vm.expectRevert();
        rollup.getL2Output(2);
        // The old proof's time counts no more, and the bond is not paid twice.
        vm.expectRevert(abi.encodeWithSelector(IRollup.NeedsProof.selector, uint64(2)));
        rollup.finalize(2);
        prove(2, 2);
        vm.warp(block.timestamp + 1 hours);
        rollup.finalize(2);
        vm.assertEq(rollup.lastFinalized(), 2);
        vm.assertEq(rollup.credit(proposer), bondsBefore);
    }

    function test_unfreeze_needs_a_freeze() public {
        asOwner();
        vm.expectRevert(IRollup.NotFrozen.selector);
        rollup.unfreeze();
    }

    function test_equal_statements_do_not_contradict() public {
        commit();
        (ProvenStatement memory a,) = contradiction(1, 1);
        vm.expectRevert(IRollup.NoContradiction.selector);
        rollup.reportContradiction(1, 1, a, a);
    }

    function test_statements_about_different_ranges_do_not_contradict() public {
        commit();
        commit();
        (ProvenStatement memory a,) = contradiction(1, 1);
        (, ProvenStatement memory b) = contradiction(1, 2);
        vm.expectRevert(abi.encodeWithSelector(IRollup.WrongOutput.selector, bytes32("batchHash")));
        rollup.reportContradiction(1, 1, a, b);
    }

    function test_both_proofs_have_to_be_valid() public {
        commit();
        (ProvenStatement memory a, ProvenStatement memory b) = contradiction(1, 1);
        b.proofs = a.proofs;
        vm.expectPartialRevert(IAttestedVerifier.WrongSigner.selector);
        rollup.reportContradiction(1, 1, a, b);
        vm.expectPartialRevert(IAttestedVerifier.WrongSigner.selector);
        rollup.reportContradiction(1, 1, b, a);
    }

    /// @dev A prover is free to put other bytes than the published ones into its proof: L1's openings catch that, so
    ///      they have to be part of a contradiction.
    function test_both_openings_have_to_be_valid() public {
        commit();
        (ProvenStatement memory a, ProvenStatement memory b) = contradiction(1, 1);
        b.output.blobs[0].y = bytes32(uint256(1));
        b.proofs = proofsOf(b.output);
        vm.expectRevert(abi.encodeWithSelector(PointEvaluation.WrongOpening.selector, uint256(0)));
        rollup.reportContradiction(1, 1, a, b);
    }

    function test_rejects_ranges_without_a_served_start() public {
        for (uint256 i = 0; i < 3; ++i) {
            commit();
        }
        (ProvenStatement memory a, ProvenStatement memory b) = contradiction(1, 2);
        vm.expectRevert(abi.encodeWithSelector(IRollup.WrongRange.selector, uint64(2), uint64(2)));
        rollup.reportContradiction(2, 2, a, b);
        vm.expectRevert(abi.encodeWithSelector(IRollup.WrongRange.selector, uint64(0), uint64(2)));
        rollup.reportContradiction(0, 2, a, b);
        vm.expectRevert(abi.encodeWithSelector(IRollup.WrongRange.selector, uint64(1), uint64(4)));
        rollup.reportContradiction(1, 4, a, b);
        // Batch 1 is inside the proven range: its own output is not known.
        prove(1, 2);
        vm.expectRevert(abi.encodeWithSelector(IRollup.WrongRange.selector, uint64(2), uint64(3)));
        rollup.reportContradiction(2, 3, a, b);
    }

    /// @dev The output of a proof that a freeze undid is no state to start from.
    function test_rejects_ranges_after_an_undone_proof() public {
        commit();
        commit();
        prove(1, 1);
        (ProvenStatement memory a, ProvenStatement memory b) = contradiction(1, 1);
        rollup.reportContradiction(1, 1, a, b);
        asOwner();
        rollup.unfreeze();
        (a, b) = contradiction(2, 2);
        vm.expectRevert(abi.encodeWithSelector(IRollup.WrongRange.selector, uint64(2), uint64(2)));
        rollup.reportContradiction(2, 2, a, b);
    }

    function test_contradictions_about_settled_batches_count() public {
        settleBatch();
        settleBatch();
        (ProvenStatement memory a, ProvenStatement memory b) = contradiction(1, 1);
        rollup.reportContradiction(1, 1, a, b);
        vm.assertTrue(rollup.frozen());
    }
}

contract ContradictionOfClaimsTest is ContradictionBase {
    function parameters() internal view override returns (RollupParams memory p) {
        p = super.parameters();
        p.challengeWindow = 7 days;
    }

    /// @dev The output that a false proof left behind must not become final as a claim that nobody opposed.
    function test_what_a_freeze_undid_is_no_claim() public {
        commit();
        commit();
        prove(1, 1);
        (ProvenStatement memory a, ProvenStatement memory b) = contradiction(1, 1);
        rollup.reportContradiction(1, 1, a, b);
        asOwner();
        rollup.unfreeze();
        vm.warp(block.timestamp + 8 days);
        vm.expectRevert(abi.encodeWithSelector(IRollup.NeedsProof.selector, uint64(1)));
        rollup.finalize(1);
        // Reverting what came after does not change that; what is committed anew counts again.
        asOwner();
        rollup.revertBatches(1);
        vm.expectRevert(abi.encodeWithSelector(IRollup.NeedsProof.selector, uint64(1)));
        rollup.finalize(1);
        prove(1, 1);
        commit();
        vm.warp(block.timestamp + 8 days);
        rollup.finalize(2);
        vm.assertEq(rollup.lastFinalized(), 2);
    }
}
