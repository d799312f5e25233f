// Turns kernels/*.wgsl into one TypeScript module with literal types, so that Node and any bundler load kernels alike
// and a wrong kernel, binding, constant or parameter name does not compile.
//
//   node scripts/generate-kernels.js [kernel folder] [output file]
//
// A kernel file is a comment header, then WGSL. What the generator reads from it:
//   //: use lib/NAME.wgsl                              shared file, put between header and body (once; may name others)
//   alias NAME = f32;                                  storage type that specialisation may turn into f16
//   const NAME: u32 = 8u; //: const                    constant that specialisation may change
//   override NAME: bool = false;                       pipeline constant
//   @group(0) @binding(0) var<storage, read> x: …;     storage buffers, numbered from 0 without gaps, at most 8
//   @group(0) @binding(n) var<uniform> params: Params; last binding; `struct Params` holds scalars only

import { existsSync, mkdirSync, readdirSync, readFileSync, renameSync, writeFileSync } from "node:fs";
import { basename, dirname, join, relative } from "node:path";
import { fileURLToPath } from "node:url";

const MAX_STORAGE_BUFFERS = 8;

/** A mistake in a kernel file; the message starts with file:line as editors and terminals understand it. */
class KernelFileError extends Error {
  constructor(line, message) {
    super(`${line.file}:${line.number}: ${message}`);
  }
}

function readLines(folder, name, usedBy) {
  const path = join(folder, name);
  if (usedBy && !existsSync(path)) throw new KernelFileError(usedBy, `there is no ${name} in ${folder}`);
  const file = relative(process.cwd(), path);
  const texts = readFileSync(path, "utf8").split(/\r?\n/);
  if (texts.at(-1) === "") texts.pop();
  return texts.map((text, index) => ({ text, file, number: index + 1 }));
}

/** The lines of a kernel with its lib files between header and body, each lib once, what it uses before it. */
function assemble(folder, name) {
  const lines = readLines(folder, name);
  const firstCode = lines.findIndex((line) => !line.text.startsWith("//"));
  if (firstCode === 0)
    throw new KernelFileError(lines[0], "a kernel file starts with a comment that says what it computes");
  const header = lines.slice(0, firstCode);
  const visited = new Set();
  const libs = [];
  const visit = (line) => {
    const directive = /^\/\/:\s*use\b\s*(.*)$/.exec(line.text);
    if (!directive) return;
    const lib = directive[1].trim();
    if (!/^lib\/[\w-]+\.wgsl$/.test(lib)) throw new KernelFileError(line, `expected "//: use lib/NAME.wgsl"`);
    if (visited.has(lib)) return;
    visited.add(lib);
    const libLines = readLines(folder, lib, line);
    libLines.forEach(visit);
    libs.push(...libLines);
  };
  lines.forEach(visit);
  return [...header, ...libs, ...lines.slice(firstCode)];
}

function parseLiteral(line, type, text) {
  const bad = () => new KernelFileError(line, `"${text}" is not a ${type} literal`);
  if (type === "bool") {
    if (text !== "true" && text !== "false") throw bad();
    return text === "true";
  }
  const value = Number(text.replace(type === "u32" ? /u$/ : type === "i32" ? /i$/ : /f$/, ""));
  const inRange = type === "f32" || (Number.isInteger(value) && (type === "i32" || value >= 0));
  if (!Number.isFinite(value) || !inRange) throw bad();
  return value;
}

