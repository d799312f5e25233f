/** A time is waited for in so many parts. */
const PARTS = 10;
/** Longest time of a timer; a longer one ends at once. */
const LONGEST_MS = 2 ** 31 - 1;

/**
 * Calls a function when a page has run for so many milliseconds; never for Infinity. A page that is busy, or on a device that
 * sleeps, gets no messages meanwhile: that counts as a tenth of the time at most. Returns what ends the wait.
 */
export function afterRunning(milliseconds: number, onPassed: () => void): () => void {
  let left = PARTS;
  let timer: ReturnType<typeof setTimeout> | undefined;
  const next = (): void => {
    if (left-- > 0) timer = setTimeout(next, Math.min(milliseconds / PARTS, LONGEST_MS));
    else onPassed();
  };
  if (milliseconds < Infinity) next();
  return () => {
    clearTimeout(timer);
  };
}
