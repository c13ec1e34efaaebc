// Writes artifacts/NAME.json for every contract that the node deploys or places in genesis, and their runtime sizes to
// snapshots/sizes.json, from forge's out/. With --check it writes nothing and fails if committed files differ.
import { existsSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";

const root = join(dirname(fileURLToPath(import.meta.url)), "..");

// Deployed by transactions.
const deployed = [
  "Timelock",
  "AttestedVerifier",
  "VerifierRegistry",
  "Portal",
  "Rollup",
  "L1StandardBridge",
  "OptimismMintableERC20",
  "ExampleToken",
];

// Placed in a genesis by their runtime code: no constructor, no immutables.
const predeploys = [
  "WETH9",
  "GasPriceOracle",
  "L2StandardBridge",
  "OptimismMintableERC20Factory",
  "L1Block",
  "L2ToL1MessagePasser",
  "FeeVault",
  "Multicall3",
];

function artifact(name) {
  const out = JSON.parse(readFileSync(join(root, "out", `${name}.sol`, `${name}.json`), "utf8"));
  const immutables = Object.values(out.deployedBytecode.immutableReferences ?? {}).flat();
  if (predeploys.includes(name)) {
    const hasConstructor = out.abi.some((entry) => entry.type === "constructor");
    if (immutables.length > 0 || hasConstructor) throw new Error(`${name}: a predeploy has neither constructor nor immutables`);
  }
  for (const code of [out.bytecode, out.deployedBytecode]) {
    if (Object.keys(code.linkReferences ?? {}).length > 0) throw new Error(`${name}: needs linking`);
  }
  const abi = out.abi.map((entry) => `    ${JSON.stringify(entry)}`).join(",\n");
  return [
    "{",
    `  "contract": "${name}",`,
    `  "abi": [\n${abi}\n  ],`,
    `  "bytecode": "${out.bytecode.object}",`,
    `  "deployedBytecode": "${out.deployedBytecode.object}"`,
    "}",
    "",
  ].join("\n");
}

const names = [...deployed, ...predeploys];
const files = new Map(names.map((name) => [join("artifacts", `${name}.json`), artifact(name)]));
const sizes = names.map((name) => [name, (JSON.parse(files.get(join("artifacts", `${name}.json`))).deployedBytecode.length - 2) / 2]);
files.set(join("snapshots", "sizes.json"), `${JSON.stringify(Object.fromEntries(sizes), null, 2)}\n`);

const check = process.argv.includes("--check");
const stale = [];
for (const [file, text] of files) {
  const path = join(root, file);
  if (existsSync(path) && readFileSync(path, "utf8") === text) continue;
  if (check) {
    stale.push(file);
  } else {
    mkdirSync(dirname(path), { recursive: true });
    writeFileSync(path, text);
  }
}
if (stale.length > 0) {
  console.error(`differ from the build: ${stale.join(", ")}; run \`npm run artifacts\``);
  process.exit(1);
}
