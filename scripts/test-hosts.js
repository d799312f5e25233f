// `npm run test:hosts`: a server, Redis, two workers and a client, each on a host of its own: a network namespace with an address
// of 192.0.2.0/24 (RFC 5737), on a bridge in another namespace. The network of this machine is not touched. Cables are pulled in
// the middle of jobs. Needs Linux, root, iproute2 and redis-server; uses the last `npm run build`. Takes a minute or two.

import assert from "node:assert/strict";
import { spawn, spawnSync } from "node:child_process";
import { createHash } from "node:crypto";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as pause } from "node:timers/promises";
import { fileURLToPath } from "node:url";

// Not among the names that the linter knows.
const { fetch, performance } = globalThis;

const SELF = fileURLToPath(import.meta.url);
const CLI = fileURLToPath(new URL("../dist/cli/main.js", import.meta.url));
const PREFIX = `dalle2-${process.pid}`;
const HOSTS = {
  redis: "192.0.2.2",
  server: "192.0.2.3",
  client: "192.0.2.4",
  "worker-1": "192.0.2.5",
  "worker-2": "192.0.2.6",
};
const QUEUE = `redis://${HOSTS.redis}:6379`;
const SERVER = `http://${HOSTS.server}:8422`;
const PASSWORD = "the-password-of-the-test";
const LONG = 300;

const folder = mkdtempSync(join(tmpdir(), "dalle2-hosts-"));
const keys = join(folder, "keys.json");
const env = { ...process.env, DALLE2_QUEUE_PASSWORD: PASSWORD, DALLE2_KEYS: keys };
const processes = [];
let key = "";

/** Runs a program and returns what it printed. Throws if it fails. */
function run(program, ...args) {
  const { status, stdout, stderr, error } = spawnSync(program, args, { encoding: "utf8", env });
  if (error) throw error;
  if (status !== 0) throw new Error(`${program} ${args.join(" ")} ended with status ${status ?? "none"}: ${stderr}`);
  return stdout.trim();
}

const namespace = (host) => `${PREFIX}-${host}`;

function connectHosts() {
  const hub = namespace("switch");
  run("ip", "netns", "add", hub);
  run("ip", "-n", hub, "link", "add", "bridge", "type", "bridge");
  run("ip", "-n", hub, "link", "set", "bridge", "up");
  for (const [host, address] of Object.entries(HOSTS)) {
    const own = namespace(host);
    run("ip", "netns", "add", own);
    run("ip", "-n", hub, "link", "add", host, "type", "veth", "peer", "name", "eth0", "netns", own);
    run("ip", "-n", hub, "link", "set", host, "master", "bridge", "up");
    run("ip", "-n", own, "address", "add", `${address}/24`, "dev", "eth0");
    run("ip", "-n", own, "link", "set", "eth0", "up");
    run("ip", "-n", own, "link", "set", "lo", "up");
  }
}

/** Pulls the cable of a host, or plugs it in. Its own interface stays up, as with a switch that fails. */
const cable = (host, state) => run("ip", "-n", namespace("switch"), "link", "set", host, state);

function removeHosts() {
  for (const child of processes) child.kill("SIGKILL");
  for (const host of [...Object.keys(HOSTS), "switch"]) spawnSync("ip", ["netns", "delete", namespace(host)]);
  rmSync(folder, { recursive: true, force: true });
}

/** Starts a program on a host. */
function start(host, program, ...args) {
  const child = spawn("ip", ["netns", "exec", namespace(host), program, ...args], { env });
  child.text = "";
  for (const stream of [child.stdout, child.stderr]) stream.on("data", (chunk) => (child.text += chunk));
  child.ended = new Promise((resolve) => child.once("close", resolve));
  processes.push(child);
  return child;
}

/** Repeats a check until it does not throw. */
async function eventually(check, seconds = 60) {
  for (const end = performance.now() + seconds * 1000; ; await pause(200)) {
    try {
      return await check();
    } catch (error) {
      if (performance.now() > end) throw error;
    }
  }
}

/** Asks for an image, on the host of the client. Resolves with the status and the hash of the image. */
async function generate(body, token = key) {
  const child = start("client", process.execPath, SELF, "client", token, JSON.stringify(body));
  await child.ended;
  return JSON.parse(child.text);
}

