// `npm run full-size -- [NETWORK ...] [options]` runs test/full-size/main.ts on the sources.

import { OF_SOURCES, runBundled } from "./run-bundled.js";

await runBundled("test/full-size/main.ts", OF_SOURCES);
