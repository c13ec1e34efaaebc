// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity ^0.8.28;

import { IPortal } from "../src/interfaces/IPortal.sol";
import { IRollup, ProvenStatement } from "../src/interfaces/IRollup.sol";
import { Portal } from "../src/l1/Portal.sol";
import { Hashing } from "../src/libraries/Hashing.sol";
import { OutputRootProof, PublicOutput, WithdrawalTransaction } from "../src/libraries/Types.sol";
import { Base } from "./Base.sol";
import { bound, vm } from "./Vm.sol";

/// @notice Withdrawals by proofs that are made here: one withdrawal per output.
contract WithdrawalTest is Base {
    bytes32 internal nextRoot;

    address internal constant L2_SENDER = address(0x5e4d);

    function setUp() public override {
        super.setUp();
        deposit(stranger, 100 ether);
    }

    function outputRoot(uint64 index) internal view override returns (bytes32) {
        return nextRoot == 0 ? super.outputRoot(index) : nextRoot;
    }

    function test_a_withdrawal_pays_and_tells_the_sender() public {
        Target target = new Target(portal);
        WithdrawalTransaction memory withdrawal = withdrawalTo(address(target), 3 ether, "hello");
        finalizeNew(withdrawal);
        vm.assertEq(address(target).balance, 3 ether);
        vm.assertEq(target.lastSender(), L2_SENDER);
        vm.assertEq(target.lastData(), "hello");
        vm.assertEq(portal.l2Sender(), 0x000000000000000000000000000000000000dEaD);
        vm.assertEq(address(portal).balance, 97 ether);
    }

    function test_records_what_was_proven() public {
        WithdrawalTransaction memory withdrawal = withdrawalTo(stranger, 1, "");
        uint64 index = proveNew(withdrawal);
        bytes32 hash = Hashing.hashWithdrawal(withdrawal);
        (bytes32 root, uint128 timestamp, uint128 outputIndex) = portal.provenWithdrawals(hash);
        vm.assertEq(root, nextRoot);
        vm.assertEq(timestamp, block.timestamp);
        vm.assertEq(outputIndex, index);
        vm.assertFalse(portal.finalizedWithdrawals(hash));
    }

    function test_rejects_a_replay() public {
        WithdrawalTransaction memory withdrawal = withdrawalTo(stranger, 1, "");
        finalizeNew(withdrawal);
        bytes32 hash = Hashing.hashWithdrawal(withdrawal);
        vm.expectRevert(abi.encodeWithSelector(IPortal.AlreadyFinalized.selector, hash));
        portal.finalizeWithdrawalTransaction(withdrawal);
        // Nor can it be proven again, against the same output or a later one.
        (OutputRootProof memory parts, bytes[] memory proof) = outputWith(withdrawal);
        settleBatch();
        vm.expectRevert(abi.encodeWithSelector(IPortal.AlreadyProven.selector, hash));
        portal.proveWithdrawalTransaction(withdrawal, 2, parts, proof);
    }

    function test_rejects_what_was_not_proven(uint8 field) public {
        WithdrawalTransaction memory withdrawal = withdrawalTo(stranger, 1 ether, "data");
        settle(proveNew(withdrawal));
        change(withdrawal, field);
        vm.expectRevert(abi.encodeWithSelector(IPortal.NotProven.selector, Hashing.hashWithdrawal(withdrawal)));
        portal.finalizeWithdrawalTransaction(withdrawal);
    }

    function test_rejects_a_proof_of_another_withdrawal(uint8 field) public {
        WithdrawalTransaction memory withdrawal = withdrawalTo(stranger, 1 ether, "data");
        (OutputRootProof memory parts, bytes[] memory proof) = outputWith(withdrawal);
        nextRoot = Hashing.hashOutputRootProof(parts);
        settleBatch();
        change(withdrawal, field);
        vm.expectRevert(
            abi.encodeWithSelector(IPortal.WrongWithdrawalProof.selector, Hashing.hashWithdrawal(withdrawal))
        );
        portal.proveWithdrawalTransaction(withdrawal, 1, parts, proof);
    }

    function test_rejects_other_parts_of_the_output_root(uint8 field) public {
        WithdrawalTransaction memory withdrawal = withdrawalTo(stranger, 1, "");
        (OutputRootProof memory parts, bytes[] memory proof) = outputWith(withdrawal);
        nextRoot = Hashing.hashOutputRootProof(parts);
        settleBatch();
        field = uint8(bound(field, 0, 3));
        if (field == 0) parts.version = bytes32(uint256(1));
        if (field == 1) parts.stateRoot = keccak256("other");
        if (field == 2) parts.messagePasserStorageRoot = keccak256("other");
        if (field == 3) parts.latestBlockhash = keccak256("other");
        bytes32 given = Hashing.hashOutputRootProof(parts);
        vm.expectRevert(abi.encodeWithSelector(IPortal.WrongOutputRoot.selector, nextRoot, given));
        portal.proveWithdrawalTransaction(withdrawal, 1, parts, proof);
    }

    function test_rejects_claimed_outputs() public {
        WithdrawalTransaction memory withdrawal = withdrawalTo(stranger, 1, "");
        (OutputRootProof memory parts, bytes[] memory proof) = outputWith(withdrawal);
        nextRoot = Hashing.hashOutputRootProof(parts);
        commit();
        vm.expectRevert();
        portal.proveWithdrawalTransaction(withdrawal, 1, parts, proof);
    }

    function test_rejects_broken_tries() public {
        WithdrawalTransaction memory withdrawal = withdrawalTo(stranger, 1, "");
        (OutputRootProof memory parts, bytes[] memory proof) = outputWith(withdrawal);
        nextRoot = Hashing.hashOutputRootProof(parts);
        settleBatch();
        vm.expectRevert();
        portal.proveWithdrawalTransaction(withdrawal, 1, parts, new bytes[](0));
        proof[0][10] ^= 0x01;
        vm.expectRevert();
        portal.proveWithdrawalTransaction(withdrawal, 1, parts, proof);
    }

    function test_waits_for_finality() public {
        WithdrawalTransaction memory withdrawal = withdrawalTo(stranger, 1, "");
        proveNew(withdrawal);
        vm.assertFalse(portal.isOutputFinalized(1));
        vm.expectPartialRevert(IRollup.NotFinalizable.selector);
        portal.finalizeWithdrawalTransaction(withdrawal);
        // After the delay nobody has to call `finalize` first.
        vm.warp(block.timestamp + 1 hours);
        portal.finalizeWithdrawalTransaction(withdrawal);
        vm.assertTrue(portal.isOutputFinalized(1));
    }

    function test_an_output_inside_a_range_is_final_with_it() public {
        WithdrawalTransaction memory withdrawal = withdrawalTo(stranger, 1, "");
        (OutputRootProof memory parts, bytes[] memory proof) = outputWith(withdrawal);
        nextRoot = Hashing.hashOutputRootProof(parts);
        commit();
        commit();
        prove(1, 2);
        portal.proveWithdrawalTransaction(withdrawal, 1, parts, proof);
        vm.warp(block.timestamp + 1 hours);
        portal.finalizeWithdrawalTransaction(withdrawal);
        vm.assertEq(rollup.lastFinalized(), 2);
    }

    function test_a_replaced_output_needs_a_new_proof() public {
        WithdrawalTransaction memory withdrawal = withdrawalTo(stranger, 1, "");
        proveNew(withdrawal);
        freezeAndUnfreeze();
        bytes32 hash = Hashing.hashWithdrawal(withdrawal);
        vm.expectRevert(abi.encodeWithSelector(IPortal.OutputReplaced.selector, hash));
        portal.finalizeWithdrawalTransaction(withdrawal);
        // The true output does not hold the withdrawal.
        (OutputRootProof memory parts, bytes[] memory proof) = outputWith(withdrawal);
        nextRoot = keccak256("true output");
        prove(1, 1);
        settle(1);
        vm.expectRevert(abi.encodeWithSelector(IPortal.OutputReplaced.selector, hash));
        portal.finalizeWithdrawalTransaction(withdrawal);
        // A later one does.
        nextRoot = Hashing.hashOutputRootProof(parts);
        commit();
        prove(2, 2);
        portal.proveWithdrawalTransaction(withdrawal, 2, parts, proof);
        settle(2);
        portal.finalizeWithdrawalTransaction(withdrawal);
    }

    function test_a_failing_target_spends_the_withdrawal() public {
        Target target = new Target(portal);
        target.setMode(Target.Mode.Fail);
        WithdrawalTransaction memory withdrawal = withdrawalTo(address(target), 1 ether, "");
        settle(proveNew(withdrawal));
        vm.expectEmit(true, true, true, true, address(portal));
        emit IPortal.WithdrawalFinalized(Hashing.hashWithdrawal(withdrawal), false);
        portal.finalizeWithdrawalTransaction(withdrawal);
        vm.assertEq(address(portal).balance, 100 ether);
        vm.assertTrue(portal.finalizedWithdrawals(Hashing.hashWithdrawal(withdrawal)));
    }

    function test_a_target_cannot_return_the_gas_away() public {
        Target target = new Target(portal);
        target.setMode(Target.Mode.ReturnBomb);
        finalizeNew(withdrawalTo(address(target), 0, ""));
        vm.assertEq(portal.l2Sender(), 0x000000000000000000000000000000000000dEaD);
    }

    function test_rejects_reentering_with_another_withdrawal() public {
        Target target = new Target(portal);
        WithdrawalTransaction memory inner = withdrawalTo(stranger, 1 ether, "");
        settle(proveNew(inner));
        target.setInner(inner);
        target.setMode(Target.Mode.Reenter);
        WithdrawalTransaction memory outer = withdrawalTo(address(target), 1 ether, "");
        outer.nonce = 1;
        settle(proveNew(outer));
        portal.finalizeWithdrawalTransaction(outer);
        vm.assertEq(target.innerError(), abi.encodePacked(IPortal.Reentered.selector));
        vm.assertFalse(portal.finalizedWithdrawals(Hashing.hashWithdrawal(inner)));
        portal.finalizeWithdrawalTransaction(inner);
    }

    function test_rejects_reentering_with_the_same_withdrawal() public {
        Target target = new Target(portal);
        target.setMode(Target.Mode.Reenter);
        WithdrawalTransaction memory withdrawal = withdrawalTo(address(target), 1 ether, "");
        target.setInner(withdrawal);
        settle(proveNew(withdrawal));
        portal.finalizeWithdrawalTransaction(withdrawal);
        vm.assertEq(address(target).balance, 1 ether);
        vm.assertEq(target.innerError(), abi.encodePacked(IPortal.Reentered.selector));
    }

    function test_a_target_may_deposit_while_it_is_paid() public {
        Target target = new Target(portal);
        target.setMode(Target.Mode.Deposit);
        finalizeNew(withdrawalTo(address(target), 1 ether, ""));
        vm.assertEq(portal.depositCount(), 2);
        vm.assertEq(address(portal).balance, 100 ether);
    }

    function test_rejects_the_portal_as_target() public {
        WithdrawalTransaction memory withdrawal = withdrawalTo(address(portal), 0, "");
        (OutputRootProof memory parts, bytes[] memory proof) = outputWith(withdrawal);
        vm.expectRevert(IPortal.BadTarget.selector);
        portal.proveWithdrawalTransaction(withdrawal, 0, parts, proof);
    }

    /// @dev Whatever gas the caller sends, the target gets its limit or nothing happens.
    function test_the_target_gets_its_gas_or_nothing_happens(uint256 gasLimit, uint256 sent, uint16 length) public {
        Target target = new Target(portal);
        target.setMode(Target.Mode.Measure);
        WithdrawalTransaction memory withdrawal = withdrawalTo(address(target), 1, new bytes(length));
        withdrawal.gasLimit = bound(gasLimit, 50_000, 2_000_000);
        settle(proveNew(withdrawal));
        (bool success,) = address(portal).call{ gas: bound(sent, 100_000, 3_000_000) }(
            abi.encodeCall(IPortal.finalizeWithdrawalTransaction, (withdrawal))
        );
        vm.assertEq(success, portal.finalizedWithdrawals(Hashing.hashWithdrawal(withdrawal)));
        // A few hundred are spent before the target can measure.
        if (success) vm.assertTrue(target.measuredGas() + 1_000 >= withdrawal.gasLimit);
    }

    function test_rejects_absurd_gas_limits() public {
        WithdrawalTransaction memory withdrawal = withdrawalTo(stranger, 1, "");
        withdrawal.gasLimit = type(uint256).max;
        settle(proveNew(withdrawal));
        vm.expectRevert();
        portal.finalizeWithdrawalTransaction(withdrawal);
    }

    function test_more_than_the_portal_holds_fails() public {
        WithdrawalTransaction memory withdrawal = withdrawalTo(stranger, 101 ether, "");
        finalizeNew(withdrawal);
        vm.assertEq(address(portal).balance, 100 ether);
    }

    // ---- Steps ----

    function withdrawalTo(address target, uint256 value, bytes memory data)
        internal
        pure
        returns (WithdrawalTransaction memory)
    {
        return WithdrawalTransaction(0, L2_SENDER, target, value, 200_000, data);
    }

    function change(WithdrawalTransaction memory withdrawal, uint8 field) internal pure {
        field = uint8(bound(field, 0, 5));
        if (field == 0) withdrawal.nonce += 1;
        if (field == 1) withdrawal.sender = address(1);
        if (field == 2) withdrawal.target = address(2);
        if (field == 3) withdrawal.value += 1;
        if (field == 4) withdrawal.gasLimit += 1;
        if (field == 5) withdrawal.data = "other";
    }

    /// @dev Proves a batch whose output holds the withdrawal, and the withdrawal.
    function proveNew(WithdrawalTransaction memory withdrawal) internal returns (uint64 index) {
        (OutputRootProof memory parts, bytes[] memory proof) = outputWith(withdrawal);
        nextRoot = Hashing.hashOutputRootProof(parts);
        commit();
        index = rollup.lastCommitted();
        prove(index, index);
        portal.proveWithdrawalTransaction(withdrawal, index, parts, proof);
    }

    function settle(uint64 index) internal {
        vm.warp(block.timestamp + 1 hours);
        rollup.finalize(index);
    }

    function finalizeNew(WithdrawalTransaction memory withdrawal) internal {
        settle(proveNew(withdrawal));
        portal.finalizeWithdrawalTransaction(withdrawal);
    }

    function freezeAndUnfreeze() internal {
        PublicOutput memory honest = statement(1, 1);
        PublicOutput memory other = statement(1, 1);
        other.outputRoot = keccak256("other");
        ProvenStatement memory a = ProvenStatement(VERSION, honest, openings(1), proofsOf(honest));
        ProvenStatement memory b = ProvenStatement(VERSION, other, openings(1), proofsOf(other));
        rollup.reportContradiction(1, 1, a, b);
        asOwner();
        rollup.unfreeze();
    }
}

