// Files of src in which a setting of a call is named: `node scripts/setting-files.js NAME…`, by default the three that
// people give most. Names are identifiers and keys of code, whole; comments, messages and examples in texts do not count.
import { readdirSync, readFileSync } from "node:fs";
import { join, relative } from "node:path";
import ts from "typescript";

const SETTINGS = {
  "--cond-scale": /cond_?scale|cond-scale/i,
  "--steps": /^(?:(?:prior|decoder|default_?)?(?:sample_?)?timesteps|steps|priorSteps|stepCounts?)$/i,
  "--seed": /^seeds?$/,
};

/** Names in a file: identifiers, and texts that are one. */
function namesIn(path) {
  const scanner = ts.createScanner(ts.ScriptTarget.Latest, true, ts.LanguageVariant.Standard, readFileSync(path, "utf8"));
  const names = new Set();
  for (let token = scanner.scan(); token !== ts.SyntaxKind.EndOfFileToken; token = scanner.scan()) {
    if (token === ts.SyntaxKind.Identifier || token === ts.SyntaxKind.PrivateIdentifier) names.add(scanner.getTokenText());
    if (token === ts.SyntaxKind.StringLiteral && /^[\w-]+$/.test(scanner.getTokenValue())) names.add(scanner.getTokenValue());
  }
  return names;
}

const root = process.argv[2] ?? "src";
const generated = ["kernel-sources.ts", "vocabulary.ts"];
const files = readdirSync(root, { recursive: true, withFileTypes: true })
  .filter((entry) => entry.isFile() && entry.name.endsWith(".ts") && !generated.includes(entry.name))
  .map((entry) => join(entry.parentPath, entry.name));
for (const [setting, pattern] of Object.entries(SETTINGS)) {
  const found = files.flatMap((file) => {
    const names = [...namesIn(file)].filter((name) => pattern.test(name));
    return names.length > 0 ? [`  ${relative(root, file)}: ${names.join(", ")}`] : [];
  });
  console.log(`${setting}: ${found.length} files\n${found.sort().join("\n")}`);
}
