// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity ^0.8.28;

/// @title StorageProof
/// @notice Checks that a storage trie holds a value, as OpenZeppelin's TrieProof does, against which it is tested; but
///         for storage tries only (64-nibble paths, items of at most 55 bytes) and read in place from calldata: a
///         tenth of the gas, which for a full trie would be most of a withdrawal's cost.
/// @dev Every node is the preimage of a hash that the root commits to, so its bytes are those of a real trie; what
///      is malformed all the same is refused.
library StorageProof {
    uint256 internal constant PATH_NIBBLES = 64;

    /// @dev The path leaves the trie here.
    uint256 private constant NO_MATCH = type(uint256).max;

    /// @notice A node is not RLP of a branch, extension or leaf.
    error MalformedNode();

    /// @dev An RLP item of a node: its first byte, the first byte of its payload, the byte after it.
    struct Item {
        uint256 start;
        uint256 payload;
        uint256 end;
        bool isList;
    }

    /// @notice True if the trie holds `value` (RLP-encoded, as it stands in the leaf) at `path`.
    /// @param root Root of the storage trie.
    /// @param path Hash of the slot.
    /// @param proof Nodes from the root to the leaf; a node embedded in its parent is repeated as one of its own.
    function contains(bytes32 root, bytes32 path, bytes memory value, bytes[] calldata proof)
        internal
        pure
        returns (bool)
    {
        uint256 depth = 0;
        for (uint256 i = 0; i < proof.length; ++i) {
            if (keccak256(proof[i]) != root) return false;
            bytes calldata leafValue;
            (root, depth, leafValue) = _step(proof[i], path, depth);
            if (leafValue.length != 0) {
                return depth == PATH_NIBBLES && i + 1 == proof.length && keccak256(leafValue) == keccak256(value);
            }
        }
        return false;
    }

    /// @dev One node further along the path: the hash of the next node (zero if the path is not in the trie) and the
    ///      new depth, or the value if the node is a leaf.
    function _step(bytes calldata node, bytes32 path, uint256 depth)
        private
        pure
        returns (bytes32 next, uint256 reached, bytes calldata leafValue)
    {
        Item memory first = _item(node, _itemsStart(node));
        Item memory second = _item(node, first.end);
        if (second.end != node.length) {
            if (depth == PATH_NIBBLES) return (0, depth, node[:0]);
            return (_reference(node, _child(node, first, _nibble(path, depth))), depth + 1, node[:0]);
        }
        bool isLeaf;
        (isLeaf, reached) = _matchPath(node[first.payload:first.end], path, depth);
        if (reached == NO_MATCH) return (0, depth, node[:0]);
        if (isLeaf) return (0, reached, node[second.payload:second.end]);
        return (_reference(node, second), reached, node[:0]);
    }

    /// @dev What a child's node hashes to: the hash in the item, or that of the node embedded in it. Zero, which
    ///      nothing hashes to, for an empty child.
    function _reference(bytes calldata node, Item memory item) private pure returns (bytes32) {
        if (item.isList) return keccak256(node[item.start:item.end]);
        return item.end - item.payload == 32 ? bytes32(node[item.payload:item.end]) : bytes32(0);
    }

    /// @dev Child `nibble` of a branch.
    function _child(bytes calldata node, Item memory item, uint256 nibble) private pure returns (Item memory) {
        for (; nibble > 0; --nibble) {
            item = _item(node, item.end);
        }
        return item;
    }

    /// @dev Compares a compact path (its first nibble: 2 for a leaf, plus 1 if its length is odd) with `path` from
    ///      `depth` on; returns the depth after it.
    function _matchPath(bytes calldata compact, bytes32 path, uint256 depth)
        private
        pure
        returns (bool isLeaf, uint256 reached)
    {
        if (compact.length == 0 || compact.length > 33) revert MalformedNode();
        uint256 head = uint8(compact[0]);
        bool isOdd = (head >> 4) & 1 == 1;
        if (head >> 4 > 3) revert MalformedNode();
        isLeaf = head >> 4 >= 2;
        uint256 bits = 8 * (compact.length - 1);
        uint256 given = uint256(bytes32(compact[1:])) >> (256 - bits);
        if (isOdd) (given, bits) = (given | (head & 0x0f) << bits, bits + 4);
        reached = depth + bits / 4;
        if (reached > PATH_NIBBLES || given != (uint256(path) << (4 * depth)) >> (256 - bits)) reached = NO_MATCH;
    }

    function _nibble(bytes32 path, uint256 depth) private pure returns (uint256) {
        return (uint256(path) >> (252 - 4 * depth)) & 0x0f;
    }

    /// @dev Where a node's first item starts; the node has to be exactly one list.
    function _itemsStart(bytes calldata node) private pure returns (uint256 start) {
        if (node.length == 0) revert MalformedNode();
        uint256 head = uint8(node[0]);
        uint256 length;
        if (head >= 0xc0 && head <= 0xf7) (start, length) = (1, head - 0xc0);
        else if (head == 0xf8) (start, length) = (2, uint8(node[1]));
        else if (head == 0xf9) (start, length) = (3, uint16(bytes2(node[1:3])));
        else revert MalformedNode();
        if (start + length != node.length) revert MalformedNode();
    }

    /// @dev The item that starts at `start`.
    function _item(bytes calldata node, uint256 start) private pure returns (Item memory) {
        if (start >= node.length) revert MalformedNode();
        uint256 head = uint8(node[start]);
        if (head < 0x80) return Item(start, start, start + 1, false);
        bool isList = head >= 0xc0;
        uint256 length = head - (isList ? 0xc0 : 0x80);
        uint256 end = start + 1 + length;
        if (length > 55 || end > node.length) revert MalformedNode();
        return Item(start, start + 1, end, isList);
    }
}
