// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity ^0.8.28;

import { TrieProof } from "@openzeppelin/contracts/utils/cryptography/TrieProof.sol";
import { StorageProof } from "../src/libraries/StorageProof.sol";
import { bound, vm } from "./Vm.sol";

/// @notice StorageProof against OpenZeppelin's TrieProof: on every input both say the same.
contract StorageProofTest {
    bytes internal constant SENT = hex"01";

    string internal json = vm.readFile("test/data/withdrawals.json");
    bytes32 internal root = vm.parseJsonBytes32(json, ".outputRootProof.messagePasserStorageRoot");

    function test_real_proofs() public view {
        for (uint256 i = 0; i < 5; ++i) {
            vm.assertTrue(ours(root, pathOf(i), SENT, proofOf(i)));
            vm.assertTrue(theirs(root, pathOf(i), SENT, proofOf(i)));
            expectBothRefuse(root, pathOf((i + 1) % 5), SENT, proofOf(i));
            expectBothRefuse(root, pathOf(i), hex"02", proofOf(i));
            expectBothRefuse(keccak256("root"), pathOf(i), SENT, proofOf(i));
        }
    }

    function test_shortened_and_longer_proofs(uint256 number, uint256 length) public view {
        number = bound(number, 0, 4);
        bytes[] memory proof = proofOf(number);
        length = bound(length, 0, proof.length + 1);
        bytes[] memory other = new bytes[](length);
        for (uint256 i = 0; i < length; ++i) {
            other[i] = proof[i < proof.length ? i : proof.length - 1];
        }
        if (length == proof.length) vm.assertTrue(ours(root, pathOf(number), SENT, other));
        else expectBothRefuse(root, pathOf(number), SENT, other);
    }

    /// @dev Nodes of any bytes under a root that fits them: whatever OpenZeppelin's library proves or refuses.
    function test_any_leaf(bytes32 path, bytes memory compact, bytes memory value, bool fits) public view {
        if (fits) compact = bytes.concat(hex"20", path);
        compact = cut(compact, 55);
        value = cut(value, 40);
        bytes[] memory proof = new bytes[](1);
        proof[0] = list(bytes.concat(text(compact), text(value)));
        compare(keccak256(proof[0]), path, value, proof);
    }

    function test_any_bytes_as_a_node(bytes32 path, bytes memory node, bytes memory value) public view {
        bytes[] memory proof = new bytes[](1);
        proof[0] = node;
        compare(keccak256(node), path, value, proof);
    }

    /// @dev extension → branch → leaf, at every depth: leaves of less than 32 bytes are embedded in the branch.
    function test_deep_tries(bytes32 path, bytes32 other, uint256 shared, uint256 wrong) public view {
        shared = bound(shared, 1, 62);
        uint256 mask = type(uint256).max >> (4 * shared);
        other = bytes32((uint256(path) & ~mask) | (uint256(other) & mask));
        uint256 a = nibble(path, shared);
        uint256 b = nibble(other, shared);
        if (a == b) return;
        bytes memory leaf = list(bytes.concat(text(compactOf(path, shared + 1, 64, true)), SENT));
        bytes memory otherLeaf = list(bytes.concat(text(compactOf(other, shared + 1, 64, true)), SENT));
        bytes memory items;
        for (uint256 i = 0; i < 17; ++i) {
            items = bytes.concat(items, i == a ? child(leaf) : i == b ? child(otherLeaf) : bytes(hex"80"));
        }
        bytes[] memory proof = new bytes[](3);
        proof[2] = leaf;
        proof[1] = list(items);
        proof[0] = list(bytes.concat(text(compactOf(path, 0, shared, false)), child(proof[1])));
        vm.assertTrue(ours(keccak256(proof[0]), path, SENT, proof));
        compare(keccak256(proof[0]), path, SENT, proof);
        // The neighbour's leaf, another leaf, another path.
        compare(keccak256(proof[0]), other, SENT, proof);
        compare(keccak256(proof[0]), bytes32(uint256(path) ^ (1 << bound(wrong, 0, 255))), SENT, proof);
        if (keccak256(leaf) == keccak256(otherLeaf)) return;
        proof[2] = otherLeaf;
        expectBothRefuse(keccak256(proof[0]), path, SENT, proof);
    }

    // ---- The two libraries ----

    function ours(bytes32 root_, bytes32 path, bytes memory value, bytes[] memory proof) internal view returns (bool) {
        try this.callOurs(root_, path, value, proof) returns (bool found) {
            return found;
        } catch {
            return false;
        }
    }

    function theirs(bytes32 root_, bytes32 path, bytes memory value, bytes[] memory proof)
        internal
        view
        returns (bool)
    {
        try this.callTheirs(root_, path, value, proof) returns (bool found) {
            return found;
        } catch {
            return false;
        }
    }

    function callOurs(bytes32 root_, bytes32 path, bytes memory value, bytes[] calldata proof)
        external
        pure
        returns (bool)
    {
        return StorageProof.contains(root_, path, value, proof);
    }

    function callTheirs(bytes32 root_, bytes32 path, bytes memory value, bytes[] calldata proof)
        external
        pure
        returns (bool)
    {
        return TrieProof.verify(value, root_, bytes.concat(path), proof);
    }

    function compare(bytes32 root_, bytes32 path, bytes memory value, bytes[] memory proof) internal view {
        vm.assertEq(ours(root_, path, value, proof), theirs(root_, path, value, proof));
    }

    function expectBothRefuse(bytes32 root_, bytes32 path, bytes memory value, bytes[] memory proof) internal view {
        vm.assertFalse(ours(root_, path, value, proof));
        vm.assertFalse(theirs(root_, path, value, proof));
    }

    // ---- Building tries ----

    function pathOf(uint256 number) internal view returns (bytes32) {
        string memory key = string.concat(".withdrawals[", vm.toString(number), "].withdrawalHash");
        return keccak256(abi.encode(keccak256(abi.encode(vm.parseJsonBytes32(json, key), uint256(0)))));
    }

    function proofOf(uint256 number) internal view returns (bytes[] memory) {
        return vm.parseJsonBytesArray(json, string.concat(".withdrawals[", vm.toString(number), "].proof"));
    }

    /// @dev A node inside its parent: embedded if short, else by its hash.
    function child(bytes memory node) internal pure returns (bytes memory) {
        return node.length < 32 ? node : bytes.concat(hex"a0", keccak256(node));
    }

    function nibble(bytes32 path, uint256 position) internal pure returns (uint256) {
        return (uint256(path) >> (252 - 4 * position)) & 0x0f;
    }

    /// @dev Nibbles `from` to `to` of a path in the compact form of leaves and extensions.
    function compactOf(bytes32 path, uint256 from, uint256 to, bool isLeaf) internal pure returns (bytes memory out) {
        uint256 flag = isLeaf ? 2 : 0;
        if ((to - from) % 2 == 1) {
            out = abi.encodePacked(uint8((flag + 1) << 4 | nibble(path, from)));
            ++from;
        } else {
            out = abi.encodePacked(uint8(flag << 4));
        }
        for (; from < to; from += 2) {
            out = abi.encodePacked(out, uint8(nibble(path, from) << 4 | nibble(path, from + 1)));
        }
    }

    /// @dev RLP of a string of at most 55 bytes.
    function text(bytes memory data) internal pure returns (bytes memory) {
        if (data.length == 1 && uint8(data[0]) < 0x80) return data;
        return bytes.concat(bytes1(uint8(0x80 + data.length)), data);
    }

    /// @dev RLP of a list with these items.
    function list(bytes memory items) internal pure returns (bytes memory) {
        if (items.length < 56) return bytes.concat(bytes1(uint8(0xc0 + items.length)), items);
        if (items.length < 256) return bytes.concat(hex"f8", bytes1(uint8(items.length)), items);
        return bytes.concat(hex"f9", bytes2(uint16(items.length)), items);
    }

    function cut(bytes memory data, uint256 length) internal pure returns (bytes memory out) {
        if (data.length <= length) return data;
        out = new bytes(length);
        for (uint256 i = 0; i < length; ++i) {
            out[i] = data[i];
        }
    }
}
