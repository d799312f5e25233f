// Writes docs/errors.md from the table of codes in src/platform/error-codes.ts in the last build.
//
//   npm run build && node scripts/generate-errors.js

import { writeFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import prettier from "prettier";

const PAGE = fileURLToPath(new URL("../docs/errors.md", import.meta.url));

const INTRODUCTION = `# Errors

<!-- Written by scripts/generate-errors.js from src/platform/error-codes.ts. -->

Every error that the library throws on purpose is a \`Dalle2Error\`. The one exception is a call that its \`signal\` ended: it
rejects with the signal's reason.

| field | what it is |
| --- | --- |
| \`code\` | what a program decides by: one of the codes below, which stay the same |
| \`message\` | what was wrong, with its place, and often what to do |
| \`place\` | where, as far as it is known: \`file\`, \`configPath\`, \`tensor\`, \`argument\`, \`module\` (\`unets.0.downs.1.block2\`), \`operation\`, \`component\`, \`step\` of \`steps\` |
| \`advice\` | what to do |
| \`cause\` | the error that led to it, if any |

\`\`\`ts
try {
  await script.run("a red circle", { decoderSteps: 5000 });
} catch (error) {
  if (error instanceof Dalle2Error && error.code === "argument/out-of-range") console.error(error.advice);
  else throw error;
}
\`\`\`

To pass an error from a worker or a server, send \`error.toJSON()\`, which is plain data, and make an error of it again by
\`Dalle2Error.fromJSON(data)\`: class, code, message, place, advice, causes and the fields of the class stay. A code that the
receiver does not know comes back as a plain \`Dalle2Error\`. A class that a bundler left out, because nothing there imports it,
comes back so too. The stack is left out unless asked for: \`error.toJSON({ stack: true })\`. No text of an error holds a token
or a password.

## Codes
`;

/** Returns the page for a table of codes. */
export async function errorsPage(codes) {
  const subjects = [...new Set(Object.keys(codes).map((code) => code.split("/")[0]))].sort();
  const sections = subjects.map((subject) => {
    const rows = Object.entries(codes)
      .filter(([code]) => code.startsWith(`${subject}/`))
      .map(([code, entry]) => `| \`${code}\` | \`${entry.class}\` | ${entry.meaning} | ${entry.advice} |`);
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
  writeFileSync(PAGE, await errorsPage(ERROR_CODES));
}
