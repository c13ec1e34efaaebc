// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity ^0.8.28;

import { TimelockController } from "@openzeppelin/contracts/governance/TimelockController.sol";

/// @title Timelock
/// @notice Owner of {Rollup} and {VerifierRegistry}: OpenZeppelin's timelock as it is.
contract Timelock is TimelockController {
    constructor(uint256 minDelay, address[] memory proposers, address[] memory executors, address admin)
        TimelockController(minDelay, proposers, executors, admin)
    { }
}
