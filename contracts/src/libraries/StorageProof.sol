// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity ^0.8.28;

/// @title StorageProof
/// @notice Checks that a storage trie holds a value, as OpenZeppelin's TrieProof does, against which it is tested; but
///         for storage tries only (64-nibble paths, items of at most 55 bytes) and read in place from calldata: a
///         fifth of the gas per node, which for a full trie would be most of a withdrawal's cost.
/// @dev Every node is the preimage of a hash that the root commits to, so its bytes are those of a real trie; what
///      is malformed all the same is refused.
library StorageProof {
    uint256 internal constant PATH_NIBBLES = 64;

    /// @dev RLP: first byte of an empty string and of an empty list, and the longest of both with one byte of head.
    uint256 private constant STRING = 0x80;
    uint256 private constant LIST = 0xc0;
    uint256 private constant LONGEST = 55;

    /// @dev The path leaves the trie here.
    uint256 private constant NO_MATCH = type(uint256).max;

    /// @notice A node is not RLP of a branch, extension or leaf.
    error MalformedNode();

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
        bool isLeaf = false;
        for (uint256 i = 0; i < proof.length; ++i) {
            if (isLeaf || keccak256(proof[i]) != root) return false;
            (root, depth, isLeaf) = _step(proof[i], path, depth);
        }
        return isLeaf && depth == PATH_NIBBLES && value.length != 0 && root == keccak256(value);
    }

    /// @dev One node further along the path: the hash of the next node, or of the value if this is a leaf, or zero if
    ///      the path is not in the trie; and the new depth.
    function _step(bytes calldata node, bytes32 path, uint256 depth) private pure returns (bytes32, uint256, bool) {
        uint256 first = _itemsStart(node);
        uint256 second = _end(node, first);
        if (_end(node, second) == node.length) return _stepPath(node, first, second, path, depth);
        if (depth == PATH_NIBBLES) return (0, depth, false);
        return (_reference(node, _child(node, first, _nibble(path, depth))), depth + 1, false);
    }

    /// @dev {_step} at a leaf or an extension: items are a compact path and a value or child.
    function _stepPath(bytes calldata node, uint256 first, uint256 second, bytes32 path, uint256 depth)
        private
        pure
        returns (bytes32 next, uint256 reached, bool isLeaf)
    {
        (isLeaf, reached) = _matchPath(node[_payload(node, first):second], path, depth);
        if (reached == NO_MATCH) return (0, depth, false);
        next = isLeaf ? keccak256(node[_payload(node, second):]) : _reference(node, second);
    }

    /// @dev What the child in the item at `start` hashes to: the hash in the item, or that of the node embedded in
    ///      it. Zero, which nothing hashes to, for an empty child.
    function _reference(bytes calldata node, uint256 start) private pure returns (bytes32) {
        uint256 end = _end(node, start);
        if (uint8(node[start]) >= LIST) return keccak256(node[start:end]);
        return end - start == 33 ? bytes32(node[start + 1:end]) : bytes32(0);
    }

    /// @dev Start of child `nibble` of a branch whose items start at `start`.
    function _child(bytes calldata node, uint256 start, uint256 nibble) private pure returns (uint256) {
        for (; nibble > 0; --nibble) {
            start = _end(node, start);
        }
        return start;
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
        if (head >= LIST && head <= LIST + LONGEST) (start, length) = (1, head - LIST);
        else if (head == 0xf8) (start, length) = (2, uint8(node[1]));
        else if (head == 0xf9) (start, length) = (3, uint16(bytes2(node[1:3])));
        else revert MalformedNode();
        if (start + length != node.length) revert MalformedNode();
    }

    /// @dev Start of the payload of the string at `start`.
    function _payload(bytes calldata node, uint256 start) private pure returns (uint256) {
        return uint8(node[start]) < STRING ? start : start + 1;
    }

    /// @dev End of the item at `start`: a byte, or a string or list of at most 55 bytes.
    function _end(bytes calldata node, uint256 start) private pure returns (uint256 end) {
        if (start >= node.length) revert MalformedNode();
        uint256 head = uint8(node[start]);
        unchecked {
            if (head < STRING) return start + 1;
            uint256 length = head - (head < LIST ? STRING : LIST);
            end = start + 1 + length;
            if (length > LONGEST || end > node.length) revert MalformedNode();
        }
    }
}
