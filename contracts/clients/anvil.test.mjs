// anvil as the L1: contracts are deployed there, batches are committed there, deposits come from there.

import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { after, before, test } from "node:test";
import { join } from "node:path";
import { JsonRpcProvider, Wallet, Contract, parseEther } from "ethers";

import { artifact, freePort, root, start, until } from "./devnet.mjs";

let anvil, devnet, l1, l2;

before(async () => {
    const port = await freePort();
    const program = join(root, "contracts/node_modules/.bin/anvil");
    const options = ["--port", `${port}`, "--block-time", "1", "--hardfork", "prague", "--silent"];
    anvil = spawn(program, options, { stdio: "ignore" });
    const url = `http://127.0.0.1:${port}`;
    l1 = new JsonRpcProvider(url, undefined, { pollingInterval: 250 });
    await until("anvil", () => l1.send("eth_chainId", []).catch(() => null), 30);
    devnet = await start("--prove", "never", "--l1", url);
    l2 = new JsonRpcProvider(devnet.l2_rpc, undefined, { pollingInterval: 250 });
});

after(async () => {
    l1?.destroy();
    l2?.destroy();
    await devnet?.stop();
    anvil?.kill();
});

async function deposit(to) {
    const { abi } = artifact("Portal");
    const wallet = new Wallet(devnet.accounts[1].private_key, l1);
    const portal = new Contract(devnet.contracts.portal, abi, wallet);
    const value = parseEther("2");
    const sent = await portal.depositTransaction(to, value, 100_000n, false, "0x", { value });
    await sent.wait();
    await until("the deposit on L2", async () => (await l2.getBalance(to)) === value);
}

test("a deposit from anvil arrives and its batch is committed there", async () => {
    await deposit("0x00000000000000000000000000000000000d0e05");
    const block = await l2.getBlockNumber();
    await until("the batch on anvil", async () => (await l2.getBlock("safe")).number >= block, 120);
});

test("while L1 does not answer L2 goes on, and deposits arrive again afterwards", async () => {
    anvil.kill("SIGSTOP");
    const before = await l2.getBlockNumber();
    await until("blocks without L1", async () => (await l2.getBlockNumber()) >= before + 3);
    anvil.kill("SIGCONT");
    await deposit("0x00000000000000000000000000000000000d0e06");
});
