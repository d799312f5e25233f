import { describe, expect, it } from "vitest";
import { parseJson } from "../src/platform/json.js";

describe("JSON of a bounded depth", () => {
  it("is read as JSON.parse reads it", () => {
    const texts = ['{"a":[1,{"b":"]}["}],"c":"\\"[[[\\\\"}', "[]", "1", '"text"', ' {"a":null} '];
    for (const text of texts) expect(parseJson(text)).toEqual(JSON.parse(text));
    for (const text of ["", "{", '{"a":', '"\\', "[1,]", "nested"]) expect(() => parseJson(text)).toThrow(SyntaxError);
  });

  it("is refused where it nests deeper", () => {
    const nested = (depth: number) => `${"[".repeat(depth)}${"]".repeat(depth)}`;
    expect(parseJson(nested(128))).toHaveLength(1);
    expect(() => parseJson(nested(129))).toThrow(/nested more than 128 deep/);
    expect(() => parseJson('{"a":'.repeat(100_000))).toThrow(/nested more than 128 deep/);
    expect(parseJson(nested(3), 3)).toEqual([[[]]]);
    expect(() => parseJson(nested(4), 3)).toThrow(SyntaxError);
  });
});
