// docs/server.md against the commands and the code.
import { readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { beforeAll, describe, expect, it } from "vitest";
import { REPEATABLE_MS } from "../../src/server/results/file-keys.js";
import { CONNECTION_LIMITS } from "../../src/server/guard/http-server.js";
import { LOCAL_LIMITS } from "../../src/server/guard/limits.js";
import { DEFAULT_SETTINGS } from "../../src/server/http/parts.js";
import { openMetrics } from "../../src/server/observe/metrics.js";
import { QUEUE_TIMES } from "../../src/server/queue/queue-settings.js";
import { dalle2 } from "../support/cli.js";
import { FakeRunner } from "../server/support/fake-runner.js";

const root = new URL("../../", import.meta.url);
const read = (file: string): string => readFileSync(fileURLToPath(new URL(file, root)), "utf8");
const page = read("docs/server.md");

interface Flag {
  readonly text: string;
  /** As `--help` says it. */
  readonly fallback: string | undefined;
}

/** The options of a command, by `--help`. */
function flagsOf(...command: readonly string[]): ReadonlyMap<string, Flag> {
  const { stdout } = dalle2([...command, "--help"]);
  const [, options = ""] = stdout.split(/^Options:$/m);
  const entries = options.split(/\n\s*$/m)[0]!.split(/\n {2}(?=-)/);
  return new Map(
    entries.flatMap((entry) => {
      const [, flag] = /(--[\w-]+)/.exec(entry) ?? [];
      const text = entry.replace(/\s+/g, " ");
      const [, fallback] = /default: "?([^")]+?)"?\)/.exec(text) ?? [];
      return flag === undefined || flag === "--help" ? [] : [[flag, { text, fallback }] as const];
    }),
  );
}

let serve: ReadonlyMap<string, Flag>;
const others = new Set<string>();

beforeAll(() => {
  serve = flagsOf("serve");
  for (const command of [["worker"], ["keys", "create"], ["queue", "show"], ["queue", "retry"]]) {
    for (const flag of flagsOf(...command).keys()) others.add(flag);
  }
});

/** The rows of the table of limits: flag and default. */
const limits = new Map(
  [...page.matchAll(/^\| `(--[\w-]+)` +\| (\d[^|]*?) +\|/gm)].map(([, flag, fallback]) => [flag!, fallback!]),
);

describe("docs/server.md", () => {
  it("has each limit with its default", () => {
    const numbers = [...serve].filter(
      ([flag, { fallback = "" }]) => /^\d/.test(fallback) && !["--host", "--port"].includes(flag),
    );
    expect(numbers.length).toBeGreaterThan(20);
    expect(Object.fromEntries(limits)).toEqual(
      Object.fromEntries(numbers.map(([flag, { fallback }]) => [flag, fallback])),
    );
  });

  it("names only flags that there are, and all of dalle2 serve and dalle2 worker", () => {
    const named = new Set([...page.matchAll(/--[a-z][\w-]*/g)].map(([flag]) => flag));
    // Those of Redis and npm.
    const foreign = ["--bind", "--requirepass", "--maxmemory-policy", "--omit", "--model-config"];
    expect([...named].filter((flag) => !serve.has(flag) && !others.has(flag) && !foreign.includes(flag))).toEqual([]);
    // Those that say all in --help.
    const obvious = ["--json", "--output", "--file", "--dtype", "--weights"];
    expect([...serve.keys(), ...others].filter((flag) => !named.has(flag) && !obvious.includes(flag))).toEqual([]);
  });

  it("says the limits that have no flag", () => {
    const { requestsPerMinute, imagesPerHour, uploadBytesPerHour, concurrentRequests, imagesPerRequest } = LOCAL_LIMITS;
    const local = `${requestsPerMinute}, ${imagesPerHour}, ${uploadBytesPerHour / 2 ** 30} GiB, ${concurrentRequests} and ${imagesPerRequest}`;
    expect(page.replace(/\s+/g, " ")).toContain(local);
    expect(page).toContain(`${CONNECTION_LIMITS.maxHeaderBytes / 1024} KiB and 100 lines of headers`);
    const { maxFields, maxFieldBytes, maxPixelsAtOnce } = DEFAULT_SETTINGS;
    expect(page).toContain(`${maxFields} fields of a form, ${maxFieldBytes / 1024} KiB of each`);
    expect([maxPixelsAtOnce, page.includes("2²⁷ pixels of all uploaded images")]).toEqual([2 ** 27, true]);
    expect(page).toContain(`for ${REPEATABLE_MS / 3_600_000} hours after it`);
    expect([QUEUE_TIMES.attempts, page.includes("a job fails three times")]).toEqual([3, true]);
    expect(page).toContain(`for ${QUEUE_TIMES.keepDeadSeconds / 86_400} days`);
  });

  it("has the metrics that the server counts", async () => {
    const text = await (await openMetrics(new FakeRunner())).text();
    const counted = [...text.matchAll(/^# TYPE (\S+)/gm)].map(([, name]) => name!);
    const own = counted.filter((name) => !/^dalle2_(?:process|nodejs)_/.test(name));
    const rows = [...page.matchAll(/^\| `(dalle2_\w+)/gm)].map(([, name]) => name!);
    expect(own.length).toBeGreaterThan(8);
    expect(rows.sort()).toEqual(own.sort());
  });
});

describe("the deployment files", () => {
  it("give only flags that there are", () => {
    for (const file of ["compose.yaml", "dalle2-serve.service", "dalle2-worker.service", "Containerfile"]) {
      const lines = read(`deploy/${file}`).split("\n");
      const calls = lines.filter((line) => /(?:command: |main\.js |CMD \[")(?:serve|worker)|CMD \["serve/.test(line));
      expect(calls.length, file).toBeGreaterThan(0);
      const flags = calls.flatMap((line) => [...line.matchAll(/--[a-z][\w-]*/g)].map(([flag]) => flag));
      expect(flags.filter((flag) => !serve.has(flag) && !others.has(flag))).toEqual([]);
    }
  });

  it("wait longer than the grace of what they stop", () => {
    const grace = Number(serve.get("--grace")!.fallback);
    const waits = ["compose.yaml", "dalle2-serve.service", "dalle2-worker.service"].flatMap((file) =>
      [...read(`deploy/${file}`).matchAll(/(?:TimeoutStopSec=|stop_grace_period: )(\d+)/g)].map(([, time]) => +time!),
    );
    expect(waits).toHaveLength(4);
    // A worker gives back jobs and closes its device for at most 10 seconds more.
    for (const time of waits) expect(time).toBeGreaterThan(grace + 10);
  });
});
