// `npm run bench -- GROUP [options]` runs bench/main.ts. What it measures is the output of `npm run build`.

import { runBundled } from "./run-bundled.js";

await runBundled("bench/main.ts");
