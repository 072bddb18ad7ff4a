// The parts of a strategy's course: trials, what sub-agents were asked and said, evaluations, what was decided.

const SHOWN_CHECKS = 12; // that passed; those that failed are all shown

/** Links to the pages of an attempt's trials. */
function trialLinks(attempt) {
  if (!attempt.trials.length) return null;
  const names = attempt.trials.map(({ name, id, status }) =>
    id
      ? link({ t: id }, { class: "chip", title: words(plain(status)) }, plain(name))
      : h("span", { class: "chip", title: "Its trajectory is not here" }, plain(name)),
  );
  const strategy = attempt.strategy ? `${plain(attempt.strategy)}, ` : "";
  return h("span", { class: "trials" }, `${strategy}${names.length === 1 ? "trial" : "trials"} `, names);
}

function trialNodes({ event, ended }, place, step, view) {
  const known = view.attempt.trials.find(({ name }) => name === event.name);
  const own = known?.id && view.family.find(({ id }) => id === known.id);
  const given = table(event.brief);
  const most = number(table(event.limits).steps);
  const patch = text(ended?.patch);
  const facts = [
    ended ? plural(number(ended.steps), "step") : "under way",
    most && `of at most ${count(most)}`,
    number(given.seed) && `seed ${number(given.seed)}`,
    number(given.temperature) && `temperature ${number(given.temperature)}`,
  ];
  return [
    h(
      "p",
      { class: "outcome" },
      badge(text(ended?.status)),
      h("span", { class: "figures" }, facts.filter(Boolean).join(" · ")),
      patch
        ? h("span", {}, button("", () => view.showPatch(step.patch, true), { class: "as-link" }, "Patch"), " ", sizeNodes(diffSize(readDiff(patch))))
        : ended && h("span", { class: "quiet-text" }, "no patch"),
      own ? link({ t: own.id }, { class: "open" }, "Open the trial") : h("span", { class: "quiet-text" }, "Its trajectory is not here."),
    ),
    text(ended?.detail) && h("p", { class: "note" }, plain(ended.detail)),
    list(given.lessons).map((lesson) => told("Lesson", lesson)),
    list(given.remarks).map((remark, at) =>
      unfold(
        `told-${place}-${at}`,
        step.opened,
        ["Remark ", h("span", { class: "preview" }, plain(brief(text(remark))))],
        () => output(text(remark), { key: `text-${place}-${at}`, opened: step.opened, label: "Remark" }),
        { class: "quiet" },
      ),
    ),
    text(given.initial_patch) && changeNodes(given.initial_patch, `begun-${place}`, step),
    own &&
      unfold(`steps-${place}`, step.opened, ["Steps ", h("span", { class: "preview" }, count(own.steps))], () => view.nested(own), {
        class: "quiet nested agent",
      }),
  ];
}

/** The change that a trial begins with. */
const changeNodes = (patch, key, step) =>
  unfold(
    key,
    step.opened,
    ["Begins with a change ", sizeNodes(diffSize(readDiff(patch)))],
    () => output(patch, { key: `${key}-text`, opened: step.opened, label: "The change" }),
    { class: "quiet" },
  );

const told = (name, said) =>
  h("aside", { class: "message info" }, h("p", { class: "label" }, name), prose(text(said)));

function subagentNodes({ event }, place, step) {
  const messages = list(event.messages).map((message) => table(message));
  const lines = messages.reduce((sum, message) => sum + text(message.content).split("\n").length, 0);
  const ends = { length: "The answer was cut at its longest.", overflow: "The question did not fit into the prompt." };
  return [
    unfold(
      `asked-${place}`,
      step.opened,
      ["Prompt ", h("span", { class: "preview" }, plural(lines, "line"))],
      () =>
        messages.flatMap((message, at) => [
          h("p", { class: "label" }, plain(text(message.role))),
          output(text(message.content), { key: `asked-${place}-${at}`, opened: step.opened, label: "Prompt" }),
        ]),
      { class: "quiet" },
    ),
    text(event.content)
      ? prose(event.content, { class: "prose thought" })
      : h("p", { class: "note" }, "The answer was empty."),
    ends[event.finish_reason] && h("p", { class: "note warn" }, ends[event.finish_reason]),
    typeof event.logprob === "number" && h("p", { class: "note" }, `Log-probability ${event.logprob.toFixed(2)}`),
  ];
}

