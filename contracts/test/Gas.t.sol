// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity ^0.8.28;

import { IPortal } from "../src/interfaces/IPortal.sol";
import { IRollup } from "../src/interfaces/IRollup.sol";
import { IProofVerifier } from "../src/interfaces/IProofVerifier.sol";
import { IStandardBridge } from "../src/interfaces/IStandardBridge.sol";
import { Blob, PublicOutput } from "../src/libraries/Types.sol";
import { Base } from "./Base.sol";
import { RealWithdrawals } from "./Withdrawal.t.sol";
import { vm } from "./Vm.sol";

/// @notice Whole transactions against the targets: intrinsic gas and calldata included, from cold storage. The setup
///         is a transaction of its own; a test makes the measured call first. Figures go to snapshots/gas.json.
abstract contract GasBase is RealWithdrawals {
    uint256 internal constant INTRINSIC = 21_000;
    uint256 internal constant PER_TOKEN = 4;
    uint256 internal constant FLOOR_PER_TOKEN = 10;

    /// @dev Sends the transaction and returns its gas as L1 charges it, before refunds.
    function measure(address from, address to, uint256 value, bytes memory data) internal returns (uint256) {
        vm.prank(from, from);
        (bool success,) = to.call{ value: value }(data);
        uint256 execution = vm.lastCallGas().gasTotalUsed;
        vm.assertTrue(success);
        uint256 standard = INTRINSIC + PER_TOKEN * tokensOf(data) + execution;
        uint256 floor = INTRINSIC + FLOOR_PER_TOKEN * tokensOf(data);
        return standard > floor ? standard : floor;
    }

    /// @dev Calldata tokens as EIP-7623 counts them.
    function tokensOf(bytes memory data) internal pure returns (uint256 tokens) {
        for (uint256 i = 0; i < data.length; ++i) {
            tokens += data[i] == 0 ? 1 : 4;
        }
    }

    function record(string memory name, uint256 used, uint256 target) internal {
        vm.assertLe(used, target, name);
        compare(name, used);
    }

    /// @dev Fails if the committed figure is another one; with BLESS=true it is replaced.
    function compare(string memory name, uint256 used) internal {
        vm.snapshotValue("gas", name, used);
        if (vm.envOr("BLESS", false)) return;
        vm.assertEq(used, vm.parseJsonUint(vm.readFile("snapshots/gas.json"), string.concat(".", name)), name);
    }
}

/// @notice Commit and proof of one batch with one blob, in the steady state.
contract GasOfBatchesTest is GasBase {
    bytes internal commitData;
    bytes internal proveData;
    bytes internal verifyData;
    bytes internal kzgData;

    function setUp() public override {
        super.setUp();
        settleBatch();
        vm.deal(proposer, 100 ether);
        commitAs(proposer, nextClaim());
        uint64 index = rollup.lastCommitted();
        PublicOutput memory output = statement(index, index);
        bytes[] memory proofs = proofsOf(output);
        proveData = abi.encodeCall(IRollup.proveBatches, (index, index, VERSION, output, openings(1), proofs));
        verifyData = abi.encodeCall(IProofVerifier.verify, (PROGRAM, keccak256(abi.encode(output)), proofs[0]));
        Blob memory blob = output.blobs[0];
        kzgData = bytes.concat(blob.versionedHash, blob.z, blob.y, openings(1));
        deposit(stranger, 1 ether);
        commitData = abi.encodeCall(IRollup.commitBatch, (nextClaim()));
        attachBlobs(1);
    }

    function test_commit() public {
        attachBlobs(1);
        record("commitBatch", measure(proposer, address(rollup), BOND, commitData), 200_000);
    }

    /// @dev The target is for the contract's work: the verifier's own check depends on the proof system. It is
    ///      measured with its storage warm, so what is left over is rather too much.
    function test_prove() public {
        uint256 used = measure(stranger, address(rollup), 0, proveData);
        (bool success,) = address(verifier).staticcall(verifyData);
        uint256 check = vm.lastCallGas().gasTotalUsed;
        vm.assertTrue(success);
        (success,) = address(0x0A).staticcall(kzgData);
        uint256 evaluation = vm.lastCallGas().gasTotalUsed;
        vm.assertTrue(success);
        compare("proveBatches", used);
        record("proveBatchesWithoutVerifier", used - check, 180_000);
        compare("proveBatchesIntrinsicAndCalldata", INTRINSIC + PER_TOKEN * tokensOf(proveData));
        compare("proveBatchesPointEvaluation", evaluation);
        compare("proveBatchesAttestedVerifier", check);
    }
}

/// @notice The way of a deposit and of a withdrawal.
contract GasOfMessagesTest is GasBase {
    bytes internal proveData;
    bytes internal finalizeData;

    function setUp() public override {
        super.setUp();
        proveData = abi.encodeCall(IPortal.proveWithdrawalTransaction, (real(3), 1, parts, proofOf(3)));
        finalizeData = abi.encodeCall(IPortal.finalizeWithdrawalTransaction, (real(3)));
    }

    function test_deposit() public {
        bytes memory data = abi.encodeCall(IPortal.depositTransaction, (address(0xb0b), 1 ether, 100_000, false, hex""));
        record("depositTransaction", measure(stranger, address(portal), 1 ether, data), 90_000);
    }

    function test_bridge_deposit() public {
        bytes memory data = abi.encodeCall(IStandardBridge.bridgeETH, (100_000, hex""));
        record("bridgeETH", measure(stranger, address(bridge), 1 ether, data), 130_000);
    }

    function test_prove_withdrawal() public {
        record("proveWithdrawalTransaction", measure(stranger, address(portal), 0, proveData), 230_000);
    }
}

/// @notice The last step of a withdrawal; the proof was another transaction.
contract GasOfFinalizeTest is GasBase {
    bytes internal finalizeData;

    function setUp() public override {
        super.setUp();
        portal.proveWithdrawalTransaction(real(3), 1, parts, proofOf(3));
        finalizeData = abi.encodeCall(IPortal.finalizeWithdrawalTransaction, (real(3)));
    }

    function test_finalize_withdrawal() public {
        record("finalizeWithdrawalTransaction", measure(stranger, address(portal), 0, finalizeData), 120_000);
    }
}
