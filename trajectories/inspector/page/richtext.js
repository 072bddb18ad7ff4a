// Text as people read it: output with its colours, folded in the middle where it is long; prose with its code.

const HEAD = 14;
const TAIL = 6;
const LONGEST_LINE = 1500;
const CHUNK = 200;

/**
 * Output of a program. Long output shows its head and tail; `opened` (a set) remembers under `key` what a reader unfolded.
 */
function output(raw, { key, opened, label }) {
  const lines = overwritten(raw.replace(/\n+$/, "")).split("\n");
  const folded = lines.length > HEAD + TAIL + 3;
  const cut = lines.some((line) => line.length > LONGEST_LINE);
  const box = h("div", { class: "output", role: "group", "aria-label": label });
  const draw = () => box.replaceChildren(...(opened.has(key) ? unfolded() : parts()), more());
  const more = () =>
    folded || cut
      ? button(
          moreLabel(),
          () => (
            opened.has(key) ? opened.delete(key) : opened.add(key),
            draw(),
            box.querySelector("button").focus({ preventScroll: true })
          ),
          { class: "more", "aria-expanded": String(opened.has(key)) },
        )
      : "";
  const moreLabel = () => {
    if (opened.has(key)) return "Show less";
    return folded ? `Show all ${count(lines.length)} lines` : `Show all ${count(raw.length)} characters`;
  };
  const parts = () => {
    const style = {};
    if (!folded) return [pre(lines, style, true)];
    const head = pre(lines.slice(0, HEAD), style, true);
    for (const line of lines.slice(HEAD, -TAIL)) if (line.includes("\x1b")) ansiNodes(line, style);
    const gap = h("div", { class: "gap" }, `${count(lines.length - HEAD - TAIL)} lines`);
    return [head, gap, pre(lines.slice(-TAIL), style, true)];
  };
  const unfolded = () => {
    const style = {};
    const chunks = [];
    for (let from = 0; from < lines.length; from += CHUNK)
      chunks.push(pre(lines.slice(from, from + CHUNK), style, false));
    return chunks;
  };
  draw();
  return box;
}

/** Lines of output in a block: diffs and line numbers are recognised. */
function pre(lines, style, cut) {
  const block = h("pre", { class: "text" });
  let diff = false;
  lines.forEach((whole, place) => {
    const line = cut && whole.length > LONGEST_LINE ? whole.slice(0, LONGEST_LINE) : whole;
    const starts = /^diff --git /.test(line) || (/^--- /.test(line) && /^\+\+\+ /.test(lines[place + 1] ?? ""));
    diff =
      starts ||
      (diff && /^(?:[ +@\\-]|index |(?:new|deleted) file |similarity |rename |old mode |new mode |$)/.test(line));
    if (diff) block.append(h("span", { class: `line ${diffKind(line)}` }, plain(line) || " "));
    else
      block.append(
        ...numbered(line, style),
        line === whole ? "" : h("span", { class: "cut" }, ` … ${count(whole.length - LONGEST_LINE)} more characters`),
        "\n",
      );
  });
  return block;
}

const diffKind = (line) =>
  /^(?:diff|index|---|\+\+\+|new|deleted|similarity|rename|old) ?/.test(line) && !/^(?:---|\+\+\+)\S/.test(line)
    ? "meta"
    : ({ "+": "add", "-": "del", "@": "hunk" }[line[0]] ?? "same");

function numbered(line, style) {
  const match = /^( *\d{1,7})([:|\t])/.exec(line);
  return match
    ? [h("span", { class: "gutter" }, match[0]), ...ansiNodes(line.slice(match[0].length), style)]
    : ansiNodes(line, style);
}

/** Prose: paragraphs, `code`, and fenced blocks. Nothing in it becomes a link. */
function prose(raw, attributes = {}) {
  const pieces = plain(raw)
    .trim()
    .split(/^ {0,3}(```+|~~~+)[^\n]*\n([\s\S]*?)(?:^ {0,3}\1 *$|$(?![\s\S]))/m);
  const nodes = [];
  for (let place = 0; place < pieces.length; place += 3) {
    if (pieces[place].trim()) nodes.push(h("p", {}, inline(pieces[place].trim())));
    if (place + 2 < pieces.length) nodes.push(h("pre", { class: "text fence" }, pieces[place + 2].replace(/\n$/, "")));
  }
  return h("div", { class: "prose", ...attributes }, nodes);
}

const inline = (piece) => piece.split(/`([^`\n]+)`/).map((part, place) => (place % 2 ? h("code", {}, part) : part));

/** A part that is shown when asked for; what is in it is made then. */
function unfold(key, opened, summary, make, attributes = {}) {
  const details = h("details", { open: opened.has(key), ...attributes }, h("summary", {}, summary));
  const fill = () => details.open && details.childElementCount === 1 && details.append(...[make()].flat());
  fill();
  details.addEventListener("toggle", () => {
    details.open ? opened.add(key) : opened.delete(key);
    fill();
  });
  return details;
}
