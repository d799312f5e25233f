// Targets that do what must never happen, to test the runner itself.
import { made } from "../inputs.js";
import { promise, type Target, type TargetFactory } from "../target.js";

/** A target that accepts all inputs of eight bytes except those whose first is 7, one in ten. */
function broken(run: (input: Uint8Array) => void | Promise<void>): TargetFactory {
  return (): Target => ({
    seeds: [new Uint8Array(8)],
    inputs: made((random) => Uint8Array.from([random.chance(0.1) ? 7 : 0, ...random.list(7, () => random.below(256))])),
    refusals: ["FormatError"],
    run: (input) => (input[0] === 7 ? run(input) : undefined),
  });
}

export const BROKEN: Readonly<Record<string, TargetFactory>> = {
  "broken-untyped": broken(() => {
    throw new TypeError("cannot read properties of nothing");
  }),
  "broken-promise": broken(() => {
    promise(false, "accepts a seven");
  }),
  "broken-message": broken(() => {
    throw Object.assign(new Error("\x1b[31mred"), { name: "FormatError" });
  }),
  "broken-prototype": broken(() => {
    Object.defineProperty(Object.prototype, "polluted", { value: 1, configurable: true });
  }),
  "broken-rejection": broken(() => {
    void Promise.reject(new Error("nobody waits for it"));
  }),
  "broken-slow": broken(() => {
    const start = process.cpuUsage();
    for (let busy = 0; busy < 400_000;) {
      const { user, system } = process.cpuUsage(start);
      busy = user + system;
    }
  }),
  "broken-hang": broken(() => {
    for (;;);
  }),
  "broken-crash": broken(() => {
    process.abort();
  }),
  "broken-memory": broken(() => {
    new Uint8Array(150e6).fill(1);
  }),
};
