/** Server-sent events over fetch: EventSource can send no key. Comes again by itself, with the last id that it had. */

import { Refusal, request } from "./api.js";

const AGAIN_MS = [500, 1000, 2000, 4000];

/**
 * @param {string} path
 * @param {{ event: (name: string, data: any) => void, state: (state: "live" | "away", problem?: Refusal) => void }} told
 * @returns {() => void} ends it
 */
export function follow(path, told) {
  const ended = new AbortController();
  let last = "";
  let failures = 0;

  async function once() {
    const headers = last ? { "Last-Event-ID": last } : undefined;
    const answer = await request(path, { signal: ended.signal, headers, cache: "no-store" });
    failures = 0;
    told.state("live");
    for await (const each of messages(/** @type {ReadableStream<Uint8Array>} */ (answer.body))) {
      if (each.id) last = each.id;
      told.event(each.event, JSON.parse(each.data));
    }
  }

  async function run() {
    while (!ended.signal.aborted) {
      try {
        await once();
      } catch (error) {
        if (ended.signal.aborted) return;
        told.state("away", error instanceof Refusal ? error : undefined);
        if (error instanceof Refusal && !error.passes) return;
      }
      await pause(AGAIN_MS[Math.min(failures++, AGAIN_MS.length - 1)], ended.signal);
    }
  }

  run();
  return () => ended.abort();
}

/**
 * Messages of a body, as the standard has them: blocks of lines, apart by an empty one.
 * @param {ReadableStream<Uint8Array>} body
 */
async function* messages(body) {
  const reader = body.pipeThrough(/** @type {any} */ (new TextDecoderStream())).getReader();
  let held = "";
  for (;;) {
    const { done, value } = await reader.read();
    if (done) return;
    held += value;
    const blocks = held.split("\n\n");
    held = blocks.pop() ?? "";
    for (const block of blocks) {
      const read = message(block);
      if (read.data) yield read;
    }
  }
}

/** @param {string} block */
function message(block) {
  const made = { id: "", event: "message", data: "" };
  for (const line of block.split("\n")) {
    const [, field, value] = /^(\w+): ?(.*)$/.exec(line) ?? [];
    if (field === "data") made.data += value;
    else if (field === "id") made.id = value;
    else if (field === "event") made.event = value;
  }
  return made;
}

/** @param {number} ms @param {AbortSignal} signal */
function pause(ms, signal) {
  return new Promise((resolve) => {
    const timer = setTimeout(resolve, ms);
    signal.addEventListener("abort", () => { clearTimeout(timer); resolve(undefined); }, { once: true });
  });
}
