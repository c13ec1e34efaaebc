// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity ^0.8.28;

import { Hashing } from "../src/libraries/Hashing.sol";
import { BatchHeader, PublicOutput } from "../src/libraries/Types.sol";
import { vm } from "./Vm.sol";

/// @notice The shared hashes against test/data/hashes.json, which another encoder wrote; node and guest are tested
///         against the same file.
contract HashesTest {
    string internal json = vm.readFile("test/data/hashes.json");

    function test_batch_hash() public view {
        BatchHeader memory header = abi.decode(vm.parseJsonBytes(json, ".header"), (BatchHeader));
        vm.assertEq(header.index, 7);
        vm.assertEq(header.blobHashes.length, 2);
        vm.assertEq(keccak256(abi.encode(header)), vm.parseJsonBytes32(json, ".batchHash"));
    }

    function test_public_digest() public view {
        PublicOutput memory output = abi.decode(vm.parseJsonBytes(json, ".output"), (PublicOutput));
        vm.assertEq(output.blobs.length, 2);
        vm.assertEq(output.depositCount, 5);
        vm.assertEq(keccak256(abi.encode(output)), vm.parseJsonBytes32(json, ".publicDigest"));
    }

    function test_deposit_hash() public view {
        address from = address(bytes20(hex"c1c1c1c1c1c1c1c1c1c1c1c1c1c1c1c1c1c1c1c1"));
        address to = address(bytes20(hex"c2c2c2c2c2c2c2c2c2c2c2c2c2c2c2c2c2c2c2c2"));
        bytes32 hash = Hashing.hashDeposit(from, to, false, 10, 20, 100_000, keccak256(hex"deadbeef"));
        vm.assertEq(hash, vm.parseJsonBytes32(json, ".depositTxHash"));
        vm.assertEq(keccak256(abi.encode(bytes32(0), hash)), vm.parseJsonBytes32(json, ".depositHash1"));
    }
}
