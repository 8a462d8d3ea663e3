// The page: what the engineer sees and does. The box says what is true; between a press and its answer, and while
// the box cannot be heard, the page says so and pretends nothing.

import { Channels } from "./channels.js";
import { $, children, element, fill, set, show } from "./dom.js";
import { SourceList } from "./list.js";
import { Lock } from "./lock.js";
import { Menu, seconds, span } from "./menu.js";
import { Meters } from "./meters.js";
import { Naming } from "./naming.js";
import { Network } from "./network.js";
import { Presets } from "./presets.js";
import { Route } from "./route.js";
import { Side } from "./side.js";
import { send, Stream } from "./stream.js";
import { Takes } from "./takes.js";
import { Tally } from "./tally.js";

const SLOW_TAKE_S = 0.12; // what is answered sooner needs no "taking"
const UNHEARD = "The box does not answer: nothing was taken";

const menu = new Menu();
const page = { receiverId: location.hash.slice(1) || null, find: "", all: false, armed: null, link: "connecting", lostAt: 0 };
const takes = new Takes(() => drawSoon(), say);
const lock = new Lock(menu, toast);
const presets = new Presets(menu, toast, say, may);
const route = new Route(menu, toast, may);
const list = new SourceList($("list"), describe, press, star, () => toast("The list moved just then: press again"));
const naming = new Naming(toast, may);
const side = new Side(menu, find, toast, (id, label) => naming.open(id, label));
const tally = new Tally(toast);
const meters = new Meters($("now-levels"), $("now-arrives"));
const network = new Network(() => side.visible && page.link === "live");
const channels = new Channels(() => side.visible && page.link === "live", toast, may);
const stream = new Stream(onEvent, onLink);
let drawing = false;
let shownBefore = null;

stream.follow(page.receiverId);
drawSoon();
setInterval(() => drawSoon(), 1_000); // ages

// ---- what the box says

function onEvent(name, data) {
  if (name === "tally") return tally.draw(data.tally);
  menu.apply(name, data);
  const first = menu.receivers.keys().next().value ?? null;
  if (!menu.receivers.has(page.receiverId)) choose(first, false);
  drawSoon();
}

function onLink(state, why, status) {
  if (status === 401 && !$("login").open) $("login").showModal();
  if (state === "lost" && page.link !== "lost") page.lostAt = performance.now();
  if (state === "live" && page.link === "lost") toast("The box answers again");
  page.link = state;
  page.why = why;
  drawSoon();
}

// ---- what the engineer does

function choose(receiverId, wanted = true) {
  if (receiverId === page.receiverId) return;
  page.receiverId = receiverId;
  page.armed = null;
  menu.forgetFits();
  stream.follow(receiverId);
  if (wanted) history.replaceState(null, "", `#${receiverId}`);
  drawSoon();
}

function find(text) {
  page.find = text;
  $("find").value = text;
  list.put(null);
  $("list").scrollTop = 0;
  drawSoon();
}

// Whether anything may be done now; where not, the page says why.
function may() {
  if (page.link === "lost") toast("The box does not answer: nothing was changed");
  return page.link !== "lost" && !lock.refuses();
}

function star(sourceId) {
  if (!may()) return;
  send("/panel/favourite", { id: sourceId, favourite: !menu.favourites.has(sourceId) }).catch((error) => toast(error.message));
}

// A tile was touched, or Enter pressed on it.
function press(sourceId) {
  const source = menu.sources.get(sourceId);
  const receiver = menu.receivers.get(page.receiverId);
  if (!source) return;
  list.put(sourceId);
  drawSoon();
  const misfit = menu.fits.get(sourceId);
  if (source.absent) return toast(`${source.label} is ${absence(source)}. Its star takes it off this list.`);
  if (page.link === "lost") return toast(UNHEARD);
  if (lock.refuses()) return;
  if (!receiver) return toast("This box has no receiver: it only sends");
  if (misfit?.verdict === "no") return toast(`${source.label} does not fit ${receiver.label}: ${misfit.reason}`);
  const fine = receiver.sender_id === sourceId && receiver.stream.phase !== "fault" && receiver.lost_since === null;
  if (fine && !receiver.pending) return toast(`${source.label} is on ${receiver.label} already`);
  take(receiver, sourceId, source.label);
}

function take(receiver, sourceId, label) {
  if (page.link === "lost") return toast(UNHEARD);
  if (lock.refuses()) return;
  const wanted = `${receiver.id} ${sourceId}`;
  if (menu.panel.confirm && page.armed !== wanted) {
    page.armed = wanted;
    say(`Press again to take ${label}`);
    return drawSoon();
  }
  page.armed = null;
  const before = { id: receiver.sender_id, label: receiver.enabled ? receiver.shows : "off", known: receiver.enabled };
  takes.take(receiver.id, sourceId).then((error) => {
    if (error) return toast(`${receiver.label} does not show ${label}: ${error.message}`);
    const can = before.id !== sourceId && (!before.known || menu.sources.has(before.id));
    toast(sourceId === null ? `${receiver.label} is off` : `${receiver.label} shows ${label}`, can && {
      label: before.known ? `Back to ${before.label}` : "Off again",
      act: () => takes.take(receiver.id, before.id).then((failed) => failed && toast(failed.message)),
    });
  });
}

