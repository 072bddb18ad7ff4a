// The list of attempts: a filter box, facets, and columns to sort by.

const COLUMNS = [
  { key: "task", name: "Task", value: (a) => a.task || a.file, show: (a) => taskCell(a) },
  { key: "model", name: "Model", value: (a) => a.model, show: (a) => plain(a.model) },
  { key: "status", name: "Status", value: (a) => a.status, show: (a) => badge(a.status, { title: plain(a.detail) }) },
  {
    key: "verdict",
    name: "Verdict",
    value: (a) => a.verdict,
    show: (a) => badge(a.verdict, a.tests[1] ? { title: `${a.tests[0]} of ${a.tests[1]} tests pass` } : {}),
  },
  { key: "failure", name: "Failure", value: (a) => a.failure, show: (a) => words(a.failure) },
  { key: "steps", name: "Steps", figure: true, value: (a) => a.steps, show: (a) => count(a.steps) },
  {
    key: "tokens",
    name: "Tokens",
    figure: true,
    value: (a) => tokensOf(a),
    show: (a) =>
      h("span", { title: `${count(a.prompt_tokens)} read, ${count(a.completion_tokens)} written` }, short(tokensOf(a))),
  },
  { key: "cost", name: "Cost", figure: true, value: (a) => a.cost ?? -1, show: (a) => money(a.cost) },
  { key: "duration", name: "Time", figure: true, value: (a) => a.duration, show: (a) => seconds(a.duration) },
  {
    key: "patch",
    name: "Patch",
    figure: true,
    value: (a) => a.patch.added + a.patch.removed,
    show: (a) => a.patch.files > 0 && h("span", { title: plural(a.patch.files, "file") }, sizeNodes(a.patch)),
  },
  {
    key: "started",
    name: "Started",
    value: (a) => a.started,
    show: (a) => h("span", { title: "UTC" }, moment(a.started)),
  },
];
const FACETS = ["status", "verdict", "failure"];
const PORTION = 150; // rows that are made at a time

const tokensOf = (attempt) => attempt.prompt_tokens + attempt.completion_tokens;

function taskCell(attempt) {
  const origin = attempt.parent
    ? h(
        "span",
        { class: "origin" },
        `${isFork(attempt) ? "fork from" : `${plain(attempt.parent.relation)} of`} step ${attempt.parent.step}`,
      )
    : null;
  const marks = [
    attempt.refused && `${plural(attempt.refused, "edit")} refused`,
    attempt.corrected && `${attempt.corrected} malformed`,
    attempt.damaged && plural(attempt.damaged, "damaged line"),
  ].filter(Boolean);
  return [
    link({ t: attempt.id }, { class: "task-link" }, plain(attempt.task) || plain(attempt.file)),
    h(
      "span",
      { class: "below" },
      h("span", { title: plain(attempt.file) }, whereabouts(attempt)),
      origin,
      trialLinks(attempt),
      marks.map((mark) => h("span", { class: "mark" }, mark)),
    ),
  ];
}

/** Without the trials of attempts that are there themselves. */
const whole = (attempts) => attempts.filter((attempt) => !attempt.part_of);

