// How loud the receiver is that the page shows, and what of its packets arrives. The box says so ten times a second to
// whoever asks, and works nothing out for nobody: so this asks only while it can be seen.

import { children, element, fill, set, show } from "./dom.js";

const PATH = "/panel/meters";
const FLOOR_DB = -60;
const MOST_CHANNELS = 16;
const WORDS_MS = 1_000; // words that change more often cannot be read

export class Meters {
  // bars: where the levels go; words: what arrives
  constructor(bars, words) {
    this.bars = bars;
    this.words = words;
    this.id = null;
    this.events = null;
    this.saidAt = 0;
    document.addEventListener("visibilitychange", () => this.listen());
  }

  // Those of this receiver; null: of none.
  follow(id) {
    if (id === this.id) return;
    this.id = id;
    this.draw(null);
    this.listen();
  }

  listen() {
    this.events?.close();
    this.events = null;
    if (this.id === null || document.hidden) return;
    this.events = new EventSource(`${PATH}?id=${encodeURIComponent(this.id)}`);
    this.events.addEventListener("meters", (event) => this.draw(JSON.parse(event.data).streams[0]));
    this.events.addEventListener("error", () => this.draw(null)); // it tries again by itself
  }

  draw(stream) {
    const peaks = stream?.peak ?? [];
    show(this.bars, peaks.length > 0);
    children(this.bars, peaks.slice(0, MOST_CHANNELS), newBar, (bar, peak) => {
      const shown = Math.max(FLOOR_DB, Math.min(0, peak));
      set(bar, "aria-valuenow", String(Math.round(shown)));
      set(bar, "aria-valuetext", peak <= FLOOR_DB ? "silent" : `${Math.round(peak)} dB`);
      set(bar, "class", peak > -3 ? "high" : peak > -18 ? "up" : "");
      bar.firstElementChild.style.transform = `scaleX(${1 - shown / FLOOR_DB})`;
    });
    [...this.bars.children].forEach((bar, at) => set(bar, "aria-label", `Level of channel ${at + 1}`));
    const now = performance.now();
    if (stream && now - this.saidAt < WORDS_MS) return;
    this.saidAt = now;
    fill(this.words, stream ? arrives(stream, peaks.length) : "");
  }
}

function newBar() {
  return element("i", { role: "meter", "aria-valuemin": String(FLOOR_DB), "aria-valuemax": "0" }, element("b"));
}

// "eth0 1,234 lost · eth1 silent": nothing where there is nothing to say.
function arrives(stream, channels) {
  const both = stream.legs.length > 1;
  const legs = stream.legs.map((leg) => {
    const lost = leg.lost ? `${leg.lost.toLocaleString("en")} lost` : "";
    const state = !leg.signal && both ? ["silent", lost].filter(Boolean).join(", ") : lost || (both ? "well" : "");
    return state && [leg.interface, state].filter(Boolean).join(" ");
  });
  const refused = stream.refused ? `${stream.refused.toLocaleString("en")} packets are not what its file says` : "";
  const more = channels > MOST_CHANNELS ? `and ${channels - MOST_CHANNELS} more channels` : "";
  return [...legs, refused, more].filter(Boolean).join(" · ");
}
