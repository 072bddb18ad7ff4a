// The card of one step: what was thought, done and seen, and what came of it.

const MESSAGES = new Map([
  ["correction", "Correction of a malformed action"],
  ["nudge", "Nudge out of a repetition"],
  ["remark", "Remark"],
  ["system", "System prompt"],
  ["task", "Task prompt"],
]);

/** The content of a step's card. `view` is the trajectory's view: attempt, trajectory, family, showPatch, fold. */
function stepContent(step, view) {
  const body = step.folded
    ? []
    : [
        h(
          "div",
          { class: "body" },
          step.items.map((item, place) => itemNodes(item, place, step, view)),
          childrenOf(step, view),
        ),
      ];
  return [stepHead(step, view), ...body];
}

function stepHead(step, view) {
  const tokens = step.tokens.prompt + step.tokens.cached + step.tokens.completion;
  const cost = step.reply ? table(step.reply.usage).cost : null;
  const fold = button(step.folded ? "▸" : "▾", () => view.fold(step), {
    class: "fold",
    "aria-expanded": String(!step.folded),
    "aria-label": `${step.folded ? "Unfold" : "Fold"} step ${step.number}`,
  });
  const name = step.number
    ? link(
        { t: view.attempt.id, s: step.number },
        { class: "number", "aria-label": `Step ${step.number}` },
        String(step.number),
      )
    : h("span", { class: "number" }, "·");
  const retries = number(step.reply?.retries);
  const raised = Object.entries(table(step.reply?.settings))
    .map(([key, value]) => `${key} ${value}`)
    .join(", ");
  return h(
    "header",
    { class: "head" },
    fold,
    name,
    h("span", { class: step.part ? "title part" : "title" }, step.folded || !step.number || step.part ? plain(step.title) : ""),
    step.passed && h("span", { class: "badge good" }, "passed"),
    step.refused > 0 && h("span", { class: "badge warn" }, "guard refused"),
    step.failed > 0 && h("span", { class: "badge bad" }, "failed"),
    step.corrected > 0 && h("span", { class: "badge warn" }, "malformed"),
    step.nudged > 0 && h("span", { class: "badge warn" }, "repeated"),
    raised && h("span", { class: "badge plain", title: "Settings of this call" }, raised),
    retries > 0 && h("span", { class: "badge warn" }, plural(retries, "retry", "retries")),
    step.reply &&
      h(
        "span",
        { class: "figures" },
        [
          step.duration > 0 && seconds(step.duration),
          tokens > 0 && `${short(tokens)} tok`,
          money(typeof cost === "number" ? cost : null),
        ]
          .filter(Boolean)
          .join(" · "),
      ),
  );
}

function itemNodes(item, place, step, view) {
  const known = {
    start: startNodes,
    reply: replyNodes,
    call: callNodes,
    message: messageNodes,
    patch: patchNodes,
    condensed: condensedNodes,
    end: endNodes,
    trial: trialNodes,
    subagent: subagentNodes,
    evaluated: evaluatedNodes,
    noted: notedNodes,
  };
  return (known[item.kind] ?? otherNodes)(item, place, step, view);
}

function startNodes({ event }, place, step) {
  const statement = text(table(event.task).problem_statement);
  const facts = {
    model: event.model,
    repository: table(event.task).repo,
    "base commit": table(event.task).base_commit,
    ...table(event.sandbox),
    tools: list(event.tools).join(", "),
    ...table(event.versions),
  };
  const settings = { task: { ...table(event.task), problem_statement: undefined }, config: table(event.config) };
  const begunWith = text(event.initial_patch);
  return [
    statement &&
      h("section", { class: "task" }, h("h2", { class: "label" }, "Task"), prose(statement.slice(0, 20_000))),
    begunWith && changeNodes(begunWith, "begun", step),
    unfold(
      "facts",
      step.opened,
      "Settings",
      () => [
        factList(facts),
        output(JSON.stringify(settings, null, 1), { key: "config", opened: step.opened, label: "Configuration" }),
      ],
      { class: "quiet" },
    ),
  ];
}

const factList = (facts) =>
  h(
    "dl",
    { class: "facts" },
    Object.entries(facts)
      .filter(([, value]) => typeof value === "string" && value)
      .map(([name, value]) => h("div", {}, h("dt", {}, name), h("dd", {}, plain(value)))),
  );

function replyNodes({ event }, place, step) {
  const thought = thoughtOf(step, event);
  const reasoning = text(event.reasoning) === thought ? "" : text(event.reasoning);
  const silent = !thought && !step.items.some((item) => item.kind === "call");
  const cut = event.finish_reason === "length" && h("p", { class: "note warn" }, "The reply was cut at its longest.");
  return [
    reasoning &&
      unfold(
        `reasoning-${place}`,
        step.opened,
        ["Reasoning ", h("span", { class: "preview" }, brief(plain(reasoning)))],
        () => prose(reasoning),
        { class: "quiet reasoning" },
      ),
    thought && thoughtNodes(thought, place, step),
    silent && h("p", { class: "note" }, "The reply was empty."),
    cut,
  ];
}

function thoughtNodes(thought, place, step) {
  if (thought.length < 4000) return prose(thought, { class: "prose thought" });
  return output(thought, { key: `thought-${place}`, opened: step.opened, label: "Thought" });
}

