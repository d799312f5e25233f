// Files of src that name a setting of a call: `node scripts/setting-files.js [folder]`. Names are those of code, identifiers
// and keys; comments, messages, and examples in texts do not count.
import { readdirSync, readFileSync } from "node:fs";
import { join, relative } from "node:path";
import ts from "typescript";

/** `timesteps` is also the length of a diffusion process, and the times of a batch: here it is nothing that a call asks for. */
const OTHER_TIMESTEPS =
  /(?:^|\/)(?:ddpm|schedule|stored-schedule|schedules|time-grid|time-embedding|prior-network|prior-net|infer-decoder|infer-prior|sampler|samplers|dpmpp|ddim)\.ts$/;

const SETTINGS = {
  "--cond-scale": (name) => /cond_?scale|cond-scale/i.test(name),
  "--steps": (name, file) =>
    /^(?:(?:prior|decoder|sample|default_sample_|sample_)timesteps|priorSteps|stepCounts?)$/i.test(name) ||
    (name === "timesteps" && !OTHER_TIMESTEPS.test(file)),
  "--seed": (name) => /^seeds?$/.test(name),
};

/** Identifiers of a file, and texts that could be one. */
function namesIn(file) {
  const names = new Set();
  const visit = (node) => {
    if (ts.isIdentifier(node) || ts.isPrivateIdentifier(node)) names.add(node.text);
    if (ts.isStringLiteral(node) && /^[\w-]+$/.test(node.text)) names.add(node.text);
    ts.forEachChild(node, visit);
  };
  visit(ts.createSourceFile(file, readFileSync(file, "utf8"), ts.ScriptTarget.Latest));
  return [...names];
}

const root = process.argv[2] ?? "src";
const generated = ["kernel-sources.ts", "vocabulary.ts"];
const names = readdirSync(root, { recursive: true, withFileTypes: true })
  .filter((entry) => entry.isFile() && entry.name.endsWith(".ts") && !generated.includes(entry.name))
  .map((entry) => join(entry.parentPath, entry.name))
  .map((file) => [relative(root, file), namesIn(file)]);
for (const [setting, isName] of Object.entries(SETTINGS)) {
  const found = names.map(([file, all]) => [file, all.filter((name) => isName(name, file))]);
  const lines = found.filter(([, all]) => all.length > 0).map(([file, all]) => `  ${file}: ${all.join(", ")}`);
  console.log(`${setting}: ${lines.length} files\n${lines.sort().join("\n")}`);
}
