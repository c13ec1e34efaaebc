// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity ^0.8.28;

import { Batch, BatchClaim, IRollup } from "../src/interfaces/IRollup.sol";
import { IAttestedVerifier } from "../src/interfaces/IAttestedVerifier.sol";
import { IVerifierRegistry } from "../src/interfaces/IVerifierRegistry.sol";
import { PointEvaluation } from "../src/libraries/PointEvaluation.sol";
import { Blob, PublicOutput } from "../src/libraries/Types.sol";
import { Base } from "./Base.sol";
import { bound, vm } from "./Vm.sol";

contract ProveBatchesTest is Base {
    function test_proof_settles_a_batch() public {
        commit();
        prove(1, 1);
        vm.assertEq(rollup.lastProven(), 1);
        vm.assertEq(rollup.lastFinalized(), 0);
        vm.assertEq(rollup.getL2Output(1).outputRoot, outputRoot(1));
        vm.assertEq(rollup.getL2Output(1).l2BlockNumber, 10);
        vm.assertEq(rollup.credit(proposer), BOND);
        vm.assertEq(rollup.credit(stranger), 0);
    }

    function test_one_proof_for_many_batches() public {
        for (uint256 i = 0; i < 4; ++i) {
            deposit(stranger, 1);
            commit();
        }
        prove(1, 4);
        vm.assertEq(rollup.lastProven(), 4);
        vm.assertEq(rollup.credit(proposer), 4 * BOND);
        // Batches inside the range are answered with its end.
        for (uint64 i = 1; i <= 4; ++i) {
            vm.assertEq(rollup.getL2Output(i).outputRoot, outputRoot(4));
            vm.assertEq(rollup.getL2Output(i).l2BlockNumber, 40);
        }
    }

    function test_the_proof_decides_against_the_claim() public {
        BatchClaim memory claim = nextClaim();
        claim.outputRoot = keccak256("wrong");
        commitAs(proposer, claim);
        prove(1, 1);
        vm.assertEq(rollup.getL2Output(1).outputRoot, outputRoot(1));
        vm.assertEq(rollup.credit(proposer), 0);
        vm.assertEq(rollup.credit(stranger), BOND);
    }

    function test_the_proof_decides_the_last_block() public {
        BatchClaim memory claim = nextClaim();
        claim.lastBlock = type(uint64).max;
        commitAs(proposer, claim);
        prove(1, 1);
        vm.assertEq(rollup.getL2Output(1).l2BlockNumber, 10);
        vm.assertEq(rollup.credit(stranger), BOND);
    }

    function test_claims_inside_the_range_are_not_judged() public {
        BatchClaim memory claim = nextClaim();
        claim.outputRoot = keccak256("wrong");
        commitAs(proposer, claim);
        commit();
        prove(1, 2);
        vm.assertEq(rollup.getL2Output(1).outputRoot, outputRoot(2));
        vm.assertEq(rollup.credit(proposer), 2 * BOND);
    }

    /// @dev Whose claim ends the range wrongly pays, and nobody else: the batches before it may be somebody else's.
    function test_a_wrong_last_claim_costs_only_its_own_bond() public {
        commit();
        vm.warp(rollup.fallbackFrom());
        BatchClaim memory claim = nextClaim();
        claim.outputRoot = keccak256("wrong");
        commitAs(admin, claim);
        prove(1, 2);
        vm.assertEq(rollup.credit(proposer), BOND);
        vm.assertEq(rollup.credit(admin), 0);
        vm.assertEq(rollup.credit(stranger), BOND);
    }

    function test_rejects_the_same_batch_twice() public {
        commit();
        PublicOutput memory output = statement(1, 1);
        proveOutput(1, 1, output);
        expectRejection(1, 1, output, abi.encodeWithSelector(IRollup.WrongRange.selector, uint64(1), uint64(1)));
    }

    function test_rejects_wrong_ranges(uint64 first, uint64 last) public {
        for (uint256 i = 0; i < 3; ++i) {
            commit();
        }
        prove(1, 1);
        vm.assume(first != 2 || last < first || last > 3);
        PublicOutput memory output = statement(2, 3);
        expectRejection(first, last, output, abi.encodeWithSelector(IRollup.WrongRange.selector, first, last));
    }

    function test_rejects_ranges_beyond_the_last_commit(uint64 last) public {
        commit();
        last = uint64(bound(last, 2, type(uint64).max));
        PublicOutput memory output = statement(1, 1);
        output.batchHash = 0;
        expectRejection(1, last, output, abi.encodeWithSelector(IRollup.WrongRange.selector, uint64(1), last));
    }

    /// @dev Every field that L1 knows is compared; signatures of a wrong statement do not help.
    function test_rejects_statements_about_something_else() public {
        deposit(stranger, 1);
        commit();
        PublicOutput memory output = statement(1, 1);
        output.configHash = keccak256("other");
        expectWrong(output, "configHash");
        output = statement(1, 1);
        output.previousOutputRoot = keccak256("other");
        expectWrong(output, "previousOutputRoot");
        output = statement(1, 1);
        output.previousBatchHash = keccak256("other");
        expectWrong(output, "previousBatchHash");
        output = statement(1, 1);
        output.previousDepositCount = 1;
        expectWrong(output, "previousDepositCount");
        output = statement(1, 1);
        output.previousDepositHash = keccak256("other");
        expectWrong(output, "previousDepositHash");
        output = statement(1, 1);
        output.batchHash = keccak256("other");
        expectWrong(output, "batchHash");
        output = statement(1, 1);
        output.depositCount = 0;
        expectWrong(output, "depositCount");
        output = statement(1, 1);
        output.depositHash = keccak256("other");
        expectWrong(output, "depositHash");
        output = statement(1, 1);
        output.l1Number = 1;
        expectWrong(output, "l1Number");
    }

    function test_rejects_a_proof_of_another_batch() public {
        commit();
        commit();
        expectRejection(
            1, 1, statement(1, 2), abi.encodeWithSelector(IRollup.WrongOutput.selector, bytes32("batchHash"))
        );
    }

    /// @dev Fields that only the proof vouches for change the digest, so the signatures do not fit any more.
    function test_rejects_changed_outputs_under_an_honest_proof(uint256 field) public {
        commit();
        PublicOutput memory output = statement(1, 1);
        bytes[] memory proofs = proofsOf(output);
        field = bound(field, 0, 4);
        if (field == 0) output.outputRoot = keccak256("other");
        if (field == 1) output.lastBlock = 11;
        if (field == 2) output.lastBlockHash = keccak256("other");
        if (field == 3) output.l1Hash = keccak256("other");
        if (field == 4) output.blobs = new Blob[](0);
        bytes memory opened = openings(output.blobs.length);
        vm.expectPartialRevert(IAttestedVerifier.WrongSigner.selector);
        rollup.proveBatches(1, 1, VERSION, output, opened, proofs);
    }

    function test_rejects_wrong_openings() public {
        commit();
        PublicOutput memory output = statement(1, 1);
        output.blobs[0].y = bytes32(uint256(output.blobs[0].y) ^ 1);
        expectRejection(1, 1, output, abi.encodeWithSelector(PointEvaluation.WrongOpening.selector, uint256(0)));
        output = statement(1, 1);
        output.blobs[0].z = bytes32(uint256(output.blobs[0].z) ^ 1);
        expectRejection(1, 1, output, abi.encodeWithSelector(PointEvaluation.WrongOpening.selector, uint256(0)));
        output = statement(1, 1);
        (output.blobs[0],) = opening(1);
        expectRejection(1, 1, output, abi.encodeWithSelector(PointEvaluation.WrongOpening.selector, uint256(0)));
    }

    function test_rejects_missing_openings(uint256 length) public {
        commit();
        length = bound(length, 0, 300);
        vm.assume(length != 96);
        PublicOutput memory output = statement(1, 1);
        bytes[] memory proofs = proofsOf(output);
        vm.expectRevert(abi.encodeWithSelector(PointEvaluation.WrongOpeningsLength.selector, uint256(96), length));
        rollup.proveBatches(1, 1, VERSION, output, new bytes(length), proofs);
    }

    /// @dev On an L1 without EIP-4844 a call to 0x0A succeeds and returns nothing.
    function test_rejects_a_silent_precompile() public {
        commit();
        PublicOutput memory output = statement(1, 1);
        bytes memory opened = openings(1);
        bytes[] memory proofs = proofsOf(output);
        MockedCalls(address(vm)).mockCall(address(0x0A), "", "");
        vm.expectRevert(abi.encodeWithSelector(PointEvaluation.WrongOpening.selector, uint256(0)));
        rollup.proveBatches(1, 1, VERSION, output, opened, proofs);
        MockedCalls(address(vm)).clearMockedCalls();
    }

    function test_rejects_unknown_and_retired_programs() public {
        commit();
        PublicOutput memory output = statement(1, 1);
        bytes memory opened = openings(1);
        bytes[] memory proofs = proofsOf(output);
        vm.expectRevert(abi.encodeWithSelector(IVerifierRegistry.UnknownVersion.selector, uint256(2)));
        rollup.proveBatches(1, 1, 2, output, opened, proofs);
        asOwner();
        registry.retireProgram(VERSION);
        vm.expectRevert(abi.encodeWithSelector(IVerifierRegistry.UnknownVersion.selector, VERSION));
        rollup.proveBatches(1, 1, VERSION, output, opened, proofs);
    }

    function test_settled_batch_keeps_its_times() public {
        commit();
        vm.warp(block.timestamp + 5);
        prove(1, 1);
        Batch memory batch = rollup.batch(1);
        vm.assertEq(batch.committedAt, block.timestamp - 5);
        vm.assertEq(batch.settledAt, block.timestamp);
        vm.assertEq(batch.settledIn, 1);
    }

    function expectWrong(PublicOutput memory output, bytes32 field) internal {
        expectRejection(1, 1, output, abi.encodeWithSelector(IRollup.WrongOutput.selector, field));
    }

    function expectRejection(uint64 first, uint64 last, PublicOutput memory output, bytes memory reason) internal {
        bytes memory opened = openings(output.blobs.length);
        bytes[] memory proofs = proofsOf(output);
        vm.expectRevert(reason);
        rollup.proveBatches(first, last, VERSION, output, opened, proofs);
    }
}

/// @notice Cheatcodes for the one test that needs a precompile which does not exist.
interface MockedCalls {
    function mockCall(address callee, bytes calldata data, bytes calldata returned) external;
    function clearMockedCalls() external;
}
