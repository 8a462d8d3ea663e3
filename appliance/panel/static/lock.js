// The lock: nothing can be operated at any panel of the box until it is unlocked, with its PIN if it has one. The box
// keeps and checks the PIN; here it is only typed.

import { $, element, fill, set, show } from "./dom.js";
import { send } from "./stream.js";

export class Lock {
  constructor(menu, toast) {
    this.menu = menu;
    this.toast = toast;
    this.setting = false;
    $("lock").addEventListener("click", () => (menu.panel.locked ? this.unlock() : this.post("/panel/lock", {}, "The panel is locked")));
    $("unlock").addEventListener("click", () => this.unlock());
    $("set-pin").addEventListener("click", () => this.open(true));
    $("pin-cancel").addEventListener("click", () => $("pin").close());
    $("pin-remove").addEventListener("click", () => this.save(""));
    $("pin").querySelector("form").addEventListener("submit", (event) => {
      event.preventDefault();
      this.save($("pin-code").value);
    });
    $("pin").addEventListener("close", () => ($("pin-code").value = $("pin-old").value = ""));
    for (const field of [$("pin-old"), $("pin-code")]) field.addEventListener("focus", () => (this.field = field));
    for (const digit of ["1", "2", "3", "4", "5", "6", "7", "8", "9", "⌫", "0"]) {
      const key = element("button", digit === "⌫" ? { type: "button", "aria-label": "Erase" } : { type: "button" }, digit);
      key.addEventListener("click", () => this.type(digit));
      $("pad").append(key);
    }
  }

  // Where a press cannot do what it should: true, and the way out is shown.
  refuses() {
    if (!this.menu.panel.locked) return false;
    this.unlock();
    return true;
  }

  unlock() {
    if (this.menu.panel.has_pin) this.open(false);
    else this.post("/panel/unlock", {}, "The panel is unlocked");
  }

  open(setting) {
    this.setting = setting;
    const change = setting && this.menu.panel.has_pin;
    fill($("pin-title"), setting ? (change ? "Change the PIN" : "A PIN of 4 to 12 digits") : "Unlock");
    fill($("pin-save"), setting ? "Save" : "Unlock");
    fill($("pin-error"), "");
    set($("pin-code"), "aria-label", setting ? "New PIN" : "PIN");
    set($("pin-code"), "placeholder", change ? "New PIN" : "");
    show($("pin-old"), change);
    show($("pin-remove"), change);
    $("pin").showModal();
    this.field = change ? $("pin-old") : $("pin-code");
    if (!matchMedia("(pointer: coarse)").matches) this.field.focus(); // a phone has the pad, and needs no keyboard over it
  }

  type(digit) {
    const { value } = this.field;
    this.field.value = digit === "⌫" ? value.slice(0, -1) : (value + digit).slice(0, 12);
  }

  async save(pin) {
    const body = this.setting && this.menu.panel.has_pin ? { pin, old: $("pin-old").value } : { pin };
    try {
      await send(this.setting ? "/panel/pin" : "/panel/unlock", body);
      $("pin").close();
      this.toast(!this.setting ? "The panel is unlocked" : pin ? "The PIN is set" : "There is no PIN any more");
    } catch (error) {
      fill($("pin-error"), sentence(error.message));
      $("pin-code").value = $("pin-old").value = "";
    }
  }

  async post(path, body, done) {
    try {
      await send(path, body);
      this.toast(done);
    } catch (error) {
      this.toast(sentence(error.message));
    }
  }

  draw() {
    const { locked, has_pin: hasPin } = this.menu.panel;
    show($("locked"), locked);
    if (locked) document.body.dataset.locked = "";
    else delete document.body.dataset.locked;
    set($("lock"), "aria-pressed", String(locked));
    set($("lock"), "aria-label", locked ? "Locked: unlock" : "Lock the panel");
    fill($("lock-text"), locked ? "Locked" : "Lock");
    fill($("set-pin"), hasPin ? "Change the PIN" : "Set a PIN");
  }
}

function sentence(text) {
  return `${text === "is wrong" ? "This PIN is wrong" : text[0].toUpperCase() + text.slice(1)}.`;
}