function evaluatedNodes({ event }, place, step) {
  const checks = list(event.checks).map((check) => table(check));
  const [good, bad] = [checks.filter(({ passed }) => passed === true), checks.filter(({ passed }) => passed !== true)];
  if (!checks.length) return h("p", { class: "note" }, "Nothing could be checked.");
  const all = h("p", { class: "note" }, `${count(good.length)} of ${count(checks.length)} checks passed.`);
  if (good.length <= SHOWN_CHECKS) return [all, checkList([...bad, ...good])];
  return [
    all,
    bad.length > 0 && checkList(bad),
    unfold(`passed-${place}`, step.opened, `${count(good.length)} passed`, () => checkList(good), { class: "quiet" }),
  ];
}

const checkList = (checks) =>
  h(
    "ul",
    { class: "checks" },
    checks.map((check) =>
      h(
        "li",
        { class: check.passed === true ? "good" : "bad" },
        h("code", {}, plain(text(check.name))),
        check.message && h("span", { class: "why" }, plain(text(check.message))),
        check.kind && h("span", { class: "quiet-text" }, plain(text(check.kind))),
      ),
    ),
  );

function notedNodes({ event }, place, step) {
  const { reason, ...data } = table(event.data);
  return [
    text(reason) && h("p", { class: "reason" }, plain(text(reason))),
    Object.keys(data).length > 0 && valueNodes(data, `noted-${place}`, step, 0),
  ];
}

/** Objects of the same kind, a column each, so that they can be compared. */
const factTable = (names, rows) =>
  h(
    "div",
    { class: "comparison" },
    h(
      "table",
      {},
      h("tr", {}, h("th"), rows.map(([name]) => h("th", { scope: "col" }, plain(name)))),
      names.map((name) =>
        h(
          "tr",
          {},
          h("th", { scope: "row" }, plain(words(name))),
          rows.map(([, row]) => h("td", {}, row[name] === undefined ? "–" : plain(String(row[name])))),
        ),
      ),
    ),
  );

/** A value of a note: objects as a list of facts, long texts as output, and what is nested deeply as JSON. */
function valueNodes(value, key, step, depth) {
  if (value === null || value === undefined) return "–";
  if (typeof value !== "object") {
    const said = String(value);
    return said.includes("\n") ? output(said, { key, opened: step.opened, label: "Text" }) : plain(said);
  }
  const entries = Object.entries(value).filter(([, each]) => ![null, ""].includes(each));
  if (!entries.length) return "none";
  const short = (each) => typeof each !== "object" && !String(each).includes("\n") && String(each).length < 60;
  if (Array.isArray(value) && value.every(short)) return plain(value.join(", "));
  const rows = entries.map(([name, each]) => [name, table(each)]);
  const names = [...new Set(rows.flatMap(([, row]) => Object.keys(row)))];
  if (rows.length > 1 && names.length && names.length <= 16 && rows.every(([, row]) => Object.values(row).every(short)))
    return factTable(names, rows);
  if (depth > 2 || entries.length > 200)
    return output(JSON.stringify(value, null, 1), { key, opened: step.opened, label: "Facts" });
  return h(
    "dl",
    { class: `facts noted${Array.isArray(value) ? " numbered" : ""}` },
    entries.map(([name, each]) =>
      h(
        "div",
        {},
        h("dt", {}, plain(Array.isArray(value) ? String(Number(name) + 1) : words(name))),
        h("dd", {}, valueNodes(each, `${key}-${name}`, step, depth + 1)),
      ),
    ),
  );
}
