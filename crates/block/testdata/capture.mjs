// Captures the block files of this folder from a real anvil. See README.md for how to run it.
// Anvil never takes anything out of a trie, so blocks that delete are made in tests/made.rs instead.
// Usage: node capture.mjs COMMAND…, where `COMMAND… --rpc URL --number N --out FILE` fetches a block.
import { execFileSync, spawn } from "node:child_process";
import { readFileSync } from "node:fs";
import { createRequire } from "node:module";

const solc = createRequire(`${process.cwd()}/`)("solc");
const [, , ...fetchCommand] = process.argv;
const folder = new URL(".", import.meta.url).pathname;
let port = 8597;
let url;

// Every chain starts at this second, and blocks are 12 seconds apart, so that a capture can be repeated.
const START = 1_750_000_000;

async function rpc(method, ...params) {
  const body = JSON.stringify({ jsonrpc: "2.0", id: 1, method, params });
  const headers = { "content-type": "application/json" };
  const answer = await (await fetch(url, { method: "POST", headers, body })).json();
  if (answer.error) throw new Error(`${method}: ${answer.error.message}`);
  return answer.result;
}

const bin = (name) => `node_modules/.bin/${name}`;
const cast = (...args) => execFileSync(bin("cast"), args).toString().trim();
const word = (value) => BigInt(value).toString(16).padStart(64, "0");
const hex = (value) => `0x${BigInt(value).toString(16)}`;

/// Runs `script` on a fresh chain; it gets the accounts.
async function onChain(script, ...options) {
  // Another port each time: the connection to the chain before may still be open.
  url = `http://127.0.0.1:${++port}`;
  const args = ["--hardfork", "prague", "--no-mining", "--order", "fifo", "--silent"];
  const anvil = spawn(bin("anvil"), [...args, "--timestamp", `${START}`, "--port", `${port}`, ...options]);
  try {
    for (let wait = 0; ; wait++) {
      try {
        await script(await rpc("eth_accounts"));
        return;
      } catch (error) {
        if (error.cause?.code !== "ECONNREFUSED" || wait === 100) throw error;
        await new Promise((done) => setTimeout(done, 100));
      }
    }
  } finally {
    anvil.kill();
    await new Promise((done) => anvil.on("exit", done));
  }
}

/// Mines the pending transactions into one block, prints how they went, returns its number and receipts.
async function mine() {
  const before = await rpc("eth_getBlockByNumber", "latest", false);
  await rpc("evm_setNextBlockTimestamp", hex(BigInt(before.timestamp) + 12n));
  await rpc("evm_mine");
  const block = await rpc("eth_getBlockByNumber", "latest", false);
  const receipts = [];
  for (const hash of block.transactions) receipts.push(await rpc("eth_getTransactionReceipt", hash));
  const number = Number(block.number);
  console.log(`block ${number}:`, receipts.map((r) => (r.status === "0x1" ? "ok" : "failed")).join(" "));
  return { number, receipts };
}

const save = (number, name) => {
  const [program, ...args] = fetchCommand;
  const out = `${folder}${name}.block`;
  execFileSync(program, [...args, "--rpc", url, "--number", `${number}`, "--out", out], { stdio: "inherit" });
};

const send = (from, to, data = "0x", more = {}) =>
  rpc("eth_sendTransaction", { from, ...(to && { to }), data, gas: hex(1_000_000), ...more });

function compile(file) {
  const settings = {
    optimizer: { enabled: true, runs: 200 },
    evmVersion: "prague",
    metadata: { appendCBOR: false, bytecodeHash: "none" },
    outputSelection: { "*": { "*": ["evm.bytecode.object"] } },
  };
  const sources = { [file]: { content: readFileSync(folder + file, "utf8") } };
  const output = JSON.parse(solc.compile(JSON.stringify({ language: "Solidity", sources, settings })));
  for (const error of output.errors ?? []) console.error(error.formattedMessage);
  const contracts = Object.entries(output.contracts[file]);
  return Object.fromEntries(contracts.map(([name, c]) => [name, `0x${c.evm.bytecode.object}`]));
}

const transfer = (to, value) => `0xa9059cbb${word(to)}${word(value)}`;
const approve = (spender, value) => `0x095ea7b3${word(spender)}${word(value)}`;
const transferFrom = (from, to, value) => `0x23b872dd${word(from)}${word(to)}${word(value)}`;

