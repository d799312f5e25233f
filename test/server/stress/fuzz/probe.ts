// Whether a server still has all that it had: what requests hold must come back when they end.
import { concat } from "../../../fuzz/mutators/bytes.js";
import type { StressServer } from "../server.js";
import { largestPng } from "./images.js";

/** Requests that a server answers at the same time, each as large as may be. */
const AT_ONCE = 8;
const SIDE = 512;
const MAX_BODY_BYTES = 2 ** 19;

/** Settings of a server whose room is that of the probe, to the byte. */
export const PROBE = {
  maxPixels: SIDE * SIDE,
  maxPixelsAtOnce: AT_ONCE * SIDE * SIDE,
  maxBodyBytes: MAX_BODY_BYTES,
  maxBodyBytesAtOnce: AT_ONCE * MAX_BODY_BYTES,
  concurrentRequests: 32,
} as const;

/** So slow that requests meet. */
const SLOW_MS = 1500;

/** Asks for all that the server has room for, at once. Says what of it is missing. */
export async function probe(server: StressServer, token: string): Promise<string | undefined> {
  server.slow(SLOW_MS);
  const large = await answers(AT_ONCE, () => variation(server, token));
  if (large.some((status) => status !== 200)) return `of ${AT_ONCE} large requests at once: ${large.join(", ")}`;
  const many = await answers(PROBE.concurrentRequests, () => generation(server, token));
  return many.every((status) => status === 200) ? undefined : `of many requests at once: ${many.join(", ")}`;
}

function answers(count: number, ask: () => Promise<Response>): Promise<readonly number[]> {
  return Promise.all(
    Array.from({ length: count }, async () => {
      const response = await ask();
      await response.arrayBuffer();
      return response.status;
    }),
  );
}

const BOUNDARY = "boundary";

function variation({ url }: StressServer, token: string): Promise<Response> {
  const head = Buffer.from(
    `--${BOUNDARY}\r\nContent-Disposition: form-data; name="image"; filename="a.png"\r\nContent-Type: image/png\r\n\r\n`,
  );
  const end = Buffer.from(`\r\n--${BOUNDARY}--\r\n`);
  const body = concat([head, largestPng(SIDE, MAX_BODY_BYTES - head.length - end.length), end]);
  return fetch(`${url}/v1/images/variations`, {
    method: "POST",
    headers: { authorization: `Bearer ${token}`, "content-type": `multipart/form-data; boundary=${BOUNDARY}` },
    body: new Uint8Array(body),
  });
}

function generation({ url }: StressServer, token: string): Promise<Response> {
  return fetch(`${url}/v1/images/generations`, {
    method: "POST",
    headers: { authorization: `Bearer ${token}`, "content-type": "application/json" },
    body: JSON.stringify({ prompt: "a red circle" }),
  });
}
