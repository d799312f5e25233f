// Runs in the browser: the same sources as in Node, with the platform code for browsers.
import * as api from "../../src/index.js";
import type { AdapterDescription } from "../../src/gpu/adapter.js";
import { openGpu } from "../../src/gpu/open.js";
import { Arena } from "../../src/tensor/arena.js";
import type { VerifyResult } from "../../src/fixture/result.js";
import { selfTest, type SelfTestResult } from "../../src/verify/self-test.js";
import { verifyFixture } from "../../src/verify/verify.js";

export interface BrowserTests {
  runSelfTest(): Promise<{ adapter: AdapterDescription; results: SelfTestResult[] }>;
  /** Fetches a fixture by byte ranges and runs it in f32. */
  verify(folder: string): Promise<VerifyResult>;
}

const tests: BrowserTests = {
  async runSelfTest() {
    using gpu = await openGpu();
    return { adapter: gpu.adapter, results: await selfTest(gpu) };
  },

  async verify(folder) {
    using gpu = await openGpu();
    return await verifyFixture(folder, () => Promise.resolve({ gpu, arena: new Arena(gpu.stream(), "f32") }));
  },
};

// Bundles the whole package, to test that no part of it needs Node.
Object.assign(globalThis, { tests, api });
