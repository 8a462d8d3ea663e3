// The list of sources as elements, of which only those in sight exist: ten thousand sources cost what thirty cost.

import { element, fill, icon, set } from "./dom.js";

const OVERSCAN = 400;
const STEADY_MS = 300; // what moved later than that before a touch was not seen by who touched

export class SourceList {
  // `describe(id)`: what a tile says; `onPress(id)`; `onStar(id)`; `onMoved()`: a touch meant for what was there before
  constructor(list, describe, onPress, onStar, onMoved) {
    this.list = list;
    this.space = list.firstElementChild;
    this.describe = describe;
    this.laid = { lines: [], ids: [], lineOf: new Map() };
    this.tops = [0];
    this.shown = new Map();
    this.cursor = null;
    this.cursorAt = 0;
    this.measure();
    list.addEventListener("scroll", () => this.draw(), { passive: true });
    this.movedAt = -STEADY_MS;
    let touched = null;
    list.addEventListener("pointerdown", (event) => {
      const id = event.target.closest(".tile")?.dataset.id;
      touched = { id, steady: performance.now() - this.movedAt > STEADY_MS };
    });
    list.addEventListener("click", (event) => {
      const tile = event.target.closest(".tile");
      const meant = touched === null || (touched.steady && touched.id === tile?.dataset.id);
      touched = null;
      const onTouch = event.target.closest(".star") ? onStar : onPress;
      if (tile) (meant ? onTouch : onMoved)(tile.dataset.id);
    });
  }

  // How many tiles go in a line, and how high lines are, is the style sheet's to say.
  measure() {
    const style = getComputedStyle(this.list);
    const rem = parseFloat(getComputedStyle(document.documentElement).fontSize);
    const number = (name) => Math.round(parseFloat(style.getPropertyValue(name)) * rem); // lines grow with the text
    const width = this.list.clientWidth - parseFloat(style.paddingLeft) - parseFloat(style.paddingRight);
    this.heights = { heading: number("--heading-height"), tiles: number("--tile-height") };
    this.columns = Math.max(1, Math.floor(width / number("--tile-width")));
    this.space.style.setProperty("--columns", this.columns);
  }

  // The id of the element under the cursor, or null.
  lay(laid) {
    if (laid !== this.laid) {
      const before = laid.asked === this.laid.asked ? this.places() : new Map();
      this.laid = laid;
      this.tops = [0];
      for (const line of laid.lines) {
        this.tops.push(this.tops.at(-1) + (line.heading ? this.heights.heading : this.heights.tiles));
      }
      this.space.style.height = `${this.tops.at(-1)}px`;
      const after = this.places();
      if ([...before].some(([id, place]) => after.get(id) !== place)) this.movedAt = performance.now();
    }
    return this.draw();
  }

  // Where each source in sight is.
  places() {
    const places = new Map();
    const bottom = this.list.scrollTop + this.list.clientHeight;
    for (let at = this.lineAt(this.list.scrollTop); at < this.laid.lines.length && this.tops[at] < bottom; at++) {
      this.laid.lines[at].ids?.forEach((id, column) => places.set(id, `${this.tops[at]} ${column}`));
    }
    return places;
  }

  draw() {
    const top = this.list.scrollTop - OVERSCAN;
    const bottom = this.list.scrollTop + this.list.clientHeight + OVERSCAN;
    const wanted = new Map();
    for (let at = this.lineAt(top); at < this.laid.lines.length && this.tops[at] < bottom; at++) {
      const line = this.laid.lines[at];
      const node = this.shown.get(line.key) ?? (line.heading ? newHeading() : newLine());
      wanted.set(line.key, node);
      node.style.transform = `translateY(${this.tops[at]}px)`;
      if (line.heading) drawHeading(node, line.heading);
      else this.drawTiles(node, line);
    }
    for (const [key, node] of this.shown) if (!wanted.has(key)) node.remove();
    // In the order of the list, for those who read it in the order of the document.
    let before = null;
    for (const node of [...wanted.values()].reverse()) {
      if (node.nextSibling !== before || node.parentNode !== this.space) this.space.insertBefore(node, before);
      before = node;
    }
    this.shown = wanted;
    const active = this.cursor && this.laid.lineOf.has(this.cursor) ? optionId(this.cursor) : null;
    return active && document.getElementById(active) ? active : null;
  }

