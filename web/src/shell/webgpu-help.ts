// What a person can do in a browser without WebGPU. The versions are those of docs/browser.md.

/** What is known of the browser. */
export interface BrowserFacts {
  readonly userAgent: string;
  /** Whether the page came over https, or from this computer. */
  readonly isSecure: boolean;
  /** Whether the browser has `navigator.gpu`. */
  readonly hasWebGpu: boolean;
}

/** What to do, step by step. */
export interface WebGpuHelp {
  readonly title: string;
  readonly steps: readonly string[];
}

/** Says which browser and which setting have WebGPU. */
export function webGpuHelp({ userAgent, isSecure, hasWebGpu }: BrowserFacts): WebGpuHelp {
  if (!isSecure) {
    return {
      title: "Open this page over https",
      steps: ["Browsers allow WebGPU only on pages that come over https, or from this computer (localhost)."],
    };
  }
  const title = hasWebGpu ? "This browser found no GPU that it may use" : "This browser has no WebGPU";
  return { title, steps: stepsFor(userAgent) };
}

function stepsFor(userAgent: string): readonly string[] {
  if (userAgent.includes("Firefox/")) return FIREFOX;
  if (/Chrom(e|ium)\//.test(userAgent)) return userAgent.includes("Linux") ? CHROME_ON_LINUX : CHROME;
  if (userAgent.includes("Safari/")) return SAFARI;
  return OTHER;
}

const OTHER = [
  "Use Chrome or Edge 113 or later, Firefox 141 or later (Windows; macOS from 145), or Safari 26 or later.",
];
const CHROME = [
  "Update Chrome or Edge: WebGPU is there since version 113.",
  "In the settings, under System, turn on “Use graphics acceleration when available”, and start the browser again.",
  "Open chrome://gpu: the line “WebGPU” says why it is off. An update of the graphics driver often helps.",
];
const CHROME_ON_LINUX = [
  "Update Chrome: on Linux, WebGPU is there since version 144 (Intel) and 147 (NVIDIA). On Android, since 121.",
  "For other GPUs, open chrome://flags/#enable-unsafe-webgpu, choose Enabled, and start the browser again.",
  "Open chrome://gpu: the line “WebGPU” says why it is off.",
];
const FIREFOX = [
  "Update Firefox: WebGPU is there since version 141 on Windows and 145 on macOS.",
  "Elsewhere, open about:config and set dom.webgpu.enabled to true. For software drivers, set gfx.webgpu.ignore-blocklist too.",
  "Or open this page in Chrome or Edge.",
];
const SAFARI = [
  "Update to Safari 26 or later, on macOS, iOS or iPadOS 26.",
  "Or open this page in Chrome, Edge or Firefox on a computer.",
];
