// Starts a devnet for a test file and stops it at its end.
//
// The binary is VELLUM, or the release build of this repository. `start` resolves when the devnet is ready, with what
// it prints (docs/operator-guide.md): l1_rpc, l2_rpc, l1_chain_id, l2_chain_id, contracts, accounts.

import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";

export const root = fileURLToPath(new URL("../..", import.meta.url));
const binary = process.env.VELLUM ?? join(root, "target/release/vellum");
const READY_MS = 60_000;

/** A port that was free a moment ago. */
export function freePort() {
    return new Promise((resolve, reject) => {
        const server = createServer();
        server.once("error", reject);
        server.listen(0, "127.0.0.1", () => {
            const { port } = server.address();
            server.close(() => resolve(port));
        });
    });
}

/** Runs `vellum devnet --json` with these arguments. */
export async function start(...extra) {
    const folder = mkdtempSync(join(tmpdir(), "vellum-clients-"));
    const [l1, l2] = [await freePort(), await freePort()];
    const ports = ["--l2-port", `${l2}`, ...(extra.includes("--l1") ? [] : ["--l1-port", `${l1}`])];
    const child = spawn(binary, ["devnet", "--json", "--data-dir", join(folder, "data"), ...ports, ...extra]);
    let log = "";
    child.stderr.on("data", (bytes) => (log += bytes));
    const ended = new Promise((resolve) => child.once("exit", (code, signal) => resolve(code ?? signal)));
    const stop = async () => {
        child.kill("SIGINT");
        const code = await ended;
        rmSync(folder, { recursive: true, force: true });
        return code;
    };
    const line = new Promise((resolve) => createInterface({ input: child.stdout }).once("line", resolve));
    const late = new Promise((resolve) => setTimeout(resolve, READY_MS, "late").unref());
    const first = await Promise.race([line, ended, late]);
    if (typeof first !== "string" || !first.startsWith("{")) {
        await stop();
        assert.fail(`the devnet did not get ready: ${first}\n${log}`);
    }
    return { ...JSON.parse(first), stop, log: () => log };
}

/** ABI and bytecode of a contract, from the artifacts that the binary holds too. */
export function artifact(name) {
    return JSON.parse(readFileSync(join(root, "contracts/artifacts", `${name}.json`), "utf8"));
}

/** Asks until the answer is truthy. */
export async function until(what, ask, seconds = 60) {
    const end = Date.now() + 1000 * seconds;
    for (;;) {
        const answer = await ask();
        if (answer) return answer;
        assert.ok(Date.now() < end, `waited ${seconds} s for: ${what}`);
        await new Promise((resolve) => setTimeout(resolve, 250));
    }
}
