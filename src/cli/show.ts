import type { Command } from "commander";
import { describeRecord, readRecord, type ImageRecord, type RecordedImage } from "../pipeline/records/image-record.js";
import { print, printJson } from "./output.js";

/** What `dalle2 show --json` prints for a file. */
export interface ShowReport {
  readonly file: string;
  /** Null if the file has none. */
  readonly record: ImageRecord | null;
  /** Other texts in the file, by keyword. */
  readonly texts: Readonly<Record<string, string>>;
}

const EXAMPLES = `
Examples:
  $ dalle2 show output/a-red-circle-7.png
  $ dalle2 show output/*.png --json

The fingerprint of a model file is a hash of its size and of 64 samples of its bytes. It tells model files apart. It is not
the SHA-256 of the file, which \`dalle2 test\` prints.

The exit status is 1 if a file has no record.`;

export function register(program: Command): void {
  program
    .command("show")
    .description("show how images were generated: prompt, seed, models, parameters, adapter")
    .argument("<file...>", "images written by dalle2: PNG, JPEG, WebP")
    .option("--json", "print one JSON array of {file, record, texts}")
    .addHelpText("after", EXAMPLES)
    .action(show);
}

async function show(files: readonly string[], { json }: { readonly json?: true }): Promise<void> {
  const reports: ShowReport[] = [];
  for (const file of files) reports.push(reportOf(file, await readRecord(file)));
  if (json) printJson(reports);
  else print(reports.map(format).join("\n\n"));
  if (reports.some(({ record }) => record === null)) process.exitCode = 1;
}

function reportOf(file: string, { record, texts }: RecordedImage): ShowReport {
  return { file, record: record ?? null, texts };
}

function format({ file, record, texts }: ShowReport): string {
  const others = Object.entries(texts);
  const none = others.length === 0 ? "none, and no other texts" : "none; the other texts in the file:";
  const rows = record ? describeRecord(record) : [["record", none], ...others];
  const width = rows.reduce((most, [name = ""]) => Math.max(most, name.length), 0);
  // Later lines of a value are indented, so that none looks like a row of its own.
  const indented = `\n${" ".repeat(width + 4)}`;
  const oneCell = (value: string) => value.replace(/\r\n?|\n/g, indented);
  return [file, ...rows.map(([name = "", value = ""]) => `  ${name.padEnd(width)}  ${oneCell(value)}`)].join("\n");
}
