// Writes kernels/*.wgsl as TypeScript modules with literal types: one for all kernels, and one for each group whose WGSL is
// loaded later. Node and any bundler can load them, and a wrong name of a kernel, binding, constant or parameter is a compile
// error.
//
//   node scripts/generate-kernels.js [kernel folder] [output file]
//
// A kernel file is a comment header, then WGSL. What the generator reads from it:
//   //: enable NAME                                    WGSL extension that every variant needs
//   //: later GROUP                                    its WGSL goes into kernel-sources-GROUP.ts (src/gpu/later-kernels.ts)
//   //: use lib/NAME.wgsl                              shared file, inserted once between header and body (may use others)
//   //: use lib/KIND/A.wgsl or lib/KIND/B.wgsl         files that declare the same names; a variant chooses one (default: A)
//   alias NAME = f32;                                  storage type that specialisation may turn into f16
//   const NAME: u32 = 8u; //: const                    constant that specialisation may change
//   const NAME: u32 = 8u;                              fixed number, which TypeScript reads from the module
//   //: enum KIND                                      the constants KIND_… on the next lines are the values of an enum
//   override NAME: bool = false;                       pipeline constant
//   @group(0) @binding(0) var<storage, read> x: …;     storage buffers, numbered from 0 without gaps, at most 8
//   @group(0) @binding(n) var<uniform> params: Params; last binding; `struct Params` has scalars, and structs of scalars
//   @workgroup_size(8, NAME)                           numbers, constants or overrides (their default is used)
//
// What it writes, without comments: `kernels`, by name (the WGSL of those that load later as `later` in a module of their
// group); `libs`, the fixed numbers of lib files; `alternatives`, the files that a variant may choose, by kind; `enums`, their
// values by name. TypeScript reads the numbers of kernels from there and never repeats them. kernel-sources-files.ts has what
// only messages of compilers need: `files`, where the lines of each kernel come from.
// A name that a kernel no longer has is a compile error.

import { existsSync, mkdirSync, readdirSync, readFileSync, renameSync, writeFileSync } from "node:fs";
import { basename, dirname, join, relative } from "node:path";
import { fileURLToPath } from "node:url";

const MAX_STORAGE_BUFFERS = 8;
/** The module of the places of lines, as of a group. */
const FILES = "files";

/** A mistake in a kernel file. The message starts with file:line, which editors and terminals recognise. */
class KernelFileError extends Error {
  constructor(line, message) {
    super(`${line.file}:${line.number}: ${message}`);
  }
}

function readLines(folder, name, usedBy) {
  const path = join(folder, name);
  const shown = `${basename(folder)}/${name}`;
  if (usedBy && !existsSync(path)) throw new KernelFileError(usedBy, `there is no ${name} in ${folder}`);
  const file = relative(process.cwd(), path);
  const texts = readFileSync(path, "utf8").split(/\r?\n/);
  if (texts.at(-1) === "") texts.pop();
  return texts.map((text, index) => ({ text, file, shown, number: index + 1 }));
}

/**
 * Returns the lines of a kernel with its lib files between header and body, and the names of the files that a variant may
 * choose, by kind. Each lib file is included once, after those it uses; of several to choose from, the first.
 */
function assemble(folder, name) {
  const lines = readLines(folder, name);
  const firstCode = lines.findIndex((line) => !line.text.startsWith("//"));
  if (firstCode === 0)
    throw new KernelFileError(lines[0], "a kernel file must start with a comment that describes what it computes");
  const header = lines.slice(0, firstCode);
  const visited = new Set();
  const libs = [];
  const choices = {};
  const visit = (line) => {
    const directive = /^\/\/:\s*use\b\s*(.*)$/.exec(line.text);
    if (!directive) return;
    const files = directive[1].trim().split(/\s+or\s+/);
    const [lib] = files;
    if (files.length > 1) choices[kindOf(files, line)] = files.map(alternativeName);
    else if (!/^lib\/[\w-]+\.wgsl$/.test(lib)) throw new KernelFileError(line, `expected "//: use lib/NAME.wgsl"`);
    if (visited.has(lib)) return;
    visited.add(lib);
    const libLines = readLines(folder, lib, line);
    libLines.forEach(visit);
    libs.push(...libLines);
  };
  lines.forEach(visit);
  return { lines: [...header, ...libs, ...lines.slice(firstCode)], choices };
}

