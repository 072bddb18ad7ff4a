// Terminal output: colours become spans, every other control sequence goes.

// OSC, DCS and their like up to their end; CSI; the short ones. Links (OSC 8) lose their address and keep their text.
const SEQUENCES =
  /(?:\x1b[\]PX^_]|[\x9d\x90\x98\x9e\x9f])[^\x07\x1b\x9c]*(?:\x07|\x1b\\|\x9c|$)?|(?:\x1b\[|\x9b)([0-?]*)[ -/]*([@-~]?)|\x1b[ -/]*[0-~]?/g;
// Also the marks that change the direction of text: with them it reads otherwise than it is.
const CONTROLS = /[\x00-\x08\x0b-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069]/g;

/** What a carriage return overwrites is not shown, as on a terminal. */
const overwritten = (raw) =>
  raw.includes("\r")
    ? raw
        .replaceAll("\r\n", "\n")
        .replaceAll(/[^\n]*\r(?=[^\n\r])/g, "")
        .replaceAll("\r", "")
    : raw;

/** Text without any control sequence. */
function plain(raw) {
  return overwritten(raw).replace(SEQUENCES, "").replace(CONTROLS, "\ufffd");
}

/** Nodes of one line of terminal output; `style` is what earlier lines left switched on, and is changed. */
function ansiNodes(line, style) {
  const nodes = [];
  let from = 0;
  const put = (piece) => {
    if (!piece) return;
    const clean = piece.replace(CONTROLS, "\ufffd").toWellFormed();
    nodes.push(Object.keys(style).length ? styled(clean, style) : clean);
  };
  for (const match of line.matchAll(SEQUENCES)) {
    put(line.slice(from, match.index));
    from = match.index + match[0].length;
    if (match[2] === "m") applySgr(match[1], style);
  }
  put(line.slice(from));
  return nodes;
}

function styled(piece, style) {
  const span = h("span", {}, piece);
  for (const flag of ["bold", "dim", "italic", "underline", "strike", "inverse"])
    if (style[flag]) span.classList.add(`ansi-${flag}`);
  for (const side of ["fg", "bg"]) {
    if (typeof style[side] === "number") span.classList.add(`ansi-${side}-${style[side]}`);
    else if (style[side]) {
      span.classList.add(`ansi-${side}-any`);
      span.style.setProperty(`--${side}`, style[side]);
    }
  }
  return span;
}

function applySgr(parameters, style) {
  const codes = parameters.split(/[;:]/).map(Number);
  const off = {
    22: ["bold", "dim"],
    23: ["italic"],
    24: ["underline"],
    27: ["inverse"],
    29: ["strike"],
    39: ["fg"],
    49: ["bg"],
  };
  const on = { 1: "bold", 2: "dim", 3: "italic", 4: "underline", 7: "inverse", 9: "strike" };
  for (let place = 0; place < codes.length; place++) {
    const code = codes[place];
    if (code === 0) Object.keys(style).forEach((key) => delete style[key]);
    else if (on[code]) style[on[code]] = true;
    else if (off[code]) off[code].forEach((key) => delete style[key]);
    else if (code >= 30 && code <= 37) style.fg = code - 30;
    else if (code >= 90 && code <= 97) style.fg = code - 82;
    else if (code >= 40 && code <= 47) style.bg = code - 40;
    else if (code >= 100 && code <= 107) style.bg = code - 92;
    else if (code === 38 || code === 48) {
      const side = code === 38 ? "fg" : "bg";
      if (codes[place + 1] === 5) style[side] = palette(codes[place + 2]);
      else if (codes[place + 1] === 2) style[side] = rgb(codes.slice(place + 2, place + 5));
      place += codes[place + 1] === 5 ? 2 : 4;
    }
  }
}

const rgb = (parts) => `rgb(${[0, 1, 2].map((place) => Math.min(255, parts[place] || 0)).join(" ")})`;

function palette(code = 0) {
  if (code < 16) return code;
  if (code >= 232) return rgb([0, 0, 0].map(() => 8 + (Math.min(code, 255) - 232) * 10));
  const level = (value) => (value ? 55 + value * 40 : 0);
  return rgb([Math.floor((code - 16) / 36), Math.floor((code - 16) / 6) % 6, (code - 16) % 6].map(level));
}
