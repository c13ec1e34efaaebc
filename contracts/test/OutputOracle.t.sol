// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity ^0.8.28;

import { Base } from "./Base.sol";
import { bound, vm } from "./Vm.sol";

/// @notice The views that viem's op-stack actions call.
contract OutputOracleTest is Base {
    function test_genesis_is_output_0() public view {
        vm.assertEq(rollup.latestOutputIndex(), 0);
        vm.assertEq(rollup.latestBlockNumber(), 0);
        vm.assertEq(rollup.getL2OutputIndexAfter(0), 0);
        vm.assertEq(rollup.nextOutputIndex(), 1);
        vm.assertEq(rollup.nextBlockNumber(), 60);
        vm.assertEq(rollup.startingBlockNumber(), 0);
        vm.assertEq(rollup.startingTimestamp(), 1_800_000_000);
        vm.assertEq(rollup.SUBMISSION_INTERVAL(), 60);
        vm.assertEq(rollup.L2_BLOCK_TIME(), 1);
        vm.assertEq(rollup.FINALIZATION_PERIOD_SECONDS(), 1 hours);
    }

    /// @dev viem compares this string to tell `waiting-to-prove` from a failure.
    function test_blocks_not_yet_proven_revert_with_the_known_reason() public {
        commit();
        vm.expectRevert(
            abi.encodeWithSignature(
                "Error(string)", "L2OutputOracle: cannot get output for a block that has not been proposed"
            )
        );
        rollup.getL2OutputIndexAfter(1);
    }

    function test_indices_not_yet_proven_revert(uint256 index) public {
        index = bound(index, 1, type(uint256).max);
        vm.expectRevert(
            abi.encodeWithSignature(
                "Error(string)", "L2OutputOracle: cannot get output for an index that has not been proposed"
            )
        );
        rollup.getL2Output(index);
    }

    /// @dev Ranges of any shape: the index found covers the block, and no lower one does.
    function test_search_finds_the_lowest_output_that_covers_a_block(uint256 shape, uint256 number) public {
        uint64 first = 1;
        for (uint64 last = 1; last <= 8; ++last) {
            commit();
            if (last == 8 || shape >> last & 1 == 1) {
                prove(first, last);
                first = last + 1;
            }
        }
        number = bound(number, 0, 80);
        uint256 found = rollup.getL2OutputIndexAfter(number);
        vm.assertTrue(rollup.getL2Output(found).l2BlockNumber >= number);
        if (found > 0) vm.assertTrue(rollup.getL2Output(found - 1).l2BlockNumber < number);
        vm.assertEq(rollup.getL2OutputAfter(number).outputRoot, rollup.getL2Output(found).outputRoot);
        vm.assertEq(rollup.latestOutputIndex(), 8);
        vm.assertEq(rollup.latestBlockNumber(), 80);
    }
}
