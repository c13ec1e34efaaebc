// Writes artifacts/NAME.json for every contract that the node deploys or places in genesis, from forge's out/.
// With --check it writes nothing and fails if the committed files differ from the build.
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

// Placed in L2's genesis by their runtime code: no constructor, no immutables.
const predeploys = [
  "WETH9",
  "GasPriceOracle",
  "L2StandardBridge",
  "OptimismMintableERC20Factory",
  "L1Block",
  "L2ToL1MessagePasser",
  "FeeVault",
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

const check = process.argv.includes("--check");
mkdirSync(join(root, "artifacts"), { recursive: true });
const stale = [];
for (const name of [...deployed, ...predeploys]) {
  const path = join(root, "artifacts", `${name}.json`);
  const text = artifact(name);
  if (existsSync(path) && readFileSync(path, "utf8") === text) continue;
  if (check) stale.push(name);
  else writeFileSync(path, text);
}
if (stale.length > 0) {
  console.error(`artifacts differ from the build: ${stale.join(", ")}; run \`npm run artifacts\``);
  process.exit(1);
}
