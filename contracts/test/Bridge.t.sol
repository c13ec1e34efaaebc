// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity ^0.8.28;

import { IPortal } from "../src/interfaces/IPortal.sol";
import { IStandardBridge } from "../src/interfaces/IStandardBridge.sol";
import { L1StandardBridge } from "../src/l1/L1StandardBridge.sol";
import { OptimismMintableERC20 } from "../src/l2/OptimismMintableERC20.sol";
import { AddressAlias } from "../src/libraries/AddressAlias.sol";
import { Hashing } from "../src/libraries/Hashing.sol";
import { Predeploys } from "../src/libraries/Predeploys.sol";
import { OutputRootProof, WithdrawalTransaction } from "../src/libraries/Types.sol";
import { Base } from "./Base.sol";
import { ExampleToken } from "./ExampleToken.sol";
import { L2Base } from "./L2Base.sol";
import { Log, bound, vm } from "./Vm.sol";

/// @notice Both bridges in one EVM: a deposit's event is executed as its L2 transaction would be, a message's event
///         is withdrawn through the portal with a proof.
abstract contract BridgeBase is Base, L2Base {
    ExampleToken internal token;
    OptimismMintableERC20 internal l2Token;
    address internal user = vm.addr(0x0531);
    bytes32 internal root;

    function setUp() public virtual override {
        super.setUp();
        placePredeploys(address(bridge));
        token = new ExampleToken("Token", "TOK", 1_000);
        token.transfer(user, 1_000);
        l2Token = OptimismMintableERC20(factory.createOptimismMintableERC20(address(token), "L2 Token", "L2TOK"));
        vm.deal(user, 100 ether);
        vm.prank(user);
        token.approve(address(bridge), type(uint256).max);
    }

    function outputRoot(uint64) internal view override returns (bytes32) {
        return root;
    }

    /// @dev Executes the last deposit among the recorded logs on L2; false if it fails there.
    function relayDeposit() internal returns (bool success) {
        Log[] memory logs = vm.getRecordedLogs();
        for (uint256 i = logs.length; i > 0; --i) {
            Log memory log = logs[i - 1];
            if (log.topics[0] != IPortal.TransactionDeposited.selector) continue;
            return executeDeposit(log, abi.decode(log.data, (bytes)));
        }
        revert("no deposit");
    }

    function executeDeposit(Log memory log, bytes memory opaque) internal returns (bool success) {
        address from = address(uint160(uint256(log.topics[1])));
        address to = address(uint160(uint256(log.topics[2])));
        (uint256 mint, uint256 value) = abi.decode(opaque, (uint256, uint256));
        uint64 gasLimit = uint64(bytes8(word(opaque, 64)));
        bytes memory data = new bytes(opaque.length - 73);
        for (uint256 i = 0; i < data.length; ++i) {
            data[i] = opaque[73 + i];
        }
        vm.deal(from, from.balance + mint);
        vm.prank(from, from);
        (success,) = to.call{ value: value, gas: gasLimit - 21_000 }(data);
    }

    function word(bytes memory data, uint256 position) internal pure returns (bytes32 result) {
        assembly {
            result := mload(add(add(data, 32), position))
        }
    }

    /// @dev Withdraws the last message among the recorded logs.
    function relayMessage() internal {
        Log[] memory logs = vm.getRecordedLogs();
        for (uint256 i = logs.length; i > 0; --i) {
            Log memory log = logs[i - 1];
            if (log.emitter == address(passer)) return withdraw(messageOf(log));
        }
        revert("no message");
    }

    function messageOf(Log memory log) internal pure returns (WithdrawalTransaction memory withdrawal) {
        withdrawal.nonce = uint256(log.topics[1]);
        withdrawal.sender = address(uint160(uint256(log.topics[2])));
        withdrawal.target = address(uint160(uint256(log.topics[3])));
        (withdrawal.value, withdrawal.gasLimit, withdrawal.data,) =
            abi.decode(log.data, (uint256, uint256, bytes, bytes32));
    }

    function withdraw(WithdrawalTransaction memory withdrawal) internal {
        (OutputRootProof memory parts, bytes[] memory proof) = outputWith(withdrawal);
        root = Hashing.hashOutputRootProof(parts);
        uint64 index = settleBatch();
        portal.proveWithdrawalTransaction(withdrawal, index, parts, proof);
        portal.finalizeWithdrawalTransaction(withdrawal);
    }
}

