// `npm run fuzz -- [TARGET…] [options]` runs test/fuzz/main.ts on the sources.

import { OF_SOURCES, runBundled } from "./run-bundled.js";

await runBundled("test/fuzz/main.ts", OF_SOURCES);