/**
 * Returns lines as WGSL without comments, which pages need not download. Lines and columns stay where they are in the files,
 * since messages of the compiler name them. `//: const` stays, because specialisation looks for it.
 */
function codeOf(lines) {
  return lines.map(({ text }) => `${text.replace(/\s*\/\/(?!:\s*const\b).*$/, "").trimEnd()}\n`).join("");
}

const alternativeName = (file) => basename(file, ".wgsl");

/** Returns the kind of files that a variant chooses from: the folder that they are in. */
function kindOf(files, line) {
  const kinds = new Set(files.map((file) => /^lib\/([a-z]+)\/[a-z]\w*\.wgsl$/.exec(file)?.[1]));
  const [kind] = kinds;
  if (kinds.size > 1 || kind === undefined) {
    throw new KernelFileError(line, `expected "//: use lib/KIND/A.wgsl or lib/KIND/B.wgsl", all in one folder`);
  }
  return kind;
}

/** Returns the value of a literal of a type, or of a constant that was declared before. */
function parseValue(line, type, text, known = {}) {
  if (Object.hasOwn(known, text)) return known[text];
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

const isLiteral = (text) => /^(-?\d[\w.]*(e-?\d+)?|true|false)$/.test(text);

/** Returns the constants of a file: those that specialisation may change, enums by name, and the others. */
function parseConstants(lines) {
  const constants = {};
  const fixed = {};
  const enums = {};
  let group;
  for (const line of lines) {
    const start = /^\/\/:\s*enum\b\s*(.*)$/.exec(line.text);
    if (start) {
      if (!/^[A-Z][A-Z0-9_]*$/.test(start[1])) throw new KernelFileError(line, `expected "//: enum NAME"`);
      group = { prefix: `${start[1]}_`, line, values: (enums[start[1]] = {}) };
      continue;
    }
    const isMarked = /\/\/:\s*const\b/.test(line.text);
    const constant = /^const (\w+): (bool|u32|i32|f32) = ([^;]+);/.exec(line.text);
    if (isMarked && (!constant || constant[2] === "bool")) {
      throw new KernelFileError(line, `expected "const NAME: u32 = 8u; //: const"`);
    }
    const [, name, type, text] = constant ?? [];
    if (group && !name?.startsWith(group.prefix)) {
      if (Object.keys(group.values).length === 0) {
        throw new KernelFileError(group.line, `expected "const ${group.prefix}…: u32 = 0u;" on the next line`);
      }
      group = undefined;
    }
    // Ignores constants that are computed from others, and those that are not scalars.
    if (!constant || !(isMarked || group || isLiteral(text.trim()))) continue;
    const value = parseValue(line, type, text.trim());
    if (isMarked) {
      constants[name] = value;
      continue;
    }
    if (!group) {
      fixed[name] = value;
      continue;
    }
    if (Object.values(group.values).includes(value)) {
      throw new KernelFileError(line, `${name} has the same value as another ${group.prefix}…`);
    }
    group.values[name.slice(group.prefix.length)] = value;
  }
  return { constants, fixed, enums };
}

/** Returns the fields of a struct as [name, type, line]; undefined if there is no such struct. */
function parseStruct(lines, struct) {
  const start = lines.findIndex((line) => new RegExp(`^struct\\s+${struct}\\b`).test(line.text));
  if (start < 0) return undefined;
  const length = lines.slice(start).findIndex((line) => line.text.replace(/\/\/.*/, "").includes("}"));
  if (length < 0) throw new KernelFileError(lines[start], `struct ${struct} is not closed`);
  return lines.slice(start, start + length + 1).flatMap((line) => {
    const code = line.text.replace(/\/\/.*/, "").replace(new RegExp(`^struct\\s+${struct}\\s*\\{?|[{}]|;`, "g"), "");
    const fields = code.split(",").map((part) => part.trim());
    return fields.filter((field) => field !== "").map((field) => [...field.split(/\s*:\s*/), line]);
  });
}

/** Returns the scalars of `struct Params` in order, including those of nested structs. */
function parseParams(lines) {
  const params = [];
  for (const [name, type, line] of parseStruct(lines, "Params") ?? []) {
    if (isScalar(type)) {
      params.push([name, type]);
      continue;
    }
    const inner = /^\w+$/.test(type ?? "") ? parseStruct(lines, type) : undefined;
    if (!inner?.every(([, innerType]) => isScalar(innerType))) {
      throw new KernelFileError(
        line,
        `Params may only contain u32, i32 and f32 scalars and structs of them, not "${name}: ${type}"`,
      );
    }
    if (params.length % 4 !== 0 || inner.length % 4 !== 0) {
      throw new KernelFileError(
        line,
        `${name}: ${type} must start at a multiple of 16 bytes, and its size must be a multiple of 16 bytes`,
      );
    }
    for (const field of inner) params.push(field.slice(0, 2));
  }
  return params;
}

const isScalar = (type) => type === "u32" || type === "i32" || type === "f32";

/** Returns the number of invocations of a workgroup in x, y and z. */
function parseWorkgroup(lines, known) {
  for (const line of lines) {
    const match = /@workgroup_size\(([^)]*)\)/.exec(line.text);
    if (!match) continue;
    const sizes = match[1].split(",").map((text) => parseValue(line, "u32", text.trim(), known));
    return [...sizes, 1, 1].slice(0, 3);
  }
  throw new KernelFileError(lines[0], "the kernel has no @workgroup_size");
}

