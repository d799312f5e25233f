import type { RequestParameters } from "dalle2-webgpu/requests";

/** An image that is kept in this browser. */
export interface KeptImage {
  readonly id: string;
  readonly jobId: string;
  /** Index in its job. */
  readonly index: number;
  /** When it was done, in milliseconds since 1970. */
  readonly time: number;
  readonly width: number;
  readonly height: number;
  /** The PNG, with its record. */
  readonly file: Blob;
  readonly parameters: RequestParameters;
  /** Prompt of this image; empty if it has none. */
  readonly prompt: string;
  /** Id and label of its model. */
  readonly model: { readonly id: string; readonly label: string };
  /** Name of the adapter, and id of the tuning table. */
  readonly adapter: string;
  readonly tuning: string;
  /** From the start of its job. */
  readonly seconds: number;
}
