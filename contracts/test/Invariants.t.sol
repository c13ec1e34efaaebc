// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity ^0.8.28;

import { Batch, BatchClaim, ProvenStatement, RollupParams } from "../src/interfaces/IRollup.sol";
import { Portal } from "../src/l1/Portal.sol";
import { Rollup } from "../src/l1/Rollup.sol";
import { Hashing } from "../src/libraries/Hashing.sol";
import { OutputRootProof, PublicOutput, WithdrawalTransaction } from "../src/libraries/Types.sol";
import { Base } from "./Base.sol";
import { bound, vm } from "./Vm.sol";

/// @notice A world that acts at random on the system: honest and lying proposers, strangers, provers, owners,
///         depositors, withdrawers and thieves. Every batch's true output holds one withdrawal of one ether.
contract World is Base {
    struct Final {
        bytes32 outputRoot;
        uint128 l2BlockNumber;
    }

    uint64 internal constant WINDOW = 2 days;

    // Ghosts: what ought to be so.
    uint256 public deposited;
    uint256 public withdrawn;
    uint256 public bondsPaidIn;
    uint256 public bondsPaidOut;
    uint256 public finalSeen;
    uint256 public unbackedWithdrawals;
    bytes32[] public depositTxHashes;
    mapping(uint256 index => Final) public finals;

    // Coverage: how often an action got through.
    mapping(string action => uint256) public done;

    function parameters() internal view override returns (RollupParams memory p) {
        p = super.parameters();
        p.challengeWindow = WINDOW;
        p.maxDepositsPerBatch = 4;
    }

    function outputRoot(uint64 index) internal pure override returns (bytes32) {
        if (index == 0) return GENESIS_ROOT;
        (OutputRootProof memory parts,) = outputWith(withdrawalOf(index));
        return Hashing.hashOutputRootProof(parts);
    }

    /// @dev The withdrawal in the output of a batch.
    function withdrawalOf(uint64 index) internal pure returns (WithdrawalTransaction memory) {
        return WithdrawalTransaction(index, address(0x5e4d), address(0xbeef), 1 ether, 30_000, "");
    }

    function contracts() external view returns (Rollup, Portal) {
        return (rollup, portal);
    }

    // ---- Actions ----

    function doDeposit(uint96 amount, uint64 gasLimit, bool isCreation, bytes calldata data) external {
        amount = uint96(bound(amount, 0, 10 ether));
        gasLimit = uint64(bound(gasLimit, portal.minimumGasLimit(uint64(data.length)), 2_000_000));
        address to = isCreation ? address(0) : stranger;
        vm.deal(stranger, amount);
        vm.prank(stranger, stranger);
        portal.depositTransaction{ value: amount }(to, amount, gasLimit, isCreation, data);
        deposited += amount;
        depositTxHashes.push(
            keccak256(abi.encode(stranger, to, isCreation, uint256(amount), uint256(amount), gasLimit, keccak256(data)))
        );
        ++done["deposit"];
    }

    function doCommit(uint256 lie, bool asStranger, uint64 fewer) external {
        BatchClaim memory claim = nextClaim();
        if (lie % 4 == 0) claim.outputRoot = keccak256(abi.encode("lie", lie));
        if (lie % 8 == 1) claim.lastBlock += 1;
        if (fewer % 2 == 0 && claim.depositCount > 0) {
            claim.depositCount -= 1;
            claim.depositHash = portal.depositHash(claim.depositCount);
        }
        address account = asStranger ? stranger : proposer;
        attachBlobs(1);
        vm.deal(account, BOND);
        vm.prank(account);
        try rollup.commitBatch{ value: BOND }(claim) {
            bondsPaidIn += BOND;
            ++done[asStranger ? "commit as stranger" : "commit"];
        } catch { }
    }

    function doProve(uint64 length, bool wrong) external {
        uint64 first = rollup.lastProven() + 1;
        uint64 left = rollup.lastCommitted() + 1 - first;
        if (left == 0 || rollup.frozen()) return;
        uint64 last = first + uint64(bound(length, 0, (left < 3 ? left : 3) - 1));
        PublicOutput memory output = statement(first, last);
        bytes[] memory proofs = proofsOf(output);
        bytes memory opened = openings(output.blobs.length);
        if (wrong) output.outputRoot = keccak256("forged");
        vm.prank(stranger);
        try rollup.proveBatches(first, last, VERSION, output, opened, proofs) {
            require(!wrong, "a forged output was accepted");
            ++done["prove"];
        } catch { }
    }

    function doFinalize(uint64 ahead) external {
        uint64 last = rollup.lastFinalized() + uint64(bound(ahead, 1, 4));
        uint64 provenBefore = rollup.lastProven();
        try rollup.finalize(last) {
            ++done["finalize"];
            if (rollup.lastProven() > provenBefore) ++done["claim"];
        } catch { }
        watchFinals();
    }

    function doWithdraw(uint64 index) external {
        index = uint64(bound(index, 0, rollup.lastCommitted()));
        WithdrawalTransaction memory withdrawal = withdrawalOf(index);
        (OutputRootProof memory parts, bytes[] memory proof) = outputWith(withdrawal);
        try portal.proveWithdrawalTransaction(withdrawal, index, parts, proof) {
            ++done["prove withdrawal"];
        } catch { }
        uint256 before = address(0xbeef).balance;
        try portal.finalizeWithdrawalTransaction(withdrawal) {
            ++done["withdraw"];
        } catch { }
        watchFinals();
        uint256 paid = address(0xbeef).balance - before;
        withdrawn += paid;
        if (paid != 0 && !isFinalOutput(outputRoot(index))) ++unbackedWithdrawals;
    }

    /// @dev Tries to withdraw what no output holds.
    function doSteal(uint64 index, uint96 value, uint8 target) external {
        WithdrawalTransaction memory withdrawal = withdrawalOf(index);
        withdrawal.value = value;
        withdrawal.target = address(uint160(target));
        withdrawal.nonce = type(uint256).max;
        (OutputRootProof memory parts, bytes[] memory proof) = outputWith(withdrawal);
        index = uint64(bound(index, 0, rollup.lastCommitted()));
        try portal.proveWithdrawalTransaction(withdrawal, index, parts, proof) {
            ++unbackedWithdrawals;
        } catch { }
        try portal.finalizeWithdrawalTransaction(withdrawal) {
            ++unbackedWithdrawals;
        } catch { }
    }

    function doWithdrawCredit(bool ofStranger) external {
        vm.prank(ofStranger ? stranger : proposer);
        bondsPaidOut += rollup.withdrawCredit(payable(address(0xcafe)));
    }

    function doRevert(uint64 last) external {
        if (last % 4 != 0) return;
        last = uint64(bound(last, rollup.lastProven(), rollup.lastCommitted()));
        asOwner();
        try rollup.revertBatches(last) {
            ++done["revert"];
        } catch { }
    }

    function doFreeze(uint8 dice) external {
        uint64 first = rollup.lastProven() + 1;
        if (dice % 8 != 0 || rollup.lastCommitted() < first) return;
        PublicOutput memory honest = statement(first, first);
        PublicOutput memory other = statement(first, first);
        other.outputRoot = keccak256("other");
        ProvenStatement memory a = ProvenStatement(VERSION, honest, openings(1), proofsOf(honest));
        ProvenStatement memory b = ProvenStatement(VERSION, other, openings(1), proofsOf(other));
        try rollup.reportContradiction(first, first, a, b) {
            ++done["freeze"];
        } catch { }
    }

    function doUnfreeze(uint8 dice) external {
        if (dice % 2 != 0) return;
        asOwner();
        try rollup.unfreeze() {
            ++done["unfreeze"];
        } catch { }
    }

    function doWait(uint32 time) external {
        vm.warp(block.timestamp + bound(time, 1, 3 days));
        vm.roll(vm.getBlockNumber() + 10);
    }

    // ---- Watching ----

    /// @dev Notes every output at the first moment it is final; later ones are compared with it.
    function watchFinals() public {
        for (uint64 index = uint64(finalSeen) + 1; index <= rollup.lastFinalized(); ++index) {
            finals[index] = Final(rollup.getL2Output(index).outputRoot, rollup.getL2Output(index).l2BlockNumber);
            finalSeen = index;
        }
    }

    function isFinalOutput(bytes32 root) internal view returns (bool) {
        for (uint256 index = 1; index <= finalSeen; ++index) {
            if (finals[index].outputRoot == root) return true;
        }
        return false;
    }
}

