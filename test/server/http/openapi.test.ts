// The OpenAPI document, and the table of OpenAI's parameters.
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { Ajv2020 } from "ajv/dist/2020.js";
import type { ImageCreateVariationParams, ImageEditParamsBase, ImageGenerateParamsBase } from "openai/resources/images";
import { afterAll, beforeAll, expect, test } from "vitest";
import { ERROR_NAMES } from "../../../src/server/http/errors.js";
import { extensionFields } from "../../../src/server/http/openai/extension.js";
import { IMAGE_ROUTES, PARAMETERS, type ImageRoute } from "../../../src/server/http/openai/parameters.js";
import { editBody, generationBody, variationBody } from "../../../src/server/http/openai/schemas.js";
import { SERVER_ERRORS } from "../../../src/server/server-error.js";
import { TestServer } from "../support/test-server.js";

/** Every parameter that OpenAI's client can send: one that it gets in a later version does not compile here. */
const SENT = {
  generations: {
    background: true,
    model: true,
    moderation: true,
    n: true,
    output_compression: true,
    output_format: true,
    partial_images: true,
    prompt: true,
    quality: true,
    response_format: true,
    size: true,
    stream: true,
    style: true,
    user: true,
  } satisfies Record<keyof ImageGenerateParamsBase, true>,
  edits: {
    background: true,
    image: true,
    input_fidelity: true,
    mask: true,
    model: true,
    n: true,
    output_compression: true,
    output_format: true,
    partial_images: true,
    prompt: true,
    quality: true,
    response_format: true,
    size: true,
    stream: true,
    user: true,
  } satisfies Record<keyof ImageEditParamsBase, true>,
  variations: {
    image: true,
    model: true,
    n: true,
    response_format: true,
    size: true,
    user: true,
  } satisfies Record<keyof ImageCreateVariationParams, true>,
};

const BODIES = { generations: generationBody, edits: editBody, variations: variationBody };

test.each(IMAGE_ROUTES)("the table and the schema have every parameter of %s", (route: ImageRoute) => {
  const sent = Object.keys(SENT[route]).sort();
  const inTable = Object.entries(PARAMETERS).filter(([, { routes }]) => routes.includes(route));
  expect(inTable.map(([name]) => name).sort()).toEqual(sent);
  expect(Object.keys(BODIES[route].shape).sort()).toEqual([...sent, "dalle2"].sort());
});

test("docs/openai.md is what the tables make", async () => {
  const root = fileURLToPath(new URL("../../..", import.meta.url));
  const { openAIPage } = (await import(join(root, "scripts/generate-openai-page.js"))) as {
    readonly openAIPage: (tables: object) => Promise<string>;
  };
  const tables = { parameters: PARAMETERS, fields: extensionFields(), statuses: SERVER_ERRORS, names: ERROR_NAMES };
  const page = readFileSync(join(root, "docs/openai.md"), "utf8");
  expect(page, "run: npm run build && node scripts/generate-openai-page.js").toBe(await openAIPage(tables));
});

test("every field of the object dalle2 says what it means", () => {
  for (const { name, what } of extensionFields()) expect(what, name).not.toBe("");
});

interface Operation {
  readonly operationId?: string;
  readonly responses: Readonly<
    Record<string, { readonly content: Readonly<Record<string, unknown>>; readonly headers?: object }>
  >;
  readonly requestBody?: { readonly content: Readonly<Record<string, unknown>> };
}

interface Document {
  readonly openapi: string;
  readonly paths: Readonly<Record<string, Readonly<Record<string, Operation>>>>;
  readonly components: { readonly schemas: Readonly<Record<string, object>>; readonly securitySchemes: object };
}

let server: TestServer;
let document: Document;

beforeAll(async () => {
  server = await TestServer.start();
  document = (await (await fetch(`${server.url}/openapi.json`)).json()) as Document;
});

afterAll(() => server.stop());

test("the document has every route of the app", () => {
  expect(document.openapi).toBe("3.1.0");
  const routes = server.app.routes.filter(({ method, path }) => method !== "ALL" && !path.includes("*"));
  const inDocument = Object.entries(document.paths).flatMap(([path, operations]) =>
    Object.keys(operations).map((method) => `${method.toUpperCase()} ${path}`),
  );
  const inApp = routes.map(({ method, path }) => `${method} ${path.replace(/:(\w+)/g, "{$1}")}`);
  expect(inDocument.sort()).toEqual([...new Set(inApp)].sort());
});

test.each(["generations", "edits", "variations"])("the document has every error of %s", (route) => {
  const { responses } = document.paths[`/v1/images/${route}`]!.post!;
  expect(Object.keys(responses)).toEqual([
    "200",
    "400",
    "401",
    "403",
    "404",
    "409",
    "413",
    "415",
    "429",
    "500",
    "503",
    "504",
  ]);
  for (const [status, { content, headers }] of Object.entries(responses)) {
    expect(headers).toHaveProperty("x-request-id");
    if (status === "200") continue;
    expect(content).toEqual({ "application/json": { schema: { $ref: "#/components/schemas/Error" } } });
  }
});

/** A validator of a schema of the document, with the others that it refers to. */
function validatorOf(name: string) {
  const ajv = new Ajv2020({ strict: false, allErrors: true });
  ajv.addSchema({ $id: "document", ...document });
  return ajv.compile({ $ref: `document#/components/schemas/${name}` });
}

test("every reference leads to a schema, and every schema is one", () => {
  const references = [...JSON.stringify(document).matchAll(/"\$ref":"#\/components\/schemas\/(\w+)"/g)];
  expect(references.length).toBeGreaterThan(10);
  for (const [, name] of references) expect(document.components.schemas).toHaveProperty(name!);
  for (const name of Object.keys(document.components.schemas)) expect(validatorOf(name)).toBeTypeOf("function");
});

test("answers are as the document says", async () => {
  const headers = { "content-type": "application/json" };
  const post = (body: object) =>
    fetch(`${server.url}/v1/images/generations`, { method: "POST", headers, body: JSON.stringify(body) });
  const checks: readonly (readonly [string, Response])[] = [
    ["Images", await post({ prompt: "x", n: 2, size: "20x20" })],
    ["Error", await post({})],
    ["Models", await fetch(`${server.url}/v1/models`)],
    ["Model", await fetch(`${server.url}/v1/models/shapes`)],
  ];
  for (const [name, response] of checks) {
    const validate = validatorOf(name);
    expect(validate(await response.json()), `${name}: ${JSON.stringify(validate.errors)}`).toBe(true);
  }
  const stream = await (await post({ prompt: "x", stream: true, partial_images: 1 })).text();
  const events = [...stream.matchAll(/^data: (.*)$/gm)];
  expect(events).toHaveLength(2);
  const validate = validatorOf("ImageEvent");
  for (const [, event] of events) {
    expect(validate(JSON.parse(event!)), JSON.stringify(validate.errors)).toBe(true);
  }
});

test("the document takes what the server takes, and refuses what it refuses", () => {
  const validate = validatorOf("ImageGeneration");
  expect(validate({ prompt: "x", dalle2: { steps: [1, null] } }), JSON.stringify(validate.errors)).toBe(true);
  for (const wrong of [{}, { prompt: "x", n: 0 }, { prompt: "x", unknown: 1 }, { prompt: "x", dalle2: { step: 1 } }]) {
    expect(validate(wrong)).toBe(false);
  }
});
