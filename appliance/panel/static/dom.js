// Elements without markup: whatever a stranger calls his microphone, it is text.

const SVG = "http://www.w3.org/2000/svg";

export const $ = (id) => document.getElementById(id);

export function element(name, attributes = {}, ...children) {
  const made = document.createElement(name);
  for (const [key, value] of Object.entries(attributes)) made.setAttribute(key, value);
  made.append(...children);
  return made;
}

// The following touch the page only where it is different: an untouched node is not drawn or read out again.

export function fill(node, text) {
  if (node.textContent !== text) node.textContent = text;
}

export function set(node, attribute, value) {
  if (value === null) node.removeAttribute(attribute);
  else if (node.getAttribute(attribute) !== value) node.setAttribute(attribute, value);
}

export function show(node, shown) {
  if (node.hidden === shown) node.hidden = !shown;
}

// One of the drawings in index.html.
export function icon(node, name) {
  if (node.dataset.icon === name) return;
  node.dataset.icon = name;
  const svg = document.createElementNS(SVG, "svg");
  const use = document.createElementNS(SVG, "use");
  use.setAttribute("href", `#icon-${name}`);
  svg.append(use);
  node.replaceChildren(svg);
}

// As many children as there are items, each made once and then only changed.
export function children(parent, items, make, draw) {
  while (parent.children.length > items.length) parent.lastElementChild.remove();
  while (parent.children.length < items.length) parent.append(make());
  items.forEach((item, at) => draw(parent.children[at], item));
}
