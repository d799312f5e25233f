import type { NetworkSettings } from "../../diffusion/settings.js";

/** What a call uses if it says nothing else, for people. */
export function settingsText({ steps, condScale }: NetworkSettings): string {
  const guidance = condScale === 1 ? "no guidance" : `guidance scale ${condScale}`;
  return `${steps} sampling steps, ${guidance} by default`;
}
