/** Cells of the bar where there is room for it. */
const BAR = 24;
/** A shorter one says nothing. */
const SHORTEST_BAR = 4;

/** What a line of progress says. */
export interface LineContent {
  /** From 0 to 1. */
  readonly share: number;
  /** Numbers behind the bar, which stay as long as there is room for them. */
  readonly numbers: readonly string[];
  /** What is being done, from the longest way to say it to the shortest: the first is taken that fits. */
  readonly texts: readonly string[];
}

/** Minutes and seconds, as 2:05; hours in front where there are any. */
export function formatDuration(milliseconds: number): string {
  const seconds = Math.round(milliseconds / 1000);
  const pad = (value: number): string => String(value).padStart(2, "0");
  const [hours, minutes] = [Math.floor(seconds / 3600), Math.floor(seconds / 60) % 60];
  const rest = pad(seconds % 60);
  return hours > 0 ? `${hours}:${pad(minutes)}:${rest}` : `${minutes}:${rest}`;
}

/** A line of `width` characters at most: where it is narrow, the bar shrinks first, then the text, and the numbers last. */
export function progressLine({ share, numbers, texts }: LineContent, width: number): string {
  const percent = `${String(Math.floor(share * 100)).padStart(3)} %`;
  const lineOf = (text: string): string => [percent, ...numbers, ...(text ? [text] : [])].join("  ");
  const line = [...texts, ""].map(lineOf).find((one) => one.length <= width) ?? lineOf("");
  const cells = Math.min(BAR, width - line.length - 1);
  if (cells < SHORTEST_BAR) return line.trimStart().slice(0, width);
  const filled = Math.round(share * cells);
  return `${"█".repeat(filled)}${"░".repeat(cells - filled)} ${line}`;
}