/** The client: the same file, on its own host. */
async function client([token, body]) {
  const response = await fetch(`${SERVER}/v1/images/generations`, {
    method: "POST",
    headers: { "content-type": "application/json", authorization: `Bearer ${token}` },
    body,
  });
  const { data, error } = await response.json();
  const image = data && createHash("sha256").update(data[0].b64_json).digest("hex");
  console.log(JSON.stringify({ status: response.status, image, message: error?.message }));
}

const onServer = (...args) => run("ip", "netns", "exec", namespace("server"), process.execPath, CLI, ...args);
const workers = () => JSON.parse(onServer("queue", "workers", "--json", "--queue", QUEUE)).workers;

/** A request whose job takes some seconds on a software driver. */
const request = (seed, steps = 8) => ({ prompt: "a red circle", response_format: "b64_json", dalle2: { seed, steps } });

async function startAll() {
  connectHosts();
  writeFileSync(join(folder, "redis.conf"), `requirepass ${PASSWORD}\nsave ""\ndir ${folder}\n`);
  start("redis", "redis-server", join(folder, "redis.conf"), "--bind", HOSTS.redis);
  await pause(1000);
  key = onServer("keys", "create", "test", "--concurrent-requests", "100");
  const server = start("server", process.execPath, CLI, "serve", "--host", HOSTS.server, "--queue", QUEUE);
  for (const host of ["worker-1", "worker-2"]) {
    start(
      host,
      process.execPath,
      CLI,
      "worker",
      "--queue",
      QUEUE,
      "--lock",
      "4",
      "--load-after",
      "1",
      "--batch-size",
      "1",
    );
  }
  await eventually(() => assert.equal(workers().length, 2), 120);
  return server;
}

const TESTS = {
  "a caller without a key is refused": async () => {
    assert.equal((await generate(request(1), "wrong")).status, 401);
  },
  "both workers generate, and a seed gives the same image on each": async () => {
    const seeds = Array.from({ length: 24 }, (_, i) => i % 12);
    const answers = await Promise.all(seeds.map((seed) => generate(request(seed, 40))));
    assert.deepEqual([...new Set(answers.map(({ status }) => status))], [200]);
    for (let seed = 0; seed < 12; seed++) assert.equal(answers[seed].image, answers[seed + 12].image);
    assert.equal(new Set(answers.map(({ image }) => image)).size, 12);
    await eventually(() => assert(workers().every(({ doneImages }) => doneImages > 0)), 15);
  },
  "another worker takes the job of one whose cable is pulled, and generates the same image": async () => {
    const expected = await generate(request(7, LONG));
    const again = generate(request(7, LONG));
    const busy = await eventually(() => {
      const one = workers().find(({ runningJobs }) => runningJobs > 0);
      assert(one);
      return one;
    });
    const host = processes.find((child) => child.text.includes(busy.id)).spawnargs[3].replace(`${PREFIX}-`, "");
    cable(host, "down");
    assert.deepEqual(await again, expected);
    cable(host, "up");
    await eventually(() => assert.equal(workers().length, 2));
  },
  "a job survives that Redis is cut off for 6 seconds": async () => {
    const expected = await generate(request(8, LONG));
    const again = generate(request(8, LONG));
    await eventually(() => assert(workers().some(({ runningJobs }) => runningJobs > 0)));
    cable("redis", "down");
    await pause(6000);
    cable("redis", "up");
    assert.deepEqual(await again, expected);
  },
};

async function main() {
  let failed;
  try {
    const server = await startAll();
    failed = 0;
    for (const [name, test] of Object.entries(TESTS)) {
      const begin = performance.now();
      const error = await test().catch((cause) => cause);
      console.log(`${error ? "not ok" : "ok"}  ${name} (${((performance.now() - begin) / 1000).toFixed(1)} s)`);
      if (error) {
        failed++;
        console.error(error);
      }
    }
    server.kill("SIGTERM");
    await server.ended;
  } finally {
    if (failed !== 0) for (const { spawnargs, text } of processes) console.error(`# ${spawnargs.join(" ")}\n${text}`);
    removeHosts();
  }
  console.log(`${Object.keys(TESTS).length - failed} passed, ${failed} failed`);
  process.exitCode = failed > 0 ? 1 : 0;
}

if (process.argv[2] === "client") {
  rmSync(folder, { recursive: true, force: true });
  await client(process.argv.slice(3));
} else if (process.platform !== "linux" || process.getuid() !== 0) {
  console.error("It needs Linux and root, for network namespaces. Run it with sudo, or in a container as root.");
  process.exitCode = 2;
} else {
  await main();
}
