// Auto-route of one receiver: what it does by itself, and what somebody's choice by hand holds up.

import { $, element, fill, show } from "./dom.js";
import { send } from "./stream.js";

const MODES = [
  ["keep", "Keep", "stay with the last source; connect to it anew when it comes back with another stream"],
  ["follow", "Follow", "show what the rules name"],
  ["first", "First", "show the first source that fits"],
  ["never", "Never", "do nothing by itself"],
];
const FIELDS = [["label", "Label"], ["device", "Device or node"], ["group", "Group"], ["tag", "Tag"]];
const FORMATS = ["", "audio", "video", "data", "mux"];

export class Route {
  constructor(menu, toast, may) {
    this.menu = menu;
    this.toast = toast;
    this.may = may;
    this.receiverId = null;
    this.rules = [];
    for (const [mode, word, what] of MODES) {
      const radio = element("input", { type: "radio", name: "mode", value: mode });
      $("modes").append(element("label", {}, radio, element("span", {}, `${word} `, element("small", {}, what))));
    }
    $("modes").addEventListener("change", () => this.drawParts());
    $("rule-add").addEventListener("click", () => {
      this.read();
      this.rules.push({});
      this.drawRules();
      $("rules").lastElementChild.querySelector("input").focus();
    });
    $("rules").addEventListener("click", (event) => {
      const button = event.target.closest("button");
      if (!button) return;
      this.read();
      this.rules.splice(Number(button.dataset.at), 1);
      this.drawRules();
      $("rule-add").focus();
    });
    $("routing").querySelector("form").addEventListener("submit", (event) => {
      event.preventDefault();
      this.read();
      const rules = this.rules.filter((rule) => Object.keys(rule).length > 0);
      this.save({ mode: this.mode, hold_s: Number($("hold").value), back: $("back").checked, rules });
    });
    $("routing-reset").addEventListener("click", () => this.save({ as_configured: true }));
    $("routing-cancel").addEventListener("click", () => $("routing").close());
    $("route").addEventListener("click", () => this.may() && this.open(this.receiverId));
    $("release").addEventListener("click", () => this.may() && this.post({ release: true }).then((error) => error && toast(error.message)));
  }

  get mode() {
    return $("modes").querySelector("input:checked")?.value ?? "keep";
  }

  open(receiverId) {
    const receiver = this.menu.receivers.get(receiverId);
    if (!receiver) return;
    const { mode, hold_s: hold, back, rules } = receiver.route;
    fill($("routing-title"), `Auto-route of ${receiver.label}`);
    fill($("routing-error"), "");
    $("modes").querySelector(`[value="${mode}"]`).checked = true;
    $("hold").value = hold;
    $("back").checked = back;
    this.rules = rules.map((rule) => ({ ...rule }));
    this.drawRules();
    this.drawParts();
    $("routing").showModal();
  }

  read() {
    this.rules = [...$("rules").children].map((line) => {
      const filled = [...line.querySelectorAll("input, select")].map((field) => [field.name, field.value.trim()]);
      return Object.fromEntries(filled.filter(([, value]) => value));
    });
  }

  async save(body) {
    const error = await this.post(body);
    if (error) fill($("routing-error"), error.message);
    else $("routing").close();
  }

  async post(body) {
    try {
      await send("/panel/route", { receiver_id: this.receiverId, ...body });
      return null;
    } catch (error) {
      return error;
    }
  }

  drawParts() {
    if (this.mode === "follow" && this.rules.length === 0) {
      this.rules = [{}];
      this.drawRules();
    }
    show($("rules-part"), this.mode === "follow");
    show($("hold-part"), ["follow", "first"].includes(this.mode));
  }

  drawRules() {
    $("rules").replaceChildren(...this.rules.map((rule, at) => {
      const inputs = FIELDS.map(([name, word]) => {
        const input = element("input", { name, placeholder: word, "aria-label": `${word}, rule ${at + 1}`, maxlength: "200", autocomplete: "off" });
        input.value = rule[name] ?? "";
        return input;
      });
      const format = element("select", { name: "format", "aria-label": `Format, rule ${at + 1}` }, ...FORMATS.map((value) => element("option", { value }, value || "any format")));
      format.value = rule.format ?? "";
      const remove = element("button", { type: "button", class: "plain", "data-at": String(at), "aria-label": `Remove rule ${at + 1}` }, "Remove");
      return element("li", {}, element("div", {}, ...inputs, format, remove));
    }));
  }

  // In the receiver's own card.
  draw(receiver, age) {
    this.receiverId = receiver.id;
    const { route } = receiver;
    fill($("route"), `Auto-route: ${route.mode}`);
    const ago = route.note ? ` (${age(route.at)} ago)` : "";
    fill($("now-note"), route.manual ? "Chosen by hand: it waits" : route.note + ago);
    show($("release"), route.manual);
  }
}