/// @notice Functions of a contract that forge leaves out.
struct FuzzSelector {
    address addr;
    bytes4[] selectors;
}

contract InvariantsTest {
    World internal world;
    Rollup internal rollup;
    Portal internal portal;

    function setUp() public {
        world = new World();
        world.setUp();
        (rollup, portal) = world.contracts();
    }

    function targetContracts() public view returns (address[] memory targets) {
        targets = new address[](1);
        targets[0] = address(world);
    }

    function excludeSelectors() public view returns (FuzzSelector[] memory selectors) {
        selectors = new FuzzSelector[](1);
        selectors[0].addr = address(world);
        selectors[0].selectors = new bytes4[](2);
        selectors[0].selectors[0] = world.setUp.selector;
        selectors[0].selectors[1] = world.watchFinals.selector;
    }

    /// @dev Every wei paid out belongs to a withdrawal in a final output, and no more than was deposited.
    function invariant_withdrawals_are_backed() public view {
        vm.assertEq(world.unbackedWithdrawals(), 0);
        vm.assertEq(address(portal).balance, world.deposited() - world.withdrawn());
    }

    function invariant_final_outputs_never_change() public view {
        for (uint256 index = 1; index <= world.finalSeen(); ++index) {
            (bytes32 root, uint128 number) = world.finals(index);
            vm.assertEq(rollup.getL2Output(index).outputRoot, root);
            vm.assertEq(rollup.getL2Output(index).l2BlockNumber, number);
        }
    }

    /// @dev The rolling hash is the one of all deposits in order, and batches consume them in order, each once.
    function invariant_deposits_are_consumed_once_in_order() public view {
        uint64 count = portal.depositCount();
        bytes32 hash = 0;
        for (uint64 i = 0; i < count; ++i) {
            hash = keccak256(abi.encode(hash, world.depositTxHashes(i)));
            vm.assertEq(portal.depositHash(i + 1), hash);
        }
        uint64 consumed = 0;
        for (uint64 index = 1; index <= rollup.lastCommitted(); ++index) {
            uint64 next = rollup.batch(index).depositCount;
            vm.assertTrue(next >= consumed && next <= consumed + 4);
            consumed = next;
        }
        vm.assertTrue(consumed <= count);
    }

    /// @dev What was paid in is paid out, owed, or held for a batch that is not settled.
    function invariant_bonds_are_conserved() public view {
        uint256 held = 0;
        for (uint64 index = 1; index <= rollup.lastCommitted(); ++index) {
            if (rollup.batch(index).settledAt == 0) held += 1 ether;
        }
        uint256 owed = rollup.credit(vm.addr(0x9409)) + rollup.credit(vm.addr(0x574a));
        vm.assertEq(address(rollup).balance, held + owed);
        vm.assertEq(world.bondsPaidIn(), held + owed + world.bondsPaidOut());
    }

    function invariant_order() public view {
        vm.assertTrue(rollup.lastFinalized() <= rollup.lastProven());
        vm.assertTrue(rollup.lastProven() <= rollup.lastCommitted());
        for (uint64 index = 1; index <= rollup.lastProven(); ++index) {
            Batch memory batch = rollup.batch(index);
            vm.assertTrue(batch.settledAt != 0 && batch.settledIn >= index);
            vm.assertTrue(batch.settledIn <= rollup.lastProven());
        }
    }

    /// @dev The invariants say something only if the world gets everywhere.
    function test_the_world_reaches_every_action() public {
        for (uint256 step = 0; step < 2_000; ++step) {
            act(uint256(keccak256(abi.encode(step))));
        }
        string[11] memory actions = [
            "deposit",
            "commit",
            "commit as stranger",
            "prove",
            "finalize",
            "prove withdrawal",
            "withdraw",
            "revert",
            "freeze",
            "unfreeze",
            "claim"
        ];
        for (uint256 i = 0; i < actions.length; ++i) {
            vm.assertTrue(world.done(actions[i]) > 0, actions[i]);
        }
        invariant_withdrawals_are_backed();
        invariant_final_outputs_never_change();
        invariant_deposits_are_consumed_once_in_order();
        invariant_bonds_are_conserved();
        invariant_order();
    }

    function act(uint256 dice) internal {
        uint256 action = dice % 11;
        dice >>= 8;
        if (action == 0) world.doDeposit(uint96(dice), uint64(dice >> 96), dice >> 255 == 1, "data");
        if (action == 1) world.doCommit(dice, false, uint64(dice >> 64));
        if (action == 2) world.doCommit(dice, true, uint64(dice >> 64));
        if (action == 3) world.doProve(uint64(dice), dice >> 200 & 3 == 0);
        if (action == 4) world.doFinalize(uint64(dice));
        if (action == 5) world.doWithdraw(uint64(dice));
        if (action == 6) world.doSteal(uint64(dice), uint96(dice >> 64), uint8(dice >> 160));
        if (action == 7) world.doWithdrawCredit(dice & 1 == 0);
        if (action == 8) world.doRevert(uint64(dice));
        if (action == 9) world.doFreeze(uint8(dice));
        if (action == 10) dice & 1 == 0 ? world.doUnfreeze(uint8(dice >> 8)) : world.doWait(uint32(dice >> 8));
    }
}
