// `npm run stress -- NAME [options]` runs test/server/stress/main.ts on the sources.

import { OF_SOURCES, runBundled } from "./run-bundled.js";

await runBundled("test/server/stress/main.ts", OF_SOURCES);
