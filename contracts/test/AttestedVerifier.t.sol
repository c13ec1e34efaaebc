// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity ^0.8.28;

import { ECDSA } from "@openzeppelin/contracts/utils/cryptography/ECDSA.sol";
import { IAttestedVerifier } from "../src/interfaces/IAttestedVerifier.sol";
import { AttestedVerifier } from "../src/l1/AttestedVerifier.sol";
import { Base } from "./Base.sol";
import { bound, vm } from "./Vm.sol";

contract AttestedVerifierTest is Base {
    bytes32 internal constant DIGEST = keccak256("digest");

    function test_accepts_enough_signatures() public view {
        vm.assertTrue(verifier.verify(PROGRAM, DIGEST, attest(DIGEST, 2)));
        vm.assertTrue(verifier.verify(PROGRAM, DIGEST, pair(0, 2)));
        vm.assertTrue(verifier.verify(PROGRAM, DIGEST, pair(1, 2)));
    }

    function test_what_is_signed() public view {
        bytes32 message = keccak256(abi.encode(uint256(31337), address(verifier), PROGRAM, DIGEST));
        bytes32 hash = keccak256(abi.encodePacked("\x19Ethereum Signed Message:\n32", message));
        vm.assertEq(verifier.attestationHash(PROGRAM, DIGEST), hash);
    }

    function test_rejects_signatures_of_something_else(bytes32 program, bytes32 digest) public {
        vm.assume(program != PROGRAM || digest != DIGEST);
        bytes memory proof = attest(DIGEST, 2);
        vm.expectPartialRevert(IAttestedVerifier.WrongSigner.selector);
        verifier.verify(program, digest, proof);
    }

    function test_rejects_signatures_for_another_chain_or_contract() public {
        bytes memory proof = attest(DIGEST, 2);
        AttestedVerifier other = new AttestedVerifier(verifier.signers(), 2);
        vm.expectPartialRevert(IAttestedVerifier.WrongSigner.selector);
        other.verify(PROGRAM, DIGEST, proof);
        vm.chainId(1337);
        vm.expectPartialRevert(IAttestedVerifier.WrongSigner.selector);
        verifier.verify(PROGRAM, DIGEST, proof);
    }

    function test_rejects_one_signer_twice() public {
        bytes memory proof = pair(0, 0);
        vm.expectRevert(abi.encodeWithSelector(IAttestedVerifier.WrongSigner.selector, vm.addr(signerKeys[0])));
        verifier.verify(PROGRAM, DIGEST, proof);
    }

    function test_rejects_descending_signers() public {
        bytes memory proof = pair(1, 0);
        vm.expectRevert(abi.encodeWithSelector(IAttestedVerifier.WrongSigner.selector, vm.addr(signerKeys[0])));
        verifier.verify(PROGRAM, DIGEST, proof);
    }

    function test_rejects_strangers() public {
        signerKeys[0] = 99;
        bytes memory proof = attest(DIGEST, 2);
        vm.expectRevert(abi.encodeWithSelector(IAttestedVerifier.WrongSigner.selector, vm.addr(99)));
        verifier.verify(PROGRAM, DIGEST, proof);
    }

    function test_rejects_other_lengths(uint256 length) public {
        length = bound(length, 0, 400);
        vm.assume(length != 130);
        vm.expectRevert(abi.encodeWithSelector(IAttestedVerifier.WrongProofLength.selector, uint256(130), length));
        verifier.verify(PROGRAM, DIGEST, new bytes(length));
    }

    /// @dev The mirrored signature (s → n − s) is refused, and so is anything that recovers to no account.
    function test_rejects_malleated_signatures() public {
        bytes32 hash = verifier.attestationHash(PROGRAM, DIGEST);
        (uint8 v, bytes32 r, bytes32 s) = vm.sign(signerKeys[0], hash);
        bytes32 mirrored = bytes32(0xfffffffffffffffffffffffffffffffebaaedce6af48a03bbfd25e8cd0364141 - uint256(s));
        (uint8 v1, bytes32 r1, bytes32 s1) = vm.sign(signerKeys[1], hash);
        bytes memory proof = bytes.concat(r, mirrored, bytes1(v == 27 ? 28 : 27), r1, s1, bytes1(v1));
        vm.expectRevert(abi.encodeWithSelector(ECDSA.ECDSAInvalidSignatureS.selector, mirrored));
        verifier.verify(PROGRAM, DIGEST, proof);
        vm.expectRevert(ECDSA.ECDSAInvalidSignature.selector);
        verifier.verify(PROGRAM, DIGEST, new bytes(130));
    }

    function test_constructor_rejects_bad_sets() public {
        address[] memory signers = new address[](2);
        (signers[0], signers[1]) = (address(1), address(2));
        vm.expectRevert(abi.encodeWithSelector(IAttestedVerifier.InvalidThreshold.selector, uint256(0), uint256(2)));
        new AttestedVerifier(signers, 0);
        vm.expectRevert(abi.encodeWithSelector(IAttestedVerifier.InvalidThreshold.selector, uint256(3), uint256(2)));
        new AttestedVerifier(signers, 3);
        (signers[0], signers[1]) = (address(2), address(2));
        vm.expectRevert(abi.encodeWithSelector(IAttestedVerifier.InvalidSigner.selector, address(2)));
        new AttestedVerifier(signers, 1);
        signers[0] = address(0);
        vm.expectRevert(abi.encodeWithSelector(IAttestedVerifier.InvalidSigner.selector, address(0)));
        new AttestedVerifier(signers, 1);
    }

    function test_stands_alone_on_development_chains_only(uint64 id) public {
        vm.assume(id != 0 && id != 900 && id != 901 && id != 1337 && id != 31337);
        uint64[4] memory development = [uint64(900), 901, 1337, 31337];
        for (uint256 i = 0; i < 4; ++i) {
            vm.chainId(development[i]);
            vm.assertTrue(verifier.standalone());
        }
        vm.chainId(id);
        vm.assertFalse(verifier.standalone());
    }

    /// @dev Signatures of two signers, in that order.
    function pair(uint256 first, uint256 second) internal view returns (bytes memory) {
        bytes32 hash = verifier.attestationHash(PROGRAM, DIGEST);
        (uint8 v0, bytes32 r0, bytes32 s0) = vm.sign(signerKeys[first], hash);
        (uint8 v1, bytes32 r1, bytes32 s1) = vm.sign(signerKeys[second], hash);
        return bytes.concat(r0, s0, bytes1(v0), r1, s1, bytes1(v1));
    }
}