$("login").querySelector("form").addEventListener("submit", async (event) => {
  event.preventDefault();
  try {
    await send("/panel/login", { password: $("password").value });
    $("login").close();
    stream.hurry();
  } catch (error) {
    fill($("login-error"), sentence(error.message === "is wrong" ? "This password is wrong" : error.message));
  }
  $("password").value = "";
});
$("off").addEventListener("click", () => {
  const receiver = menu.receivers.get(page.receiverId);
  if (receiver) take(receiver, null, "off");
});
$("rename").addEventListener("click", () => naming.open(page.receiverId, menu.receivers.get(page.receiverId)?.label ?? ""));
$("again").addEventListener("click", () => stream.hurry());
$("health").addEventListener("click", () => side.toggle());
$("find").addEventListener("input", (event) => find(event.target.value));
$("all").addEventListener("click", () => {
  page.all = !page.all;
  drawSoon();
});
$("receivers").addEventListener("click", (event) => {
  const card = event.target.closest(".receiver");
  if (card) choose(card.dataset.id);
});
new ResizeObserver(() => {
  list.measure();
  draw(); // at once: nothing is to be seen, or touched, where it is about to move away
}).observe($("list"));
document.addEventListener("keydown", onKey);

function onKey(event) {
  if (document.querySelector("dialog[open]") || event.isComposing) return;
  const inFind = event.target === $("find");
  const inList = inFind || event.target === $("list") || event.target === document.body;
  const inSide = $("side").contains(event.target);
  if (event.altKey && (event.key === "ArrowDown" || event.key === "ArrowUp")) {
    nextReceiver(event.key === "ArrowDown" ? 1 : -1);
  } else if (event.ctrlKey || event.metaKey || event.altKey) {
    return;
  } else if ($("receivers").contains(event.target) && event.key.startsWith("Arrow")) {
    nextReceiver(["ArrowDown", "ArrowRight"].includes(event.key) ? 1 : -1);
    $("receivers").querySelector('[aria-checked="true"]')?.focus();
  } else if (event.key === "Escape") {
    escape();
  } else if (event.key === "/" && !inFind) {
    $("find").select();
    $("find").focus();
  } else if (inList && moves[event.key] && !(inFind && sideways.includes(event.key))) {
    moves[event.key]();
    if (!inFind) $("list").focus();
    drawSoon();
  } else if (inList && event.key === "Enter") {
    if (list.cursor === null && page.find) list.move(1); // found by typing: the first
    else if (list.cursor !== null && list.laid.lineOf.has(list.cursor)) press(list.cursor);
    drawSoon();
  } else if (inList && event.key === "*" && !(inFind && page.find)) {
    if (list.cursor !== null && menu.sources.has(list.cursor)) star(list.cursor);
  } else if (event.key.length === 1 && event.key !== " " && !inFind && !inSide) {
    $("find").focus(); // and the letter goes there
    return;
  } else {
    return;
  }
  event.preventDefault();
}

const sideways = ["ArrowLeft", "ArrowRight", "Home", "End"];
const moves = {
  ArrowDown: () => list.moveLine(1),
  ArrowUp: () => list.moveLine(-1),
  ArrowRight: () => list.move(1),
  ArrowLeft: () => list.move(-1),
  PageDown: () => list.movePage(1),
  PageUp: () => list.movePage(-1),
  Home: () => list.move(-1e9),
  End: () => list.move(1e9),
};

function escape() {
  if (side.open) return side.toggle(false);
  if (page.armed !== null) page.armed = null;
  else if (page.find !== "") find("");
  else list.put(null);
  $("list").focus();
  drawSoon();
}

function nextReceiver(step) {
  const ids = [...menu.receivers.keys()];
  const at = ids.indexOf(page.receiverId) + step;
  if (ids[at]) choose(ids[at]);
  draw();
}

// ---- what is shown

function drawSoon() {
  if (drawing) return;
  drawing = true;
  requestAnimationFrame(draw);
}

function draw() {
  drawing = false;
  document.body.dataset.link = page.link;
  const receiver = menu.receivers.get(page.receiverId);
  drawGone();
  drawReceivers();
  drawNow(receiver);
  drawSources(receiver);
  lock.draw();
  presets.draw();
  side.draw(page.link);
  network.draw();
  channels.draw();
  tellChanges(receiver);
}

