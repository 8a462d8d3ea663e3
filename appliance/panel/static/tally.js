// Events and tally: the lamps and what is shown above the sources, and beside them what this box's own sources say. Those
// that are operated by hand have something to press.

import { $, children, element, fill, set, show } from "./dom.js";
import { send } from "./stream.js";

export class Tally {
  // toast(text)
  constructor(toast) {
    this.toast = toast;
    this.sources = new Map();
    $("event-sources").addEventListener("click", (event) => {
      const button = event.target.closest("button");
      if (button) this.press(button, !this.sources.get(button.dataset.id).value);
    });
    $("event-sources").addEventListener("change", (event) => this.press(event.target, valueOf(event.target)));
  }

  async press(control, value) {
    try {
      await send("/panel/tally", { source_id: control.dataset.id, value });
    } catch (error) {
      this.toast(`${this.sources.get(control.dataset.id).label}: ${error.message}`);
      control.dataset.said = ""; // what was written there does not hold
      this.draw(this.last);
    }
  }

  draw(board) {
    this.last = board;
    this.sources = new Map(board.sources.map((source) => [source.id, source]));
    show($("tally"), board.lamps.length + board.shown.length > 0);
    children($("lamps"), board.lamps, newLamp, (item, lamp) => {
      set(item, "class", lamp.lit ? "lit" : "");
      fill(item.children[1], lamp.label);
      fill(item.children[2], lamp.lit ? "on" : "off");
    });
    children($("shown"), board.shown, () => element("li", { dir: "auto" }), fill);
    show($("events"), board.sources.length + board.receivers.length > 0);
    children($("event-sources"), board.sources, newRow, drawSource);
    children($("event-receivers"), board.receivers, newRow, (row, receiver) => {
      fill(row.children[0], receiver.label);
      fill(row.children[1], receiver.text === "" ? "–" : receiver.text);
    });
  }
}

function drawSource(row, source) {
  fill(row.children[0], source.label);
  if (!source.by_hand) return fill(row.children[1], source.text);
  if (row.dataset.id !== source.id) {
    row.dataset.id = source.id;
    row.children[1].replaceChildren(newControl(source));
  }
  const control = row.children[1].firstElementChild;
  set(control, "aria-label", source.label);
  if (control.tagName === "BUTTON") {
    set(control, "aria-pressed", String(source.value));
    fill(control, source.text);
  } else if (control.dataset.said !== JSON.stringify(source.value)) {
    control.dataset.said = JSON.stringify(source.value);
    control.value = control.tagName === "SELECT" ? control.dataset.said : source.value;
  }
}

function newControl({ id, type }) {
  const values = type.values ?? [];
  if (type.type === "boolean") return element("button", { type: "button", class: "plain", "data-id": id });
  if (values.length) {
    const options = values.map(({ value, label }) => element("option", { value: JSON.stringify(value) }, label));
    return element("select", { "data-id": id }, ...options);
  }
  if (type.type === "string") return element("input", { "data-id": id, maxlength: type.max_length ?? 4096, dir: "auto" });
  const scaled = ({ value, scale = 1 }) => value / scale;
  const step = type.step ? scaled(type.step) : 1 / (type.scale ?? 1);
  return element("input", { "data-id": id, type: "number", min: scaled(type.min), max: scaled(type.max), step });
}

function valueOf(control) {
  if (control.tagName === "SELECT") return JSON.parse(control.value);
  return control.type === "number" ? control.valueAsNumber : control.value;
}

function newLamp() {
  return element("li", {}, element("i", { class: "lamp" }), element("bdi"), element("span", { class: "unseen" }));
}

function newRow() {
  return element("li", {}, element("bdi"), element("span", { class: "kind" }));
}
