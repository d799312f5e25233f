import { sourcePlace, type KernelSource } from "./kernel-source.js";

/** What is read of a message of the shader compiler. */
export type CompilerMessage = Pick<GPUCompilationMessage, "type" | "lineNum" | "linePos" | "length" | "message">;

/** What the compiler says of a kernel, by the kernel's own files. */
export interface ShaderReport {
  /** A paragraph for each message: file, line and column, what is wrong, and the line itself. */
  readonly text: string;
  /** The file of the first message; undefined where that is in none. */
  readonly file: string | undefined;
}

/**
 * Errors of the compiler, and what it notes on them, in the places of the kernel's files: `wgsl` is a variant of `source`,
 * put together from several. Undefined where there is no error.
 */
export function reportErrors(
  source: Pick<KernelSource, "files">,
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
 * Naga gives some errors no position but in its drawing (`┌─ wgsl:109:29`), and for others the whole function, in which the
 * drawing underlines what is meant.
 */
function positionOf({ lineNum, linePos, length, message }: CompilerMessage): Position {
  const underlined = /^\s*(\d+) │ │.*\n\s*│ │ ( *)\^/m.exec(message);
  if (underlined) return { line: Number(underlined[1]), column: underlined[2]!.length + 1 };
  const drawn = length === 0 ? /┌─ .*:(\d+):(\d+)\s*$/m.exec(message) : null;
  return drawn ? { line: Number(drawn[1]), column: Number(drawn[2]) } : { line: lineNum, column: linePos };
}

/** The lines of a message without Naga's heading and drawing, which shows the line as it is in the generated WGSL. */
function textOf(message: string): string[] {
  const lines = message.trim().split("\n");
  if (!message.includes("┌─")) return lines;
  const [heading = "", ...more] = lines;
  const notes = more.map((line) => line.trim()).filter((line) => line.startsWith("= "));
  return [heading.replace(/^Shader .*?error: /, ""), ...notes.map((note) => note.slice(2))];
}