function drawGone() {
  show($("gone"), page.link === "lost");
  if (page.link !== "lost") return;
  const since = span((performance.now() - page.lostAt) / 1000);
  fill($("gone-title"), page.why ? "The box refuses this page" : "The box does not answer");
  const below = menu.status ? ` What is below was true ${since} ago.` : "";
  fill($("gone-detail"), `${page.why ? `${sentence(page.why)} ` : ""}Trying again.${below}`);
}

function drawReceivers() {
  const receivers = [...menu.receivers.values()];
  show($("receivers"), receivers.length > 1);
  children($("receivers"), receivers, newReceiver, (card, receiver) => {
    const state = stateOf(receiver);
    const chosen = receiver.id === page.receiverId;
    const newlyChosen = chosen && card.getAttribute("aria-checked") !== "true";
    card.dataset.id = receiver.id;
    set(card, "class", `receiver ${state.key}`);
    set(card, "aria-checked", String(chosen));
    set(card, "tabindex", chosen ? "0" : "-1");
    if (newlyChosen) card.scrollIntoView({ block: "nearest", inline: "center" });
    fill(card.querySelector(".name"), receiver.label);
    fill(card.querySelector(".shows"), state.shows);
    fill(card.querySelector(".state"), state.word);
  });
}

function newReceiver() {
  return element("button", { type: "button", role: "radio" },
    element("i", { class: "lamp" }),
    element("bdi", { class: "name" }),
    element("span", { class: "shows", dir: "auto" }),
    element("span", { class: "state", dir: "auto" }));
}

function drawNow(receiver) {
  show($("now"), receiver !== undefined);
  meters.follow(receiver?.enabled && receiver.stream.phase === "running" && page.link === "live" ? receiver.id : null);
  if (!receiver) return;
  const state = stateOf(receiver);
  const source = menu.sources.get(receiver.sender_id);
  set($("now"), "class", state.key);
  fill($("now-receiver"), receiver.label);
  fill($("now-source"), state.shows);
  fill($("now-detail"), receiver.enabled && source ? [source.node.label, source.device.label, source.detail].filter(unique).join(" · ") : takesWhat(receiver));
  fill($("now-word"), [state.word, state.detail].filter(Boolean).join(": "));
  children($("now-why"), receiver.enabled ? receiver.why : [], () => element("li", { dir: "auto" }), fill);
  route.draw(receiver, age);
  $("off").disabled = !receiver.enabled && !receiver.pending;
  fill($("off"), page.armed === `${receiver.id} null` ? "Off?" : "Off");
}

// A receiver in a word, and what its lamp says.
function stateOf(receiver) {
  const own = takes.pending(receiver.id);
  const pending = own ? { ...own, label: own.id === null ? "off" : menu.sources.get(own.id)?.label ?? "…", at: null } : receiver.pending;
  const shows = receiver.enabled ? receiver.shows : "Off";
  const detail = receiver.stream.detail;
  if (pending && pending.at === null) return { key: "pending", word: `Changing to ${pending.label}`, shows, detail: "" };
  const later = pending ? ` · changes to ${pending.label} at ${clockTime(pending.at)}` : "";
  if (!receiver.enabled) return { key: "idle", word: later ? later.slice(3) : "Off", shows, detail };
  if (receiver.stream.phase === "fault") return { key: "fault", word: "Fault", shows, detail };
  if (receiver.lost_since !== null) return { key: "lost", word: `Source lost ${age(receiver.lost_since)} ago${later}`, shows, detail };
  if (receiver.stream.signal === false) return { key: "lost", word: `No signal${later}`, shows, detail };
  const words = { starting: ["starting", "Starting"], running: ["on", "On"], idle: ["starting", "Waiting for its stream"] };
  const [key, word] = words[receiver.stream.phase] ?? words.idle;
  return { key, word: word + later, shows, detail };
}

function drawSources(receiver) {
  const laid = menu.lay({ find: page.find, all: page.all || !receiver, columns: list.columns, receiverId: page.receiverId });
  const active = list.lay(laid);
  for (const node of [$("find"), $("list")]) set(node, "aria-activedescendant", active);
  set($("list"), "aria-label", receiver ? `Sources for ${receiver.label}` : "Sources");
  set($("list"), "aria-busy", menu.ready ? null : "true");
  const loading = !menu.ready && menu.total > menu.sources.size;
  const found = laid.ids.length - (page.find ? 0 : laid.absent);
  fill($("count"), menu.status === null ? "" : loading ? `${menu.sources.size} of ${menu.total}` : page.find ? `${found} found` : found === 1 ? "1 source" : `${found} sources`);
  show($("all"), laid.misfits > 0);
  set($("all"), "aria-pressed", String(page.all));
  fill($("all"), page.all ? "Only what fits" : `${laid.misfits} more ${laid.misfits === 1 ? "does" : "do"} not fit`);
  drawEmpty(laid, receiver);
}

