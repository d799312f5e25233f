import { Guidance, guides } from "../../../diffusion/guidance.js";
import { sameShape } from "../../../ops/check.js";
import { activate } from "../../../ops/elementwise.js";
import { cast } from "../../../ops/layout.js";
import { ShapeError } from "../../../ops/shape-error.js";
import { stepRow, type PassTimes, type StepInputs, type StepRows } from "../../../ops/step-inputs.js";
import { addToRows } from "../../../ops/step-tables.js";
import type { Tensor } from "../../../tensor/tensor.js";
import type { Weights } from "../../../weights/store.js";
import type { TextMaskRows } from "../../interfaces.js";
import type { ContextUnetOptions } from "../config/unet-config.js";
import { joinTimes } from "../guided-batch.js";
import { TimeEmbedding } from "../time-embedding.js";
import type { DeclareAttention } from "./stages.js";
import { UnetTrunk, type TrunkForm } from "./trunk.js";

const NAME = "ContextUnet";

/** The keys and values that an attention has of the context, `[batch, length, *]`. They are the same in every pass. */
export interface ContextKeys {
  readonly keys: Tensor;
  readonly values: Tensor;
}

/** Which tokens of the context attention sees. */
export interface ContextMask {
  /** u32 `[batch]`: ones. */
  readonly keep: Tensor;
  /** u32 `[batch, length]`: 0 to hide a token. */
  readonly tokens: Tensor;
  /** The same for layers that see the context alone: if all tokens of a sample are hidden equally, none is. */
  readonly alone: Tensor;
}

/** A layer behind a residual block, which reads the context. */
export interface ContextLayer {
  /** Computes what its attentions have of the context `[batch, length, contextDim]`, in their order. */
  prepare(context: Tensor): readonly ContextKeys[];
  /** `[B, H, W, width]` in and out. */
  forward(x: Tensor, context: readonly ContextKeys[], mask: ContextMask | undefined): Tensor;
}

/** Declares such a layer. */
export type DeclareContextLayer = (weights: Weights) => ContextLayer;

/** Where the layers are: an entry for each resolution, from the largest on the way down, and from the smallest on the way up. */
export interface ContextLayers {
  readonly down: readonly (DeclareContextLayer | undefined)[];
  readonly middle: DeclareContextLayer;
  readonly up: readonly (DeclareContextLayer | undefined)[];
}

/** What such a U-Net is conditioned on. Each family makes it in its own way. */
export interface UnetCondition {
  /** `[batch, length, contextDim]`: attention adds its keys and values to those of the pixels. */
  readonly context: Tensor;
  /** `[batch, timeDim]`, added to the time embedding. */
  readonly addedToTime: Tensor;
  /** For each sample 0 for each token of the context to hide. Default: none is hidden. */
  readonly contextMask?: TextMaskRows | undefined;
}

/** The inputs of a run that are the same in every pass, except the timestep. */
export interface UnetRun {
  readonly batch: number;
  readonly times: PassTimes;
  readonly condition: UnetCondition;
  /** The condition of the null half of guidance. Needed if the run is guided. */
  readonly negative?: UnetCondition | undefined;
}

/** What the attention of each layer reads. */
interface PreparedContext {
  /** For each layer, in the order in which it was declared. */
  readonly keys: readonly (readonly ContextKeys[])[];
  readonly mask: ContextMask | undefined;
}

/** A run of the U-Net, ready for its first pass. */
export interface PreparedUnet {
  readonly run: { readonly batch: number; readonly guidance: Guidance | undefined };
  readonly batch: number;
  /**
   * `[batch, timeDim]`. No pass reads them; they are here because tensors of the result live as long as the run, and `modulations`
   * may be computed from them again before a later pass (`stepTables`).
   */
  readonly addedToTime: Tensor;
  /** What residual blocks get of the time, and of what is added to it. */
  readonly modulations: StepRows;
  readonly context: PreparedContext;
}

/**
 * A U-Net that reads a context (`UNet2DConditionModel` of diffusers in its forms for unCLIP): from a noisy sample, the timestep and
 * the condition to the prediction and, if it is learned, the variance.
 * @see https://github.com/huggingface/diffusers/blob/ad3a3afc3a4d3068bbb12f58129c855087ffc6d6/src/diffusers/models/unets/unet_2d_condition.py#L981-L1270
 */
export abstract class ContextUnet {
  readonly #time: TimeEmbedding;
  readonly #layers: ContextLayer[] = [];
  readonly #trunk: UnetTrunk<PreparedContext>;

  /** Declares the weights. */
  constructor(
    weights: Weights,
    readonly options: ContextUnetOptions,
    { down, middle, up }: ContextLayers,
    form: TrunkForm,
  ) {
    const { widths, timeDim, timeFeatures } = options;
    const time = { features: widths[0]!, hidden: timeDim, outputs: timeDim, sinusoids: timeFeatures };
    this.#time = new TimeEmbedding(weights.at("time_embedding"), time);
    const declared = (declare: DeclareContextLayer | undefined) => declare && this.#declared(declare);
    const layers = { down: down.map(declared), middle: declared(middle), up: up.map(declared) };
    this.#trunk = new UnetTrunk<PreparedContext>(weights, options, layers, form);
  }

