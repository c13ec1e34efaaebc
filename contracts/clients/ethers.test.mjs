// ethers against the devnet's L2.

import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { ContractFactory, JsonRpcProvider, NonceManager, Wallet, WebSocketProvider, parseEther } from "ethers";

import { artifact, start, until } from "./devnet.mjs";

let devnet, provider, wallet;

before(async () => {
    devnet = await start("--prove", "never");
    provider = new JsonRpcProvider(devnet.l2_rpc, undefined, { pollingInterval: 250 });
    wallet = new Wallet(devnet.accounts[4].private_key, provider);
});

after(async () => {
    provider?.destroy();
    await devnet?.stop();
});

test("network, blocks and fees", async () => {
    assert.equal((await provider.getNetwork()).chainId, BigInt(devnet.l2_chain_id));
    const block = await provider.getBlock("latest", true);
    assert.ok(block.number >= 0);
    assert.ok((await provider.getFeeData()).maxFeePerGas > 0n);
});

test("a contract is deployed and used, and many transactions in a row keep their order", async () => {
    const { abi, bytecode } = artifact("ExampleToken");
    const signer = new NonceManager(wallet);
    const token = await new ContractFactory(abi, bytecode, signer).deploy("Example", "EXT", 0n);
    await token.waitForDeployment();
    await (await token.mint(wallet.address, 1000n)).wait();
    const to = devnet.accounts[5].address;
    const sent = await Promise.all(Array.from({ length: 10 }, () => token.transfer(to, 1n)));
    for (const transaction of sent) assert.equal((await transaction.wait()).status, 1);
    assert.equal(await token.balanceOf(to), 10n);
    const events = await token.queryFilter(token.filters.Transfer(wallet.address, to));
    assert.equal(events.length, 10);
    await assert.rejects(token.transfer(to, 10_000n), /revert/i);
});

test("a failing transaction has a receipt with status 0", async () => {
    const { abi, bytecode } = artifact("ExampleToken");
    const token = await new ContractFactory(abi, bytecode, wallet).deploy("Example", "EXT", 0n);
    await token.waitForDeployment();
    const transaction = await token.transfer(devnet.accounts[5].address, 1n, { gasLimit: 100_000n });
    await assert.rejects(transaction.wait(), /CALL_EXCEPTION/);
    assert.equal((await provider.getTransactionReceipt(transaction.hash)).status, 0);
});

test("events arrive over WebSocket", async () => {
    const socket = new WebSocketProvider(devnet.l2_rpc.replace(/^http/, "ws"));
    const blocks = [];
    await socket.on("block", (number) => blocks.push(number));
    await (await wallet.sendTransaction({ to: devnet.accounts[6].address, value: parseEther("0.1") })).wait();
    await until("a block by subscription", () => blocks.length > 0, 20);
    await socket.destroy();
});