// demo: an ERC-20 is deployed and its supply spread over all accounts; ether and tokens go around and to new
// addresses; allowances are given and used; some transfers revert because tokens or the allowance are missing.
const { Token } = compile("Token.sol");
await onChain(async (people) => {
  await mine(); // The first block's parent is the genesis block, whose state root is not that of its state.
  const [alice, ...others] = people;
  const next = (i, by = 1) => people[(i + by) % people.length];
  const fresh = (i) => `0x${word(0xabcde00 + i).slice(24)}`;
  const token = cast("compute-address", alice, "--nonce", "0").split(" ").at(-1);
  const call = (from, data) => send(from, token, data, { gas: hex(100_000) });
  const pay = (from, to, finney) => send(from, to, "0x", { value: hex(BigInt(finney) * 10n ** 15n), gas: hex(21000) });
  const tokens = (milli) => BigInt(milli) * 10n ** 15n;

  await send(alice, null, Token + word(10n ** 24n));
  for (const [i, person] of others.entries()) await call(alice, transfer(person, tokens(1_000_000 + 37 * i)));
  for (const [i, person] of people.entries()) await pay(person, next(i), 500 + i);
  for (let i = 0; i < 3; i++) await pay(people[i], fresh(i), 1000 + i);
  for (const [i, person] of people.entries()) await call(person, transfer(next(i, 3), tokens(12_345 + 678 * i)));
  for (let i = 3; i < 8; i++) await call(people[i], transfer(fresh(i), tokens(i)));
  for (let i = 0; i < 5; i++) await call(people[i], approve(next(i), tokens(5_000)));
  for (let i = 0; i < 5; i++) await call(next(i), transferFrom(people[i], next(i, 5), tokens(4_000 + i)));
  for (let i = 5; i < 8; i++) await call(people[i], transfer(next(i), 10n ** 24n));
  for (let i = 0; i < 3; i++) await call(next(i), transferFrom(people[i], next(i), tokens(1_001)));
  const { number } = await mine();
  save(number, "demo");
});

const { Store, Hashes } = compile("Scenarios.sol");
const calldata = (signature, ...args) => cast("calldata", signature, ...args.map(String));
const addressOf = (receipt) => receipt.contractAddress;

// types: legacy, access list, dynamic fee and set-code transactions; the last makes an account delegate to
// a contract and calls it in the same transaction.
await onChain(async ([alice, bob, carol, dave]) => {
  await send(alice, null, Store);
  const store = addressOf((await mine()).receipts[0]);
  const set = calldata("set(uint256,uint256,uint256)", 3, 2, 5);
  const accessList = [{ address: store, storageKeys: [`0x${word(0)}`, `0x${word(1)}`] }];
  await send(alice, bob, "0x", { value: hex(1), gasPrice: hex(2_000_000_000) });
  await send(bob, store, set, { gasPrice: hex(2_000_000_000), accessList, type: "0x1" });
  await send(carol, store, set, { maxFeePerGas: hex(3_000_000_000), maxPriorityFeePerGas: hex(7) });
  // The keys of anvil's accounts follow from its published test phrase.
  const phrase = "test test test test test test test test test test test junk";
  const key = (index) => cast("wallet", "private-key", phrase, `${index}`);
  const auth = cast("wallet", "sign-auth", store, "--private-key", key(3), "--nonce", "0", "--chain", "31337");
  const fees = ["--gas-limit", "300000", "--gas-price", "3gwei", "--priority-gas-price", "1gwei"];
  const args = ["--private-key", key(0), "--nonce", "2", "--chain", "31337", "--auth", auth, ...fees];
  const signature = "set(uint256,uint256,uint256)";
  const raw = cast("mktx", dave, signature, "1", "1", "1", ...args, "--rpc-url", url);
  await rpc("eth_sendRawTransaction", raw);
  save((await mine()).number, "types");
});

// hashes: a contract reads hashes of ancestors by BLOCKHASH and from the history contract.
await onChain(async ([alice]) => {
  await send(alice, null, Hashes);
  const hashes = addressOf((await mine()).receipts[0]);
  for (let i = 0; i < 6; i++) await mine();
  for (const back of [1, 4]) await send(alice, hashes, calldata("record(uint256)", back));
  await send(alice, hashes, calldata("recordHistory(uint256)", 6));
  save((await mine()).number, "hashes");
});