  /**
   * Uploads and computes what all passes of a run share. With a guidance `scale` other than 1, joins the conditions of both
   * halves of the guided batch; a learned variance is that of the conditional half. `inputs` owns the result. Throws
   * `ShapeError` for conditions that do not fit.
   */
  prepare(inputs: StepInputs, run: UnetRun, scale = 1): PreparedUnet {
    const guidance = guides(scale) ? new Guidance(scale, this.options.sampleChannels, "conditional") : undefined;
    return inputs.hold(() => {
      const { arena } = inputs;
      const { batch, times, condition } = guidance ? guided(run, guidance) : run;
      this.#check(batch, condition);
      const context = cast(arena.share(condition.context), arena.dtype);
      const addedToTime = cast(arena.share(condition.addedToTime), arena.dtype);
      return {
        run: { batch: run.batch, guidance },
        batch,
        addedToTime,
        modulations: this.#modulations(inputs, times, addedToTime),
        context: {
          keys: this.#layers.map((layer) => layer.prepare(context)),
          mask: contextMask(inputs, condition),
        },
      };
    });
  }

  /**
   * The prediction in the current pass for `x` `[B, H, W, channelsIn]`: f32 `[B, H, W, channelsOut]`. Height and width must be
   * divisible by 2 for each downsampling.
   */
  forward(x: Tensor, prepared: PreparedUnet): Tensor {
    const { batch, guidance } = prepared.run;
    this.#trunk.check(`${NAME}.forward`, x, batch, this.options.channelsIn);
    return x.arena.scope(() => {
      if (!guidance) return cast(this.#predict(x, prepared), "f32");
      return guidance.guide(this.#predict(guidance.double(x), prepared));
    });
  }

  #modulations(inputs: StepInputs, times: PassTimes, addedToTime: Tensor): StepRows {
    return this.#trunk.modulations(inputs, this.#time.prepare(inputs, times), addedToTime.rows, (rows) => {
      const embedded = addToRows(this.#time.forward(rows), addedToTime);
      return this.options.skipsTimeActivation ? embedded : activate(embedded, "silu");
    });
  }

  #predict(x: Tensor, { batch, modulations, context }: PreparedUnet): Tensor {
    const { arena } = x;
    return arena.scope(() => {
      const pass = { modulations: stepRow(modulations, batch), conditions: context };
      return this.#trunk.forward(cast(x, arena.dtype), pass);
    });
  }

  /** Declares a layer, which reads the keys at its index. */
  #declared(declare: DeclareContextLayer): DeclareAttention<PreparedContext> {
    return (weights) => {
      const layer = declare(weights);
      const index = this.#layers.push(layer) - 1;
      return { forward: (x, { keys, mask }) => layer.forward(x, keys[index]!, mask) };
    };
  }

  #check(batch: number, { context, addedToTime, contextMask }: UnetCondition): void {
    const { contextDim, timeDim } = this.options;
    const [, length = 0] = context.shape;
    const fail = (argument: string, got: readonly number[], expected: readonly (number | string)[]): never => {
      throw new ShapeError(`${NAME}.prepare`, argument, got, expected);
    };
    if (!sameShape(context.shape, [batch, length, contextDim])) {
      fail("context", context.shape, [batch, "length", contextDim]);
    }
    if (!sameShape(addedToTime.shape, [batch, timeDim])) fail("addedToTime", addedToTime.shape, [batch, timeDim]);
    const wrong = contextMask?.find((row) => row.length !== length);
    if (contextMask && (wrong || contextMask.length !== batch)) {
      fail("contextMask", [contextMask.length, wrong?.length ?? length], [batch, length]);
    }
  }
}

/** Uploads the mask of the context. */
function contextMask({ arena }: StepInputs, { contextMask: rows }: UnetCondition): ContextMask | undefined {
  if (!rows) return undefined;
  const shape = [rows.length, rows[0]?.length ?? 0];
  const upload = (values: typeof rows): Tensor => arena.from(values.flat(), shape, "u32");
  const visible = rows.map((row) => row.map((one) => Number(one !== 0)));
  return {
    keep: arena.from(new Array<number>(rows.length).fill(1), [rows.length], "u32"),
    tokens: upload(visible),
    alone: upload(visible.map((row) => (row.includes(1) ? row : row.map(() => 1)))),
  };
}

/** The run for both halves of guidance: the conditional half first. */
function guided({ batch, times, condition, negative }: UnetRun, guidance: Guidance): UnetRun {
  if (!negative) throw new ShapeError(`${NAME}.prepare`, "negative", "absent", "the condition of the null half");
  return {
    batch: 2 * batch,
    times: joinTimes(times),
    condition: {
      context: guidance.join(condition.context, negative.context),
      addedToTime: guidance.join(condition.addedToTime, negative.addedToTime),
      contextMask: joinMasks(condition, negative),
    },
  };
}

/** The masks of both halves. A half without one hides nothing. */
function joinMasks(...halves: readonly UnetCondition[]): UnetCondition["contextMask"] {
  if (halves.every(({ contextMask }) => !contextMask)) return undefined;
  return halves.flatMap(({ context: { shape }, contextMask }) => {
    const [batch = 0, length = 0] = shape;
    return contextMask ?? Array.from({ length: batch }, () => new Array<number>(length).fill(1));
  });
}
