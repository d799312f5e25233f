// Runs in the browser: the same sources as in Node, bundled for the browser's half of the platform.
import type { AdapterDescription } from "../../src/gpu/gpu.js";
import { openGpu } from "../../src/gpu/open.js";
import { selfTest, type SelfTestResult } from "../../src/verify/self-test.js";

export interface BrowserTests {
  runSelfTest(): Promise<{ adapter: AdapterDescription; results: SelfTestResult[] }>;
}

const tests: BrowserTests = {
  async runSelfTest() {
    using gpu = await openGpu();
    return { adapter: gpu.adapter, results: await selfTest(gpu) };
  },
};

Object.assign(globalThis, { tests });
