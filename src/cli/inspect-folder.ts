import { examineFolder, type FolderExamination, type InspectedComponent } from "../models/inspect-folder.js";
import { formatBytes } from "../platform/format-bytes.js";
import { openFolderAt } from "./open-folder.js";
import { formatCount, indent, section } from "./report-text.js";

/** Describes a folder of models, given as for a load config. Only headers are read. */
export async function inspectFolderAt(folder: string, signal: AbortSignal): Promise<FolderExamination> {
  const opened = await openFolderAt(folder, { signal, remote: "ranges" });
  try {
    return await examineFolder(opened);
  } finally {
    await opened.close();
  }
}

export function formatFolder({ inspection, sections }: FolderExamination): string {
  const { folder, class: name, diffusersVersion, family, models, bytes, parameters, components } = inspection;
  return [
    section(folder, [
      ["class", name],
      ["version", diffusersVersion === null ? "not recorded" : `diffusers ${diffusersVersion}`],
      ["read as", family === null ? "unknown" : `${family}: ${models.join(", ")}`],
      ["size", formatBytes(bytes)],
      ["parameters", formatCount(parameters)],
    ]),
    ...sections.map(({ title, rows }) => section(title, rows)),
    section("Components", components.map(componentRow)),
    ...components.map(formatComponent),
  ].join("\n\n");
}

function componentRow({ name, library, class: className, weights }: InspectedComponent): readonly string[] {
  const sizes = weights
    ? [weights.dtypes.join(", "), `${formatCount(weights.parameters)} parameters`, formatBytes(weights.bytes)]
    : ["", "no weights", ""];
  return [name, `${library}.${className}`, ...sizes];
}

function formatComponent({ name, files, weights, config }: InspectedComponent): string {
  const rows = [
    ...files.map((file) => ["file", file]),
    ...(weights ? [["tensors", `${formatCount(weights.tensors.length)}, ${weights.format}`]] : []),
  ];
  const text = section(name, rows);
  return config === null ? text : `${text}\n${indent(JSON.stringify(config, null, 2))}`;
}
