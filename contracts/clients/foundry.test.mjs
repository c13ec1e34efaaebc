// forge and cast against the devnet's L2.

import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { after, before, test } from "node:test";
import { join } from "node:path";
import { promisify } from "node:util";

import { root, start } from "./devnet.mjs";

const execute = promisify(execFile);
const folder = join(root, "contracts");
let devnet, key, from;

async function tool(name, ...arguments_) {
    const program = join(folder, "node_modules/.bin", name);
    // `forge test` then looks for tests of this folder only, and `cast run` replays deposits, which it knows as Optimism's.
    const env = { ...process.env, FOUNDRY_TEST: "clients/fork", FOUNDRY_NETWORK: "optimism" };
    const { stdout } = await execute(program, arguments_, { cwd: folder, env, maxBuffer: 1 << 26 });
    return stdout.trim();
}

const cast = (command, ...rest) => tool("cast", command, "--rpc-url", devnet.l2_rpc, ...rest);

before(async () => {
    devnet = await start("--prove", "never");
    ({ private_key: key, address: from } = devnet.accounts[7]);
});

after(() => devnet?.stop());

test("forge create deploys, cast sends and calls", async () => {
    const created = await tool(
        "forge", "create", "--rpc-url", devnet.l2_rpc, "--private-key", key, "--broadcast", "--json",
        "test/ExampleToken.sol:ExampleToken", "--constructor-args", "Example", "EXT", "0",
    );
    const { deployedTo } = JSON.parse(created.slice(created.indexOf("{")));
    const to = devnet.accounts[8].address;
    await cast("send", "--private-key", key, deployedTo, "mint(address,uint256)", from, "1000");
    const sent = JSON.parse(
        await cast("send", "--json", "--private-key", key, deployedTo, "transfer(address,uint256)", to, "400"),
    );
    assert.equal(Number(sent.status), 1);
    assert.match(await cast("call", deployedTo, "balanceOf(address)(uint256)", to), /^400/);
    const receipt = JSON.parse(await cast("receipt", "--json", sent.transactionHash));
    assert.equal(receipt.transactionHash, sent.transactionHash);
    assert.match(await cast("run", sent.transactionHash), /Transfer/);
});

test("cast reads the chain", async () => {
    assert.equal(await cast("chain-id"), `${devnet.l2_chain_id}`);
    assert.ok(BigInt(await cast("balance", from)) > 0n);
    assert.ok(Number(await cast("block-number")) >= 0);
    const block = JSON.parse(await cast("block", "--json", "latest"));
    assert.ok(block.hash);
    assert.ok(Number(await cast("estimate", from, "--from", from, "--value", "1")) >= 21_000);
    assert.match(await cast("client"), /vellum/i);
});

test("forge test runs on a fork of the L2", async () => {
    const output = await tool("forge", "test", "--fork-url", devnet.l2_rpc);
    assert.match(output, /0 failed/);
});