function parseParams(lines) {
  const start = lines.findIndex((line) => /^struct\s+Params\b/.test(line.text));
  if (start < 0) return [];
  const length = lines.slice(start).findIndex((line) => line.text.replace(/\/\/.*/, "").includes("}"));
  if (length < 0) throw new KernelFileError(lines[start], "struct Params is not closed");
  const params = [];
  for (const line of lines.slice(start, start + length + 1)) {
    const fields = line.text.replace(/\/\/.*/, "").replace(/^struct\s+Params\s*\{?|[{}]|;/g, "");
    for (const field of fields.split(",").map((part) => part.trim())) {
      if (field === "") continue;
      const match = /^(\w+)\s*:\s*(u32|i32|f32)$/.exec(field);
      if (!match) throw new KernelFileError(line, `Params holds only u32, i32 and f32 scalars, not "${field}"`);
      params.push([match[1], match[2]]);
    }
  }
  return params;
}

function parseBindings(lines) {
  const bindings = [];
  let uniform;
  for (const line of lines) {
    const code = line.text.replace(/\/\/.*/, "");
    if (!code.includes("@binding")) continue;
    if (uniform) throw new KernelFileError(line, "params is the last binding");
    const match =
      /^@group\(0\) @binding\((\d+)\) var<(storage, read|storage, read_write|uniform)> (\w+)\s*:\s*(.+);/.exec(code);
    if (!match) {
      const form = "@group(0) @binding(i) var<storage, read|read_write> name: array<...>;";
      throw new KernelFileError(line, `expected "${form}" or var<uniform> params: Params`);
    }
    const [, number, space, name, type] = match;
    if (Number(number) !== bindings.length) {
      throw new KernelFileError(line, `binding ${number} where ${bindings.length} comes next`);
    }
    if (space === "uniform") {
      if (name !== "params" || type !== "Params")
        throw new KernelFileError(line, "the uniform is named params: Params");
      uniform = line;
      continue;
    }
    if (bindings.length === MAX_STORAGE_BUFFERS) {
      throw new KernelFileError(line, `more than ${MAX_STORAGE_BUFFERS} storage buffers; some adapters have no more`);
    }
    bindings.push({ name, access: space.replace("storage, ", "") });
  }
  return { bindings, uniform };
}

/** Everything that the runtime has to know of one kernel file. */
function parseKernel(folder, name) {
  const lines = assemble(folder, name);
  const aliases = [];
  const constants = {};
  const overrides = {};
  for (const line of lines) {
    const alias = /^alias (\w+) = (f32|f16);/.exec(line.text);
    if (alias?.[2] === "f16")
      throw new KernelFileError(line, "a storage type is written as f32; specialisation makes it f16");
    if (alias) aliases.push(alias[1]);

    if (/\/\/:\s*const\b/.test(line.text)) {
      const constant = /^const (\w+): (u32|i32|f32) = ([^;]+);/.exec(line.text);
      if (!constant) throw new KernelFileError(line, `expected "const NAME: u32 = 8u; //: const"`);
      constants[constant[1]] = parseLiteral(line, constant[2], constant[3].trim());
    }
    if (/^\s*(@id\(\d+\)\s*)?override\b/.test(line.text)) {
      const override = /^override (\w+): (bool|u32|i32|f32) = ([^;]+);/.exec(line.text);
      if (!override) throw new KernelFileError(line, `expected "override NAME: bool|u32|i32|f32 = default;"`);
      overrides[override[1]] = { type: override[2], default: parseLiteral(line, override[2], override[3].trim()) };
    }
  }
  const params = parseParams(lines);
  const { bindings, uniform } = parseBindings(lines);
  if (bindings.length === 0) throw new KernelFileError(lines[0], "the kernel binds no storage buffer");
  if (params.length > 0 && !uniform) {
    throw new KernelFileError(lines[0], "struct Params is not bound: var<uniform> params: Params");
  }
  if (uniform && params.length === 0) throw new KernelFileError(uniform, "struct Params is missing or empty");
  return { code: lines.map((line) => `${line.text}\n`).join(""), aliases, constants, overrides, bindings, params };
}

/** `group-norm.wgsl` and `group_norm.wgsl` are both called groupNorm in TypeScript. */
function kernelName(file) {
  return basename(file, ".wgsl").replace(/[-_](\w)/g, (_, letter) => letter.toUpperCase());
}

function generate(folder, output) {
  const files = readdirSync(folder).filter((file) => file.endsWith(".wgsl"));
  const kernels = files.sort().map((file) => [kernelName(file), parseKernel(folder, file)]);
  const entries = kernels.map(([name, kernel]) => `  ${name}: ${JSON.stringify(kernel)},\n`);
  const text = `// Generated from kernels/ by scripts/generate-kernels.js. Do not edit.\nexport const kernels = {\n${entries.join("")}} as const;\n`;
  if (existsSync(output) && readFileSync(output, "utf8") === text) return;
  // Written aside and renamed: test runs that start at the same time never read half a file.
  mkdirSync(dirname(output), { recursive: true });
  const aside = `${output}.${process.pid}`;
  writeFileSync(aside, text);
  renameSync(aside, output);
}

const root = fileURLToPath(new URL("..", import.meta.url));
try {
  generate(process.argv[2] ?? join(root, "kernels"), process.argv[3] ?? join(root, "src/gpu/kernel-sources.ts"));
} catch (error) {
  if (!(error instanceof KernelFileError)) throw error;
  console.error(error.message);
  process.exitCode = 1;
}