/// @notice Withdrawals with storage proofs that a node gave for a message passer with 300 messages, all in batch 1.
abstract contract RealWithdrawals is Base {
    string internal json;
    OutputRootProof internal parts;

    function setUp() public virtual override {
        super.setUp();
        deposit(stranger, 100 ether);
        json = vm.readFile("test/data/withdrawals.json");
        parts.stateRoot = vm.parseJsonBytes32(json, ".outputRootProof.stateRoot");
        parts.messagePasserStorageRoot = vm.parseJsonBytes32(json, ".outputRootProof.messagePasserStorageRoot");
        parts.latestBlockhash = vm.parseJsonBytes32(json, ".outputRootProof.latestBlockhash");
        settleBatch();
    }

    function outputRoot(uint64) internal view override returns (bytes32) {
        return Hashing.hashOutputRootProof(parts);
    }

    function real(uint256 number) internal view returns (WithdrawalTransaction memory) {
        string memory key = string.concat(".withdrawals[", vm.toString(number), "]");
        return WithdrawalTransaction({
            nonce: vm.parseJsonUint(json, string.concat(key, ".nonce")),
            sender: vm.parseJsonAddress(json, string.concat(key, ".sender")),
            target: vm.parseJsonAddress(json, string.concat(key, ".target")),
            value: vm.parseJsonUint(json, string.concat(key, ".value")),
            gasLimit: vm.parseJsonUint(json, string.concat(key, ".gasLimit")),
            data: vm.parseJsonBytes(json, string.concat(key, ".data"))
        });
    }

    function proofOf(uint256 number) internal view returns (bytes[] memory) {
        return vm.parseJsonBytesArray(json, string.concat(".withdrawals[", vm.toString(number), "].proof"));
    }
}