  lineAt(y) {
    let low = 0;
    let high = this.laid.lines.length;
    while (low < high) {
      const middle = (low + high) >> 1;
      if (this.tops[middle + 1] <= y) low = middle + 1;
      else high = middle;
    }
    return low;
  }

  drawTiles(node, line) {
    set(node, "aria-label", line.of.title.join(", "));
    while (node.children.length > line.ids.length) node.lastElementChild.remove();
    while (node.children.length < line.ids.length) node.append(newTile());
    line.ids.forEach((id, at) => {
      const tile = node.children[at];
      const said = this.describe(id);
      tile.id = optionId(id);
      tile.dataset.id = id;
      set(tile, "class", `tile ${said.favourite ? "favourite " : ""}${said.state}${said.fits ? "" : " misfit"}${id === this.cursor ? " cursor" : ""}`);
      set(tile, "aria-selected", String(said.current));
      set(tile, "aria-disabled", said.fits ? null : "true");
      set(tile, "aria-setsize", String(this.laid.ids.length));
      set(tile, "aria-posinset", String(line.first + at + 1));
      const [glyph, label, mark, detail, elsewhere] = tile.querySelectorAll(".glyph, .label, .mark, .detail, .elsewhere");
      icon(glyph, said.icon);
      fill(label, said.label);
      fill(mark, said.mark);
      fill(detail, said.detail);
      fill(elsewhere, said.elsewhere);
    });
  }

  // ---- the cursor: on a source, not on a place. When its source goes, nothing slips under it.

  put(id) {
    this.cursor = id;
    if (id !== null) this.cursorAt = Math.max(0, this.laid.ids.indexOf(id));
  }

  move(step) {
    const { ids } = this.laid;
    if (ids.length === 0) return;
    const at = this.cursor === null ? -1 : ids.indexOf(this.cursor);
    const from = at >= 0 ? at : this.cursor === null && this.cursorAt === 0 ? -1 : this.cursorAt;
    this.put(ids[Math.min(ids.length - 1, Math.max(0, from + step))]);
    this.reveal(this.cursor);
  }

  // Up and down keep the column, and step over headings.
  moveLine(step) {
    const { lines, lineOf } = this.laid;
    const at = lineOf.get(this.cursor);
    if (at === undefined) return this.move(step > 0 ? 1 : 0);
    const column = lines[at].ids.indexOf(this.cursor);
    let to = at;
    for (let left = Math.abs(step); left > 0; left--) {
      let next = to + Math.sign(step);
      while (lines[next]?.heading) next += Math.sign(step);
      if (!lines[next]) break;
      to = next;
    }
    this.put(lines[to].ids[Math.min(column, lines[to].ids.length - 1)]);
    this.reveal(this.cursor);
  }

  movePage(step) {
    this.moveLine(step * Math.max(1, Math.floor(this.list.clientHeight / this.heights.tiles) - 1));
  }

  reveal(id) {
    const at = this.laid.lineOf.get(id);
    if (at === undefined) return;
    const withHeading = this.laid.lines[at - 1]?.heading ? at - 1 : at;
    const { scrollTop, clientHeight } = this.list;
    if (this.tops[withHeading] < scrollTop) this.list.scrollTop = this.tops[withHeading];
    else if (this.tops[at + 1] > scrollTop + clientHeight - 16) this.list.scrollTop = this.tops[at + 1] - clientHeight + 16;
    this.draw();
  }
}

function optionId(id) {
  return `source-${id}`;
}

function newHeading() {
  return element("div", { class: "heading", "aria-hidden": "true" });
}

function drawHeading(node, heading) {
  const said = JSON.stringify(heading);
  if (node.dataset.said === said) return;
  node.dataset.said = said;
  const names = heading.title.map((text) => element("bdi", {}, text));
  node.replaceChildren(...names, ...(heading.own ? [element("span", { class: "own" }, "this box")] : []));
  node.append(element("span", { class: "count" }, String(heading.count)));
}

function newLine() {
  return element("div", { class: "line", role: "group" });
}

function newTile() {
  const star = element("span", { class: "star", "aria-hidden": "true" }); // keys and readers have *
  icon(star, "star");
  return element(
    "div",
    { class: "tile", role: "option" },
    element("span", { class: "glyph", "aria-hidden": "true" }),
    element("bdi", { class: "label" }),
    element("span", { class: "mark" }),
    element("span", { class: "detail", dir: "auto" }),
    element("span", { class: "elsewhere", dir: "auto" }),
    star,
  );
}