function parseBindings(lines) {
  const bindings = [];
  let uniform;
  for (const line of lines) {
    const code = line.text.replace(/\/\/.*/, "");
    if (!code.includes("@binding")) continue;
    if (uniform) throw new KernelFileError(line, "params must be the last binding");
    const match =
      /^@group\(0\) @binding\((\d+)\) var<(storage, read|storage, read_write|uniform)> (\w+)\s*:\s*(.+);/.exec(code);
    if (!match) {
      const form = "@group(0) @binding(i) var<storage, read|read_write> name: array<...>;";
      throw new KernelFileError(line, `expected "${form}" or var<uniform> params: Params`);
    }
    const [, number, space, name, type] = match;
    if (Number(number) !== bindings.length) {
      throw new KernelFileError(line, `expected binding ${bindings.length}, got ${number}`);
    }
    if (space === "uniform") {
      if (name !== "params" || type !== "Params") throw new KernelFileError(line, "the uniform must be params: Params");
      uniform = line;
      continue;
    }
    if (bindings.length === MAX_STORAGE_BUFFERS) {
      throw new KernelFileError(line, `more than ${MAX_STORAGE_BUFFERS} storage buffers, the limit of some adapters`);
    }
    bindings.push({ name, access: space.replace("storage, ", "") });
  }
  return { bindings, uniform };
}

/** Returns the WGSL extensions that lines enable, each once. */
function parseExtensions(lines) {
  const names = lines.flatMap((line) => {
    const directive = /^\/\/:\s*enable\b\s*(.*)$/.exec(line.text);
    if (!directive) return [];
    if (!/^\w+$/.test(directive[1])) throw new KernelFileError(line, `expected "//: enable NAME"`);
    return [directive[1]];
  });
  return [...new Set(names)];
}

/** Returns the group of kernels that this one is loaded with; undefined if it is loaded at once. */
function parseGroup(lines) {
  const line = lines.find(({ text }) => /^\/\/:\s*later\b/.test(text));
  const [, group] = (line && /^\/\/:\s*later\s+([a-z]+)$/.exec(line.text)) ?? [];
  if (line && !group) throw new KernelFileError(line, `expected "//: later GROUP"`);
  if (group === FILES)
    throw new KernelFileError(line, `a group cannot be called ${FILES}: that module has the places of lines`);
  return group;
}

/** Returns where the lines come from, as runs of [file, number of the first line, count]. */
function runsOf(lines) {
  const runs = [];
  for (const { shown, number } of lines) {
    const last = runs.at(-1);
    if (last && last[0] === shown && last[1] + last[2] === number) last[2]++;
    else runs.push([shown, number, 1]);
  }
  return runs;
}

