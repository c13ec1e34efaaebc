// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity ^0.8.28;

import { IPortal } from "../src/interfaces/IPortal.sol";
import { AddressAlias } from "../src/libraries/AddressAlias.sol";
import { Base } from "./Base.sol";
import { Log, bound, vm } from "./Vm.sol";

contract DepositTest is Base {
    function test_queue_is_empty_at_first() public {
        vm.assertEq(portal.depositCount(), 0);
        vm.assertEq(portal.depositHash(0), bytes32(0));
        vm.expectRevert();
        portal.depositHash(1);
        vm.expectRevert();
        portal.depositTime(0);
    }

    /// @dev The rolling hash is what the guest computes from the events, for deposits of any shape.
    function test_any_deposit_extends_the_rolling_hash(
        address to,
        uint256 mint,
        uint256 value,
        uint64 gasLimit,
        bool isCreation,
        bytes memory data
    ) public {
        mint = bound(mint, 0, 1_000_000 ether);
        gasLimit = uint64(bound(gasLimit, portal.minimumGasLimit(uint64(data.length)), 2_000_000));
        if (isCreation) to = address(0);
        vm.deal(stranger, mint);
        vm.recordLogs();
        vm.prank(stranger, stranger);
        portal.depositTransaction{ value: mint }(to, value, gasLimit, isCreation, data);

        bytes32 depositTxHash = keccak256(abi.encode(stranger, to, isCreation, mint, value, gasLimit, keccak256(data)));
        vm.assertEq(portal.depositHash(1), keccak256(abi.encode(bytes32(0), depositTxHash)));
        vm.assertEq(portal.depositTime(0), block.timestamp);
        vm.assertEq(address(portal).balance, mint);

        Log memory log = vm.getRecordedLogs()[0];
        vm.assertEq(log.topics[0], keccak256("TransactionDeposited(address,address,uint256,bytes)"));
        vm.assertEq(log.topics[1], bytes32(uint256(uint160(stranger))));
        vm.assertEq(log.topics[2], bytes32(uint256(uint160(to))));
        vm.assertEq(log.topics[3], bytes32(0));
        vm.assertEq(abi.decode(log.data, (bytes)), abi.encodePacked(mint, value, gasLimit, isCreation, data));
    }

    function test_deposits_are_chained_in_order() public {
        deposit(stranger, 1);
        vm.warp(block.timestamp + 10);
        deposit(proposer, 2);
        bytes32 second =
            keccak256(abi.encode(proposer, proposer, false, uint256(2), uint256(2), DEPOSIT_GAS, keccak256("")));
        vm.assertEq(portal.depositHash(2), keccak256(abi.encode(portal.depositHash(1), second)));
        vm.assertEq(portal.depositTime(1), portal.depositTime(0) + 10);
    }

    function test_contracts_are_aliased() public {
        vm.recordLogs();
        portal.depositTransaction(address(1), 0, 21_000, false, "");
        Log memory log = vm.getRecordedLogs()[0];
        vm.assertEq(log.topics[1], bytes32(uint256(uint160(AddressAlias.toL2(address(this))))));
        vm.assertEq(
            AddressAlias.toL2(0xFFfFfFffFFfffFFfFFfFFFFFffFFFffffFfFFFfF), 0x1111000000000000000000000000000000001110
        );
    }

    function test_sent_ether_is_a_deposit_to_oneself() public {
        vm.recordLogs();
        vm.prank(stranger, stranger);
        (bool success,) = address(portal).call{ value: 3 }("");
        vm.assertTrue(success);
        Log memory log = vm.getRecordedLogs()[0];
        vm.assertEq(log.topics[2], bytes32(uint256(uint160(stranger))));
        vm.assertEq(abi.decode(log.data, (bytes)), abi.encodePacked(uint256(3), uint256(3), uint64(100_000), false));
    }

    function test_donations_are_not_deposits() public {
        portal.donateETH{ value: 5 }();
        vm.assertEq(portal.depositCount(), 0);
        vm.assertEq(address(portal).balance, 5);
    }

    function test_rejects_creations_with_a_target() public {
        vm.expectRevert(IPortal.BadTarget.selector);
        portal.depositTransaction(address(1), 0, 100_000, true, "");
    }

    function test_rejects_zero_and_low_gas(uint64 gasLimit, uint16 length) public {
        uint64 minimum = portal.minimumGasLimit(length);
        gasLimit = uint64(bound(gasLimit, 0, minimum - 1));
        vm.expectRevert(abi.encodeWithSelector(IPortal.GasLimitTooLow.selector, minimum, gasLimit));
        portal.depositTransaction(address(1), 0, gasLimit, false, new bytes(length));
    }

    function test_rejects_more_gas_than_a_batch_can_carry(uint64 gasLimit) public {
        gasLimit = uint64(bound(gasLimit, 2_000_001, type(uint64).max));
        vm.expectRevert(abi.encodeWithSelector(IPortal.GasLimitTooHigh.selector, uint64(2_000_000), gasLimit));
        portal.depositTransaction(address(1), 0, gasLimit, false, "");
    }

    function test_rejects_long_calldata() public {
        vm.expectRevert(abi.encodeWithSelector(IPortal.DataTooLong.selector, uint256(120_000), uint256(120_001)));
        portal.depositTransaction(address(1), 0, 2_000_000, false, new bytes(120_001));
    }

    function test_takes_the_largest_deposit() public {
        uint64 room = (2_000_000 - 21_000) / 40;
        portal.depositTransaction(address(1), type(uint256).max, 2_000_000, false, new bytes(room));
        vm.assertEq(portal.depositCount(), 1);
    }
}
