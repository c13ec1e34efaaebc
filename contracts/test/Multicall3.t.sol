// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity ^0.8.28;

import { Multicall3 } from "../src/l2/Multicall3.sol";
import { vm } from "./Vm.sol";

contract Till {
    error Closed(uint256 number);

    mapping(uint256 number => uint256 wei_) public paid;

    function pay(uint256 number) external payable returns (uint256) {
        if (number == 0) revert Closed(number);
        paid[number] += msg.value;
        return number + 1;
    }
}

contract Multicall3Test {
    Multicall3 internal multicall = new Multicall3();
    Till internal till = new Till();

    receive() external payable { }

    function pay(uint256 number) internal pure returns (bytes memory) {
        return abi.encodeCall(Till.pay, (number));
    }

    function calls(uint256 first, uint256 second) internal view returns (Multicall3.Call[] memory list) {
        list = new Multicall3.Call[](2);
        list[0] = Multicall3.Call(address(till), pay(first));
        list[1] = Multicall3.Call(address(till), pay(second));
    }

    function failed(uint256 index) internal pure returns (bytes memory) {
        bytes memory reason = abi.encodeWithSelector(Till.Closed.selector, 0);
        return abi.encodeWithSelector(Multicall3.CallFailed.selector, index, reason);
    }

    function test_aggregate_gives_the_block_and_all_answers() public {
        vm.roll(77);
        (uint256 number, bytes[] memory answers) = multicall.aggregate(calls(1, 2));
        vm.assertEq(number, 77);
        vm.assertEq(answers.length, 2);
        vm.assertEq(abi.decode(answers[0], (uint256)), 2);
        vm.assertEq(abi.decode(answers[1], (uint256)), 3);
    }

    function test_aggregate_fails_with_the_call_that_failed() public {
        vm.expectRevert(failed(1));
        multicall.aggregate(calls(1, 0));
    }

    function test_tryAggregate_tells_failures_apart() public {
        Multicall3.Result[] memory results = multicall.tryAggregate(false, calls(0, 2));
        vm.assertFalse(results[0].success);
        vm.assertEq(results[0].returnData, abi.encodeWithSelector(Till.Closed.selector, 0));
        vm.assertTrue(results[1].success);
        vm.assertEq(abi.decode(results[1].returnData, (uint256)), 3);
        vm.expectRevert(failed(0));
        multicall.tryAggregate(true, calls(0, 2));
    }

    function test_blockAndAggregate_has_no_hash_of_its_own_block() public {
        vm.roll(78);
        (uint256 number, bytes32 hash, Multicall3.Result[] memory results) = multicall.blockAndAggregate(calls(3, 4));
        vm.assertEq(number, 78);
        vm.assertEq(hash, bytes32(0));
        vm.assertTrue(results[0].success && results[1].success);
        vm.expectRevert(failed(0));
        multicall.blockAndAggregate(calls(0, 4));
    }

    function test_aggregate3_lets_only_the_marked_calls_fail() public {
        Multicall3.Call3[] memory list = new Multicall3.Call3[](2);
        list[0] = Multicall3.Call3(address(till), true, pay(0));
        list[1] = Multicall3.Call3(address(till), false, pay(5));
        Multicall3.Result[] memory results = multicall.aggregate3(list);
        vm.assertFalse(results[0].success);
        vm.assertTrue(results[1].success);
        list[0].allowFailure = false;
        vm.expectRevert(failed(0));
        multicall.aggregate3(list);
    }

    function testFuzz_aggregate3Value_pays_exactly(uint96 first, uint96 second, uint96 surplus) public {
        Multicall3.Call3Value[] memory list = new Multicall3.Call3Value[](2);
        list[0] = Multicall3.Call3Value(address(till), false, first, pay(1));
        list[1] = Multicall3.Call3Value(address(till), false, second, pay(2));
        uint256 wanted = uint256(first) + second;
        vm.deal(address(this), wanted * 2 + surplus);
        multicall.aggregate3Value{ value: wanted }(list);
        vm.assertEq(till.paid(1), first);
        vm.assertEq(till.paid(2), second);
        if (surplus == 0) return;
        vm.expectRevert(abi.encodeWithSelector(Multicall3.WrongValue.selector, wanted + surplus, wanted));
        multicall.aggregate3Value{ value: wanted + surplus }(list);
    }

    /// @dev Ether of a call that failed would stay behind for the next caller.
    function test_aggregate3Value_of_a_failed_call_returns_no_ether() public {
        Multicall3.Call3Value[] memory list = new Multicall3.Call3Value[](1);
        list[0] = Multicall3.Call3Value(address(till), true, 5, pay(0));
        vm.deal(address(this), 5);
        multicall.aggregate3Value{ value: 5 }(list);
        vm.assertEq(multicall.getEthBalance(address(multicall)), 5);
    }

    function test_the_block_is_told() public {
        vm.roll(90);
        vm.warp(1234);
        vm.fee(7);
        vm.chainId(901);
        vm.setBlockhash(89, keccak256("89"));
        vm.assertEq(multicall.getBlockNumber(), 90);
        vm.assertEq(multicall.getBlockHash(89), keccak256("89"));
        vm.assertEq(multicall.getLastBlockHash(), keccak256("89"));
        vm.assertEq(multicall.getCurrentBlockTimestamp(), 1234);
        vm.assertEq(multicall.getBasefee(), 7);
        vm.assertEq(multicall.getChainId(), 901);
        vm.assertEq(multicall.getCurrentBlockGasLimit(), block.gaslimit);
        vm.assertEq(multicall.getCurrentBlockCoinbase(), block.coinbase);
        vm.assertEq(multicall.getCurrentBlockDifficulty(), block.prevrandao);
        vm.deal(address(9), 3);
        vm.assertEq(multicall.getEthBalance(address(9)), 3);
    }
}
