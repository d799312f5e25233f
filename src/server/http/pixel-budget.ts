import { ServerError } from "../server-error.js";

/**
 * Bounds the pixels of decoded images that the server holds at once, whoever sent them: a file of some kilobytes can have
 * millions.
 */
export class PixelBudget {
  #held = 0;

  constructor(private readonly max: number) {}

  /** Counts pixels until the returned function is called. Throws `ServerError` `queue-full` if there would be too many. */
  hold(pixels: number): () => void {
    if (this.#held + pixels > this.max) {
      const message = "The server holds too many images at once. Try again in a moment, or send smaller ones.";
      throw new ServerError("queue-full", message, { retryAfter: 2 });
    }
    this.#held += pixels;
    return () => {
      this.#held -= pixels;
    };
  }
}
