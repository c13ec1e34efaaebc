// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity ^0.8.28;

/// @title FastLz
/// @notice Length that FastLZ (level 1) compresses data to, as the Fjord L1 fee defines it. The execution engine
///         computes the same number for every transaction.
library FastLz {
    uint256 internal constant HASH_ENTRIES = 8192;
    uint256 internal constant MAX_DISTANCE = 8192;
    uint256 internal constant LONGEST_COPY = 262;
    /// @notice Bytes at the end in which no copy starts.
    uint256 internal constant TAIL = 13;

    /// @notice Compressed length of `data`, in bytes.
    function compressedLength(bytes memory data) internal pure returns (uint256 total) {
        if (data.length < TAIL) return _literals(data.length);
        // Position at which three bytes with that hash were last seen; colliding entries are told by the bytes.
        uint256[] memory seen = new uint256[](HASH_ENTRIES);
        uint256 limit = data.length - TAIL;
        uint256 anchor = 0;
        uint256 position = 2;
        while (position < limit) {
            uint256 candidate;
            (position, candidate) = _nextMatch(data, seen, position, limit);
            if (position + 1 >= limit) break;
            total += _literals(position - anchor);
            uint256 length = _matchLength(data, candidate + 3, position + 3, limit + 9);
            total += _copy(length);
            anchor = position + length + 2;
            seen[_hash(_threeBytes(data, anchor - 2))] = anchor - 2;
            seen[_hash(_threeBytes(data, anchor - 1))] = anchor - 1;
            position = anchor;
        }
        total += _literals(data.length - anchor);
    }

    /// @dev First position from `position` on whose three bytes were seen before, and where; `limit` if there is none.
    function _nextMatch(bytes memory data, uint256[] memory seen, uint256 position, uint256 limit)
        internal
        pure
        returns (uint256, uint256 candidate)
    {
        for (; position < limit; ++position) {
            uint256 word = _threeBytes(data, position);
            uint256 slot = _hash(word);
            candidate = seen[slot];
            seen[slot] = position;
            if (position - candidate < MAX_DISTANCE && word == _threeBytes(data, candidate)) break;
        }
        return (position, candidate);
    }

    /// @dev Bytes that are equal from both positions on, plus the first that differs.
    function _matchLength(bytes memory data, uint256 candidate, uint256 position, uint256 end)
        internal
        pure
        returns (uint256 length)
    {
        while (position + length < end) {
            ++length;
            if (data[candidate + length - 1] != data[position + length - 1]) break;
        }
    }

    /// @dev Bytes for a run of literals: one control byte per 32.
    function _literals(uint256 length) internal pure returns (uint256) {
        return length + (length + 31) / 32;
    }

    /// @dev Bytes for a copy: three per full one, and two or three for the rest.
    function _copy(uint256 length) internal pure returns (uint256) {
        return 3 * ((length - 1) / LONGEST_COPY) + ((length - 1) % LONGEST_COPY >= 6 ? 3 : 2);
    }

    function _hash(uint256 word) internal pure returns (uint256) {
        return (word * 2654435769 >> 19) % HASH_ENTRIES;
    }

    /// @dev Three bytes, little-endian.
    function _threeBytes(bytes memory data, uint256 position) internal pure returns (uint256) {
        return uint256(uint8(data[position])) | uint256(uint8(data[position + 1])) << 8
            | uint256(uint8(data[position + 2])) << 16;
    }
}
