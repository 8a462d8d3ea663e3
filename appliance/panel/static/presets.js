// Presets: what all receivers show, saved under a name and given back with one press.

import { $, children, element, fill, set } from "./dom.js";
import { send } from "./stream.js";

const SALVO_MS = 60_000;

export class Presets {
  // `may()`: false where nothing may be done now, and the page says why
  constructor(menu, toast, say, may) {
    this.menu = menu;
    this.toast = toast;
    this.say = say;
    this.may = may;
    this.armed = null;
    $("presets").addEventListener("click", (event) => {
      const chip = event.target.closest("button");
      if (chip) this.press(chip.dataset.name);
    });
    $("manage").querySelector("form").addEventListener("submit", (event) => {
      event.preventDefault();
      const name = $("preset-name").value.trim() || this.newName();
      this.post("save", { name }, `${name} is saved`).then((done) => done && ($("preset-name").value = ""));
    });
    $("preset-list").addEventListener("click", (event) => {
      const button = event.target.closest("button");
      if (button) this.edit(button.dataset.act, button.dataset.name);
    });
    $("preset-import").addEventListener("click", () => $("preset-file").click());
    $("preset-file").addEventListener("change", () => this.import($("preset-file").files[0]));
    $("manage-close").addEventListener("click", () => $("manage").close());
    $("manage").addEventListener("close", () => (this.sure = null));
  }

  // A chip: recall, or the last one, which leads to all the rest.
  press(name) {
    if (name === undefined) {
      fill($("manage-error"), "");
      set($("preset-name"), "placeholder", this.newName());
      return $("manage").showModal();
    }
    if (!this.may()) return;
    if (this.menu.panel.confirm && this.armed !== name) {
      this.armed = name;
      this.say(`Press again for ${name}`);
      return this.draw();
    }
    this.armed = null;
    this.recall(name);
  }

  async recall(name) {
    try {
      const { taken, failed } = await send("/panel/presets/recall", { name }, SALVO_MS);
      const more = failed.length > 1 ? ` and ${failed.length - 1} more` : "";
      if (failed.length > 0) this.toast(`${name}: ${failed[0].label}${more} not: ${failed[0].error.replace(/^\w+_id: /, "")}`);
      else this.toast(taken === 0 ? `${name} is what is shown` : `${name}: ${taken} ${taken === 1 ? "receiver" : "receivers"} changed`);
    } catch (error) {
      this.toast(`${name}: ${error.message}`);
    }
    this.draw();
  }

  edit(act, name) {
    if (act === "delete" && this.sure !== name) {
      this.sure = name;
      return this.draw();
    }
    this.sure = null;
    if (act === "delete") this.post("delete", { name }, `${name} is deleted`);
    else if (act === "replace") this.post("save", { name }, `${name} is what is shown now`);
    else this.rename(name);
  }

  // The name that stands above is the new one.
  rename(name) {
    const to = $("preset-name").value.trim();
    if (to) return this.post("rename", { name, to }, `${name} is called ${to} now`).then((done) => done && ($("preset-name").value = ""));
    fill($("manage-error"), "Write the new name above first.");
    $("preset-name").focus();
  }

  async import(file) {
    if (!file) return;
    $("preset-file").value = "";
    try {
      const { presets } = JSON.parse(await file.text());
      await this.post("import", { presets: presets ?? null }, "The presets are imported");
    } catch {
      fill($("manage-error"), `${file.name} is no file of presets.`);
    }
  }

  async post(what, body, done) {
    try {
      await send(`/panel/presets/${what}`, body);
    } catch (error) {
      fill($("manage-error"), error.message);
      return false;
    }
    fill($("manage-error"), "");
    this.say(done);
    return true;
  }

  newName() {
    const known = new Set(this.menu.panel.presets.map((preset) => preset.name));
    for (let number = 1; ; number++) if (!known.has(`Preset ${number}`)) return `Preset ${number}`;
  }

  draw() {
    const { presets } = this.menu.panel;
    if (!presets.some((preset) => preset.name === this.armed)) this.armed = null;
    children($("presets"), [...presets, null], () => element("button", { type: "button", dir: "auto" }), (chip, preset) => {
      if (preset) chip.dataset.name = preset.name;
      else delete chip.dataset.name;
      set(chip, "class", preset && preset.name === this.armed ? "armed" : null);
      set(chip, "aria-haspopup", preset ? null : "dialog");
      set(chip, "title", preset && without(preset) ? `${preset.name}: ${without(preset)}` : null);
      fill(chip, preset ? (preset.name === this.armed ? `${preset.name}?` : [preset.name, without(preset)].filter(Boolean).join(" · ")) : presets.length ? "Presets…" : "Save a preset…");
    });
    children($("preset-list"), presets, newLine, (line, preset) => {
      fill(line.firstElementChild, [preset.name, without(preset)].filter(Boolean).join(" · "));
      for (const button of line.querySelectorAll("button")) {
        button.dataset.name = preset.name;
        set(button, "aria-label", `${button.dataset.word} ${preset.name}`);
      }
      const remove = line.querySelector('[data-act="delete"]');
      fill(remove, this.sure === preset.name ? "Really?" : "Delete");
    });
  }
}

// What of it cannot be given back now.
function without(preset) {
  return preset.missing.length > 0 ? `without ${preset.missing.join(", ")}` : "";
}

function newLine() {
  const button = (act, word) => element("button", { type: "button", class: "plain", "data-act": act, "data-word": word }, word);
  return element("li", {}, element("span", { dir: "auto" }), button("replace", "Replace"), button("rename", "Rename"), button("delete", "Delete"));
}