/** Returns everything that the runtime needs from a kernel file, and where the lines of its code come from. */
function parseKernel(folder, name) {
  const { lines, choices } = assemble(folder, name);
  const { constants, fixed, enums } = parseConstants(lines);
  const members = Object.entries(enums).flatMap(([kind, values]) =>
    Object.entries(values).map(([key, value]) => [`${kind}_${key}`, value]),
  );
  const known = { ...constants, ...fixed, ...Object.fromEntries(members) };
  const aliases = [];
  const overrides = {};
  for (const line of lines) {
    const alias = /^alias (\w+) = (f32|f16);/.exec(line.text);
    if (alias?.[2] === "f16")
      throw new KernelFileError(line, "declare a storage type as f32; specialisation changes it to f16");
    if (alias) aliases.push(alias[1]);

    if (/^\s*(@id\(\d+\)\s*)?override\b/.test(line.text)) {
      const override = /^override (\w+): (bool|u32|i32|f32) = ([^;]+);/.exec(line.text);
      if (!override) throw new KernelFileError(line, `expected "override NAME: bool|u32|i32|f32 = default;"`);
      overrides[override[1]] = { type: override[2], default: parseValue(line, override[2], override[3].trim(), known) };
    }
  }
  const params = parseParams(lines);
  const { bindings, uniform } = parseBindings(lines);
  if (bindings.length === 0) throw new KernelFileError(lines[0], "the kernel binds no storage buffer");
  if (params.length > 0 && !uniform) {
    throw new KernelFileError(lines[0], "struct Params is not bound: var<uniform> params: Params");
  }
  if (uniform && params.length === 0) throw new KernelFileError(uniform, "struct Params is missing or empty");
  for (const [name, override] of Object.entries(overrides)) known[name] = override.default;
  const workgroup = parseWorkgroup(lines, known);
  const code = codeOf(lines);
  const { fixed: own } = parseConstants(readLines(folder, name));
  const extensions = parseExtensions(lines);
  const later = parseGroup(lines);
  const kernel = {
    code,
    ...(later && { later }),
    extensions,
    choices,
    aliases,
    constants,
    fixed: own,
    overrides,
    workgroup,
    bindings,
    params,
  };
  return { kernel, places: runsOf(lines) };
}

/** `group-norm.wgsl` and `group_norm.wgsl` are both called groupNorm in TypeScript, and so is GROUP_NORM. */
function camelCase(name) {
  return name.toLowerCase().replace(/[-_](\w)/g, (_, letter) => letter.toUpperCase());
}

const moduleName = (file) => camelCase(basename(file, ".wgsl"));

function filesIn(folder) {
  if (!existsSync(folder)) return [];
  return readdirSync(folder)
    .filter((file) => file.endsWith(".wgsl"))
    .sort();
}

/** Returns the files below `lib` that a variant may choose, by kind and name. */
function collectAlternatives(folder) {
  const lib = join(folder, "lib");
  const kinds = existsSync(lib) ? readdirSync(lib, { withFileTypes: true }).filter((entry) => entry.isDirectory()) : [];
  return kinds.map((kind) => {
    const files = filesIn(join(lib, kind.name)).map((file) => `lib/${kind.name}/${file}`);
    return [kind.name, Object.fromEntries(files.map((file) => [alternativeName(file), readAlternative(folder, file)]))];
  });
}

/** Returns a file that a variant may choose. Choosing it changes nothing but its functions, types and fixed numbers. */
function readAlternative(folder, file) {
  const lines = readLines(folder, file);
  for (const line of lines) {
    if (/^\/\/:|\/\/:\s*const\b|^alias \w+ = (f32|f16);|^\s*override\b|@binding|^struct Params\b/.test(line.text)) {
      throw new KernelFileError(
        line,
        "a file that variants choose may only declare functions, types and fixed numbers",
      );
    }
  }
  return {
    file,
    lines: lines.length,
    fixed: parseConstants(lines).fixed,
    code: codeOf(lines),
  };
}

/** Returns the enums of all files, by name and by the names of their values. */
function collectEnums(folder, files) {
  const all = {};
  for (const file of files) {
    const lines = readLines(folder, file);
    for (const [name, values] of Object.entries(parseConstants(lines).enums)) {
      if (Object.hasOwn(all, camelCase(name)))
        throw new KernelFileError(lines[0], `enum ${name} is declared in another file, too`);
      all[camelCase(name)] = Object.fromEntries(Object.entries(values).map(([key, value]) => [camelCase(key), value]));
    }
  }
  return all;
}

