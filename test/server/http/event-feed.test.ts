import { describe, expect, it } from "vitest";
import { EventFeed } from "../../../src/server/http/event-feed.js";

async function rest(feed: EventFeed<string>): Promise<readonly string[]> {
  const events: string[] = [];
  for (let event = await feed.next(0); event !== "silent" && event !== "end"; event = await feed.next(0)) {
    events.push(event);
  }
  return events;
}

describe("a feed of events", () => {
  it("keeps the newest event of a key, in the place of the one that waits", async () => {
    const feed = new EventFeed<string>();
    feed.push("preview 1", "preview");
    feed.push("warning");
    feed.push("progress 1", "progress");
    feed.push("preview 2", "preview");
    feed.push("warning");
    expect(await rest(feed)).toEqual(["preview 2", "warning", "progress 1", "warning"]);
    // It waits no more.
    feed.push("preview 3", "preview");
    expect(await rest(feed)).toEqual(["preview 3"]);
  });

  it("has what was pushed before its end, also where that is an error", async () => {
    const feed = new EventFeed<string>();
    feed.push("one");
    feed.fail(new Error("lost"));
    expect(await feed.next(0)).toBe("one");
    await expect(feed.next(0)).rejects.toThrow("lost");
  });
});
