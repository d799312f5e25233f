// A process that opens one remote file when its input says go, and prints the SHA-256 of its content.
import { createHash } from "node:crypto";
import { once } from "node:events";
import process from "node:process";
import { openRemote } from "../../src/files/remote-file.js";
import type { RemoteFile } from "../../src/files/remote-options.js";

const file = JSON.parse(process.argv[2]!) as RemoteFile;
process.stdout.write("ready\n");
await once(process.stdin, "data");
const source = await openRemote(file, {
  patience: { attempts: 3, pause: 5 },
  onWarning: (message) => process.stderr.write(`${message}\n`),
});
const bytes = await source.read(0, source.size);
await source.close();
process.stdout.write(createHash("sha256").update(bytes).digest("hex"));
process.exit();
