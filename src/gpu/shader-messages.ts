import { sourcePlace, type KernelFiles } from "./kernel-source.js";

/** The fields of a compiler message that are used. */
export type CompilerMessage = Pick<GPUCompilationMessage, "type" | "lineNum" | "linePos" | "length" | "message">;

/** The messages of the compiler about a kernel, with places in the files of the kernel. */
export interface ShaderReport {
  /** A paragraph for each message: file, line and column, the message, and the line of code. */
  readonly text: string;
  /** The file of the first message; undefined if it is in no file. */
  readonly file: string | undefined;
}

/**
 * Returns the errors of the compiler and their notes, with places in the files of the kernel. `wgsl` is a variant of
 * `source`, which consists of several files. Undefined if there is no error.
 */
export function reportErrors(
  source: KernelFiles,
  wgsl: string,
  messages: readonly CompilerMessage[],
): ShaderReport | undefined {
  if (!messages.some(({ type }) => type === "error")) return undefined;
  const lines = wgsl.split("\n");
  const found = messages
    .filter(({ type }) => type !== "warning")
    .map((message) => {
      const { line, column } = positionOf(message);
      const place = sourcePlace(source, wgsl, line);
      return { message, line, column, place };
    });
  const paragraphs = found.map(({ message, line, column, place }) => {
    const where = place ? `${place.file}:${place.line}:${column}` : `line ${line}:${column} of the generated WGSL`;
    const note = message.type === "info" ? "note: " : "";
    const [what, ...more] = textOf(message.message);
    const quoted = lines[line - 1]?.trim();
    return [
      `  ${where}: ${note}${what}`,
      ...(quoted ? [`    ${quoted}`] : []),
      ...more.map((text) => `    ${text}`),
    ].join("\n");
  });
  return { text: paragraphs.join("\n"), file: found[0]?.place?.file };
}

interface Position {
  readonly line: number;
  readonly column: number;
}

/**
 * Naga reports the position of some errors only in its drawing (`┌─ wgsl:109:29`), and for others the whole function,
 * in which the drawing underlines what is meant.
 */
function positionOf({ lineNum, linePos, length, message }: CompilerMessage): Position {
  const underlined = /^\s*(\d+) │ │.*\n\s*│ │ ( *)\^/m.exec(message);
  if (underlined) return { line: Number(underlined[1]), column: underlined[2]!.length + 1 };
  const drawn = length === 0 ? /┌─ .*:(\d+):(\d+)\s*$/m.exec(message) : null;
  return drawn ? { line: Number(drawn[1]), column: Number(drawn[2]) } : { line: lineNum, column: linePos };
}

/**
 * Returns the lines of a message without the heading and drawing of Naga, which shows the line in the generated WGSL.
 */
function textOf(message: string): string[] {
  const lines = message.trim().split("\n");
  if (!message.includes("┌─")) return lines;
  const [heading = "", ...more] = lines;
  const notes = more.map((line) => line.trim()).filter((line) => line.startsWith("= "));
  return [heading.replace(/^Shader .*?error: /, ""), ...notes.map((note) => note.slice(2))];
}
