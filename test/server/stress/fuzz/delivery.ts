// How bytes reach a server: as from a good client, a slow one, or one that breaks.
import { connect, type Socket } from "node:net";
import { setTimeout as wait } from "node:timers/promises";
import type { Random } from "../../../fuzz/random.js";

/** How a client sends its request and reads the answer. */
export const MANNERS = {
  whole: 70,
  /** In pieces, in turns of the event loop. */
  pieces: 12,
  /** Twice on one connection, at once. */
  twice: 3,
  /** A part, then the end of the connection. */
  "half and end": 4,
  /** A part, then a reset. */
  "half and reset": 4,
  /** A reset when the answer begins. */
  "reset in the answer": 3,
  /** Begins to read late, which for large answers stops the server. */
  "reads late": 1,
  /** A part, then nothing until the server gives up. */
  "half and silence": 0.5,
  /** The first bytes one by one, with a pause after each. */
  "byte by byte": 2.5,
} as const;
export type Manner = keyof typeof MANNERS;

/** What came back. */
export interface Delivery {
  readonly manner: Manner;
  /** What the server sent, one character for each byte. */
  readonly text: string;
  /** The client's side broke: reset or broken pipe. */
  readonly isBroken: boolean;
  /** The connection was still open after `PATIENCE_MS`. */
  readonly isHanging: boolean;
}

/** Milliseconds until a connection must be closed, on a machine that is busy. */
const PATIENCE_MS = 30_000;
const PAUSE_MS = 5;
const SLOW_BYTES = 40;
const LATE_MS = 200;

export function randomManner(random: Random): Manner {
  const all = Object.entries(MANNERS) as [Manner, number][];
  let at = random.below(10_000) / 100;
  return all.find(([, weight]) => (at -= weight) < 0)?.[0] ?? "whole";
}

/** Sends a request in a manner, and resolves when the connection is closed. */
export async function deliver(port: number, bytes: Uint8Array, manner: Manner, random: Random): Promise<Delivery> {
  const socket = connect(port, "127.0.0.1");
  const client = new Client(socket, manner === "reset in the answer");
  await client.open;
  if (manner === "reads late") {
    socket.pause();
    setTimeout(() => socket.resume(), LATE_MS);
  }
  await send(socket, bytes, manner, random);
  const isHanging = await client.closed();
  return { manner, text: client.text, isBroken: client.isBroken, isHanging };
}

class Client {
  text = "";
  isBroken = false;
  readonly open: Promise<void>;
  readonly #closed: Promise<void>;

  constructor(
    private readonly socket: Socket,
    resets: boolean,
  ) {
    socket.setEncoding("latin1");
    socket.on("data", (text: string) => {
      this.text += text;
      if (resets) socket.resetAndDestroy();
    });
    socket.on("error", () => (this.isBroken = true));
    this.#closed = new Promise((resolve) =>
      socket.once("close", () => {
        resolve();
      }),
    );
    this.open = new Promise((resolve) => {
      socket.once("connect", resolve);
      socket.once("close", () => {
        resolve();
      });
    });
  }

  /** Whether it had to be closed from this side. */
  async closed(): Promise<boolean> {
    let isHanging = false;
    const timer = setTimeout(() => {
      isHanging = true;
      this.socket.destroy();
    }, PATIENCE_MS);
    await this.#closed;
    clearTimeout(timer);
    return isHanging;
  }
}

async function send(socket: Socket, bytes: Uint8Array, manner: Manner, random: Random): Promise<void> {
  const half = bytes.subarray(0, random.below(bytes.length + 1));
  switch (manner) {
    case "whole":
    case "reset in the answer":
    case "reads late":
      socket.write(bytes);
      return;
    case "twice":
      socket.write(bytes);
      socket.write(bytes);
      return;
    case "pieces":
      for (let at = 0; at < bytes.length && socket.writable;) {
        const size = 1 + random.length(bytes.length);
        socket.write(bytes.subarray(at, at + size));
        at += size;
        await new Promise((resolve) => setImmediate(resolve));
      }
      return;
    case "byte by byte": {
      socket.setNoDelay(true);
      const from = random.below(Math.max(1, bytes.length - SLOW_BYTES));
      socket.write(bytes.subarray(0, from));
      for (let at = from; at < Math.min(from + SLOW_BYTES, bytes.length) && socket.writable; at++) {
        socket.write(bytes.subarray(at, at + 1));
        await wait(PAUSE_MS);
      }
      if (socket.writable) socket.write(bytes.subarray(from + SLOW_BYTES));
      return;
    }
    case "half and silence":
      socket.write(half);
      return;
    case "half and end":
      socket.end(half);
      return;
    case "half and reset":
      socket.write(half);
      await wait(random.below(2) * PAUSE_MS);
      socket.resetAndDestroy();
  }
}
