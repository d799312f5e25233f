/** The last of the values from `min` to `max` that lie on a step. */
export function lastStep(min: number, max: number, step: number): number {
  // Without the tolerance, 0.3 / 0.1 would be less than three steps.
  return Number((min + Math.floor((max - min) / step + 1e-6) * step).toFixed(6));
}

/** The multiple of `step` above `min` that is nearest to a value, within `min` and `max`. */
export function clampToStep(value: number, min: number, max: number, step: number): number {
  const stepped = min + Math.round((value - min) / step) * step;
  // Without the rounding, 0.1 * 3 would be 0.30000000000000004.
  return Number(Math.min(Math.max(stepped, min), max).toFixed(6));
}
