// viem against the devnet: contracts, events, subscriptions, and its op-stack actions from deposit to finalised withdrawal.

import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import {
    createPublicClient,
    createWalletClient,
    defineChain,
    getContract,
    http,
    parseEther,
    webSocket,
} from "viem";
import { privateKeyToAccount } from "viem/accounts";
import { publicActionsL1, publicActionsL2, walletActionsL1, walletActionsL2 } from "viem/op-stack";

import { artifact, start, until } from "./devnet.mjs";

// Proofs are made: a withdrawal is final only with one.
let devnet, l1, l2, l1Wallet, l2Wallet, account;

before(async () => {
    devnet = await start("--prove", "always");
    const ether = { name: "Ether", symbol: "ETH", decimals: 18 };
    const chain = (id, url, contracts) =>
        defineChain({
            id,
            name: `chain ${id}`,
            nativeCurrency: ether,
            rpcUrls: { default: { http: [url] } },
            contracts,
        });
    const multicall3 = { address: "0xca11bde05977b3631167028862be2a173976ca11" };
    const l1Chain = chain(devnet.l1_chain_id, devnet.l1_rpc, { multicall3 });
    const at = (address) => ({ [devnet.l1_chain_id]: { address } });
    const l2Chain = chain(devnet.l2_chain_id, devnet.l2_rpc, {
        multicall3,
        portal: at(devnet.contracts.portal),
        l2OutputOracle: at(devnet.contracts.l2_output_oracle),
        l1StandardBridge: at(devnet.contracts.bridge),
    });
    account = privateKeyToAccount(devnet.accounts[1].private_key);
    const pollingInterval = 250;
    l1 = createPublicClient({ chain: l1Chain, transport: http(), pollingInterval }).extend(publicActionsL1());
    l2 = createPublicClient({ chain: l2Chain, transport: http(), pollingInterval }).extend(publicActionsL2());
    l1Wallet = createWalletClient({ account, chain: l1Chain, transport: http() }).extend(walletActionsL1());
    l2Wallet = createWalletClient({ account, chain: l2Chain, transport: http() }).extend(walletActionsL2());
});

after(async () => {
    assert.equal(await devnet?.stop(), 130, "ctrl-C ends the devnet with code 130");
});

test("a contract is deployed, called, and its events are found", async () => {
    const { abi, bytecode } = artifact("ExampleToken");
    const hash = await l2Wallet.deployContract({ abi, bytecode, args: ["Example", "EXT", 0n] });
    const { contractAddress: address, status } = await l2.waitForTransactionReceipt({ hash });
    assert.equal(status, "success");
    const token = getContract({ address, abi, client: { public: l2, wallet: l2Wallet } });
    const to = devnet.accounts[2].address;
    const minted = await token.write.mint([account.address, 1000n]);
    await l2.waitForTransactionReceipt({ hash: minted });
    const sent = await token.write.transfer([to, 250n]);
    const receipt = await l2.waitForTransactionReceipt({ hash: sent });
    assert.equal(await token.read.balanceOf([to]), 250n);
    assert.equal(await token.read.balanceOf([account.address]), 750n);
    const events = await token.getEvents.Transfer({ to }, { fromBlock: receipt.blockNumber });
    assert.equal(events.length, 1);
    assert.equal(events[0].args.value, 250n);
    // A call that fails says why.
    await assert.rejects(token.simulate.transfer([to, 10_000n], { account }), /ERC20InsufficientBalance|insufficient/i);
    const logs = await l2.getLogs({ address, fromBlock: 0n, toBlock: "latest" });
    // The owner, the first supply, what was minted, what was sent.
    assert.equal(logs.length, 4);
});

test("many reads are one call", async () => {
    const { abi } = artifact("L1Block");
    const read = (functionName) => ({ address: "0x4200000000000000000000000000000000000015", abi, functionName });
    const [number, timestamp, missing] = await l2.multicall({
        contracts: [read("number"), read("timestamp"), { ...read("number"), address: account.address }],
    });
    assert.ok(number.result >= 0n && timestamp.result > 0n);
    assert.equal(missing.status, "failure");
});

test("fees, history, proofs and code are answered", async () => {
    const fees = await l2.estimateFeesPerGas();
    assert.ok(fees.maxFeePerGas > 0n);
    const history = await l2.getFeeHistory({ blockCount: 4, rewardPercentiles: [25, 75] });
    assert.ok(history.baseFeePerGas.length >= 2);
    const proof = await l2.getProof({ address: account.address, storageKeys: [] });
    assert.ok(proof.accountProof.length > 0);
    assert.equal(await l2.getCode({ address: account.address }), undefined);
    assert.equal(await l2.getChainId(), devnet.l2_chain_id);
});

test("new heads arrive over WebSocket", async () => {
    const url = devnet.l2_rpc.replace(/^http/, "ws");
    const client = createPublicClient({ transport: webSocket(url) });
    const numbers = [];
    const stop = client.watchBlockNumber({ onBlockNumber: (number) => numbers.push(number) });
    const to = devnet.accounts[3].address;
    await l2Wallet.sendTransaction({ to, value: 1n });
    await until("two heads", () => numbers.length >= 2, 20);
    stop();
    (await client.transport.getRpcClient()).close();
});

test("a deposit arrives", async () => {
    const to = "0x00000000000000000000000000000000000d0e05";
    const request = await l2.buildDepositTransaction({ mint: parseEther("1"), to, account: account.address });
    const hash = await l1Wallet.depositTransaction(request);
    const receipt = await l1.waitForTransactionReceipt({ hash });
    assert.equal(receipt.status, "success");
    await until("the deposit on L2", async () => (await l2.getBalance({ address: to })) === parseEther("1"));
});

test("a withdrawal is proven and finalised on L1", async () => {
    const value = parseEther("0.25");
    const to = "0x000000000000000000000000000000000000a11e";
    const request = await l1.buildInitiateWithdrawal({ to, value, account: account.address });
    const hash = await l2Wallet.initiateWithdrawal(request);
    const receipt = await l2.waitForTransactionReceipt({ hash });
    assert.equal(receipt.status, "success");
    const { output, withdrawal } = await l1.waitToProve({ receipt, targetChain: l2.chain });
    const prove = await l2.buildProveWithdrawal({ output, withdrawal, account: account.address });
    const proven = await l1Wallet.proveWithdrawal(prove);
    assert.equal((await l1.waitForTransactionReceipt({ hash: proven })).status, "success");
    await l1.waitToFinalize({ targetChain: l2.chain, withdrawalHash: withdrawal.withdrawalHash });
    const finalized = await l1Wallet.finalizeWithdrawal({ targetChain: l2.chain, withdrawal });
    assert.equal((await l1.waitForTransactionReceipt({ hash: finalized })).status, "success");
    assert.equal(await l1.getBalance({ address: to }), value);
    const again = l1Wallet.finalizeWithdrawal({ targetChain: l2.chain, withdrawal });
    await assert.rejects(again, "a withdrawal is paid once");
});
