// What the box's owner says of the box and what it has: name, description, tags. The box keeps it, beside what its
// configuration says, and tells it to everybody.

import { $, element, fill } from "./dom.js";
import { send } from "./stream.js";

const PATH = "/panel/annotations";
const OWN_TAGS = ["urn:x-nmos:tag:asset:", "urn:x-nmos:tag:grouphint/"]; // made by the box itself

export class Naming {
  // `may()`: false where nothing may be done now, and the page says why
  constructor(toast, may) {
    this.toast = toast;
    this.may = may;
    this.before = null;
    $("naming").querySelector("form").addEventListener("submit", (event) => {
      event.preventDefault();
      this.save();
    });
    $("naming-reset").addEventListener("click", () => this.post({ label: "", description: "", tags: null }));
    $("naming-cancel").addEventListener("click", () => $("naming").close());
    $("tag-add").addEventListener("click", () => {
      this.drawTags([...this.lines(), ["", ""]]);
      $("naming-tags").lastElementChild.querySelector("input").focus();
    });
    $("naming-tags").addEventListener("click", (event) => {
      const button = event.target.closest("button");
      if (!button) return;
      this.drawTags(this.lines().filter((_, at) => at !== Number(button.dataset.at)));
      $("tag-add").focus();
    });
  }

  async open(id, label) {
    if (!this.may()) return;
    try {
      const answer = await fetch(`${PATH}?id=${encodeURIComponent(id)}`, { cache: "no-store" });
      if (!answer.ok) throw new Error(String(answer.status));
      this.before = await answer.json();
    } catch {
      return this.toast(`The box does not say what it knows of ${label}. Try again.`);
    }
    fill($("naming-title"), `About ${label}`);
    fill($("naming-error"), "");
    $("naming-label").value = this.before.label;
    $("naming-description").value = this.before.description;
    const tags = Object.entries(this.before.tags).filter(([name]) => !OWN_TAGS.some((own) => name.startsWith(own)));
    this.before.tags = Object.fromEntries(tags);
    this.drawTags(tags.flatMap(([name, values]) => values.map((value) => [name, value])));
    $("naming").showModal();
    $("naming-label").select();
  }

  // One line a value: [name, value].
  lines() {
    return [...$("naming-tags").children].map((line) => [...line.querySelectorAll("input")].map((field) => field.value.trim()));
  }

  drawTags(lines) {
    $("naming-tags").replaceChildren(...lines.map(([name, value], at) => {
      const field = (of, word, text) => {
        const input = element("input", { "aria-label": `${word} of tag ${at + 1}`, placeholder: word, maxlength: "200", autocomplete: "off", dir: "auto", name: of });
        input.value = text;
        return input;
      };
      const remove = element("button", { type: "button", class: "plain", "data-at": String(at), "aria-label": `Remove tag ${at + 1}` }, "Remove");
      return element("li", {}, field("tag", "Name", name), field("value", "Value", value), remove);
    }));
  }

  // Only what is different is sent: all else stays as the configuration has it.
  save() {
    const lines = this.lines().filter(([name, value]) => name || value);
    if (lines.some(([name, value]) => !name || !value)) return this.complain("A tag wants a name and a value.");
    const change = {};
    for (const key of ["label", "description"]) {
      const text = $(`naming-${key}`).value.trim();
      if (text !== this.before[key]) change[key] = text;
    }
    const tags = new Map(Object.keys(this.before.tags).map((name) => [name, []]));
    for (const [name, value] of lines) tags.set(name, [...(tags.get(name) ?? []), value]);
    const different = [...tags].filter(([name, values]) => JSON.stringify(values) !== JSON.stringify(this.before.tags[name]));
    if (different.length > 0) change.tags = Object.fromEntries(different);
    if (Object.keys(change).length === 0) return $("naming").close();
    this.post(change);
  }

  async post(change) {
    try {
      const answer = await send(PATH, { id: this.before.id, ...change });
      $("naming").close();
      this.toast("label" in change ? `It is called ${answer.label} now` : `What is said of ${answer.label} is kept`);
    } catch (error) {
      this.complain(error.message);
    }
  }

  complain(text) {
    fill($("naming-error"), text);
  }
}
