// Server-sent events.

/** The data of each event of a body. Comments and names of events are skipped. */
export async function* readEvents(body: ReadableStream<Uint8Array>): AsyncGenerator<string> {
  const reader = body.getReader();
  const decoder = new TextDecoder();
  let text = "";
  try {
    for (;;) {
      const { done, value } = await reader.read();
      if (done) return;
      const parts = (text + decoder.decode(value, { stream: true })).split("\n\n");
      text = parts.pop() ?? "";
      for (const part of parts) {
        const lines = part.split("\n").filter((line) => line.startsWith("data:"));
        if (lines.length > 0) yield lines.map((line) => line.slice("data:".length).trimStart()).join("\n");
      }
    }
  } finally {
    // Who stops reading has no more use for the connection.
    await reader.cancel().catch(() => undefined);
  }
}
