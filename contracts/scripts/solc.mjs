#!/usr/bin/env node
// Gives npm's solc (a WebAssembly build) the two calls of the native compiler that forge uses:
// `--version`, and `--standard-json` with the input on stdin.
import { readFileSync } from "node:fs";
import { createRequire } from "node:module";

const solc = createRequire(import.meta.url)("solc");

if (process.argv.includes("--version")) {
  console.log("solc, the solidity compiler commandline interface");
  console.log(`Version: ${solc.version()}`);
} else if (process.argv.includes("--standard-json")) {
  process.stdout.write(solc.compile(readFileSync(0, "utf8")));
} else {
  console.error("usage: solc.mjs --version | --standard-json");
  process.exit(2);
}
