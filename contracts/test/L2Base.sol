// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity ^0.8.28;

import { FeeVault } from "../src/l2/FeeVault.sol";
import { GasPriceOracle } from "../src/l2/GasPriceOracle.sol";
import { L1Block } from "../src/l2/L1Block.sol";
import { L2StandardBridge } from "../src/l2/L2StandardBridge.sol";
import { L2ToL1MessagePasser } from "../src/l2/L2ToL1MessagePasser.sol";
import { OptimismMintableERC20Factory } from "../src/l2/OptimismMintableERC20Factory.sol";
import { WETH9 } from "../src/l2/WETH9.sol";
import { Predeploys } from "../src/libraries/Predeploys.sol";
import { vm } from "./Vm.sol";

/// @notice L2's genesis: runtime code at the predeploys' addresses, and storage as README.md says.
abstract contract L2Base {
    L1Block internal constant l1Block = L1Block(Predeploys.L1_BLOCK);
    GasPriceOracle internal constant oracle = GasPriceOracle(Predeploys.GAS_PRICE_ORACLE);
    L2ToL1MessagePasser internal constant passer = L2ToL1MessagePasser(payable(Predeploys.L2_TO_L1_MESSAGE_PASSER));
    L2StandardBridge internal constant l2Bridge = L2StandardBridge(payable(Predeploys.L2_STANDARD_BRIDGE));
    OptimismMintableERC20Factory internal constant factory =
        OptimismMintableERC20Factory(Predeploys.MINTABLE_ERC20_FACTORY);
    WETH9 internal constant weth = WETH9(payable(Predeploys.WETH));
    FeeVault internal constant vault = FeeVault(payable(Predeploys.SEQUENCER_FEE_VAULT));

    function placePredeploys(address l1Bridge) internal {
        vm.etch(address(l1Block), address(new L1Block()).code);
        vm.etch(address(oracle), address(new GasPriceOracle()).code);
        vm.etch(address(passer), address(new L2ToL1MessagePasser()).code);
        vm.etch(address(l2Bridge), address(new L2StandardBridge()).code);
        vm.etch(address(factory), address(new OptimismMintableERC20Factory()).code);
        vm.etch(address(weth), address(new WETH9()).code);
        vm.etch(address(vault), address(new FeeVault()).code);
        vm.store(address(l2Bridge), bytes32(uint256(4)), bytes32(uint256(uint160(l1Bridge))));
    }

    function configureVault(uint256 minimum, address recipient, FeeVault.WithdrawalNetwork network) internal {
        vm.store(address(vault), bytes32(uint256(1)), bytes32(minimum));
        vm.store(address(vault), bytes32(uint256(2)), bytes32(uint256(uint160(recipient)) | uint256(network) << 160));
    }
}
