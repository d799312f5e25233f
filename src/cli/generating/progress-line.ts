/** Maximum width of the bar, in characters. */
const BAR = 24;
/** Minimum width; if there is less room, the bar is left out. */
const SHORTEST_BAR = 4;

/** Content of a progress line. */
export interface LineContent {
  /** From 0 to 1. */
  readonly share: number;
  /** Numbers after the bar. They are shortened last. */
  readonly numbers: readonly string[];
  /** Descriptions of the current work, from longest to shortest. The first that fits is shown. */
  readonly texts: readonly string[];
}

/** Formats a duration as minutes and seconds (2:05), or hours, minutes and seconds (1:02:05). */
export function formatDuration(milliseconds: number): string {
  const seconds = Math.round(milliseconds / 1000);
  const pad = (value: number): string => String(value).padStart(2, "0");
  const [hours, minutes] = [Math.floor(seconds / 3600), Math.floor(seconds / 60) % 60];
  const rest = pad(seconds % 60);
  return hours > 0 ? `${hours}:${pad(minutes)}:${rest}` : `${minutes}:${rest}`;
}

/** Formats a line of at most `width` characters. If space is short, the bar shrinks first, then the text; the numbers last. */
export function progressLine({ share, numbers, texts }: LineContent, width: number): string {
  const percent = `${String(Math.floor(share * 100)).padStart(3)} %`;
  const lineOf = (text: string): string => [percent, ...numbers, ...(text ? [text] : [])].join("  ");
  const line = [...texts, ""].map(lineOf).find((one) => one.length <= width) ?? lineOf("");
  const cells = Math.min(BAR, width - line.length - 1);
  if (cells < SHORTEST_BAR) return line.trimStart().slice(0, width);
  const filled = Math.round(share * cells);
  return `${"█".repeat(filled)}${"░".repeat(cells - filled)} ${line}`;
}
