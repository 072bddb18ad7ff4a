// Unified diffs: read into files and lines, and shown.

/** Files of a diff: {path, added, removed, lines: [{kind, text}]}; kind is add, del, same, hunk or meta. */
function readDiff(patch) {
  const files = [];
  let file = null;
  let left = [0, 0]; // lines of the hunk that are still to come, old and new
  for (const line of patch.replace(/\n$/, "").split("\n")) {
    const inHunk = left[0] > 0 || left[1] > 0;
    if (
      line.startsWith("diff --git ") ||
      (!inHunk && line.startsWith("--- ") && (!file || file.lines.some((known) => known.kind === "hunk")))
    ) {
      const path = line.startsWith("diff")
        ? unquoted(line.replace(/^diff --git (?:"?a\/)?.* ("?)b\//, "$1"))
        : unquoted(line.slice(4)).replace(/^a\//, "");
      file = { path, added: 0, removed: 0, lines: [] };
      files.push(file);
      left = [0, 0];
      if (line.startsWith("diff")) continue;
    }
    if (!file) continue;
    const hunk = /^@@ -\d+(?:,(\d+))? \+\d+(?:,(\d+))? @@/.exec(line);
    if (hunk && !inHunk) {
      left = [Number(hunk[1] ?? 1), Number(hunk[2] ?? 1)];
      file.lines.push({ kind: "hunk", text: line });
    } else if (inHunk && line[0] === "+") {
      left[1]--;
      file.added++;
      file.lines.push({ kind: "add", text: line });
    } else if (inHunk && line[0] === "-") {
      left[0]--;
      file.removed++;
      file.lines.push({ kind: "del", text: line });
    } else if (inHunk && line[0] !== "\\") {
      left = [left[0] - 1, left[1] - 1];
      file.lines.push({ kind: "same", text: line });
    } else if (!/^(?:index|---|\+\+\+) /.test(line)) file.lines.push({ kind: "meta", text: line });
  }
  return files;
}

/** A name as git prints it, without the quotes and escapes that it has where something in it is not plain. */
function unquoted(name) {
  if (!/^"[^]*"$/.test(name)) return name;
  const bytes = (octal) => Uint8Array.from(octal.slice(1).split("\\"), (digits) => parseInt(digits, 8));
  return name
    .slice(1, -1)
    .replaceAll(/((?:\\[0-7]{3})+)|\\(.)/g, (_, octal, sign) =>
      octal ? new TextDecoder().decode(bytes(octal)) : ({ n: "\n", t: "\t" }[sign] ?? sign),
    );
}

function diffSize(files) {
  return {
    files: files.length,
    added: files.reduce((sum, file) => sum + file.added, 0),
    removed: files.reduce((sum, file) => sum + file.removed, 0),
  };
}

/** "+12 −3", or nothing. */
function sizeNodes(size) {
  if (!size.files && !size.added && !size.removed) return null;
  return h(
    "span",
    { class: "size", "aria-label": `${size.added} lines added, ${size.removed} removed` },
    h("span", { class: "plus" }, `+${count(size.added)}`),
    " ",
    h("span", { class: "minus" }, `−${count(size.removed)}`),
  );
}

const DIFF_OPEN = 400; // a file with more lines is shown when asked for

/** A diff by files. Lines that `before`, an earlier diff read, has not are marked as fresh. */
function diffNodes(files, before = null) {
  return files.map((file) => {
    const known = before
      ? new Set((before.find((other) => other.path === file.path)?.lines ?? []).map((line) => line.text))
      : null;
    const fresh = (line) => known !== null && ["add", "del"].includes(line.kind) && !known.has(line.text);
    const body = h("div", { class: "diff", tabindex: 0, role: "group", "aria-label": `Diff of ${plain(file.path)}` });
    const fill = () => body.childElementCount || body.append(...file.lines.map((line) => diffLine(line, fresh(line))));
    const open = file.lines.length <= DIFF_OPEN;
    if (open) fill();
    const details = h(
      "details",
      { class: "file", open },
      h(
        "summary",
        {},
        h("span", { class: "path" }, plain(file.path)),
        file.lines.some(fresh) && h("span", { class: "dot", title: "Changed in this step" }),
        sizeNodes({ files: 1, ...file }),
      ),
      body,
    );
    details.addEventListener("toggle", fill);
    return details;
  });
}

function diffLine(line, fresh) {
  return h("div", { class: `line ${line.kind}${fresh ? " fresh" : ""}` }, plain(line.text) || " ");
}
