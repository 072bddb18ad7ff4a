// Elements are made here and only here, and text only ever becomes text nodes: no data is parsed as markup.

const SVG = "http://www.w3.org/2000/svg";

/**
 * An element. Children are nodes, texts, or lists of them; null and false are left out.
 * Attributes: `on` holds listeners by event, `data` data attributes; false and null leave an attribute out.
 */
function h(tag, attributes = {}, ...children) {
  return dress(document.createElement(tag), attributes, children);
}

/** An SVG element; attributes and children as for h. */
function svg(tag, attributes = {}, ...children) {
  return dress(document.createElementNS(SVG, tag), attributes, children);
}

function dress(element, attributes, children) {
  for (const [name, value] of Object.entries(attributes)) {
    if (name === "on") for (const [event, listener] of Object.entries(value)) element.addEventListener(event, listener);
    else if (name === "data") Object.assign(element.dataset, value);
    else if (value !== false && value !== null && value !== undefined)
      element.setAttribute(name, value === true ? "" : value);
  }
  const shown = children.flat(Infinity).filter((child) => ![null, undefined, false, ""].includes(child));
  element.append(...shown.map((child) => (typeof child === "string" ? child.toWellFormed() : child)));
  return element;
}

/** A link to a place of this page; the only links there are. */
function link(place, attributes, ...children) {
  return h("a", { href: placeHash(place), ...attributes }, ...children);
}

/** The hash of a place: {t: attempt, s: step} or settings of the list. */
function placeHash(place) {
  const entries = Object.entries(place).filter(([, value]) => value !== "" && value !== undefined && value !== null);
  return `#${new URLSearchParams(entries)}`;
}

function button(label, listener, attributes = {}, ...children) {
  return h("button", { type: "button", on: { click: listener }, ...attributes }, children.length ? children : label);
}

const byId = (id) => document.getElementById(id);

/** Tell a screen reader. */
function say(text) {
  byId("said").textContent = text;
}

/** The listener, called at most once a frame. */
function oncePerFrame(listener) {
  let asked = false;
  return () => {
    if (asked) return;
    asked = true;
    requestAnimationFrame(() => {
      asked = false;
      listener();
    });
  };
}
