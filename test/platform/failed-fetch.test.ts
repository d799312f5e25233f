import { describe, expect, it } from "vitest";
import { addressSpace, explain, type PageFacts } from "../../src/platform/failed-fetch.js";

const page = (origin: string, facts: Partial<PageFacts> = {}): PageFacts => ({
  origin,
  isOnline: true,
  refusesLocalNetwork: undefined,
  ...facts,
});

async function reason(target: string, from: PageFacts, isReachable = false) {
  let asked = 0;
  const found = await explain(new URL(target), from, () => {
    asked++;
    return Promise.resolve(isReachable);
  });
  return { ...found, asked };
}

const site = page("https://art.example");

describe("a fetch that failed in a page", () => {
  it("was mixed content if the page is from https and the file from http; nothing is asked", async () => {
    const found = await reason("http://models.example/a.pth", site);
    expect(found).toMatchObject({ isRefusal: true, asked: 0 });
    expect(found.problem).toContain("mixed content");
    expect(found.advice).toContain("https://models.example");
  });

  it("was refused by CORS if the server answers without it", async () => {
    const found = await reason("https://models.example/a.pth", site, true);
    expect(found).toMatchObject({ isRefusal: true, asked: 1 });
    expect(found.problem).toContain("CORS");
    expect(found.advice).toContain('"Access-Control-Allow-Origin: https://art.example"');
  });

  it("did not reach a server that does not answer; a policy of the page may be why", async () => {
    const found = await reason("https://models.example/a.pth", site);
    expect(found).toMatchObject({ isRefusal: false, asked: 1 });
    expect(found.advice).toContain("connect-src");
  });

  it("did not reach the page's own server; CORS is not asked about", async () => {
    const found = await reason("https://art.example/a.pth", site);
    expect(found).toMatchObject({ isRefusal: false, asked: 0, advice: "check the connection" });
  });

  it("had no network, except to this computer", async () => {
    const offline = page("https://art.example", { isOnline: false });
    expect((await reason("https://models.example/a.pth", offline)).problem).toContain("offline");
    expect((await reason("http://localhost:8080/a.pth", offline, true)).problem).toContain("CORS");
  });

  it("may not reach the local network, as the user decided or has not decided yet", async () => {
    const refused = await reason("https://192.168.1.5/a.pth", { ...site, refusesLocalNetwork: true });
    expect(refused).toMatchObject({ isRefusal: true, asked: 0 });
    const undecided = await reason("http://localhost:8080/a.pth", { ...site, refusesLocalNetwork: false });
    expect(undecided).toMatchObject({ isRefusal: false });
    for (const { advice } of [refused, undecided]) expect(advice).toContain('"Local network access"');
  });

  it("is not about the local network if the page is from there, or has no origin", async () => {
    for (const origin of ["http://localhost:3000", "http://10.0.0.2", "null"]) {
      const found = await reason("http://192.168.1.5/a.pth", page(origin, { refusesLocalNetwork: true }));
      expect(found.advice, origin).not.toContain("Local network");
    }
  });
});

it("addresses are told by their spelling", () => {
  const hosts = {
    loopback: ["localhost", "a.localhost", "127.0.0.1", "127.8.8.8", "[::1]"],
    local: [
      "10.1.2.3",
      "192.168.0.9",
      "172.16.0.1",
      "172.31.9.9",
      "169.254.1.1",
      "nas.local",
      "[fd00::1]",
      "[fe80::1]",
    ],
    public: ["example.org", "172.32.0.1", "11.0.0.1", "8.8.8.8", "[2001:db8::1]", "local.example", "127.example"],
  };
  for (const [space, names] of Object.entries(hosts)) {
    for (const name of names) expect(addressSpace(new URL(`http://${name}/`)), name).toBe(space);
  }
});