contract RealWithdrawalTest is RealWithdrawals {
    function test_every_real_withdrawal_is_paid() public {
        for (uint256 i = 0; i < 5; ++i) {
            WithdrawalTransaction memory withdrawal = real(i);
            string memory key = string.concat(".withdrawals[", vm.toString(i), "]");
            vm.assertEq(
                Hashing.hashWithdrawal(withdrawal), vm.parseJsonBytes32(json, string.concat(key, ".withdrawalHash"))
            );
            portal.proveWithdrawalTransaction(withdrawal, 1, parts, proofOf(i));
            portal.finalizeWithdrawalTransaction(withdrawal);
            vm.assertEq(withdrawal.target.balance, withdrawal.value);
        }
    }

    function test_proofs_do_not_fit_other_withdrawals() public {
        for (uint256 i = 0; i < 5; ++i) {
            WithdrawalTransaction memory withdrawal = real(i);
            bytes[] memory proof = proofOf((i + 1) % 5);
            vm.expectRevert(
                abi.encodeWithSelector(IPortal.WrongWithdrawalProof.selector, Hashing.hashWithdrawal(withdrawal))
            );
            portal.proveWithdrawalTransaction(withdrawal, 1, parts, proof);
        }
    }

    /// @dev One bit changed anywhere in a proof: refused.
    function test_rejects_proofs_with_one_bit_changed(uint256 node, uint256 position, uint8 bit) public {
        bytes[] memory proof = proofOf(3);
        node = bound(node, 0, proof.length - 1);
        position = bound(position, 0, proof[node].length - 1);
        proof[node][position] ^= bytes1(uint8(1) << uint8(bound(bit, 0, 7)));
        WithdrawalTransaction memory withdrawal = real(3);
        vm.expectRevert();
        portal.proveWithdrawalTransaction(withdrawal, 1, parts, proof);
    }
}

