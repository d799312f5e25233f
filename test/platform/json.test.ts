import { describe, expect, it } from "vitest";
import { JsonError, MAX_JSON_DEPTH, parseJson } from "../../src/platform/json.js";

describe("JSON of a bounded depth", () => {
  it("is read as JSON.parse reads it", () => {
    const texts = ['{"a":[1,{"b":"]}["}],"c":"\\"[[[\\\\"}', "[]", "1", '"text"', ' {"a":null} '];
    for (const text of texts) expect(parseJson(text)).toEqual(JSON.parse(text));
    for (const text of ["", "{", '{"a":', '"\\', "[1,]", "nested"]) expect(() => parseJson(text)).toThrow(JsonError);
  });

  it("is refused if it nests deeper", () => {
    const nested = (depth: number) => `${"[".repeat(depth)}${"]".repeat(depth)}`;
    const tooDeep = `nests lists or objects more than ${MAX_JSON_DEPTH} levels deep`;
    expect(parseJson(nested(MAX_JSON_DEPTH))).toHaveLength(1);
    expect(() => parseJson(nested(MAX_JSON_DEPTH + 1))).toThrow(tooDeep);
    expect(() => parseJson('{"a":'.repeat(100_000))).toThrow(tooDeep);
    expect(parseJson(nested(3), { maxDepth: 3 })).toEqual([[[]]]);
    expect(() => parseJson(nested(4), { maxDepth: 3 })).toThrow(JsonError);
  });
});
