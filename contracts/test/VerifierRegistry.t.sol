// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity ^0.8.28;

import { Ownable } from "@openzeppelin/contracts/access/Ownable.sol";
import { IAttestedVerifier } from "../src/interfaces/IAttestedVerifier.sol";
import { IProofVerifier } from "../src/interfaces/IProofVerifier.sol";
import { IVerifierRegistry } from "../src/interfaces/IVerifierRegistry.sol";
import { AttestedVerifier } from "../src/l1/AttestedVerifier.sol";
import { VerifierRegistry } from "../src/l1/VerifierRegistry.sol";
import { Base } from "./Base.sol";
import { bound, vm } from "./Vm.sol";

contract VerifierRegistryTest is Base {
    bytes32 internal constant DIGEST = keccak256("digest");
    EchoVerifier internal echo = new EchoVerifier();

    function test_both_verifiers_are_required() public {
        addBoth();
        bytes[] memory proofs = new bytes[](2);
        proofs[0] = attest(DIGEST, 2);
        proofs[1] = abi.encode(PROGRAM, DIGEST);
        registry.verify(2, DIGEST, proofs);

        proofs[1] = "no";
        vm.expectRevert(abi.encodeWithSelector(IVerifierRegistry.ProofRejected.selector, address(echo)));
        registry.verify(2, DIGEST, proofs);

        proofs[0] = "no";
        proofs[1] = abi.encode(PROGRAM, DIGEST);
        vm.expectPartialRevert(IAttestedVerifier.WrongProofLength.selector);
        registry.verify(2, DIGEST, proofs);
    }

    function test_one_proof_per_verifier(uint256 count) public {
        addBoth();
        count = bound(count, 0, 5);
        vm.assume(count != 2);
        vm.expectRevert(abi.encodeWithSelector(IVerifierRegistry.WrongProofCount.selector, uint256(2), count));
        registry.verify(2, DIGEST, new bytes[](count));
    }

    function test_additions_go_through_the_timelock() public {
        bytes memory data = abi.encodeCall(IVerifierRegistry.addProgram, (2, PROGRAM, list(address(echo))));
        vm.prank(admin);
        vm.expectRevert(abi.encodeWithSelector(Ownable.OwnableUnauthorizedAccount.selector, admin));
        registry.addProgram(2, PROGRAM, list(address(echo)));
        vm.prank(admin);
        timelock.schedule(address(registry), 0, data, 0, 0, 1 days);
        vm.prank(admin);
        vm.expectRevert();
        timelock.execute(address(registry), 0, data, 0, 0);
        vm.warp(block.timestamp + 1 days);
        vm.prank(admin);
        timelock.execute(address(registry), 0, data, 0, 0);
        (bytes32 programVk, address[] memory verifiers) = registry.program(2);
        vm.assertEq(programVk, PROGRAM);
        vm.assertEq(verifiers[0], address(echo));
    }

    function test_a_version_never_changes_its_meaning() public {
        address[] memory verifiers = list(address(echo));
        asOwner();
        vm.expectRevert(abi.encodeWithSelector(IVerifierRegistry.VersionTaken.selector, VERSION));
        registry.addProgram(VERSION, PROGRAM, verifiers);
        asOwner();
        registry.retireProgram(VERSION);
        asOwner();
        vm.expectRevert(abi.encodeWithSelector(IVerifierRegistry.VersionTaken.selector, VERSION));
        registry.addProgram(VERSION, PROGRAM, verifiers);
    }

    function test_retired_programs_accept_nothing() public {
        bytes[] memory proofs = new bytes[](1);
        proofs[0] = attest(DIGEST, 2);
        registry.verify(VERSION, DIGEST, proofs);
        asOwner();
        registry.retireProgram(VERSION);
        vm.expectRevert(abi.encodeWithSelector(IVerifierRegistry.UnknownVersion.selector, VERSION));
        registry.verify(VERSION, DIGEST, proofs);
        asOwner();
        vm.expectRevert(abi.encodeWithSelector(IVerifierRegistry.UnknownVersion.selector, VERSION));
        registry.retireProgram(VERSION);
        vm.expectRevert(abi.encodeWithSelector(Ownable.OwnableUnauthorizedAccount.selector, address(this)));
        registry.retireProgram(VERSION);
    }

    /// @dev Off the development chains signatures alone are no proof.
    function test_the_attested_verifier_cannot_be_alone_in_production() public {
        vm.chainId(1);
        vm.expectRevert(IVerifierRegistry.NoStandaloneVerifier.selector);
        new VerifierRegistry(address(timelock), VERSION, PROGRAM, list(address(verifier)));
        address[] memory two = new address[](2);
        (two[0], two[1]) = (address(verifier), address(new AttestedVerifier(verifier.signers(), 1)));
        asOwner();
        vm.expectRevert(IVerifierRegistry.NoStandaloneVerifier.selector);
        registry.addProgram(2, PROGRAM, two);
        addBoth();
    }

    function test_rejects_bad_programs() public {
        expectRejection(0, list(address(echo)), abi.encodePacked(IVerifierRegistry.InvalidProgram.selector));
        expectRejection(PROGRAM, new address[](0), abi.encodePacked(IVerifierRegistry.InvalidProgram.selector));
        expectRejection(PROGRAM, new address[](5), abi.encodePacked(IVerifierRegistry.InvalidProgram.selector));
        expectRejection(
            PROGRAM, list(stranger), abi.encodeWithSelector(IVerifierRegistry.InvalidVerifier.selector, stranger)
        );
        address[] memory twice = new address[](2);
        (twice[0], twice[1]) = (address(echo), address(echo));
        expectRejection(
            PROGRAM, twice, abi.encodeWithSelector(IVerifierRegistry.InvalidVerifier.selector, address(echo))
        );
    }

    function addBoth() internal {
        address[] memory two = new address[](2);
        (two[0], two[1]) = (address(verifier), address(echo));
        asOwner();
        registry.addProgram(2, PROGRAM, two);
    }

    function list(address only) internal pure returns (address[] memory one) {
        one = new address[](1);
        one[0] = only;
    }

    function expectRejection(bytes32 programVk, address[] memory verifiers, bytes memory reason) internal {
        asOwner();
        vm.expectRevert(reason);
        registry.addProgram(2, programVk, verifiers);
    }
}

/// @notice Stands for the SNARK verifier to come: a valid proof repeats the statement.
contract EchoVerifier is IProofVerifier {
    function verify(bytes32 programVk, bytes32 publicDigest, bytes calldata proof) external pure returns (bool) {
        return keccak256(proof) == keccak256(abi.encode(programVk, publicDigest));
    }

    function standalone() external pure returns (bool) {
        return true;
    }
}
