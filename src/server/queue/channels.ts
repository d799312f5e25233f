import type { Redis } from "ioredis";

type Listener = (message: Buffer) => void;

/** Messages of Redis channels. Messages that are sent while the connection is interrupted are lost. */
export class Channels {
  readonly #listeners = new Map<string, Set<Listener>>();

  /** `redis` is used for subscriptions only. It subscribes again when it connects again. */
  constructor(private readonly redis: Redis) {
    redis.on("messageBuffer", (channel: Buffer, message: Buffer) => {
      for (const listener of this.#listeners.get(channel.toString()) ?? []) listener(message);
    });
  }

  /** Calls the listener with each message from now on. Returns a function that ends it. */
  async subscribe(channel: string, listener: Listener): Promise<() => void> {
    const listeners = this.#listeners.get(channel) ?? new Set();
    listeners.add(listener);
    this.#listeners.set(channel, listeners);
    if (listeners.size === 1) await this.redis.subscribe(channel);
    return () => {
      listeners.delete(listener);
      if (listeners.size > 0 || this.#listeners.get(channel) !== listeners) return;
      this.#listeners.delete(channel);
      // Without a connection there is no subscription to end.
      void this.redis.unsubscribe(channel).catch(() => undefined);
    };
  }

  close(): void {
    this.#listeners.clear();
    this.redis.disconnect();
  }
}
