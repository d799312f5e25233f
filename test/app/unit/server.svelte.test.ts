import { describe, expect, it } from "vitest";
import { failureOf } from "../../../web/src/engine/failure.js";
import { servedName } from "../../../web/src/engine/server-engine.js";
import { Job } from "../../../web/src/jobs/job.svelte.js";
import { NOT_OPENED } from "../../../web/src/engine/opening.js";
import { ServerError } from "../../../web/src/server/server-error.js";
import { serverOfPage } from "../../../web/src/server/server-of-page.js";
import { Server } from "../../../web/src/server/server.svelte.js";
import { sayProgress } from "../../../web/src/stage/words.js";
import { settle } from "../support/fake-engine.js";

/** A storage, and what is in it. */
function storage(entries: Readonly<Record<string, string>> = {}) {
  const kept = new Map(Object.entries(entries));
  return {
    kept,
    getItem: (name: string) => kept.get(name) ?? null,
    setItem: (name: string, value: string) => void kept.set(name, value),
    removeItem: (name: string) => void kept.delete(name),
  };
}

/** A server that takes one key. */
function guarded(right: string, keys: (string | null)[] = []) {
  return (_: unknown, init: RequestInit = {}) => {
    const key = new Headers(init.headers).get("authorization");
    keys.push(key);
    const isRight = key === `Bearer ${right}`;
    const body = isRight
      ? { models: [{ name: "karlo", isLoaded: true }] }
      : { error: { code: "invalid_api_key", message: "this key is not known here" } };
    return Promise.resolve(new Response(JSON.stringify(body), { status: isRight ? 200 : 401 }));
  };
}

const base = "http://localhost/x/api/";

describe("the server of a page", () => {
  it("is named by the page, relative to it", () => {
    expect(serverOfPage(document)).toBeUndefined();
    document.head.innerHTML = '<meta name="dalle2-server" content="api/">';
    expect(serverOfPage(document)).toBe(new URL("api/", document.baseURI).href);
    document.head.innerHTML = "";
  });

  it("is asked with a key that the person enters once for all calls, and that is kept", async () => {
    const kept = storage();
    const server = new Server(base, kept, guarded("k1"));
    const all = Promise.all([server.refresh(), server.refresh()]);
    await settle();
    expect(server.question).toMatchObject({ wasRefused: false });
    server.question!.answer("k0");
    await settle();
    expect(server.question).toMatchObject({ wasRefused: true });
    server.question!.answer("k1");
    await all;
    expect(server.question).toBeUndefined();
    expect(server.models.map(({ name }) => name)).toEqual(["karlo"]);
    expect([...kept.kept.values()]).toEqual(["k1"]);
    const keys: (string | null)[] = [];
    await new Server(base, kept, guarded("k1", keys)).refresh();
    expect(keys).toEqual(["Bearer k1"]);
    server.forgetKey();
    expect(kept.kept.size).toBe(0);
  });

  it("says why its models are not known if the person gives no key", async () => {
    const server = new Server(base, undefined, guarded("k1"));
    const refreshed = server.refresh();
    await settle();
    server.question!.answer(undefined);
    await refreshed;
    expect(server.failure).toMatchObject({ code: "server/invalid_api_key", title: "The server needs a key" });
  });

  it("offers its default model where it has not the wanted one", () => {
    const server = new Server(base, storage({ "dalle2app.served-model": "mine" }), guarded(""));
    expect(servedName(server.first.config)).toBe("mine");
    server.models = [{ name: "karlo", isLoaded: false }];
    expect(server.find("mine").id).toBe("karlo");
    expect(server.find("karlo").label).toMatch(/Karlo/);
  });
});

describe("failures of a server", () => {
  it.each([
    ["queue_full", "retry"],
    ["no_worker", "retry"],
    ["server_closing", "retry"],
    ["connection_lost", "retry"],
    ["rate_limit_exceeded", "retry"],
    ["invalid_api_key", "retry"],
    ["deadline_exceeded", "retry"],
    ["model_not_found", "choose-model"],
    ["request_too_large", undefined],
  ])("%s has a face, and a way on", (code, remedy) => {
    const failure = failureOf(new ServerError(code, "it is so", code === "queue_full" ? 20 : undefined));
    expect(failure).toMatchObject({ code: `server/${code}`, message: "It is so.", remedy });
    expect(failure.title).not.toBe("Something went wrong");
    if (code === "queue_full") expect(failure.advice).toBe("Try again in about 20 s.");
  });
});

describe("a job that waits on a server", () => {
  it("says how many images are ahead, and that the model is loaded", () => {
    const parameters = { task: "create" as const, prompts: ["a"], count: 1, seed: 1, prior: {}, unets: [] };
    const job = new Job({ parameters, images: [] }, { id: "x", label: "X", config: "served:x" });
    job.status = "generating";
    const stage = (): string => sayProgress(job, NOT_OPENED, 0).stage;
    job.served = { type: "waiting", imagesAhead: 3 };
    expect(stage()).toBe("Waiting on the server: 3 images ahead");
    job.served = { type: "waiting", imagesAhead: 0 };
    expect(stage()).toBe("Next on the server");
    job.served = { type: "loading", fraction: 0.41 };
    expect(stage()).toBe("The server loads the model, 41 %");
    job.served = undefined;
    expect(stage()).toBe("Starting");
  });
});
