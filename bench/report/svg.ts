import type { ComparedRow } from "../groups/compare.js";
import { bestOf, geometricMean, isCompared, ratioTo, type AdapterResults } from "./read.js";

const PEERS = ["onnxruntime", "TensorFlow.js", "jax-js"] as const;

interface Bar {
  readonly peer: (typeof PEERS)[number];
  /** How much longer the peer takes, by processor time; the mean of several operations. */
  readonly ratio: number;
}

interface Group {
  readonly title: string;
  readonly bars: readonly Bar[];
}

const TITLES: Readonly<Record<string, string>> = {
  linear: "linear",
  "conv 3×3": "convolution 3×3",
  "conv 1×1": "convolution 1×1",
  attention: "attention",
  "group norm + SiLU": "group norm + SiLU",
  "layer norm": "layer norm",
  resize: "resize",
};

function barsOf(rows: readonly ComparedRow[]): Bar[] {
  return PEERS.flatMap((peer) => {
    const ratios = rows.map((row) => ratioTo(row, bestOf(row, peer))?.cpu).filter((ratio) => ratio !== undefined);
    return ratios.length === 0 ? [] : [{ peer, ratio: geometricMean(ratios) }];
  });
}

function groupsOf({ ops, steps }: AdapterResults): Group[] {
  const operations = (ops?.rows ?? []).filter(isCompared);
  const kinds = Object.entries(TITLES).map(([kind, title]) => ({
    title,
    bars: barsOf(operations.filter((row) => row.kind === kind)),
  }));
  const networks = (steps?.rows ?? []).map((row) => ({ title: row.name, bars: barsOf([row]) }));
  return [...networks, ...kinds].filter(({ bars }) => bars.length > 0);
}

const WIDTH = 720;
const LABELS = 210;
const BAR = 11;
const GAP = 9;
const TOP = 58;
/** Room for the number behind the longest bar. */
const NUMBERS = 60;

/** Its own background, so that it is legible on any page. Colours follow the reader's setting. */
const STYLE = `
.page { fill: #ffffff; }
text { font: 13px system-ui, sans-serif; fill: #1f2328; }
.small { font-size: 11px; fill: #59636e; }
.line { stroke: #59636e; stroke-width: 1; }
.onnxruntime { fill: #0969da; } .tensorflow { fill: #bc4c00; } .jax { fill: #1a7f37; }
@media (prefers-color-scheme: dark) {
  .page { fill: #0d1117; }
  text { fill: #f0f6fc; } .small { fill: #9198a1; } .line { stroke: #9198a1; }
  .onnxruntime { fill: #4493f8; } .tensorflow { fill: #db6d28; } .jax { fill: #3fb950; }
}`;

const CLASSES = { onnxruntime: "onnxruntime", "TensorFlow.js": "tensorflow", "jax-js": "jax" } as const;

/** How much longer other runtimes take on an adapter, as bars. */
export function chart(results: AdapterResults): string {
  const groups = groupsOf(results);
  const longest = Math.max(1, ...groups.flatMap(({ bars }) => bars.map(({ ratio }) => ratio)));
  const x = (ratio: number): number => LABELS + (ratio / longest) * (WIDTH - LABELS - NUMBERS);
  let y = TOP;
  const rows = groups.map(({ title, bars }) => {
    const top = y;
    y += bars.length * BAR + GAP;
    const label = text(LABELS - 10, top + (bars.length * BAR) / 2 + 4, title, 'text-anchor="end"');
    return [label, ...bars.map((bar, i) => barOf(bar, top + i * BAR, x))].join("\n");
  });
  const unity = `<line class="line" x1="${x(1).toFixed(1)}" y1="${TOP - 6}" x2="${x(1).toFixed(1)}" y2="${y}"/>`;
  const { adapter, date, commit } = (results.ops ?? results.steps)!;
  const title = "Time that other WebGPU runtimes take, as a multiple of dalle2-webgpu's";
  return `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${WIDTH} ${y + 26}" role="img" aria-label="${title}">
<style>${STYLE}
</style>
<rect class="page" width="${WIDTH}" height="${y + 26}" rx="6"/>
${text(12, 20, `${title} (the line: 1)`, 'font-weight="600"')}
${legend()}
${unity}
${rows.join("\n")}
${text(12, y + 16, `${escaped(adapter.description || adapter.device)}; processor time, f32, only right results; ${date}, ${commit}`, 'class="small"')}
</svg>
`;
}

function barOf({ peer, ratio }: Bar, y: number, x: (ratio: number) => number): string {
  const width = (x(ratio) - LABELS).toFixed(1);
  const bar = `<rect class="${CLASSES[peer]}" x="${LABELS}" y="${y}" width="${width}" height="${BAR - 2}" rx="1"/>`;
  return `${bar}${text(x(ratio) + 5, y + BAR - 2.5, ratio.toFixed(1), 'class="small"')}`;
}

function legend(): string {
  return PEERS.map((peer, i) => {
    const x = 12 + i * 130;
    return `<rect class="${CLASSES[peer]}" x="${x}" y="31" width="10" height="10" rx="1"/>${text(x + 16, 40, peer, 'class="small"')}`;
  }).join("\n");
}

const text = (x: number, y: number, content: string, attributes: string): string =>
  `<text x="${x.toFixed(1)}" y="${y.toFixed(1)}" ${attributes}>${content}</text>`;

const escaped = (content: string): string => content.replace(/&/g, "&amp;").replace(/</g, "&lt;");
