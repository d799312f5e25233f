// Writes docs/openai.md from src/server/http/openai/parameters.ts, extension.ts and src/server/http/errors.ts in the last build.
//
//   npm run build && node scripts/generate-openai-page.js

import { writeFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import prettier from "prettier";

const PAGE = fileURLToPath(new URL("../docs/openai.md", import.meta.url));

const INTRODUCTION = `# OpenAI's images API

<!-- Written by scripts/generate-openai-page.js from src/server/http/openai/parameters.ts and extension.ts. -->

\`dalle2 serve\` answers \`models.list\`, \`models.retrieve\`, \`images.generate\`, \`images.edit\` and \`images.createVariation\` of OpenAI's
clients. The base URL of a client is the URL that the server prints, and \`/v1\`. The OpenAPI document is at \`/openapi.json\`.

\`\`\`ts
import OpenAI from "openai";

const client = new OpenAI({ baseURL: "http://127.0.0.1:8422/v1", apiKey: "none" });
const { data } = await client.images.generate({ prompt: "a red circle", n: 2 });
\`\`\`

## Parameters

Unknown parameters are refused with 400. \`null\` is the default. In forms, numbers and booleans are text.
`;

const EXTENSION = `## The object dalle2

What OpenAI's API does not have is in an object \`dalle2\` of the body: in JSON as an object; in forms as JSON in one field, or as
fields such as \`dalle2[seed]\`, as OpenAI's clients write objects. Absent fields are the model's defaults.
`;

const ANSWERS = `Answers have an object \`dalle2\` too, with \`model\`, \`jobId\` and \`warnings\`, and one for each image, with \`index\`, \`seed\`,
\`parameters\`, \`nativeSize\` and, if it was resampled, \`resampledFrom\`. OpenAI's clients let them through:

\`\`\`ts
const params = { prompt: "a red circle", dalle2: { seed: 1, steps: 20, negativePrompt: "text" } };
const answer = await client.images.generate(params);
\`\`\`

## Errors

An error is \`{ error: { message, type, param, code } }\`. Errors of the library about what was sent have its codes (\`text/…\`,
[errors.md](errors.md)). Answers with 429 and 503 say in \`retry-after\` when to try again, which OpenAI's clients then do. What
would fail again has \`x-should-retry: false\`. Every answer has an id in \`x-request-id\`, which the server's log has too.
`;

/** Returns the page for the tables. */
export async function openAIPage({ parameters, fields, statuses, names }) {
  const code = (text) => `\`${text}\``;
  const routesOf = (routes) => (routes.length === 3 ? "all" : routes.join(", "));
  const table = (head, rows) =>
    [head, head.map(() => "---"), ...rows].map((cells) => `| ${cells.join(" | ")} |`).join("\n") + "\n";
  const text = [
    INTRODUCTION,
    table(
      ["parameter", "routes", "", "what happens"],
      Object.entries(parameters).map(([name, one]) => [code(name), routesOf(one.routes), one.treatment, one.what]),
    ),
    EXTENSION,
    table(
      ["field", "routes", "what it means"],
      fields.map(({ name, routes, what }) => [code(name), routesOf(routes), what]),
    ),
    ANSWERS,
    table(
      ["status", "type", "code"],
      Object.entries(statuses).map(([name, status]) => [
        String(status),
        code(names[name].type),
        code(names[name].code),
      ]),
    ),
  ].join("\n");
  return prettier.format(text, { ...(await prettier.resolveConfig(PAGE)), filepath: PAGE });
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const { PARAMETERS: parameters } = await import("../dist/server/http/openai/parameters.js");
  const { extensionFields } = await import("../dist/server/http/openai/extension.js");
  const { ERROR_NAMES: names } = await import("../dist/server/http/errors.js");
  const { SERVER_ERRORS: statuses } = await import("../dist/server/server-error.js");
  writeFileSync(PAGE, await openAIPage({ parameters, fields: extensionFields(), statuses, names }));
}
