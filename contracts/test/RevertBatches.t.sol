// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity ^0.8.28;

import { Ownable } from "@openzeppelin/contracts/access/Ownable.sol";
import { BatchClaim, IRollup } from "../src/interfaces/IRollup.sol";
import { Rollup } from "../src/l1/Rollup.sol";
import { Base } from "./Base.sol";
import { vm } from "./Vm.sol";

contract RevertBatchesTest is Base {
    function test_owner_drops_unproven_batches() public {
        for (uint256 i = 0; i < 3; ++i) {
            deposit(stranger, 1);
            commit();
        }
        prove(1, 1);
        asOwner();
        rollup.revertBatches(1);
        vm.assertEq(rollup.lastCommitted(), 1);
        vm.assertEq(rollup.batchHash(2), bytes32(0));
        vm.assertEq(rollup.credit(proposer), 3 * BOND);
        // Their deposits are due again, and the chain goes on.
        vm.assertEq(nextClaim().depositCount, 3);
        commit();
        prove(2, 2);
    }

    function test_proven_batches_stay(uint64 last) public {
        commit();
        commit();
        prove(1, 1);
        vm.assume(last != 1);
        asOwner();
        vm.expectRevert(abi.encodeWithSelector(IRollup.NotRevertible.selector, last));
        rollup.revertBatches(last);
    }

    function test_only_the_owner_reverts() public {
        commit();
        vm.prank(proposer);
        vm.expectRevert(abi.encodeWithSelector(Ownable.OwnableUnauthorizedAccount.selector, proposer));
        rollup.revertBatches(0);
    }

    function test_a_claim_on_a_reverted_batch_fails() public {
        bytes32 gone = commit();
        asOwner();
        rollup.revertBatches(0);
        BatchClaim memory claim = nextClaim();
        claim.parentHash = gone;
        attachBlobs(1);
        bytes memory reason = abi.encodeWithSelector(IRollup.WrongParent.selector, rollup.batchHash(0), gone);
        vm.prank(proposer);
        vm.expectRevert(reason);
        rollup.commitBatch{ value: BOND }(claim);
    }

    function test_the_owner_replaces_the_proposer() public {
        vm.warp(rollup.fallbackFrom());
        asOwner();
        rollup.setProposer(stranger);
        commitAs(stranger, nextClaim());
        vm.prank(proposer);
        vm.expectRevert(abi.encodeWithSelector(Ownable.OwnableUnauthorizedAccount.selector, proposer));
        rollup.setProposer(proposer);
    }

    function test_bonds_can_be_withdrawn_once() public {
        settleBatch();
        address payable to = payable(address(0xbeef));
        vm.prank(proposer);
        vm.assertEq(rollup.withdrawCredit(to), BOND);
        vm.assertEq(to.balance, BOND);
        vm.prank(proposer);
        vm.assertEq(rollup.withdrawCredit(to), 0);
        vm.assertEq(to.balance, BOND);
    }

    function test_reentering_withdrawCredit_gains_nothing() public {
        Reenterer thief = new Reenterer(rollup);
        commit();
        vm.warp(rollup.fallbackFrom());
        commitAs(address(thief), nextClaim());
        prove(1, 1);
        prove(2, 2);
        thief.attack();
        vm.assertEq(address(thief).balance, BOND);
        vm.assertEq(address(rollup).balance, BOND);
    }
}

/// @notice Withdraws its credit again from within the payment.
contract Reenterer {
    Rollup internal immutable rollup;

    constructor(Rollup rollup_) {
        rollup = rollup_;
    }

    receive() external payable {
        if (msg.value != 0) rollup.withdrawCredit(payable(address(this)));
    }

    function attack() external {
        rollup.withdrawCredit(payable(address(this)));
    }
}