/** Returns a value as TypeScript. Code is typed as string, so that declarations do not repeat it. */
function literal(value, shared) {
  const expression = (_, code) => `"code":${withShared(JSON.parse(code), shared)} as string`;
  return JSON.stringify(value).replace(/"code":("(?:[^"\\]|\\.)*")/g, expression);
}

/** Returns code as an expression in which the texts of lib files are constants: most kernels use some of them. */
function withShared(code, shared) {
  let pieces = [{ text: code }];
  for (const [name, text] of shared) {
    pieces = pieces.flatMap((piece) => {
      const at = piece.name === undefined ? piece.text.indexOf(text) : -1;
      return at < 0
        ? [piece]
        : [{ text: piece.text.slice(0, at) }, { name }, { text: piece.text.slice(at + text.length) }];
    });
  }
  return pieces.map(({ name, text }) => name ?? JSON.stringify(text)).join(" + ");
}

/** Returns a constant of the module, with one entry in each line. */
function declaration(name, entries, shared = []) {
  const lines = Object.entries(entries).map(([key, value]) => `  ${key}: ${literal(value, shared)},\n`);
  return `export const ${name} = {\n${lines.join("")}} as const;\n`;
}

/** Returns a module of declarations, behind those of the texts of `shared` that they use. */
function moduleOf(declarations, shared) {
  const body = declarations.join("");
  const used = shared.filter(([name]) => new RegExp(`\\b${name}\\b`).test(body));
  return [
    "// Generated from kernels/ by scripts/generate-kernels.js. Do not edit.\n",
    ...used.map(([name, code]) => `const ${name}: string = ${JSON.stringify(code)};\n`),
    body,
  ].join("");
}

/** Names and texts of all lib files, also of those that variants choose. */
function sharedTexts(folder, libs) {
  const lib = join(folder, "lib");
  const kinds = existsSync(lib) ? readdirSync(lib, { withFileTypes: true }).filter((entry) => entry.isDirectory()) : [];
  const chosen = kinds.flatMap(({ name }) => filesIn(join(lib, name)).map((file) => `lib/${name}/${file}`));
  return [...libs, ...chosen].map((file, i) => [`shared${i}`, codeOf(readLines(folder, file))]);
}

function generate(folder, output) {
  const files = filesIn(folder);
  const libs = filesIn(join(folder, "lib")).map((file) => `lib/${file}`);
  const fixed = libs.map((file) => [moduleName(file), parseConstants(readLines(folder, file)).fixed]);
  const shared = sharedTexts(folder, libs);
  const parsed = files.map((file) => [moduleName(file), parseKernel(folder, file)]);
  const places = Object.fromEntries(parsed.map(([name, { places }]) => [name, places]));
  const kernels = parsed.map(([name, { kernel }]) => [name, kernel]);
  const declarations = [
    declaration(
      "kernels",
      Object.fromEntries(kernels.map(([name, kernel]) => [name, kernel.later ? { ...kernel, code: "" } : kernel])),
      shared,
    ),
    declaration("libs", Object.fromEntries(fixed.filter(([, numbers]) => Object.keys(numbers).length > 0))),
    declaration("alternatives", Object.fromEntries(collectAlternatives(folder)), shared),
    declaration("enums", collectEnums(folder, [...libs, ...files])),
  ];
  write(output, moduleOf(declarations, shared));
  const part = (name) => output.replace(/\.ts$/, `-${name}.ts`);
  write(part(FILES), moduleOf([declaration(FILES, places)], []));
  for (const group of new Set(kernels.flatMap(([, { later }]) => later ?? []))) {
    const own = kernels.filter(([, { later }]) => later === group).map(([name, { code }]) => [name, { code }]);
    write(part(group), moduleOf([declaration("later", Object.fromEntries(own), shared)], shared));
  }
}

/** Writes a file unless it has this text already. */
function write(output, text) {
  if (existsSync(output) && readFileSync(output, "utf8") === text) return;
  // Written to another file and renamed, so that test runs that start at the same time never read half a file.
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
