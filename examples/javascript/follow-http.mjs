// Follows one user's lists over HTTP, as server-sent events: node follow-http.mjs http://127.0.0.1:8080 u1
// A page does the same with `new EventSource(...)`, where no key is needed.
const [address = "http://127.0.0.1:8080", userId = "u1"] = process.argv.slice(2);
const headers = process.env.PENCHANT_KEY ? { Authorization: `Bearer ${process.env.PENCHANT_KEY}` } : {};
const pauseMs = 1000;
let lastId = "";

/** Each event of a response's body, as {event, data, id}. */
async function* events(body) {
  let text = "";
  for await (const chunk of body.pipeThrough(new TextDecoderStream())) {
    const parts = (text + chunk).split("\n\n");
    text = parts.pop();
    for (const part of parts) {
      const fields = part.split("\n").filter((line) => line && !line.startsWith(":"));
      if (fields.length) yield Object.fromEntries(fields.map((line) => line.split(/: (.*)/s, 2)));
    }
  }
}

for (;;) {
  try {
    const answer = await fetch(`${address}/v1/users/${encodeURIComponent(userId)}/events`, {
      headers: lastId ? { ...headers, "Last-Event-ID": lastId } : headers,
    });
    if (!answer.ok) throw new Error(`${answer.status}: ${(await answer.json()).detail}`);
    for await (const { event, data, id } of events(answer.body)) {
      lastId = id ?? lastId;
      const made = data ? JSON.parse(data) : {};
      if (event === "list") console.log(`${userId} v${made.version} ${made.path}: ${made.items.map((item) => item.item_id).join(", ")}`);
      if (event === "erased") console.log(`${userId} was erased`);
    }
  } catch (error) {
    console.error(`${address} cannot be read (${error.cause?.message ?? error.message}); trying again`);
  }
  await new Promise((resolve) => setTimeout(resolve, pauseMs));
}
