/** A file with package sources for apt: `sources.list`, or one in `sources.list.d`. */
export interface SourcesFile {
  readonly name: string;
  readonly text: string;
}

/** An entry of such a file, and the extension of files in its format. */
export interface PackageSource {
  readonly lines: readonly string[];
  readonly extension: "list" | "sources";
}

/** Whether the sources include a suite, such as `bookworm-backports`. */
export function hasSuite(files: readonly SourcesFile[], suite: string): boolean {
  return entriesOf(files).some(({ suites }) => suites.includes(suite));
}

/**
 * A source for another suite in the same archive, with the address (which may be a mirror or a proxy), keys and options of
 * the system's own entry for `suite`. Undefined if the system has no such entry.
 */
export function sourceBeside(files: readonly SourcesFile[], suite: string, wanted: string): PackageSource | undefined {
  return entriesOf(files)
    .find(({ suites, components }) => suites.includes(suite) && components.includes("main"))
    ?.as(wanted);
}

interface Entry {
  readonly suites: readonly string[];
  readonly components: readonly string[];
  /** This entry, for the component `main` of another suite. */
  readonly as: (suite: string) => PackageSource;
}

function entriesOf(files: readonly SourcesFile[]): readonly Entry[] {
  return files.flatMap(({ name, text }) => {
    if (name.endsWith(".sources")) return stanzasOf(text).flatMap(readStanza);
    return name.endsWith(".list") ? text.split("\n").flatMap(readLine) : [];
  });
}

/** `deb [options] address suite component …` (sources.list(5), "one-line-style format"). */
function readLine(line: string): Entry[] {
  const match = /^\s*deb\s+((?:\[[^\]]*\]\s+)?\S+)\s+([^\s#]+)\s+([^#]+)/.exec(line);
  if (!match) return [];
  const [, start, suite, components] = match;
  return [
    {
      suites: [suite!],
      components: words(components),
      as: (wanted) => ({ lines: [`deb ${start} ${wanted} main`], extension: "list" }),
    },
  ];
}

/** Paragraphs of fields (sources.list(5), "deb822-style format"), without comments. */
function stanzasOf(text: string): readonly (readonly string[])[] {
  return text
    .split(/\n(?:[ \t]*\n)+/)
    .map((stanza) => stanza.split("\n").filter((line) => line.trim() !== "" && !line.startsWith("#")));
}

function readStanza(lines: readonly string[]): Entry[] {
  const field = (name: string) => words(fieldsOf(lines).find(({ key }) => key === name)?.value);
  const isOff = /^(?:no|false|without|off|disable|0)$/i.test(field("enabled").join());
  if (isOff || !field("types").includes("deb")) return [];
  return [
    {
      suites: field("suites"),
      components: field("components"),
      as: (wanted) => ({
        lines: withFields(lines, { types: "deb", suites: wanted, components: "main" }),
        extension: "sources",
      }),
    },
  ];
}

interface Field {
  readonly key: string;
  readonly value: string;
  readonly lines: readonly string[];
}

/** Fields of a paragraph. A line that begins with a space continues the field before it. */
function fieldsOf(lines: readonly string[]): readonly Field[] {
  return lines
    .join("\n")
    .split(/\n(?![ \t])/)
    .map((field) => {
      const [, name = "", value = ""] = /^([^:\s]+)\s*:([^]*)$/.exec(field) ?? [];
      return { key: name.toLowerCase(), value, lines: field.split("\n") };
    });
}

function withFields(lines: readonly string[], values: Readonly<Record<string, string>>): readonly string[] {
  return fieldsOf(lines).flatMap((field) => {
    const value = values[field.key];
    return value === undefined ? field.lines : [`${field.lines[0]!.split(":")[0]}: ${value}`];
  });
}

function words(text = ""): string[] {
  return text.split(/\s+/).filter((word) => word !== "");
}
