import js from "@eslint/js";
import svelte from "eslint-plugin-svelte";
import svelteParser from "svelte-eslint-parser";
import tseslint from "typescript-eslint";

export default tseslint.config(
  {
    ignores: [
      "dist/",
      "web/dist/",
      "docs/api/",
      "output/",
      ".cache/",
      "src/gpu/kernel-sources*.ts",
      "src/tokenizer/vocabulary.ts",
      "test/fixtures/",
    ],
  },
  js.configs.recommended,
  {
    files: ["**/*.ts"],
    extends: [...tseslint.configs.strictTypeChecked, ...tseslint.configs.stylisticTypeChecked],
    languageOptions: { parserOptions: { project: "./tsconfig.json" } },
    rules: {
      "@typescript-eslint/restrict-template-expressions": ["error", { allowNumber: true, allowBoolean: true }],
      // noUncheckedIndexedAccess makes every array read possibly undefined; `!` states an index that the loop bounds already prove.
      "@typescript-eslint/no-non-null-assertion": "off",
      "@typescript-eslint/unified-signatures": "off",
    },
  },
  {
    files: ["web/**/*.ts", "test/app/unit/**/*.ts"],
    languageOptions: { parserOptions: { project: "./web/tsconfig.json" } },
  },
  ...svelte.configs.recommended,
  {
    files: ["web/**/*.svelte"],
    extends: [...tseslint.configs.strict, ...tseslint.configs.stylistic],
    // svelte-check knows the types.
    rules: {
      "no-undef": "off",
      "@typescript-eslint/no-non-null-assertion": "off",
      // It knows that one bindable property makes `let` of the whole destructuring.
      "prefer-const": "off",
      "svelte/prefer-const": ["error", { destructuring: "all", excludedRunes: ["$derived"] }],
    },
  },
  {
    files: ["web/**/*.svelte", "web/**/*.svelte.ts"],
    languageOptions: { parser: svelteParser, parserOptions: { parser: tseslint.parser } },
  },
  {
    files: ["src/**/*.ts"],
    ignores: ["src/cli/output.ts", "src/platform/printable.ts", "src/platform/json.ts"],
    rules: {
      // What is shown may come from strangers: it goes through src/cli/output.ts, or warnOnConsole.
      "no-console": "error",
      "no-restricted-syntax": [
        "error",
        {
          selector: "CallExpression[callee.property.name='write'][callee.object.property.name=/^std(out|err)$/]",
          message: "Write by src/cli/output.ts.",
        },
      ],
      // JSON from outside may nest so deep that whoever walks it runs out of stack: src/platform/json.ts bounds it.
      "no-restricted-properties": ["error", { object: "JSON", property: "parse", message: "Use parseJson." }],
    },
  },
  {
    // A file or a function that outgrows these is a sign of a missing room: part it by subject.
    files: ["src/**/*.ts", "web/src/**/*.ts"],
    rules: {
      "max-lines": ["error", { max: 400 }],
      "max-lines-per-function": ["error", { max: 60, skipBlankLines: true, skipComments: true }],
    },
  },
  {
    files: ["**/*.js", "**/*.cjs"],
    languageOptions: {
      globals: {
        process: "readonly",
        setInterval: "readonly",
        clearInterval: "readonly",
        console: "readonly",
        URL: "readonly",
        document: "readonly",
        Blob: "readonly",
        module: "writable",
        Buffer: "readonly",
      },
    },
  },
  {
    files: ["examples/browser/main.js"],
    languageOptions: { globals: { AbortController: "readonly", FormData: "readonly", ImageData: "readonly" } },
  },
);
