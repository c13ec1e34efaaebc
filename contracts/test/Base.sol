// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity ^0.8.28;

import { Batch, BatchClaim, RollupParams } from "../src/interfaces/IRollup.sol";
import { AttestedVerifier } from "../src/l1/AttestedVerifier.sol";
import { L1StandardBridge } from "../src/l1/L1StandardBridge.sol";
import { Portal } from "../src/l1/Portal.sol";
import { Rollup } from "../src/l1/Rollup.sol";
import { Timelock } from "../src/l1/Timelock.sol";
import { VerifierRegistry } from "../src/l1/VerifierRegistry.sol";
import { Hashing } from "../src/libraries/Hashing.sol";
import { Blob, OutputRootProof, PublicOutput, WithdrawalTransaction } from "../src/libraries/Types.sol";
import { bound, vm } from "./Vm.sol";

/// @notice The whole system, deployed by nonce as README.md says, with real blob openings and real signatures:
///         nothing is mocked.
abstract contract Base {
    bytes32 internal constant CONFIG = keccak256("config");
    bytes32 internal constant GENESIS_ROOT = keccak256("genesis output root");
    bytes32 internal constant PROGRAM = keccak256("program");
    uint256 internal constant VERSION = 1;
    uint256 internal constant BOND = 1 ether;
    uint64 internal constant DEPOSIT_GAS = 100_000;

    address internal proposer = vm.addr(0x9409);
    address internal stranger = vm.addr(0x574a);
    address internal admin = vm.addr(0xad31);
    uint256[] internal signerKeys;

    Blob[2] private blobs;
    bytes[2] private blobProofs;

    Timelock internal timelock;
    AttestedVerifier internal verifier;
    VerifierRegistry internal registry;
    Portal internal portal;
    Rollup internal rollup;
    L1StandardBridge internal bridge;

    function setUp() public virtual {
        vm.roll(1_000);
        vm.warp(1_800_000_000);
        vm.deal(proposer, 1_000 ether);
        vm.deal(stranger, 1_000 ether);
        loadOpenings();
        deploySystem(parameters());
    }

    // ---- Deployment ----

    /// @dev Settlement parameters; tests of other modes override it. Addresses are filled in at deployment.
    function parameters() internal view virtual returns (RollupParams memory p) {
        p.configHash = CONFIG;
        p.genesisOutputRoot = GENESIS_ROOT;
        p.proposer = proposer;
        p.bond = BOND;
        p.challengeWindow = 0;
        p.executionDelay = 1 hours;
        p.forcedInclusionDelay = 1 days;
        p.fallbackDelay = 7 days;
        p.maxDepositsPerBatch = 8;
        p.l2BlockTime = 1;
        p.submissionInterval = 60;
    }

    function deploySystem(RollupParams memory p) internal {
        uint64 nonce = vm.getNonce(address(this));
        address futurePortal = vm.computeCreateAddress(address(this), nonce + 3);
        address futureRollup = vm.computeCreateAddress(address(this), nonce + 4);
        address[] memory one = new address[](1);
        one[0] = admin;
        timelock = new Timelock(1 days, one, one, address(0));
        verifier = new AttestedVerifier(makeSigners(), 2);
        one[0] = address(verifier);
        registry = new VerifierRegistry(address(timelock), VERSION, PROGRAM, one);
        portal = new Portal(Rollup(futureRollup), 2_000_000);
        p.portal = futurePortal;
        p.registry = address(registry);
        p.owner = address(timelock);
        rollup = new Rollup(p);
        bridge = new L1StandardBridge(portal);
        vm.assertEq(address(portal), futurePortal);
        vm.assertEq(address(rollup), futureRollup);
    }

    /// @dev Three keys, ascending by address.
    function makeSigners() internal returns (address[] memory signers) {
        signerKeys = [uint256(11), 12, 13];
        for (uint256 i = 0; i < 3; ++i) {
            for (uint256 j = i + 1; j < 3; ++j) {
                if (vm.addr(signerKeys[j]) < vm.addr(signerKeys[i])) {
                    (signerKeys[i], signerKeys[j]) = (signerKeys[j], signerKeys[i]);
                }
            }
        }
        signers = new address[](3);
        for (uint256 i = 0; i < 3; ++i) {
            signers[i] = vm.addr(signerKeys[i]);
        }
    }

    /// @dev Calls as the owner, who would otherwise wait for the timelock.
    function asOwner() internal {
        vm.prank(address(timelock));
    }

    // ---- Blobs ----

    /// @dev Reads test/data/openings.json, once: parsing it for every use takes most of a test's time.
    function loadOpenings() internal {
        string memory json = vm.readFile("test/data/openings.json");
        for (uint256 i = 0; i < 2; ++i) {
            string memory key = string.concat("[", vm.toString(i), "]");
            blobs[i].versionedHash = vm.parseJsonBytes32(json, string.concat(key, ".versionedHash"));
            blobs[i].z = vm.parseJsonBytes32(json, string.concat(key, ".z"));
            blobs[i].y = vm.parseJsonBytes32(json, string.concat(key, ".y"));
            blobProofs[i] = bytes.concat(
                vm.parseJsonBytes(json, string.concat(key, ".commitment")),
                vm.parseJsonBytes(json, string.concat(key, ".proof"))
            );
        }
    }

    /// @dev One of the two blobs' openings.
    function opening(uint256 number) internal view returns (Blob memory blob, bytes memory proof) {
        return (blobs[number], blobProofs[number]);
    }

    /// @dev The next transaction carries the first `count` blobs.
    function attachBlobs(uint256 count) internal {
        bytes32[] memory hashes = new bytes32[](count);
        for (uint256 i = 0; i < count; ++i) {
            (Blob memory blob,) = opening(i);
            hashes[i] = blob.versionedHash;
        }
        vm.blobhashes(hashes);
    }

    // ---- Commit ----

    /// @dev An honest claim for the next batch, with all deposits that it can take.
    function nextClaim() internal view returns (BatchClaim memory claim) {
        uint64 last = rollup.lastCommitted();
        Batch memory parent = rollup.batch(last);
        uint64 queued = portal.depositCount();
        uint64 full = parent.depositCount + rollup.maxDepositsPerBatch();
        claim.parentHash = parent.hash;
        claim.outputRoot = outputRoot(last + 1);
        claim.lastBlock = (last + 1) * 10;
        claim.depositCount = queued < full ? queued : full;
        claim.depositHash = portal.depositHash(claim.depositCount);
        claim.l1Number = uint64(vm.getBlockNumber() - 1);
        claim.l1Hash = blockhash(claim.l1Number);
    }

    /// @dev The output root that these tests call right for a batch.
    function outputRoot(uint64 index) internal view virtual returns (bytes32) {
        return index == 0 ? GENESIS_ROOT : keccak256(abi.encode("output root", index));
    }

    function commit() internal returns (bytes32) {
        return commitAs(proposer, nextClaim());
    }

    function commitAs(address account, BatchClaim memory claim) internal returns (bytes32) {
        attachBlobs(1);
        vm.deal(account, account.balance + BOND);
        vm.prank(account);
        return rollup.commitBatch{ value: BOND }(claim);
    }

    // ---- Prove ----

    /// @dev The honest statement about a range.
    function statement(uint64 first, uint64 last) internal view returns (PublicOutput memory output) {
        Batch memory start = rollup.batch(first - 1);
        Batch memory end = rollup.batch(last);
        output.configHash = CONFIG;
        output.previousOutputRoot = start.outputRoot;
        output.previousBatchHash = start.hash;
        output.outputRoot = outputRoot(last);
        output.batchHash = end.hash;
        output.lastBlock = last * 10;
        output.lastBlockHash = keccak256("block");
        output.blobs = new Blob[](last + 1 - first);
        for (uint256 i = 0; i < output.blobs.length; ++i) {
            (output.blobs[i],) = opening(0);
        }
        output.previousDepositCount = start.depositCount;
        output.previousDepositHash = portal.depositHash(start.depositCount);
        output.depositCount = end.depositCount;
        output.depositHash = portal.depositHash(end.depositCount);
        output.l1Number = end.l1Number;
        output.l1Hash = keccak256("anchor");
    }

    function openings(uint256 count) internal view returns (bytes memory all) {
        (, bytes memory one) = opening(0);
        for (uint256 i = 0; i < count; ++i) {
            all = bytes.concat(all, one);
        }
    }

    /// @dev Proofs of an output: the signatures of the first two signers.
    function proofsOf(PublicOutput memory output) internal view returns (bytes[] memory proofs) {
        proofs = new bytes[](1);
        proofs[0] = attest(keccak256(abi.encode(output)), 2);
    }

    function attest(bytes32 publicDigest, uint256 count) internal view returns (bytes memory signatures) {
        bytes32 hash = verifier.attestationHash(PROGRAM, publicDigest);
        for (uint256 i = 0; i < count; ++i) {
            (uint8 v, bytes32 r, bytes32 s) = vm.sign(signerKeys[i], hash);
            signatures = bytes.concat(signatures, r, s, bytes1(v));
        }
    }

    function prove(uint64 first, uint64 last) internal {
        proveOutput(first, last, statement(first, last));
    }

    function proveOutput(uint64 first, uint64 last, PublicOutput memory output) internal {
        bytes memory opened = openings(output.blobs.length);
        bytes[] memory proofs = proofsOf(output);
        vm.prank(stranger);
        rollup.proveBatches(first, last, VERSION, output, opened, proofs);
    }

    /// @dev One more batch, committed, proven and final.
    function settleBatch() internal returns (uint64 index) {
        commit();
        index = rollup.lastCommitted();
        prove(rollup.lastProven() + 1, index);
        vm.warp(block.timestamp + rollup.executionDelay());
        rollup.finalize(index);
    }

    // ---- Deposits ----

    function deposit(address from, uint256 amount) internal {
        vm.deal(from, from.balance + amount);
        vm.prank(from, from);
        portal.depositTransaction{ value: amount }(from, amount, DEPOSIT_GAS, false, "");
    }

    // ---- Withdrawals ----

    /// @dev An output whose message passer holds exactly one withdrawal: its storage trie is a single leaf.
    function outputWith(WithdrawalTransaction memory withdrawal)
        internal
        pure
        returns (OutputRootProof memory parts, bytes[] memory proof)
    {
        bytes32 slot = keccak256(abi.encode(Hashing.hashWithdrawal(withdrawal), uint256(0)));
        bytes memory path = bytes.concat(hex"20", keccak256(abi.encode(slot)));
        proof = new bytes[](1);
        // RLP: a list of 35 bytes, in it a string of 33 bytes and the byte 1.
        proof[0] = bytes.concat(hex"e3a1", path, hex"01");
        parts.stateRoot = keccak256("state root");
        parts.messagePasserStorageRoot = keccak256(proof[0]);
        parts.latestBlockhash = keccak256("block");
    }
}
