import { describe, expect, it } from "vitest";
import { ModelLoadConfig } from "../../src/pipeline/load-config.js";
import { InferenceScript } from "../../src/pipeline/inference-script.js";
import { BasicInference } from "../../src/pipeline/scripts/basic-inference.js";
import type { DalleModelManager } from "../../src/pipeline/manager/model-manager.js";
import type { ScriptOptions } from "../../src/pipeline/script-options.js";

class Styled extends InferenceScript {
  constructor(
    manager: DalleModelManager,
    options: ScriptOptions,
    readonly style: string,
    readonly weight = 1,
  ) {
    super(manager, options);
  }

  get made() {
    return { config: this.manager.config.source, dtype: this.manager.dtype, style: this.style, weight: this.weight };
  }
}

class Strict extends InferenceScript {
  constructor(
    manager: DalleModelManager,
    readonly own: ScriptOptions & { readonly limit: number },
  ) {
    super(manager, own);
  }
}

describe("create", () => {
  it("passes a subclass the arguments of its constructor", async () => {
    using script = await Styled.create("shapes", { dtype: "f32" }, "oil", 2);
    expect(script.made).toEqual({ config: "shapes", dtype: "f32", style: "oil", weight: 2 });
    using other = await Styled.create(await ModelLoadConfig.named(), {}, "ink");
    expect(other.made).toMatchObject({ style: "ink", weight: 1 });
  });

  it("passes options to the subclass and to the manager", async () => {
    const warnings: string[] = [];
    const onWarning = (message: string) => warnings.push(message);
    using script = await Strict.create("shapes", { limit: 3, dtype: "f32", onWarning });
    expect(script.own).toMatchObject({ limit: 3, dtype: "f32" });
  });

  it("has types that fit the constructor", () => {
    const wrong = [
      // @ts-expect-error the style is missing
      () => Styled.create("shapes", {}),
      // @ts-expect-error the style is not a number
      () => Styled.create("shapes", {}, 1),
      // @ts-expect-error the limit is missing
      () => Strict.create("shapes", {}),
      // @ts-expect-error there is no such option
      () => BasicInference.create("shapes", { dtypo: "f32" }),
    ];
    expect(wrong).toHaveLength(4);
  });

  it("uses the included model if no config is named", async () => {
    using script = await Plain.create();
    expect(script.source).toBe("shapes");
  });
});

class Plain extends InferenceScript {
  get source() {
    return this.manager.config.source;
  }
}
