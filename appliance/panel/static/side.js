// The box itself: its health, what fills its menu, its names. A column where there is room, else a sheet.

import { $, children, element, fill, icon, set, show } from "./dom.js";
import { send } from "./stream.js";

const MOST_NODES = 100;
const MOST_NAMES = 100;
const HEALTH = { ok: "All is well", warning: "Warning", fault: "Fault" };
const wide = window.matchMedia("(min-width: 90rem)");

export class Side {
  // onFind(text); toast(text); onName(id, label)
  constructor(menu, onFind, toast, onName) {
    this.menu = menu;
    this.toast = toast;
    this.open = false;
    this.drawn = "";
    $("ask").addEventListener("change", () => this.change({ confirm: $("ask").checked }));
    $("theme").value = document.documentElement.dataset.theme = remembered("theme");
    $("theme").addEventListener("change", () => {
      document.documentElement.dataset.theme = $("theme").value;
      remember("theme", $("theme").value);
    });
    $("side-close").addEventListener("click", () => this.toggle(false));
    $("nodes").addEventListener("click", (event) => {
      const node = event.target.closest("button");
      if (!node) return;
      this.toggle(false);
      onFind(node.dataset.label);
    });
    $("names").addEventListener("click", (event) => {
      const name = event.target.closest("button");
      if (name) onName(name.dataset.id, name.dataset.label);
    });
    wide.addEventListener("change", () => this.toggle(false));
  }

  toggle(open = !this.open) {
    if (wide.matches) open = false;
    const changed = open !== this.open;
    this.open = open;
    $("side").classList.toggle("open", open);
    set($("health"), "aria-expanded", String(open));
    for (const id of ["main", "gone", "locked"]) $(id).inert = open;
    if (changed) (open ? $("side-close") : $("health")).focus();
  }

  // Whether it is in sight at all.
  get visible() {
    return this.open || wide.matches;
  }

  // What holds for the box, not for this page alone.
  async change(settings) {
    try {
      await send("/panel/settings", settings);
    } catch (error) {
      this.toast(error.message);
      $("ask").checked = this.menu.panel.confirm;
    }
  }

  // ---- what is shown

  draw(link) {
    const { status } = this.menu;
    if (!status) return;
    const gone = link === "lost";
    document.title = `${gone ? "(no answer) " : ""}${status.node.label}`;
    fill($("node"), status.node.label);
    fill($("mode").firstElementChild, status.mode);
    fill($("mode").lastElementChild, status.feed && ` · ${status.feed}`);
    set($("health"), "class", `health ${gone ? "fault" : status.health}`);
    const problems = status.problems.length;
    fill($("health-text"), gone ? "No answer" : problems > 1 ? `${problems} problems` : HEALTH[status.health]);
    const key = `${this.menu.revision} ${link}`;
    if (key === this.drawn) return;
    this.drawn = key;
    set($("side-health"), "class", `health-line ${gone ? "fault" : status.health}`);
    fill($("side-health").lastElementChild, gone ? "It does not answer" : problems ? `${HEALTH[status.health]}:` : HEALTH.ok);
    children($("problems"), status.problems, () => element("li", { dir: "auto" }), fill);
    $("ask").checked = this.menu.panel.confirm;
    this.drawFacts(status);
    this.drawNodes();
    this.drawNames(status);
  }

  drawFacts(status) {
    const facts = [
      ["Mode", status.mode],
      ["Sources from", status.feed || "–"],
      ["Other nodes", status.peers],
      ["Sources", status.lost ? `${status.sources}, ${status.lost} lost` : status.sources],
      ["Receivers", status.receivers],
    ];
    const cells = facts.flatMap(([name, value]) => [["dt", name], ["dd", String(value)]]);
    if ($("facts").children.length === 0) $("facts").append(...cells.map(([tag]) => element(tag)));
    cells.forEach(([, text], at) => fill($("facts").children[at], text));
  }

  drawNodes() {
    const nodes = this.menu.nodes();
    show($("no-nodes"), nodes.length === 0);
    children($("nodes"), nodes.slice(0, MOST_NODES), newNode, (item, node) => {
      const button = item.firstElementChild;
      const lost = node.lost === node.count;
      set(button, "class", lost ? "lost" : node.lost ? "warning" : "ok");
      button.dataset.label = node.label;
      fill(button.children[1], node.label);
      fill(button.children[2], lost ? "lost" : node.lost ? `${node.count}, ${node.lost} lost` : String(node.count));
    });
    fill($("more-nodes"), nodes.length > MOST_NODES ? `and ${nodes.length - MOST_NODES} more` : "");
  }

  // Of what something may be said here: itself, its receivers, and its own sources.
  drawNames(status) {
    const own = [...this.menu.sources.values()].filter((source) => !source.absent && source.node.id === status.node.id);
    const devices = new Map([...this.menu.receivers.values(), ...own].map((item) => [item.device.id, item.device]));
    const names = [
      [status.node, "box"],
      ...[...devices.values()].filter((device) => device.id).map((device) => [device, "device"]),
      ...[...this.menu.receivers.values()].map((receiver) => [receiver, "receiver"]),
      ...own.map((source) => [source, "source"]),
    ];
    fill($("more-names"), names.length > MOST_NAMES ? `and ${names.length - MOST_NAMES} more: receivers by the pen above their source` : "");
    children($("names"), names.slice(0, MOST_NAMES), newName, (item, [named, kind]) => {
      const button = item.firstElementChild;
      button.dataset.id = named.id;
      button.dataset.label = named.label;
      fill(button.children[0], named.label);
      fill(button.children[1], kind);
    });
  }
}

function newNode() {
  return element("li", {}, element("button", { type: "button", title: "Show its sources" },
    element("i", { class: "lamp" }), element("bdi"), element("span", { class: "count" })));
}

function newName() {
  const pen = element("span", { class: "pen" });
  icon(pen, "pen");
  return element("li", {}, element("button", { type: "button", title: "Name, description, tags", "aria-haspopup": "dialog" },
    element("bdi"), element("span", { class: "kind" }), pen));
}

// Kept in this browser; one that keeps nothing begins anew each time.
function remembered(key) {
  try {
    return localStorage.getItem(`panel.${key}`) ?? "";
  } catch {
    return "";
  }
}

function remember(key, value) {
  try {
    localStorage.setItem(`panel.${key}`, value);
  } catch {
    // private browsing
  }
}