contract BridgeTest is BridgeBase {
    // ---- Ether ----

    function test_ether_goes_to_l2_and_comes_back(uint96 amount, uint96 back) public {
        amount = uint96(bound(amount, 0, 100 ether));
        back = uint96(bound(back, 0, amount));
        vm.deal(user, amount);
        vm.recordLogs();
        vm.prank(user, user);
        bridge.bridgeETHTo{ value: amount }(address(0x2222), 0, "note");
        vm.assertEq(address(portal).balance, amount);
        vm.assertTrue(relayDeposit());
        vm.assertEq(address(0x2222).balance, amount);

        vm.prank(address(0x2222));
        l2Bridge.bridgeETHTo{ value: back }(address(0x1111), 0, "");
        relayMessage();
        vm.assertEq(address(0x1111).balance, back);
        vm.assertEq(address(portal).balance, amount - back);
    }

    function test_ether_by_every_name() public {
        vm.recordLogs();
        vm.startPrank(user, user);
        bridge.depositETH{ value: 1 }(0, "");
        bridge.depositETHTo{ value: 1 }(user, 0, "");
        bridge.bridgeETH{ value: 1 }(0, "");
        (bool success,) = address(bridge).call{ value: 1 }("");
        vm.assertTrue(success);
        vm.assertEq(portal.depositCount(), 4);
        address ether_ = 0xDeadDeAddeAddEAddeadDEaDDEAdDeaDDeAD0000;
        l2Bridge.withdraw{ value: 1 }(ether_, 1, 0, "");
        l2Bridge.withdrawTo{ value: 1 }(ether_, user, 1, 0, "");
        l2Bridge.bridgeETH{ value: 1 }(0, "");
        (success,) = address(l2Bridge).call{ value: 1 }("");
        vm.assertTrue(success);
        vm.assertEq(passer.messageNonce(), (uint256(1) << 240) + 4);
        vm.expectRevert(abi.encodeWithSelector(IStandardBridge.WrongValue.selector, uint256(2), uint256(1)));
        l2Bridge.withdraw{ value: 1 }(ether_, 2, 0, "");
        vm.stopPrank();
        relayMessage();
    }

    function test_both_sides_emit_their_events() public {
        vm.expectEmit(true, true, true, true, address(bridge));
        emit L1StandardBridge.ETHDepositInitiated(user, address(0x2222), 5, "note");
        vm.expectEmit(true, true, true, true, address(bridge));
        emit IStandardBridge.ETHBridgeInitiated(user, address(0x2222), 5, "note");
        vm.recordLogs();
        vm.prank(user, user);
        bridge.bridgeETHTo{ value: 5 }(address(0x2222), 0, "note");
        vm.expectEmit(true, true, true, true, address(l2Bridge));
        emit IStandardBridge.ETHBridgeFinalized(user, address(0x2222), 5, "note");
        vm.assertTrue(relayDeposit());
    }

    /// @dev A message cannot be sent again, so a refusal must not lose the ether.
    function test_refused_ether_can_be_claimed() public {
        Refuser refuser = new Refuser();
        vm.recordLogs();
        vm.prank(user, user);
        bridge.bridgeETHTo{ value: 5 }(address(refuser), 100_000, "");
        vm.assertTrue(relayDeposit());
        vm.assertEq(l2Bridge.undeliveredETH(address(refuser)), 5);
        refuser.claim(l2Bridge, payable(address(0x33)));
        vm.assertEq(address(0x33).balance, 5);
        refuser.claim(l2Bridge, payable(address(0x33)));
        vm.assertEq(address(0x33).balance, 5);

        vm.prank(user);
        l2Bridge.bridgeETHTo{ value: 7 }(address(refuser), 100_000, "");
        vm.deal(address(portal), 7);
        relayMessage();
        vm.assertEq(bridge.undeliveredETH(address(refuser)), 7);
        refuser.claim(bridge, payable(address(0x44)));
        vm.assertEq(address(0x44).balance, 7);
    }

    function test_contracts_have_to_name_a_receiver() public {
        vm.expectRevert(IStandardBridge.OnlyEOA.selector);
        bridge.bridgeETH{ value: 1 }(0, "");
        vm.expectRevert(IStandardBridge.OnlyEOA.selector);
        l2Bridge.bridgeERC20(address(l2Token), address(token), 1, 0, "");
        bridge.bridgeETHTo{ value: 1 }(user, 0, "");
        // An account with delegated code is an account still.
        vm.etch(user, bytes.concat(hex"ef0100", bytes20(address(this))));
        vm.prank(user, user);
        bridge.bridgeETH{ value: 1 }(0, "");
    }

    function test_nobody_receives_at_zero_or_at_the_bridge() public {
        address[2] memory receivers = [address(0), Predeploys.L2_STANDARD_BRIDGE];
        for (uint256 i = 0; i < 2; ++i) {
            vm.expectRevert(abi.encodeWithSelector(IStandardBridge.BadReceiver.selector, receivers[i]));
            bridge.bridgeETHTo{ value: 1 }(receivers[i], 0, "");
            vm.expectRevert(abi.encodeWithSelector(IStandardBridge.BadReceiver.selector, receivers[i]));
            bridge.bridgeERC20To(address(token), address(l2Token), receivers[i], 1, 0, "");
        }
    }

    // ---- Tokens ----

    function test_tokens_go_to_l2_and_come_back(uint256 amount, uint256 back) public {
        amount = bound(amount, 0, 1_000);
        back = bound(back, 0, amount);
        vm.recordLogs();
        vm.prank(user, user);
        bridge.bridgeERC20(address(token), address(l2Token), amount, 0, "");
        vm.assertEq(bridge.deposits(address(token), address(l2Token)), amount);
        vm.assertTrue(relayDeposit());
        vm.assertEq(l2Token.balanceOf(user), amount);

        vm.prank(user, user);
        l2Bridge.withdrawTo(address(l2Token), address(0x1111), back, 0, "");
        vm.assertEq(l2Token.totalSupply(), amount - back);
        relayMessage();
        vm.assertEq(token.balanceOf(address(0x1111)), back);
        vm.assertEq(bridge.deposits(address(token), address(l2Token)), amount - back);
    }

    function test_tokens_by_every_name() public {
        vm.recordLogs();
        vm.prank(user, user);
        bridge.depositERC20(address(token), address(l2Token), 1, 0, "");
        vm.assertTrue(relayDeposit());
        vm.prank(user, user);
        bridge.depositERC20To(address(token), address(l2Token), user, 2, 0, "");
        vm.assertTrue(relayDeposit());
        vm.startPrank(user, user);
        l2Bridge.withdraw(address(l2Token), 1, 0, "");
        l2Bridge.bridgeERC20(address(l2Token), address(token), 1, 0, "");
        l2Bridge.bridgeERC20To(address(l2Token), address(token), address(0x1111), 1, 0, "");
        vm.stopPrank();
        relayMessage();
        vm.assertEq(token.balanceOf(address(0x1111)), 1);
    }

    function test_a_native_l2_token_is_held_on_l2() public {
        ExampleToken native = new ExampleToken("Native", "NAT", 10);
        native.approve(address(l2Bridge), 10);
        OptimismMintableERC20 counterpart =
            new OptimismMintableERC20(address(bridge), address(native), "L1 Native", "NAT", 18);
        vm.recordLogs();
        l2Bridge.bridgeERC20To(address(native), address(counterpart), user, 10, 0, "");
        relayMessage();
        vm.assertEq(counterpart.balanceOf(user), 10);
        vm.assertEq(native.balanceOf(address(l2Bridge)), 10);
        vm.prank(user, user);
        bridge.bridgeERC20(address(counterpart), address(native), 4, 0, "");
        vm.assertTrue(relayDeposit());
        vm.assertEq(native.balanceOf(user), 4);
    }

    function test_rejects_wrong_pairs() public {
        vm.expectRevert(
            abi.encodeWithSelector(IStandardBridge.WrongTokenPair.selector, address(l2Token), address(0x99))
        );
        l2Bridge.bridgeERC20To(address(l2Token), address(0x99), user, 0, 0, "");
    }

    /// @dev A token on L2 that only says it belongs to the L1 token cannot take what others deposited.
    function test_a_false_counterpart_takes_nothing() public {
        vm.prank(user, user);
        bridge.bridgeERC20(address(token), address(l2Token), 100, 0, "");
        OptimismMintableERC20 false_ = new OptimismMintableERC20(address(this), address(token), "False", "F", 18);
        false_.mint(address(this), 100);
        vm.recordLogs();
        vm.expectRevert(OptimismMintableERC20.OnlyBridge.selector);
        l2Bridge.bridgeERC20To(address(false_), address(token), user, 100, 0, "");
        Liar liar = new Liar(address(token));
        l2Bridge.bridgeERC20To(address(liar), address(token), user, 100, 0, "");
        relayMessage();
        vm.assertEq(token.balanceOf(user), 900);
        vm.assertEq(bridge.deposits(address(token), address(l2Token)), 100);
    }

    function test_rejects_tokens_that_charge_for_transfers() public {
        Taxed taxed = new Taxed();
        taxed.approve(address(bridge), 100);
        vm.expectRevert(abi.encodeWithSelector(IStandardBridge.WrongTokenBalance.selector, uint256(100), uint256(99)));
        bridge.bridgeERC20To(address(taxed), address(l2Token), user, 100, 0, "");
    }

    // ---- Authentication ----

    function test_only_the_other_bridge_finalises_on_l1(address caller) public {
        vm.startPrank(caller);
        vm.expectRevert(IStandardBridge.OnlyOtherBridge.selector);
        bridge.finalizeBridgeETH(user, user, 0, "");
        vm.expectRevert(IStandardBridge.OnlyOtherBridge.selector);
        bridge.finalizeBridgeERC20(address(token), address(l2Token), user, user, 1, "");
        vm.expectRevert(IStandardBridge.OnlyOtherBridge.selector);
        bridge.finalizeETHWithdrawal(user, user, 0, "");
        vm.expectRevert(IStandardBridge.OnlyOtherBridge.selector);
        bridge.finalizeERC20Withdrawal(address(token), address(l2Token), user, user, 1, "");
        vm.stopPrank();
    }

    /// @dev A withdrawal may call the bridge, but the portal says who sent it.
    function test_other_l2_senders_cannot_finalise_on_l1() public {
        vm.prank(user, user);
        bridge.bridgeERC20(address(token), address(l2Token), 100, 0, "");
        bytes memory data = abi.encodeCall(
            IStandardBridge.finalizeBridgeERC20, (address(token), address(l2Token), user, address(0x1111), 100, "")
        );
        withdraw(WithdrawalTransaction(0, user, address(bridge), 0, 300_000, data));
        vm.assertEq(token.balanceOf(address(0x1111)), 0);
        withdraw(WithdrawalTransaction(1, address(l2Bridge), address(bridge), 0, 300_000, data));
        vm.assertEq(token.balanceOf(address(0x1111)), 100);
    }

    function test_only_the_alias_of_the_l1_bridge_finalises_on_l2(address caller) public {
        vm.assume(caller != AddressAlias.toL2(address(bridge)));
        vm.startPrank(caller);
        vm.expectRevert(IStandardBridge.OnlyOtherBridge.selector);
        l2Bridge.finalizeBridgeETH(user, user, 0, "");
        vm.expectRevert(IStandardBridge.OnlyOtherBridge.selector);
        l2Bridge.finalizeBridgeERC20(address(l2Token), address(token), user, user, 1, "");
        vm.stopPrank();
    }

    function test_bridges_know_each_other() public view {
        vm.assertEq(bridge.OTHER_BRIDGE(), address(l2Bridge));
        vm.assertEq(l2Bridge.OTHER_BRIDGE(), address(bridge));
        vm.assertEq(bridge.l2TokenBridge(), address(l2Bridge));
        vm.assertEq(l2Bridge.l1TokenBridge(), address(bridge));
    }
}

/// @notice Takes no ether.
contract Refuser {
    function claim(IStandardBridge from, address payable to) external {
        from.claimUndeliveredETH(to);
    }
}

/// @notice Says it belongs to an L1 token, and burns nothing.
contract Liar {
    address public immutable l1Token;

    constructor(address l1Token_) {
        l1Token = l1Token_;
    }

    function burn(address, uint256) external { }

    function supportsInterface(bytes4 id) external pure returns (bool) {
        return id != 0xffffffff;
    }
}

/// @notice Keeps one unit of every transfer.
contract Taxed is ExampleToken {
    constructor() ExampleToken("Taxed", "TAX", 1_000) { }

    function _update(address from, address to, uint256 value) internal override {
        super._update(from, to, value);
        if (from != address(0) && to != address(0)) super._update(to, address(0), 1);
    }
}