function messageNodes({ event }, place, step) {
  const purpose = text(event.purpose) || text(event.role);
  const content = text(event.content);
  const name = MESSAGES.get(purpose) ?? words(purpose);
  if (["system", "task"].includes(purpose))
    return unfold(
      `message-${place}`,
      step.opened,
      [`${name} `, h("span", { class: "preview" }, plural(content.split("\n").length, "line"))],
      () => output(content, { key: `text-${place}`, opened: step.opened, label: name }),
      { class: "quiet" },
    );
  return h(
    "aside",
    { class: `message ${["correction", "nudge"].includes(purpose) ? "warn" : "info"}` },
    h("p", { class: "label" }, name, event.code && h("span", { class: "code" }, words(text(event.code)))),
    output(content, { key: `message-${place}`, opened: step.opened, label: name }),
  );
}

function patchNodes({ event, size }, place, step, view) {
  const of = view.trajectory.patches.findIndex((patch) => patch.step === step.number);
  return h(
    "p",
    { class: "note patch" },
    button("", () => view.showPatch(of, true), { class: "as-link" }, "Patch"),
    ` now ${text(event.patch) ? "changes" : "is empty"} `,
    text(event.patch) && plural(size.files, "file"),
    " ",
    sizeNodes(size),
  );
}

const condensedNodes = ({ event }) =>
  h(
    "p",
    { class: "note condensed" },
    `${plural(list(event.seqs).length, "old observation")} left the prompt to save room; it had ${short(number(event.prompt_tokens))} tokens.`,
  );

function endNodes({ event }, place, step, { attempt }) {
  const usage = table(event.usage);
  const tokens = number(usage.prompt_tokens) + number(usage.completion_tokens);
  const [passed, total] = attempt.tests;
  const figures = [
    plural(attempt.steps, "step"),
    `${count(tokens)} tokens`,
    money(typeof usage.cost === "number" ? usage.cost : null),
    seconds(number(event.duration)),
  ];
  return h(
    "section",
    { class: `end ${tone(attempt.verdict || text(event.status))}` },
    !step.part && h("p", { class: "label" }, "The end"),
    h(
      "p",
      { class: "outcome" },
      badge(text(event.status)),
      badge(attempt.verdict),
      attempt.failure && h("span", { class: "badge plain" }, words(attempt.failure)),
    ),
    event.detail && h("p", {}, plain(text(event.detail))),
    h(
      "p",
      { class: "figures" },
      figures.filter(Boolean).join(" · "),
      total > 0 && ` · ${passed} of ${total} tests pass`,
    ),
  );
}

/** Reflections, and whatever a later version or another program wrote. */
function otherNodes({ event, nested }, place, step) {
  const type = text(event.type) || "unknown event";
  const said = text(event.text) || text(event.content) || text(event.reflection);
  const { type: _type, seq, time, parent, ...rest } = event;
  return h(
    "aside",
    { class: `message info${nested ? " nested" : ""}` },
    h("p", { class: "label" }, plain(words(type))),
    said
      ? prose(said)
      : output(JSON.stringify(rest, null, 1), { key: `other-${place}`, opened: step.opened, label: type }),
  );
}

/** Forks that begin here, and sub-agents that worked for this step. */
function childrenOf(step, view) {
  const here = view.family.filter(
    (other) => other.parent?.id === view.attempt.id && other.parent.step === step.number && other !== view.attempt,
  );
  const forks = here.filter((other) => isFork(other));
  return [
    forks.length > 0 &&
      h(
        "p",
        { class: "note forks" },
        `${plural(forks.length, "fork")} from here: `,
        forks.map((fork) => [
          link(
            { t: fork.id, s: step.number + 1 },
            { class: "chip" },
            plain(fork.model) || fork.id,
            " ",
            badge(fork.verdict || fork.status),
          ),
          " ",
        ]),
      ),
    here
      .filter((other) => !isFork(other))
      .map((helper) =>
        unfold(
          `agent-${helper.id}`,
          step.opened,
          [
            `${plain(helper.parent.relation)} `,
            badge(helper.verdict || helper.status),
            h("span", { class: "preview" }, ` ${plural(helper.steps, "step")}`),
          ],
          () => view.nested(helper),
          { class: "nested agent" },
        ),
      ),
  ];
}

const isFork = (attempt) => attempt.parent?.relation.startsWith("fork") ?? false;

/** About how high a card will be, in pixels, so that the scroll bar tells the truth before it is made. */
function estimate(step) {
  if (step.folded) return 38;
  const lines = (value) => Math.min(HEAD + TAIL + 2, value.split("\n", HEAD + TAIL + 3).length);
  return step.items.reduce((sum, item) => {
    if (item.kind === "call")
      return (
        sum +
        74 +
        18 *
          (lines(text(item.observation?.text)) +
            Object.values(table(item.action?.call?.arguments)).reduce(
              (all, value) => all + (typeof value === "string" && value.includes("\n") ? lines(value) + 1 : 0),
              0,
            ))
      );
    if (item.kind === "reply") return sum + 22 * lines(thoughtOf(step, item.event));
    if (item.kind === "subagent") return sum + 60 + 22 * lines(text(item.event.content));
    if (item.kind === "evaluated") return sum + 26 * Math.min(list(item.event.checks).length, SHOWN_CHECKS);
    return sum + 30 + (item.kind === "message" && step.number ? 18 * lines(text(item.event.content)) : 0);
  }, 60);
}
