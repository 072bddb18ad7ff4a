// Where attempts and events come from: the blocks of this file, or the server that sent it.

/** Attempts and events that were written into this file. */
class FileSource {
  constructor(attempts) {
    this.attempts = attempts;
    this.live = false;
  }

  async refresh() {}

  /** All events of an attempt, or null for lines that are none; later calls give none. */
  async *events(attempt, from = 0) {
    if (from > 0) return;
    const block = byId(`events-${this.attempts.indexOf(attempt)}`);
    const data = JSON.parse(block.textContent);
    yield { events: readLines(data.lines ?? (await inflate(data.deflate))), next: attempt.size || 1 };
  }
}

/** Attempts and events of a directory that is still being written. */
class LiveSource {
  constructor() {
    this.attempts = [];
    this.live = true;
  }

  async refresh() {
    this.attempts = await (await this._get("attempts")).json();
  }

  /** The events from a byte on, in portions, each with the byte behind it; `anew` where the file was written anew. */
  async *events(attempt, from = 0) {
    for (let next = from; ;) {
      const answer = await this._get(`events?${new URLSearchParams({ id: attempt.id, from: next })}`);
      const [first, after] = ["X-First-Byte", "X-Next-Byte"].map((name) => Number(answer.headers.get(name)));
      if (after === next) return;
      yield { events: readLines(await answer.text()), next: after, anew: first < next };
      next = after;
    }
  }

  async _get(what) {
    const answer = await fetch(what, { cache: "no-store" });
    if (!answer.ok) throw new Error(`${what}: ${answer.status}`);
    return answer;
  }
}

function readLines(lines) {
  return lines
    .split("\n")
    .filter((line) => line)
    .map((line) => {
      try {
        const event = JSON.parse(line);
        return event !== null && typeof event === "object" && !Array.isArray(event) ? event : null;
      } catch {
        return null;
      }
    });
}

async function inflate(base64) {
  const packed = Uint8Array.from(atob(base64), (character) => character.charCodeAt(0));
  const stream = new Blob([packed]).stream().pipeThrough(new DecompressionStream("deflate-raw"));
  return new Response(stream).text();
}

function openSource() {
  const data = JSON.parse(byId("attempts").textContent);
  return data.mode === "serve" ? new LiveSource() : new FileSource(data.attempts);
}
