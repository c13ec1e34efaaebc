// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity ^0.8.28;

import { ExampleToken } from "../../test/ExampleToken.sol";
import { L1Block } from "../../src/l2/L1Block.sol";
import { L2ToL1MessagePasser } from "../../src/l2/L2ToL1MessagePasser.sol";
import { Predeploys } from "../../src/libraries/Predeploys.sol";
import { WETH9 } from "../../src/l2/WETH9.sol";
import { vm } from "../../test/Vm.sol";

/// @dev Runs on a fork of a devnet's L2, started by foundry.test.mjs.
contract L2ForkTest {
    function test_predeploysHaveTheirCode() external view {
        vm.assertEq(Predeploys.L1_BLOCK.code, type(L1Block).runtimeCode);
        vm.assertEq(Predeploys.L2_TO_L1_MESSAGE_PASSER.code, type(L2ToL1MessagePasser).runtimeCode);
    }

    function test_l2KnowsAnL1Block() external view {
        L1Block l1 = L1Block(Predeploys.L1_BLOCK);
        vm.assertTrue(l1.hash() != 0);
        vm.assertTrue(l1.timestamp() != 0);
    }

    function test_aWithdrawalIsStored() external {
        vm.deal(address(this), 1 ether);
        L2ToL1MessagePasser passer = L2ToL1MessagePasser(payable(Predeploys.L2_TO_L1_MESSAGE_PASSER));
        uint256 nonce = passer.messageNonce();
        passer.initiateWithdrawal{ value: 1 ether }(address(1), 100_000, "");
        vm.assertEq(passer.messageNonce(), nonce + 1);
    }

    function test_contractsRun() external {
        ExampleToken token = new ExampleToken("Example", "EXT", 5);
        token.transfer(address(2), 2);
        vm.assertEq(token.balanceOf(address(2)), 2);
        WETH9 weth = WETH9(payable(Predeploys.WETH));
        vm.deal(address(this), 1 ether);
        weth.deposit{ value: 1 ether }();
        vm.assertEq(weth.balanceOf(address(this)), 1 ether);
    }
}
