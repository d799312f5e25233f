// Writes docs/errors.md from src/platform/error-codes.ts and error-meanings.ts in the last build.
//
//   npm run build && node scripts/generate-errors.js

import { writeFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import prettier from "prettier";

const PAGE = fileURLToPath(new URL("../docs/errors.md", import.meta.url));

const INTRODUCTION = `# Errors

<!-- Written by scripts/generate-errors.js from src/platform/error-codes.ts and error-meanings.ts. -->

Every error that the library throws on purpose is a \`Dalle2Error\`. The only exception: a call that its \`signal\` aborts rejects
with the reason of the signal.

| field | meaning |
| --- | --- |
| \`code\` | for programs: one of the codes below, which do not change |
| \`message\` | what was wrong and where, and often what to do |
| \`place\` | where it happened, as far as known: \`file\`, \`configPath\`, \`tensor\`, \`argument\`, \`module\` (\`unets.0.downs.1.block2\`), \`operation\`, \`component\`, \`step\` of \`steps\` |
| \`advice\` | what to do |
| \`cause\` | the error that caused it, if any |

\`\`\`ts
try {
  await script.run("a red circle", { decoderSteps: 5000 });
} catch (error) {
  if (error instanceof Dalle2Error && error.code === "argument/out-of-range") console.error(error.advice);
  else throw error;
}
\`\`\`

To send an error from a worker or a server, send \`error.toJSON()\`, which is plain data, and restore it with
\`Dalle2Error.fromJSON(data)\`. This keeps class, code, message, place, advice, causes and the fields of the class. An error is
restored as a plain \`Dalle2Error\` if the receiver does not know its code, or if a bundler removed its class because nothing
imports it. The stack is not included by default; \`error.toJSON({ stack: true })\` includes it. Errors never contain a token or
a password.

## Codes
`;

/** Returns the page for a table of codes and their meanings. */
export async function errorsPage(codes, meanings) {
  const subjects = [...new Set(Object.keys(codes).map((code) => code.split("/")[0]))].sort();
  const sections = subjects.map((subject) => {
    const rows = Object.entries(codes)
      .filter(([code]) => code.startsWith(`${subject}/`))
      .map(([code, entry]) => `| \`${code}\` | \`${entry.class}\` | ${meanings[code]} | ${entry.advice} |`);
    return [
      `### ${subject}`,
      "",
      "| code | class | what was wrong | what to do |",
      "| --- | --- | --- | --- |",
      ...rows,
    ];
  });
  const text = [INTRODUCTION, ...sections.map((lines) => `${lines.join("\n")}\n`)].join("\n");
  return prettier.format(text, { ...(await prettier.resolveConfig(PAGE)), filepath: PAGE });
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const { ERROR_CODES } = await import("../dist/platform/error-codes.js");
  const { ERROR_MEANINGS } = await import("../dist/platform/error-meanings.js");
  writeFileSync(PAGE, await errorsPage(ERROR_CODES, ERROR_MEANINGS));
}
