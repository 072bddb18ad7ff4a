// The tree of forks: a lane an attempt, as long as it has steps; a fork leaves its parent's lane where it was made.

/** Attempts that belong together, as trees in the order of their lanes: [{attempt, depth, parent}]. */
function families(attempts) {
  const known = new Map(attempts.map((attempt) => [attempt.id, attempt]));
  const parentOf = (attempt) =>
    attempt.parent && attempt.parent.id !== attempt.id ? known.get(attempt.parent.id) : undefined;
  const children = Map.groupBy
    ? Map.groupBy(attempts.filter(parentOf), (attempt) => attempt.parent.id)
    : grouped(attempts.filter(parentOf));
  const seen = new Set();
  const lanes = (attempt, depth, parent) => {
    if (seen.has(attempt.id)) return [];
    seen.add(attempt.id);
    const forks = (children.get(attempt.id) ?? []).toSorted((one, other) => one.parent.step - other.parent.step);
    return [{ attempt, depth, parent }, ...forks.flatMap((fork) => lanes(fork, depth + 1, attempt))];
  };
  const roots = attempts.filter((attempt) => !parentOf(attempt) && (children.has(attempt.id) || attempt.parent));
  // What is left over names each other as parents; a tree is begun anywhere.
  const circles = attempts.filter((attempt) => attempt.parent && parentOf(attempt));
  return [...roots, ...circles].map((root) => lanes(root, 0, null)).filter((family) => family.length);
}

function grouped(attempts) {
  const groups = new Map();
  for (const attempt of attempts) groups.set(attempt.parent.id, [...(groups.get(attempt.parent.id) ?? []), attempt]);
  return groups;
}

/** The family of one attempt, or null when it stands alone. */
const familyOf = (attempt, attempts) =>
  families(attempts).find((family) => family.length > 1 && family.some((lane) => lane.attempt === attempt)) ?? null;

const LANE = 46;

/** A family as a chart: labels that link on the left, lanes on the right. */
function forkChart(family, current = null) {
  const most = Math.max(1, ...family.map(({ attempt }) => attempt.steps));
  const x = (step) => `${(1 + (97 * Math.min(step, most)) / most).toFixed(2)}%`;
  const rowOf = new Map(family.map(({ attempt }, row) => [attempt.id, row]));
  const y = (row) => row * LANE + LANE / 2;
  const drawn = family.map(({ attempt, parent }, row) => {
    const from = attempt.parent ? attempt.parent.step : 0;
    const nodes = [];
    if (parent)
      nodes.push(
        svg("line", { class: "branch", x1: x(from), x2: x(from), y1: y(rowOf.get(parent.id)), y2: y(row) }),
        svg("circle", { class: "fork-point", cx: x(from), cy: y(rowOf.get(parent.id)), r: 4 }),
      );
    nodes.push(
      svg("line", {
        class: `lane ${tone(attempt.verdict || attempt.status)}`,
        x1: x(parent ? from : 0),
        x2: x(Math.max(attempt.steps, from)),
        y1: y(row),
        y2: y(row),
      }),
    );
    nodes.push(
      svg("circle", {
        class: `lane-end ${tone(attempt.verdict || attempt.status)}`,
        cx: x(Math.max(attempt.steps, from)),
        cy: y(row),
        r: 6,
      }),
    );
    return nodes;
  });
  const ticks = [0.25, 0.5, 0.75, 1]
    .map((share) => Math.round(most * share))
    .filter((step, place, all) => step && all.indexOf(step) === place);
  return h(
    "div",
    { class: "forks" },
    h(
      "ol",
      { class: "fork-names" },
      family.map((lane) => h("li", { class: lane.attempt === current ? "current" : null }, forkLabel(lane))),
    ),
    h(
      "div",
      { class: "fork-lanes", "aria-hidden": "true" },
      svg(
        "svg",
        { width: "100%", height: family.length * LANE },
        ticks.map((step) => svg("line", { class: "tick", x1: x(step), x2: x(step), y1: 0, y2: family.length * LANE })),
        drawn,
      ),
      h(
        "div",
        { class: "axis" },
        ticks.map((step) => placed(h("span", {}, String(step)), x(step))),
      ),
    ),
  );
}

function placed(element, left) {
  element.style.left = left;
  return element;
}

/** "from step 12 (prompt, remark)" with what was changed there, or the task of an attempt that was forked from none. */
function originOf({ attempt, parent }) {
  const from = attempt.parent;
  if (!from) return plain(attempt.task) || "first attempt";
  const where = `${isFork(attempt) ? "from" : `${plain(from.relation)} at`} step ${from.step}`;
  const changed = from.changed.length ? ` (${plain(from.changed.join(", "))})` : "";
  return `${parent ? "" : "of an attempt not shown, "}${where}${changed}`;
}

function forkLabel({ attempt, depth, parent }) {
  const origin = originOf({ attempt, parent });
  const target = {
    t: attempt.id,
    s: attempt.parent && isFork(attempt) ? Math.min(attempt.parent.step + 1, attempt.steps) || undefined : undefined,
  };
  const label = link(
    target,
    { class: "fork-name" },
    h("span", { class: "origin", title: origin }, origin),
    h("span", { class: "model" }, plain(attempt.model) || attempt.id),
    badge(attempt.verdict || attempt.status),
  );
  label.style.setProperty("--depth", Math.min(depth, 8));
  return label;
}

/** The page of all fork trees. */
function forksView(attempts) {
  const shown = families(attempts).filter((family) => family.length > 1 || family[0].attempt.parent);
  if (!shown.length) return h("p", { class: "empty" }, "None of these attempts was forked from another.");
  return h(
    "div",
    { class: "wide" },
    h("h1", { class: "visually-hidden" }, "Forks"),
    shown.map((family) =>
      h(
        "section",
        { class: "family" },
        h(
          "h2",
          {},
          plain(family[0].attempt.task) || family[0].attempt.id,
          h(
            "span",
            { class: "quiet-text" },
            ` ${plural(family.length, "attempt")}, ${family.filter(({ attempt }) => attempt.verdict === "resolved").length} resolved`,
          ),
        ),
        forkChart(family),
      ),
    ),
  );
}
