// `npm run test:kills`: the tests that kill workers and Redis in the middle of jobs, with 100 killed workers (or as many as the
// argument says). The short form is a part of `npm test`.

import { spawnSync } from "node:child_process";
import { fileURLToPath } from "node:url";

process.chdir(fileURLToPath(new URL("..", import.meta.url)));
const [kills = "100"] = process.argv.slice(2);
const { status } = spawnSync("npx", ["vitest", "run", "test/server/queue/kills.test.ts"], {
  stdio: "inherit",
  env: { ...process.env, QUEUE_KILLS: kills },
});
process.exitCode = status ?? 1;
