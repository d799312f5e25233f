import { writeFileSync } from "node:fs";
import { join } from "node:path";
import type { Options } from "../lib/options.js";
import { resultsPage } from "./markdown.js";
import { readResults } from "./read.js";
import { chart } from "./svg.js";

/** Writes RESULTS.md beside the folder of results, and the chart of the README from the first adapter with all that it shows. */
export function runReport({ out }: Options): Promise<void> {
  const results = readResults(out);
  writeFileSync(join(out, "..", "RESULTS.md"), resultsPage(results));
  const shown = results.adapters.find(({ ops, steps }) => ops && steps) ?? results.adapters.find(({ ops }) => ops);
  if (shown) writeFileSync("docs/speed.svg", chart(shown));
  return Promise.resolve();
}
