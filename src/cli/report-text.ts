import type { GeneratedOn } from "../pipeline/records/image-record.js";

// Texts of reports: titles, and rows with aligned columns.

/** The length of the longest text. Not `Math.max(...)`: a file may have more tensors than a call can take arguments. */
export function widest(texts: readonly string[]): number {
  return texts.reduce((most, { length }) => Math.max(most, length), 0);
}

/** Formats a title and indented rows with aligned columns. */
export function section(title: string, texts: readonly (readonly string[])[]): string {
  // A name with a line break would look like a row of its own.
  const rows = texts.map((row) => row.map((cell) => cell.replace(/[\t\n\r]/g, "\uFFFD")));
  const widths = (rows[0] ?? []).map((_, column) => widest(rows.map((row) => row[column]!)));
  const lines = rows.map((row) =>
    row
      .map((cell, column) => cell.padEnd(widths[column]!))
      .join("  ")
      .trimEnd(),
  );
  return [title, ...lines.map((line) => `  ${line}`)].join("\n");
}

/** Formats the dtype of models, and what their weights are stored in if that is another format. */
export function formatDtype({ dtype, weights }: Pick<GeneratedOn, "dtype" | "weights">): string {
  return weights === "full" ? dtype : `${dtype} with weights in ${weights}`;
}

export function indent(text: string): string {
  return text.replace(/^/gm, "  ");
}

export function formatCount(count: number): string {
  return count.toLocaleString("en-US");
}
