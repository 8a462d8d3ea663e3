// What the box says: its events, its answers, and whether it can be heard at all.
//
// The events come by fetch, not by EventSource: that one keeps keep-alives to itself, and so would show the last state of
// a box that lost its power as if it were the present one. Here silence is noticed: after a few seconds of it the
// box is asked something small, and if that is not answered it is gone until it answers again.

const CONNECT_MS = 5_000;
const SILENCE_MS = 5_000;
const PING_MS = 3_000;
const STALE_MS = 40_000; // more than two keep-alives: the box may answer, but this stream of its events is dead
const PAUSES_MS = [300, 1_000, 2_000, 3_000];

export class Stream {
  // onEvent(name, data); onState("connecting" | "live" | "lost", why, HTTP status of the refusal)
  constructor(onEvent, onState) {
    this.onEvent = onEvent;
    this.onState = onState;
    this.receiverId = null;
    this.abort = new AbortController();
    this.heard = this.heardEvents = 0;
    this.connected = false;
    this.wake = () => {};
    setInterval(() => this.listen(), 1_000);
    document.addEventListener("visibilitychange", () => this.hurry());
    window.addEventListener("online", () => this.hurry());
    this.run();
  }

  // The sources come with their fit to this receiver.
  follow(receiverId) {
    if (receiverId === this.receiverId) return;
    this.receiverId = receiverId;
    this.hurry();
    this.abort.abort();
  }

  // Look at once, do not wait for the next time.
  hurry() {
    this.wake();
    this.listen();
  }

  async run() {
    for (let failures = 0; ; ) {
      const asked = this.receiverId;
      let why = "";
      let status = 0;
      this.abort = new AbortController();
      try {
        await this.read(asked);
      } catch (error) {
        why = error instanceof Refused ? error.message : "";
        status = error.status;
        if (error.status === 404) this.receiverId = null; // another box here now, or another configuration
      }
      if (this.connected) failures = 0;
      this.connected = false;
      if (asked !== this.receiverId) continue;
      this.onState("lost", why, status);
      await this.pause(PAUSES_MS[Math.min(failures++, PAUSES_MS.length - 1)]);
    }
  }

  async read(receiverId) {
    const query = receiverId === null ? "" : `?receiver=${encodeURIComponent(receiverId)}`;
    const abort = this.abort;
    const late = setTimeout(() => abort.abort(), CONNECT_MS);
    const response = await fetch(`/panel/events${query}`, { signal: abort.signal, cache: "no-store" });
    clearTimeout(late);
    await refuse(response);
    this.connected = true;
    this.heard = this.heardEvents = performance.now();
    const reader = response.body.pipeThrough(new TextDecoderStream()).getReader();
    for (let text = ""; ; ) {
      const { done, value } = await reader.read();
      if (done) return;
      this.heard = this.heardEvents = performance.now();
      const events = (text + value).split("\n\n");
      text = events.pop();
      for (const event of events) this.tell(event, abort);
    }
  }

  tell(event, abort) {
    const [, name, data] = /^event: (\w+)\ndata: (.*)$/s.exec(event) ?? [];
    if (name === undefined || abort.signal.aborted) return; // a keep-alive, or an answer to a question of before
    this.onEvent(name, JSON.parse(data));
    if (name === "reset") this.onState("live", "");
  }

  // Is it silent because nothing happens, or because it is gone?
  async listen() {
    const now = performance.now();
    if (!this.connected || document.hidden || this.pinging || now - this.heard < SILENCE_MS) return;
    const abort = this.abort;
    this.pinging = true;
    try {
      if (now - this.heardEvents > STALE_MS) throw new Error("stale");
      const answer = await fetch("/panel/status", { signal: AbortSignal.timeout(PING_MS), cache: "no-store" });
      await answer.text();
      this.heard = performance.now();
    } catch {
      abort.abort();
    }
    this.pinging = false;
  }

  pause(ms) {
    return new Promise((resolve) => {
      const timer = setTimeout(resolve, ms);
      this.wake = () => {
        clearTimeout(timer);
        resolve();
      };
    });
  }
}

// What the box answered with an error, in its own words.
export class Refused extends Error {
  constructor(status, message) {
    super(message);
    this.status = status;
  }
}

// POST something; its answer, or an error whose message can be shown.
export async function send(path, body, timeoutMs = 15_000) {
  let response;
  try {
    response = await fetch(path, {
      method: "POST",
      headers: { "Content-Type": "application/json" },
      body: JSON.stringify(body),
      signal: AbortSignal.timeout(timeoutMs),
    });
  } catch {
    throw new Refused(0, "the box did not answer");
  }
  await refuse(response);
  return response.json();
}

async function refuse(response) {
  if (response.ok) return;
  const said = await response.json().catch(() => ({}));
  // "sender_id: Mic does not fit": the key is for programs
  const message = String(said.error ?? `the box answered ${response.status}`).replace(/^\w+_id: |^\w+: (?=[a-z])/, "");
  throw new Refused(response.status, message);
}