/// @notice A withdrawal's target that does what a test asks for.
contract Target {
    enum Mode {
        Record,
        Fail,
        ReturnBomb,
        Reenter,
        Deposit,
        Measure
    }

    Portal internal immutable portal;
    Mode internal mode;
    WithdrawalTransaction internal inner;
    address public lastSender;
    bytes public lastData;
    bytes public innerError;
    uint256 public measuredGas;

    constructor(Portal portal_) {
        portal = portal_;
    }

    function setMode(Mode mode_) external {
        mode = mode_;
    }

    function setInner(WithdrawalTransaction calldata inner_) external {
        inner = inner_;
    }

    receive() external payable {
        act();
    }

    fallback() external payable {
        act();
    }

    function act() internal {
        uint256 left = gasleft();
        if (mode == Mode.Measure) measuredGas = left;
        if (mode == Mode.Fail) revert("refused");
        if (mode == Mode.Record) (lastSender, lastData) = (portal.l2Sender(), msg.data);
        if (mode == Mode.Deposit) portal.depositTransaction{ value: msg.value }(address(1), 0, 21_000, false, "");
        if (mode == Mode.ReturnBomb) {
            assembly {
                return(0, 1000000)
            }
        }
        if (mode == Mode.Reenter) {
            try portal.finalizeWithdrawalTransaction(inner) { }
            catch (bytes memory reason) {
                innerError = reason;
            }
        }
    }
}