function drawEmpty(laid, receiver) {
  const empty = laid.ids.length === 0 && menu.status !== null && (menu.ready || menu.total === 0);
  show($("empty"), empty);
  show($("list"), !empty);
  set($("find"), "aria-expanded", String(!empty));
  if (!empty) return;
  const misfit = menu.sources.get(laid.misfit);
  const title = misfit ? `Nothing fits ${receiver.label}` : page.find ? `Nothing is called “${page.find}”` : "Nothing to choose yet";
  const why = misfit ? `${misfit.label}: ${menu.fits.get(misfit.id)?.reason ?? ""}` : page.find ? "" : menu.status.empty;
  fill($("empty-title"), title);
  fill($("empty-why"), sentence(why));
}

// One tile. The list reads it aloud in this order too.
function describe(id) {
  const source = menu.sources.get(id);
  const receiver = menu.receivers.get(page.receiverId);
  const fit = menu.fits.get(id);
  const { absent } = source;
  const current = receiver?.sender_id === id;
  const fits = absent ? current : fit?.verdict !== "no";
  const own = receiver && takes.pending(receiver.id);
  const told = receiver?.pending?.sender_id === id && receiver.pending;
  const taking = own ? own.id === id && own.forS > SLOW_TAKE_S : told && told.at === null;
  const armed = receiver && page.armed === `${receiver.id} ${id}`;
  const lost = absent ? current : source.lost_since !== null;
  const state = taking ? "taking" : armed ? "armed" : current ? (lost ? "current lost" : "current") : lost ? "lost" : "";
  const mark = taking ? "taking" : armed ? "press again" : current ? "on" : told?.at ? `at ${clockTime(told.at)}` : "";
  const facts = absent ? [absence(source), source.node.label] : [lost && `lost ${age(source.lost_since)} ago`, !lost && !source.confirmed && "not seen since the start", source.sending === false && "not sending"];
  const what = [![source.label, source.device.label, source.node.label].some((known) => known.toLowerCase() === source.group.toLowerCase()) && source.group, source.detail || source.format];
  const unsure = fit?.verdict === "unknown" && fit.reason;
  const elsewhere = source.current_on.filter((other) => other !== page.receiverId).map((other) => menu.receivers.get(other)?.label);
  return {
    label: source.label,
    icon: ["audio", "video", "data", "mux"].includes(source.format) ? source.format : "unknown",
    state: source.sending === false && !state ? "silent" : state,
    fits,
    favourite: menu.favourites.has(id),
    current: Boolean(current),
    mark,
    detail: (fits || absent ? [...facts, ...what, unsure] : [fit.reason, ...facts]).filter(Boolean).join(" · "),
    elsewhere: elsewhere.filter(Boolean).join(", "),
  };
}

// ---- words

// What others changed is said too, once: that the receiver shows another source, or lost it.
function tellChanges(receiver) {
  const state = receiver && stateOf(receiver);
  const now = state && ["pending", "starting"].includes(state.key) ? shownBefore : state && `${receiver.label}: ${state.key === "lost" ? "source lost" : state.word}, ${state.shows}`;
  if (now && now !== shownBefore) {
    if (shownBefore !== null) say(now);
    shownBefore = now;
  }
}

function say(text) {
  fill($("said"), text);
}

function toast(text, action = null) {
  clearTimeout(toast.timer);
  fill($("toast-text"), text);
  show($("toast-act"), Boolean(action));
  if (action) fill($("toast-act"), action.label);
  $("toast-act").onclick = () => {
    $("toast").classList.remove("up");
    action?.act();
  };
  $("toast").classList.add("up");
  toast.timer = setTimeout(() => $("toast").classList.remove("up"), Math.min(8_000, 4_000 + 60 * text.length));
}

function takesWhat(receiver) {
  const types = receiver.media_types.map((type) => type.split("/").pop());
  return `Takes ${receiver.format}${types.length ? ` (${types.join(", ")})` : ""}`;
}

function age(lostSince) {
  return span(menu.now() - seconds(lostSince));
}

function absence(source) {
  return source.lost_since === null ? "not on the network" : `not on the network since ${clockTime(source.lost_since, {})}`;
}

function clockTime(tai, finer = { second: "2-digit" }) {
  const at = new Date(Date.now() + (seconds(tai) - menu.now()) * 1000);
  const day = at.toDateString() === new Date().toDateString() ? {} : { day: "numeric", month: "short" };
  return at.toLocaleString([], { ...day, hour: "2-digit", minute: "2-digit", ...finer });
}

function sentence(text) {
  return text && !/[.!?…]$/.test(text) ? `${text}.` : text;
}

function unique(text, at, all) {
  return text && all.indexOf(text) === at;
}
