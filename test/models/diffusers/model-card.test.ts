import { describe, expect, it } from "vitest";
import { givenFolder } from "../../../src/files/folder/given-folder.js";
import { priorInCard } from "../../../src/models/diffusers/model-card.js";

const priorOf = (card: string | undefined): Promise<string | undefined> =>
  priorInCard(givenFolder(new Map(card === undefined ? [] : [["README.md", new Blob([card])]])));

describe("the prior that a model card names", () => {
  it.each([
    ["a list", "---\nlicense: apache-2.0\nprior:\n- org/prior\ntags:\n- org/other\ninference: false\n---\n\n# Model\n"],
    ["an indented list of several", "---\nprior:\n  - 'org/prior'\n  - org/second\n---"],
    ["a list in a line", '---\nprior: ["org/prior", org/second]\n---\n'],
    ["a text", "---\r\nprior: org/prior # the first\r\n---\r\n"],
    ["a text after a byte order mark", "\uFEFF---\nprior: org/prior\n---\n"],
  ])("is read from %s", async (_, card) => {
    expect(await priorOf(card)).toBe("org/prior");
  });

  it.each([
    ["no card", undefined],
    ["no front matter", "# Model\n\nprior: org/prior\n"],
    ["a front matter without end", "---\nprior: org/prior\n"],
    ["no prior", "---\nlicense: mit\ntags:\n- prior\n---\nprior: org/prior\n"],
    ["an empty prior", "---\nprior:\ntags:\n- org/other\n---\n"],
    ["a key of another", "---\nmodel:\n  prior: org/prior\n---\n"],
    ["a URL", "---\nprior: https://example.org/prior\n---\n"],
    ["a path", "---\nprior: ../../prior\n---\n"],
  ])("is none for %s", async (_, card) => {
    expect(await priorOf(card)).toBeUndefined();
  });
});
