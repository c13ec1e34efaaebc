// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity ^0.8.28;

import { FeeVault } from "../src/l2/FeeVault.sol";
import { GasPriceOracle } from "../src/l2/GasPriceOracle.sol";
import { L1Block } from "../src/l2/L1Block.sol";
import { L2ToL1MessagePasser } from "../src/l2/L2ToL1MessagePasser.sol";
import { OptimismMintableERC20 } from "../src/l2/OptimismMintableERC20.sol";
import { OptimismMintableERC20Factory } from "../src/l2/OptimismMintableERC20Factory.sol";
import { WETH9 } from "../src/l2/WETH9.sol";
import { FastLz } from "../src/libraries/FastLz.sol";
import { Hashing } from "../src/libraries/Hashing.sol";
import { Predeploys } from "../src/libraries/Predeploys.sol";
import { WithdrawalTransaction } from "../src/libraries/Types.sol";
import { L2Base } from "./L2Base.sol";
import { bound, vm } from "./Vm.sol";

contract PredeploysTest is L2Base {
    address internal user = vm.addr(0x0531);

    function setUp() public {
        placePredeploys(address(0xb41d6e));
        vm.deal(user, 100 ether);
    }

    // ---- L1Block ----

    /// @dev The slots that the execution engine reads, by number.
    function test_isthmus_values_land_in_the_op_stacks_slots() public {
        setL1Values(10, 20, 30, 40, 50, 60, 70, 5, 6);
        vm.assertEq(slot(0), bytes32(uint256(40) << 64 | 50));
        vm.assertEq(slot(1), bytes32(uint256(60)));
        vm.assertEq(slot(2), keccak256("l1 hash"));
        vm.assertEq(slot(3), bytes32(uint256(10) << 96 | uint256(20) << 64 | 30));
        vm.assertEq(slot(4), bytes32(uint256(0xba7c4e4)));
        vm.assertEq(slot(5), bytes32(0));
        vm.assertEq(slot(6), bytes32(0));
        vm.assertEq(slot(7), bytes32(uint256(70)));
        vm.assertEq(slot(8), bytes32(uint256(5) << 64 | 6));
    }

    function test_l1_values_are_read_back() public {
        setL1Values(10, 20, 30, 40, 50, 60, 70, 5, 6);
        vm.assertEq(l1Block.baseFeeScalar(), 10);
        vm.assertEq(l1Block.blobBaseFeeScalar(), 20);
        vm.assertEq(l1Block.sequenceNumber(), 30);
        vm.assertEq(l1Block.timestamp(), 40);
        vm.assertEq(l1Block.number(), 50);
        vm.assertEq(l1Block.basefee(), 60);
        vm.assertEq(l1Block.blobBaseFee(), 70);
        vm.assertEq(l1Block.hash(), keccak256("l1 hash"));
        vm.assertEq(l1Block.operatorFeeScalar(), 5);
        vm.assertEq(l1Block.operatorFeeConstant(), 6);
    }

    function test_ecotone_values_leave_the_operator_fee() public {
        setL1Values(10, 20, 30, 40, 50, 60, 70, 5, 6);
        bytes memory data = isthmusData(1, 2, 3, 4, 5, 6, 7, 0, 0);
        bytes memory ecotone = new bytes(164);
        for (uint256 i = 0; i < 164; ++i) {
            ecotone[i] = data[i];
        }
        (ecotone[0], ecotone[1], ecotone[2], ecotone[3]) = (0x44, 0x0a, 0x5e, 0x20);
        vm.prank(Predeploys.DEPOSITOR);
        (bool success,) = address(l1Block).call(ecotone);
        vm.assertTrue(success);
        vm.assertEq(l1Block.basefee(), 6);
        vm.assertEq(l1Block.operatorFeeConstant(), 6);
    }

    function test_only_the_depositor_writes(address caller) public {
        vm.assume(caller != Predeploys.DEPOSITOR);
        vm.prank(caller);
        (bool success, bytes memory reason) = address(l1Block).call(isthmusData(1, 2, 3, 4, 5, 6, 7, 8, 9));
        vm.assertFalse(success);
        vm.assertEq(reason, abi.encodePacked(L1Block.NotDepositor.selector));
    }

    function test_short_attributes_are_refused(uint8 length) public {
        bytes memory whole = isthmusData(1, 2, 3, 4, 5, 6, 7, 8, 9);
        bytes memory short = new bytes(bound(length, 4, 175));
        for (uint256 i = 0; i < short.length; ++i) {
            short[i] = whole[i];
        }
        vm.prank(Predeploys.DEPOSITOR);
        (bool success,) = address(l1Block).call(short);
        vm.assertFalse(success);
    }

    // ---- GasPriceOracle ----

    /// @dev Expected lengths are those of the execution engine's own implementation.
    function test_fastlz_lengths() public pure {
        vm.assertEq(FastLz.compressedLength(""), 0);
        vm.assertEq(FastLz.compressedLength(new bytes(1000)), 21);
        bytes memory same = new bytes(1000);
        for (uint256 i = 0; i < 1000; ++i) {
            same[i] = 0x2a;
        }
        vm.assertEq(FastLz.compressedLength(same), 21);
        vm.assertEq(FastLz.compressedLength(hex"FACADE"), 4);
        vm.assertEq(
            FastLz.compressedLength(
                hex"02f901550a758302df1483be21b88304743f94f80e51afb613d764fa61751affd3313c190a86bb870151bd62fd12adb8e41ef24f3f000000000000000000000000000000000000000000000000000000000000006e000000000000000000000000af88d065e77c8cc2239327c5edb3a432268e5831000000000000000000000000000000000000000000000000000000000003c1e5000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000a000000000000000000000000000000000000000000000000000000000000000148c89ed219d02f1a5be012c689b4f5b731827bebe000000000000000000000000c001a033fd89cb37c31b2cba46b6466e040c61fc9b2a3675a7f5f493ebd5ad77c497f8a07cdf65680e238392693019b4092f610222e71b7cec06449cb922b93b6a12744e"
            ),
            202
        );
    }

    function test_fastlz_takes_any_bytes(bytes memory data) public pure {
        uint256 length = FastLz.compressedLength(data);
        vm.assertLe(length, data.length + (data.length + 31) / 32);
    }

    function test_l1_fee_is_fjords() public {
        setL1Values(2, 3, 0, 0, 0, 1_000_000, 10_000_000, 0, 0);
        // Least size 100 bytes: 100 · (2 · 16 · 1,000,000 + 3 · 10,000,000) / 10^6.
        vm.assertEq(oracle.getL1Fee(hex"FACADE"), 6_200);
        // 1,000 zeros: 21 + 68 bytes stay below the least size, too; 200 differing bytes do not.
        vm.assertEq(oracle.getL1Fee(new bytes(1000)), 6_200);
        bytes memory varied = new bytes(200);
        for (uint256 i = 0; i < 200; ++i) {
            varied[i] = bytes1(uint8(i));
        }
        uint256 size = 836_500 * (207 + 68) - 42_585_600;
        vm.assertEq(oracle.getL1Fee(varied), size * 62_000_000 / 1e12);
        vm.assertEq(oracle.getL1GasUsed(varied), size * 16 / 1e6);
        vm.assertTrue(oracle.getL1FeeUpperBound(200) >= oracle.getL1Fee(varied));
    }

    function test_operator_fee_is_isthmus() public {
        setL1Values(0, 0, 0, 0, 0, 0, 0, 2_000_000, 7);
        vm.assertEq(oracle.getOperatorFee(21_000), 42_007);
    }

    function test_oracle_tells_its_rules() public {
        vm.assertTrue(oracle.isEcotone() && oracle.isFjord() && oracle.isIsthmus());
        vm.assertFalse(oracle.isJovian());
        vm.fee(17);
        vm.assertEq(oracle.gasPrice(), 17);
        vm.assertEq(oracle.baseFee(), 17);
        vm.expectRevert(GasPriceOracle.Deprecated.selector);
        oracle.overhead();
        vm.expectRevert(GasPriceOracle.Deprecated.selector);
        oracle.scalar();
    }

    // ---- L2ToL1MessagePasser ----

    function test_messages_are_recorded_in_slot_0(address target, uint96 value, uint256 gasLimit, bytes memory data)
        public
    {
        vm.deal(user, value);
        bytes32 hash =
            Hashing.hashWithdrawal(WithdrawalTransaction(uint256(1) << 240, user, target, value, gasLimit, data));
        vm.expectEmit(true, true, true, true, address(passer));
        emit L2ToL1MessagePasser.MessagePassed(uint256(1) << 240, user, target, value, gasLimit, data, hash);
        vm.prank(user);
        passer.initiateWithdrawal{ value: value }(target, gasLimit, data);
        vm.assertTrue(passer.sentMessages(hash));
        bytes32 key = keccak256(abi.encode(hash, uint256(0)));
        vm.assertEq(vm.load(address(passer), key), bytes32(uint256(1)));
        vm.assertEq(passer.messageNonce(), (uint256(1) << 240) + 1);
    }

    function test_sent_ether_is_withdrawn_to_oneself() public {
        vm.prank(user);
        (bool success,) = address(passer).call{ value: 5 }("");
        vm.assertTrue(success);
        bytes32 hash = Hashing.hashWithdrawal(WithdrawalTransaction(uint256(1) << 240, user, user, 5, 100_000, ""));
        vm.assertTrue(passer.sentMessages(hash));
    }

    function test_equal_messages_are_different_withdrawals() public {
        passer.initiateWithdrawal(user, 0, "");
        passer.initiateWithdrawal(user, 0, "");
        vm.assertEq(passer.messageNonce(), (uint256(1) << 240) + 2);
    }

    function test_burn_empties_the_passer() public {
        vm.deal(address(passer), 9);
        passer.burn();
        vm.assertEq(address(passer).balance, 0);
    }

    // ---- Fee vaults ----

    function test_fees_go_to_l2() public {
        configureVault(1 ether, user, FeeVault.WithdrawalNetwork.L2);
        vm.deal(address(vault), 2 ether);
        vault.withdraw();
        vm.assertEq(user.balance, 102 ether);
        vm.assertEq(vault.totalProcessed(), 2 ether);
        vm.assertEq(vault.RECIPIENT(), user);
    }

    function test_fees_go_to_l1() public {
        configureVault(0, user, FeeVault.WithdrawalNetwork.L1);
        vm.deal(address(vault), 2 ether);
        vault.withdraw();
        bytes32 hash = Hashing.hashWithdrawal(
            WithdrawalTransaction(uint256(1) << 240, address(vault), user, 2 ether, 400_000, "")
        );
        vm.assertTrue(passer.sentMessages(hash));
    }

    function test_small_fees_stay() public {
        configureVault(1 ether, user, FeeVault.WithdrawalNetwork.L2);
        vm.deal(address(vault), 1 ether - 1);
        vm.expectRevert(abi.encodeWithSelector(FeeVault.TooLittle.selector, 1 ether, 1 ether - 1));
        vault.withdraw();
    }

    // ---- WETH9 ----

    function test_ether_is_wrapped_and_unwrapped(uint96 amount, uint96 back) public {
        amount = uint96(bound(amount, 0, 100 ether));
        back = uint96(bound(back, 0, amount));
        vm.startPrank(user);
        (bool success,) = address(weth).call{ value: amount }("");
        vm.assertTrue(success);
        vm.assertEq(weth.balanceOf(user), amount);
        weth.withdraw(back);
        vm.assertEq(weth.balanceOf(user), amount - back);
        vm.assertEq(weth.totalSupply(), amount - back);
        vm.stopPrank();
    }

    function test_weth_moves_within_allowances() public {
        vm.startPrank(user);
        weth.deposit{ value: 10 }();
        weth.transfer(address(2), 3);
        weth.approve(address(this), 5);
        vm.stopPrank();
        weth.transferFrom(user, address(3), 4);
        vm.assertEq(weth.balanceOf(address(2)), 3);
        vm.assertEq(weth.balanceOf(address(3)), 4);
        vm.expectRevert(abi.encodeWithSelector(WETH9.InsufficientAllowance.selector, uint256(1), uint256(2)));
        weth.transferFrom(user, address(3), 2);
        vm.expectRevert(abi.encodeWithSelector(WETH9.InsufficientBalance.selector, uint256(0), uint256(1)));
        weth.withdraw(1);
    }

    // ---- Factory ----

    function test_factory_makes_tokens_of_the_bridge() public {
        OptimismMintableERC20 token =
            OptimismMintableERC20(factory.createOptimismMintableERC20WithDecimals(address(7), "Name", "SYM", 6));
        vm.assertEq(token.remoteToken(), address(7));
        vm.assertEq(token.bridge(), Predeploys.L2_STANDARD_BRIDGE);
        vm.assertEq(token.name(), "Name");
        vm.assertEq(token.decimals(), 6);
        vm.assertEq(factory.deployments(address(token)), address(7));
        vm.expectRevert(OptimismMintableERC20.OnlyBridge.selector);
        token.mint(user, 1);
        vm.expectRevert(OptimismMintableERC20.OnlyBridge.selector);
        token.burn(user, 1);
        vm.expectRevert(OptimismMintableERC20Factory.NoRemoteToken.selector);
        factory.createStandardL2Token(address(0), "", "");
        // The same token twice would be at the same address.
        vm.expectRevert();
        factory.createOptimismMintableERC20WithDecimals(address(7), "Name", "SYM", 6);
    }

    // ---- Steps ----

    function setL1Values(
        uint32 baseFeeScalar,
        uint32 blobBaseFeeScalar,
        uint64 sequenceNumber,
        uint64 timestamp,
        uint64 number,
        uint256 basefee,
        uint256 blobBaseFee,
        uint32 operatorScalar,
        uint64 operatorConstant
    ) internal {
        bytes memory data = isthmusData(
            baseFeeScalar,
            blobBaseFeeScalar,
            sequenceNumber,
            timestamp,
            number,
            basefee,
            blobBaseFee,
            operatorScalar,
            operatorConstant
        );
        vm.prank(Predeploys.DEPOSITOR);
        (bool success,) = address(l1Block).call(data);
        vm.assertTrue(success);
    }

    /// @dev The attributes transaction's calldata: selector 0x098999be, then the values without padding.
    function isthmusData(
        uint32 baseFeeScalar,
        uint32 blobBaseFeeScalar,
        uint64 sequenceNumber,
        uint64 timestamp,
        uint64 number,
        uint256 basefee,
        uint256 blobBaseFee,
        uint32 operatorScalar,
        uint64 operatorConstant
    ) internal pure returns (bytes memory) {
        bytes memory head = abi.encodePacked(
            hex"098999be", baseFeeScalar, blobBaseFeeScalar, sequenceNumber, timestamp, number
        );
        return abi.encodePacked(
            head,
            basefee,
            blobBaseFee,
            keccak256("l1 hash"),
            bytes32(uint256(0xba7c4e4)),
            operatorScalar,
            operatorConstant
        );
    }

    function slot(uint256 number) internal view returns (bytes32) {
        return vm.load(address(l1Block), bytes32(number));
    }
}
