// How the page says amounts.

const UNITS = ["B", "kB", "MB", "GB", "TB"];

/** A number of bytes in words: "12 MB", "13.7 GB". From a gigabyte on, a tenth is long to wait for, so it is said. */
export function sayBytes(bytes: number): string {
  const power = Math.min(Math.max(Math.floor(Math.log10(Math.max(bytes, 1)) / 3), 0), UNITS.length - 1);
  const value = bytes / 1000 ** power;
  const hasTenths = power >= 3 || (power > 0 && value < 10);
  return `${value.toFixed(hasTenths ? 1 : 0)} ${UNITS[power]!}`;
}

/** A time in words: "12 s", "3 min". Under two seconds it is not told to the tenth, because it is an estimate. */
export function sayTime(milliseconds: number): string {
  const seconds = Math.max(Math.round(milliseconds / 1000), 1);
  if (seconds < 90) return `${seconds} s`;
  const minutes = Math.round(seconds / 60);
  return minutes < 90 ? `${minutes} min` : `${Math.round(minutes / 60)} h`;
}

/** An estimate of what is left: "about 12 s left". Empty if it is not known. */
export function sayLeft(milliseconds: number | undefined): string {
  return milliseconds === undefined ? "" : `about ${sayTime(milliseconds)} left`;
}

/** A number of images in words: "1 image", "1,200 images". */
export function sayImages(count: number): string {
  return count === 1 ? "1 image" : `${count.toLocaleString("en")} images`;
}
