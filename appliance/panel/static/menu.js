// The menu as this page has it: kept equal to the box's by its events, sorted, searched and laid out in lines.
//
// Nothing here knows the page. A change costs what it touches: the order is merged, not sorted anew.

const collator = new Intl.Collator(undefined, { numeric: true, sensitivity: "base" });

export class Menu {
  constructor() {
    this.status = null;
    this.panel = { favourites: [], presets: [], confirm: false, locked: false, has_pin: false };
    this.favourites = new Set();
    this.receivers = new Map();
    this.sources = new Map();
    this.fits = new Map();
    this.total = 0; // how many there will be once all have been told
    this.ready = false;
    this.revision = 0;
    this.nowAt = null;
    this.order = [];
    this.moved = new Set();
    this.unseen = new Set();
    this.places = new Map();
    this.laid = { for: "" };
  }

  // A new stream does not empty the menu: what it does not mention is dropped when it is ready, so nothing flickers.
  apply(name, data) {
    this.revision++;
    this.nowAt = { box: seconds(data.now), here: performance.now() / 1000 };
    if (name === "reset") {
      this.receivers.clear();
      this.unseen = new Set(this.sources.keys());
      this.total = data.total;
    }
    if (data.status) this.status = data.status;
    if (data.panel) this.panel = data.panel;
    if (data.panel) this.favourites = new Set(data.panel.favourites);
    for (const receiver of data.receivers ?? []) this.receivers.set(receiver.id, receiver);
    for (const id of data.receivers_gone ?? []) this.receivers.delete(id);
    for (const source of data.sources ?? []) this.put(source);
    for (const id of data.gone ?? []) this.drop(id);
    if (name === "ready") {
      for (const id of this.unseen) this.drop(id);
      this.unseen.clear();
      this.ready = true;
    }
  }

  put({ fit, ...source }) {
    const before = this.sources.get(source.id);
    this.sources.set(source.id, source);
    this.unseen.delete(source.id);
    if (fit) this.fits.set(source.id, fit);
    if (!before || names(before) !== names(source)) {
      this.moved.add(source.id);
      this.places.set(source.id, folded(names(source)));
    }
  }

  drop(id) {
    if (!this.sources.delete(id)) return;
    this.fits.delete(id);
    this.places.delete(id);
    this.moved.add(id);
  }

  forgetFits() {
    this.revision++;
    this.fits.clear();
  }

  // The box's time, in TAI seconds, going on between two events.
  now() {
    return this.nowAt === null ? 0 : this.nowAt.box + performance.now() / 1000 - this.nowAt.here;
  }

  // Ids by node, device and label.
  sorted() {
    if (this.moved.size > 0) {
      const stay = this.order.filter((id) => !this.moved.has(id));
      const come = [...this.moved].filter((id) => this.sources.has(id));
      const compare = (a, b) => byNames(this.sources.get(a), this.sources.get(b));
      this.order = merged(stay, come.sort(compare), compare);
      this.moved.clear();
    }
    return this.order;
  }

  // Favourites first.
  ordered() {
    const all = this.sorted();
    if (this.favourites.size === 0) return all;
    return [...all.filter((id) => this.favourites.has(id)), ...all.filter((id) => !this.favourites.has(id))];
  }

  // The page's lines: a heading for each device, then its sources, so many in a line. What does not fit is counted,
  // and left out unless `all` is asked for; what `receiverId` shows or gets is always there,
  // and so is a favourite that has left the network.
  lay({ find, all, columns, receiverId }) {
    const asked = JSON.stringify([find, all, columns, receiverId]);
    const key = `${this.revision} ${asked}`;
    if (this.laid.for !== key) this.laid = { for: key, asked, ...this.layOut(find, all, columns, receiverId) };
    return this.laid;
  }

  layOut(find, all, columns, receiverId) {
    const words = folded(find).split(/\s+/).filter(Boolean);
    const laid = { lines: [], ids: [], misfits: 0, misfit: null, absent: 0, lineOf: new Map() };
    let group = null;
    for (const id of this.ordered()) {
      const place = this.places.get(id);
      if (!words.every((word) => place.includes(word))) continue;
      const source = this.sources.get(id);
      const here = source.absent || source.current_on.includes(receiverId) || source.pending_on.includes(receiverId);
      if (!here && this.fits.get(id)?.verdict === "no") {
        laid.misfits++;
        laid.misfit ??= id;
        if (!all) continue;
      }
      const favourite = this.favourites.has(id);
      const key = favourite ? "favourites" : `${source.node.id} ${source.device.id}`;
      if (group?.key !== key) {
        group = { key };
        const own = !favourite && source.node.id === this.status?.node.id;
        group.heading = { key, title: favourite ? ["Favourites"] : title(source), count: 0, own };
        laid.lines.push({ key: group.key, heading: group.heading });
        group.tiles = null;
      }
      if (group.tiles === null || group.tiles.ids.length === columns) {
        group.tiles = { key: `${group.key} ${group.heading.count}`, first: laid.ids.length, ids: [], of: group.heading };
        laid.lines.push(group.tiles);
      }
      group.heading.count++;
      group.tiles.ids.push(id);
      laid.lineOf.set(id, laid.lines.length - 1);
      laid.ids.push(id);
      if (source.absent) laid.absent++;
    }
    return laid;
  }

  // Who sends: nodes in order, with how many sources and how many of them are lost.
  nodes() {
    const nodes = new Map();
    for (const id of this.sorted()) {
      const source = this.sources.get(id);
      if (source.absent) continue;
      const node = nodes.get(source.node.id) ?? { ...source.node, count: 0, lost: 0, unconfirmed: 0 };
      nodes.set(source.node.id, node);
      node.count++;
      node.lost += source.lost_since === null ? 0 : 1;
      node.unconfirmed += source.confirmed ? 0 : 1;
    }
    return [...nodes.values()];
  }
}

// TAI "seconds:nanoseconds" as a number.
export function seconds(tai) {
  const [whole, nanos] = tai.split(":");
  return Number(whole) + Number(nanos) / 1e9;
}

// How long, in two or three figures: "40 s", "12 min", "3 h", "2 days".
export function span(age) {
  const whole = Math.max(0, age);
  if (whole < 90) return `${Math.floor(whole)} s`;
  if (whole < 90 * 60) return `${Math.floor(whole / 60)} min`;
  if (whole < 36 * 3600) return `${Math.floor(whole / 3600)} h`;
  return `${Math.floor(whole / 86400)} days`;
}

function title(source) {
  return [...new Set([source.node.label, source.device.label])].filter(Boolean);
}

function names(source) {
  return [source.node.label, source.device.label, source.label, source.group, source.format, source.detail, ...(source.tags ?? [])].join("\n");
}

// Case and accents do not matter.
function folded(text) {
  return text.normalize("NFKD").replace(/\p{M}/gu, "").toLowerCase();
}

function byNames(a, b) {
  return (
    collator.compare(a.node.label, b.node.label) ||
    byId(a.node.id, b.node.id) ||
    collator.compare(a.device.label, b.device.label) ||
    byId(a.device.id, b.device.id) ||
    collator.compare(a.label, b.label) ||
    byId(a.id, b.id)
  );
}

function byId(a, b) {
  return a < b ? -1 : a > b ? 1 : 0;
}

function merged(left, right, compare) {
  if (right.length === 0) return left;
  const all = [];
  let l = 0;
  for (const id of right) {
    while (l < left.length && compare(left[l], id) <= 0) all.push(left[l++]);
    all.push(id);
  }
  return all.concat(left.slice(l));
}
