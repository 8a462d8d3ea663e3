// Which channel goes where inside the box (IS-08). Shown where the box maps channels, asked for while it is in sight.

import { $, children, element, fill, show } from "./dom.js";
import { send } from "./stream.js";

const API = "/x-nmos/channelmapping/v1.0";
const EVERY_MS = 5_000;
const SILENCE = "silence";

export class Channels {
  // `wanted()`: whether it is in sight, and the box can be heard; `may()`: whether anything may be done
  constructor(wanted, toast, may) {
    this.wanted = wanted;
    this.toast = toast;
    this.asked = -EVERY_MS;
    this.offered = null;
    this.io = { inputs: {}, outputs: {} };
    this.map = {};
    this.output = null;
    $("outputs").addEventListener("click", (event) => {
      const button = event.target.closest("button");
      if (button && may()) this.open(button.dataset.id);
    });
    $("mapping").querySelector("form").addEventListener("submit", (event) => {
      event.preventDefault();
      this.save();
    });
    $("mapping-cancel").addEventListener("click", () => $("mapping").close());
  }

  draw() {
    const now = performance.now();
    if (this.offered === false || !this.wanted() || document.hidden || now - this.asked < EVERY_MS) return;
    this.asked = now;
    this.ask();
  }

  async ask() {
    try {
      this.offered ??= (await get("/x-nmos/")).includes("channelmapping/");
      if (!this.offered) return;
      const [io, active] = await Promise.all([get(`${API}/io`), get(`${API}/map/active`)]);
      this.io = io;
      this.map = active.map;
      this.drawOutputs();
    } catch {
      // the page says elsewhere that the box does not answer
    }
  }

  drawOutputs() {
    show($("channels"), true);
    children($("outputs"), Object.entries(this.io.outputs), newOutput, (item, [id, output]) => {
      const button = item.firstElementChild;
      button.dataset.id = id;
      fill(button.children[0], output.properties.name);
      fill(button.children[1], output.properties.description);
      fill(button.children[2], this.routes(id).map((route, at) => `${output.channels[at].label} ← ${this.called(route)}`).join(" · "));
    });
  }

  routes(id) {
    return this.io.outputs[id].channels.map((_, at) => this.map[id]?.[at] ?? { input: null, channel_index: null });
  }

  called({ input, channel_index: index }) {
    const known = this.io.inputs[input];
    return known ? `${known.properties.name} ${known.channels[index]?.label ?? index}` : SILENCE;
  }

  // ---- one output

  open(id) {
    const { properties, channels, caps } = this.io.outputs[id];
    this.output = id;
    fill($("mapping-title"), `Channels of ${properties.name}`);
    fill($("mapping-what"), properties.description);
    fill($("mapping-error"), "");
    const routes = this.routes(id);
    $("mapping-channels").replaceChildren(...channels.map(({ label }, at) => {
      const select = element("select", { "aria-label": label }, element("option", { value: "" }, SILENCE));
      for (const [input, { properties: { name, description }, channels: of }] of Object.entries(this.io.inputs)) {
        if (caps.routable_inputs && !caps.routable_inputs.includes(input)) continue;
        const options = of.map((channel, index) => element("option", { value: `${index} ${input}` }, `${name} ${channel.label}`));
        select.append(element("optgroup", { label: `${name}: ${description}` }, ...options));
      }
      select.value = select.dataset.before = valueOf(routes[at]);
      return element("li", {}, element("label", {}, element("span", {}, label), select));
    }));
    $("mapping").showModal();
  }

  async save() {
    const changed = [...$("mapping-channels").querySelectorAll("select")].map((select, at) => [at, select]).filter(([, select]) => select.value !== select.dataset.before);
    if (changed.length > 0) {
      const entries = Object.fromEntries(changed.map(([at, select]) => [at, routeOf(select.value)]));
      try {
        await send(`${API}/map/activations`, { activation: { mode: "activate_immediate" }, action: { [this.output]: entries } });
      } catch (error) {
        fill($("mapping-error"), error.message);
        return;
      }
      this.toast(`${this.io.outputs[this.output].properties.name} has other channels now`);
    }
    $("mapping").close();
    this.ask();
  }
}

function valueOf({ input, channel_index: index }) {
  return input === null ? "" : `${index} ${input}`;
}

function routeOf(value) {
  const [index, input] = value.split(" ");
  return input ? { input, channel_index: Number(index) } : { input: null, channel_index: null };
}

async function get(path) {
  const answer = await fetch(path, { cache: "no-cache", signal: AbortSignal.timeout(EVERY_MS) });
  if (!answer.ok) throw new Error(String(answer.status));
  return answer.json();
}

function newOutput() {
  return element("li", {}, element("button", { type: "button", "aria-haspopup": "dialog" },
    element("b", { dir: "auto" }), element("span"), element("small", { dir: "auto" })));
}
