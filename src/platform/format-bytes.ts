const UNITS = ["bytes", "kB", "MB", "GB", "TB"];

/** Formats a number of bytes in powers of 1000, such as 1.23 GB. */
export function formatBytes(bytes: number): string {
  const power = Math.min(UNITS.length - 1, Math.floor(Math.log10(Math.max(1, bytes)) / 3));
  const unit = bytes === 1 ? "byte" : UNITS[power];
  return `${(bytes / 1000 ** power).toFixed(power === 0 ? 0 : 2)} ${unit}`;
}
