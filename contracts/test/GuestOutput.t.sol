// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity ^0.8.28;

import { BatchClaim, IRollup, RollupParams } from "../src/interfaces/IRollup.sol";
import { PublicOutput } from "../src/libraries/Types.sol";
import { Base } from "./Base.sol";
import { vm } from "./Vm.sol";

/// @notice The guest program's own output for two batches, with the blobs' real openings: test/data/guest.json, which the
///         test `vectors` of the node writes. The deposits, commits and the proof of that output are made here anew.
contract GuestOutputTest is Base {
    string internal json = vm.readFile("test/data/guest.json");
    bytes internal encoded = vm.parseJsonBytes(json, ".output");
    bytes internal opened = vm.parseJsonBytes(json, ".openings");

    function guestOutput() internal view returns (PublicOutput memory) {
        return abi.decode(encoded, (PublicOutput));
    }

    function parameters() internal view override returns (RollupParams memory p) {
        p = super.parameters();
        p.configHash = guestOutput().configHash;
        p.genesisOutputRoot = guestOutput().previousOutputRoot;
    }

    function makeDeposits(string memory batch) internal {
        uint256 count = vm.parseJsonUint(json, string.concat(batch, ".deposits.length"));
        for (uint256 i = 0; i < count; ++i) {
            string memory one = string.concat(batch, ".deposits.list[", vm.toString(i), "]");
            address from = vm.parseJsonAddress(json, string.concat(one, ".from"));
            uint256 mint = vm.parseJsonUint(json, string.concat(one, ".mint"));
            address to = vm.parseJsonAddress(json, string.concat(one, ".to"));
            uint256 value = vm.parseJsonUint(json, string.concat(one, ".value"));
            uint64 gasLimit = uint64(vm.parseJsonUint(json, string.concat(one, ".gasLimit")));
            bytes memory data = vm.parseJsonBytes(json, string.concat(one, ".data"));
            bool isCreation = vm.parseJsonUint(json, string.concat(one, ".isCreation")) == 1;
            vm.deal(from, mint);
            vm.prank(from, from);
            portal.depositTransaction{ value: mint }(to, value, gasLimit, isCreation, data);
        }
    }

    function commitAll() internal {
        for (uint64 index = 1; index <= 2; ++index) {
            string memory batch = string.concat(".batches[", vm.toString(index - 1), "]");
            makeDeposits(batch);
            BatchClaim memory claim;
            claim.l1Number = uint64(vm.parseJsonUint(json, string.concat(batch, ".l1Number")));
            claim.l1Hash = vm.parseJsonBytes32(json, string.concat(batch, ".l1Hash"));
            claim.outputRoot = vm.parseJsonBytes32(json, string.concat(batch, ".claimedOutputRoot"));
            claim.lastBlock = uint64(vm.parseJsonUint(json, string.concat(batch, ".lastBlock")));
            claim.parentHash = rollup.batchHash(index - 1);
            claim.depositCount = portal.depositCount();
            claim.depositHash = portal.depositHash(claim.depositCount);
            vm.roll(claim.l1Number + 1);
            vm.setBlockhash(claim.l1Number, claim.l1Hash);
            bytes32[] memory blobHashes = new bytes32[](1);
            blobHashes[0] = guestOutput().blobs[index - 1].versionedHash;
            vm.blobhashes(blobHashes);
            vm.prank(proposer);
            bytes32 hash = rollup.commitBatch{ value: BOND }(claim);
            vm.assertEq(hash, vm.parseJsonBytes32(json, string.concat(batch, ".hash")));
        }
    }

    function test_the_guests_digest_is_the_contracts() public view {
        vm.assertEq(keccak256(encoded), keccak256(abi.encode(guestOutput())));
        vm.assertEq(guestOutput().blobs.length, 2);
        vm.assertEq(guestOutput().depositCount, 9);
    }

    function test_the_guests_output_settles_its_batches() public {
        commitAll();
        PublicOutput memory output = guestOutput();
        vm.assertEq(rollup.batchHash(2), output.batchHash);
        vm.assertEq(portal.depositHash(9), output.depositHash);
        rollup.proveBatches(1, 2, VERSION, output, opened, proofsOf(output));
        vm.assertEq(rollup.lastProven(), 2);
        vm.assertEq(rollup.getL2Output(2).outputRoot, output.outputRoot);
        vm.assertEq(rollup.getL2Output(2).l2BlockNumber, output.lastBlock);
        // What was claimed was something else.
        vm.assertEq(rollup.credit(address(this)), BOND);
    }

    /// @dev Another queue on L1 than the guest saw, by one deposit of one wei more.
    function test_other_deposits_are_another_statement() public {
        deposit(stranger, 1);
        PublicOutput memory output = guestOutput();
        BatchClaim memory claim = nextClaim();
        claim.depositCount = 1;
        claim.depositHash = portal.depositHash(1);
        commitAs(proposer, claim);
        bytes[] memory proofs = proofsOf(output);
        vm.expectPartialRevert(IRollup.WrongOutput.selector);
        rollup.proveBatches(1, 1, VERSION, output, opened, proofs);
    }

    /// @dev The same output with the blobs' values exchanged: signed, but not what the blobs hold.
    function test_other_values_of_the_blobs_are_refused() public {
        commitAll();
        PublicOutput memory output = guestOutput();
        (output.blobs[0].y, output.blobs[1].y) = (output.blobs[1].y, output.blobs[0].y);
        bytes[] memory proofs = proofsOf(output);
        vm.expectRevert();
        rollup.proveBatches(1, 2, VERSION, output, opened, proofs);
    }
}