/** Where in a run an attempt is, without what every attempt's path has. */
const whereabouts = (attempt) =>
  plain(attempt.file)
    .replace(/^attempts\//, "")
    .replace(/\/trajectory\.jsonl$/, "");

class ListView {
  /** `remember(settings)` keeps filter, facets and order in the address. */
  constructor(attempts, settings, remember) {
    this.attempts = whole(attempts);
    this.settings = settings;
    this._remember = remember;
    this.selected = -1;
    this.filter = h("input", {
      type: "search",
      value: settings.q ?? "",
      placeholder: "Filter by task, model, file…",
      "aria-label": "Filter attempts",
      spellcheck: "false",
      on: { input: () => this.set({ q: this.filter.value }) },
    });
    this.totals = h("p", { class: "totals", role: "status" });
    this.facets = h("div", { class: "facets" });
    this.head = h(
      "tr",
      {},
      COLUMNS.map((column) => this._heading(column)),
    );
    this.body = h("tbody");
    this.more = h("div", { class: "sentinel" });
    this.element = h(
      "div",
      { class: "wide" },
      h("h1", { class: "visually-hidden" }, "Attempts"),
      h("div", { class: "tools" }, this.filter, this.facets),
      this.totals,
      h("div", { class: "table" }, h("table", {}, h("thead", {}, this.head), this.body)),
      this.more,
    );
    this._observer = new IntersectionObserver(
      (entries) => entries.some((entry) => entry.isIntersecting) && this._addRows(),
      { rootMargin: "600px" },
    );
    this._observer.observe(this.more);
    this.draw();
  }

  close() {
    this._observer.disconnect();
  }

  /** Show other or newer attempts. */
  update(attempts) {
    const changed = JSON.stringify(whole(attempts)) !== JSON.stringify(this.attempts);
    this.attempts = whole(attempts);
    if (changed) this.draw();
  }

  set(changes) {
    this.settings = { ...this.settings, ...changes };
    this._remember(this.settings);
    this.draw();
  }

  draw() {
    const { sort = "", q = "" } = this.settings;
    const needles = q.toLowerCase().split(/\s+/).filter(Boolean);
    const matching = this.attempts.filter((attempt) => {
      const haystack = [
        attempt.task,
        attempt.repo,
        attempt.model,
        attempt.file,
        attempt.status,
        attempt.verdict,
        attempt.failure,
        attempt.id,
        attempt.strategy,
      ]
        .join(" ")
        .toLowerCase();
      return needles.every((needle) => haystack.includes(needle));
    });
    this._drawFacets(matching);
    this.rows = matching.filter((attempt) =>
      FACETS.every((facet) => !this.settings[facet] || this._chosen(facet).includes(attempt[facet])),
    );
    const column = COLUMNS.find(({ key }) => key === sort.replace(/^-/, ""));
    if (column)
      this.rows.sort((one, other) => (sort.startsWith("-") ? -1 : 1) * compare(column.value(one), column.value(other)));
    for (const [place, cell] of [...this.head.children].entries()) {
      const sorted = COLUMNS[place] === column;
      cell.setAttribute("aria-sort", sorted ? (sort.startsWith("-") ? "descending" : "ascending") : "none");
    }
    this._drawTotals();
    this.body.replaceChildren();
    this.selected = Math.min(this.selected, this.rows.length - 1);
    this._addRows();
  }

  /** What the keys do here; tells whether it was one of ours. */
  key(event) {
    const moves = { j: this.selected + 1, k: this.selected - 1, g: 0, G: this.rows.length - 1 };
    if (event.key in moves) this._select(moves[event.key]);
    else if (event.key === "/") this.filter.focus();
    else if (
      ["Enter", "o"].includes(event.key) &&
      this.rows[this.selected] &&
      document.activeElement?.tagName !== "BUTTON"
    )
      location.hash = placeHash({ t: this.rows[this.selected].id });
    else return false;
    return true;
  }

  _select(place) {
    if (!this.rows.length) return;
    this.selected = Math.max(0, Math.min(place, this.rows.length - 1));
    while (this.body.childElementCount <= this.selected) this._addRows();
    this.body.children[this.selected].querySelector("a").focus();
  }

  _heading({ key, name, figure }) {
    const flip = () => {
      const first = figure || key === "started" ? `-${key}` : key;
      const second = figure || key === "started" ? key : `-${key}`;
      this.set({ sort: this.settings.sort === first ? second : first });
    };
    return h("th", { scope: "col", class: figure ? "figure" : null }, button(name, flip));
  }

  _chosen(facet) {
    return (this.settings[facet] ?? "").split(",").filter(Boolean);
  }

  _drawFacets(matching) {
    const focused = document.activeElement?.dataset?.facet;
    const groups = FACETS.map((facet) => {
      const counts = new Map();
      for (const attempt of matching)
        if (attempt[facet]) counts.set(attempt[facet], (counts.get(attempt[facet]) ?? 0) + 1);
      const chosen = this._chosen(facet);
      for (const value of chosen) if (!counts.has(value)) counts.set(value, 0);
      const values = [...counts].sort((one, other) => other[1] - one[1]).slice(0, 12);
      if (!values.length) return null;
      const chips = values.map(([value, number]) => {
        const on = chosen.includes(value);
        const flip = () =>
          this.set({ [facet]: (on ? chosen.filter((other) => other !== value) : [...chosen, value]).join(",") });
        return button(
          "",
          flip,
          { class: `chip ${tone(value)}`, "aria-pressed": String(on), data: { facet: `${facet}=${value}` } },
          plain(words(value)),
          h("span", { class: "count" }, count(number)),
        );
      });
      return h(
        "div",
        { class: "facet", role: "group", "aria-label": facet },
        h("span", { class: "facet-name" }, facet),
        chips,
      );
    });
    this.facets.replaceChildren(...groups.filter(Boolean));
    if (focused) [...this.facets.querySelectorAll("button")].find((chip) => chip.dataset.facet === focused)?.focus();
  }

  _drawTotals() {
    const sum = (value) => this.rows.reduce((total, attempt) => total + value(attempt), 0);
    const resolved = this.rows.filter((attempt) => attempt.verdict === "resolved").length;
    const judged = this.rows.filter((attempt) => attempt.verdict).length;
    const shown =
      this.rows.length === this.attempts.length
        ? plural(this.rows.length, "attempt")
        : `${count(this.rows.length)} of ${plural(this.attempts.length, "attempt")}`;
    const cost = this.rows.some((attempt) => attempt.cost !== null) ? money(sum((attempt) => attempt.cost ?? 0)) : "";
    const parts = [
      shown,
      judged ? `${count(resolved)} resolved (${Math.round((100 * resolved) / this.rows.length)} %)` : "",
      `${short(sum(tokensOf))} tokens`,
      cost,
    ];
    this.totals.textContent = parts.filter(Boolean).join(" · ");
  }

  _addRows() {
    const from = this.body.childElementCount;
    const rows = this.rows.slice(from, from + PORTION).map((attempt) => {
      const cells = COLUMNS.map(({ key, name, figure, show }) =>
        h("td", { class: `${figure ? "figure " : ""}c-${key}`, data: { name } }, show(attempt)),
      );
      const open = (event) =>
        event.target.closest("a, button") ||
        getSelection().toString() ||
        (location.hash = placeHash({ t: attempt.id }));
      return h("tr", { on: { click: open } }, cells);
    });
    this.body.append(...rows);
    if (!this.rows.length)
      this.body.replaceChildren(
        h(
          "tr",
          { class: "none" },
          h(
            "td",
            { colspan: COLUMNS.length },
            this.attempts.length ? "No attempt matches." : "There are no attempts yet.",
          ),
        ),
      );
  }
}

const compare = (one, other) =>
  typeof one === "number" ? one - other : String(one).localeCompare(String(other), "en", { numeric: true });
