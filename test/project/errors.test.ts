import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { describe, expect, it } from "vitest";
import { Dalle2Error } from "../../src/platform/dalle2-error.js";
import { ERROR_CODES, isErrorCode } from "../../src/platform/error-codes.js";
import { ERROR_MEANINGS } from "../../src/platform/error-meanings.js";

const root = fileURLToPath(new URL("../..", import.meta.url));
const GENERATED = /(?:kernel-sources(?:-\w+)?|vocabulary)\.ts$/;
const files = readdirSync(join(root, "src"), { recursive: true, encoding: "utf8" })
  .filter((file) => file.endsWith(".ts") && !GENERATED.test(file))
  .map((file) => ({ file, text: readFileSync(join(root, "src", file), "utf8") }));

/** Error classes, with the class that each extends and its default code. */
const classes = files.flatMap(({ file, text }) =>
  [...text.matchAll(/^(?:export )?class (\w+Error) extends (\w+) \{\n((?: .*\n|\n)*)\}/gm)].map(
    ([, name, base, body]) => ({
      file,
      name: name!,
      base: base!,
      code: /static (?:override )?readonly code(?:: ErrorCode)? = "([^"]+)"/.exec(body!)?.[1],
      isRegistered: body!.includes("this.register(this)"),
    }),
  ),
);
/** What a server answers to its callers. It has codes and HTTP statuses of its own (`SERVER_ERRORS`). */
const ANSWERS = ["server/server-error.ts"];
const ours = classes.filter(({ name, file }) => name !== "Dalle2Error" && !ANSWERS.includes(file));

/** The tables, which have all codes. */
const TABLES = ["platform/error-codes.ts", "platform/error-meanings.ts"];

/** Places that make errors of other classes, which are wrapped or copied at once, or are not ours. */
const OTHERS = [
  "image/png-text.ts",
  "pipeline/manager/published-clip-config.ts",
  "platform/error-json.ts",
  "platform/secrets.ts",
  "weights/formats/inflate.ts",
];

describe("each class of errors", () => {
  it.each(ours)("has its codes in the table, and can be sent as JSON: $name", ({ name, base, code, isRegistered }) => {
    expect([...classes.map((one) => one.name)]).toContain(base);
    expect(code !== undefined && isErrorCode(code) ? ERROR_CODES[code].class : code).toBe(name);
    expect(isRegistered).toBe(true);
  });

  it("of the table exists", () => {
    const known = new Set(classes.map(({ name }) => name));
    expect(Object.values(ERROR_CODES).filter((entry) => !known.has(entry.class))).toEqual([]);
  });
});

it("only our own errors are thrown on purpose", () => {
  const others = files.filter(({ text }) => /new (?:Error|RangeError|TypeError)\(/.test(text)).map(({ file }) => file);
  expect(others.sort()).toEqual(OTHERS);
  expect(
    files.filter(({ text }) => /class \w+ extends (?:Range|Type)?Error\b/.test(text)).map(({ file }) => file),
  ).toEqual(["platform/dalle2-error.ts", ...ANSWERS]);
});

it.each(Object.keys(ERROR_CODES).filter((code) => code !== Dalle2Error.code))("is thrown somewhere: %s", (code) => {
  const quoted = `"${code}"`;
  const byDefault = ours.find((one) => one.code === code);
  const uses = files.filter(({ file, text }) => !TABLES.includes(file) && text.includes(quoted));
  const thrown = files.some(
    ({ text }) => byDefault && new RegExp(`new ${byDefault.name}\\(|${byDefault.name}\\.at\\(`).test(text),
  );
  // Beside the class that has it by default, where it is thrown.
  expect(byDefault ? thrown : uses.length > 0).toBe(true);
});

it("docs/errors.md is up to date (else: npm run build && node scripts/generate-errors.js)", async () => {
  const { errorsPage } = (await import(join(root, "scripts/generate-errors.js"))) as {
    readonly errorsPage: (codes: typeof ERROR_CODES, meanings: typeof ERROR_MEANINGS) => Promise<string>;
  };
  expect(readFileSync(join(root, "docs/errors.md"), "utf8")).toBe(await errorsPage(ERROR_CODES, ERROR_MEANINGS));
});
