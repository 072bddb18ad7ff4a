// One action of a step and its observation.

const ICONS = { ok: "✓", failed: "✗", refused: "⊘" };

function callNodes(item, place, step, view) {
  const { action, observation } = item;
  const state =
    !observation || observation.ok !== false ? "ok" : observation.code === "guard-refused" ? "refused" : "failed";
  return h(
    "div",
    { class: `call ${state}` },
    action && actionNodes(action, place, step),
    observation
      ? observationNodes(observation, state, place, step, view)
      : h("p", { class: "note" }, "No observation was written."),
  );
}

function actionNodes(action, place, step) {
  const call = table(action.call);
  const given = Object.entries(table(call.arguments)).filter(
    ([, value]) => ![null, undefined, "", false].includes(value),
  );
  const written = given.map(([name, value]) => [name, typeof value === "string" ? value : JSON.stringify(value)]);
  const command = ["command", "cmd", "code", "script"].find((name) => given.length === 1 && given[0][0] === name);
  const long = ([name, value]) => name !== command && (value.includes("\n") || value.length > 200);
  const removed = written.some(([name]) => /^(?:old|search|before)/.test(name));
  const toneOf = (name) =>
    /^(?:old|search|before)/.test(name)
      ? "del"
      : removed || /^(?:text|code|new|content|file_text)/.test(name)
        ? "add"
        : "";
  return h(
    "div",
    { class: "action" },
    h(
      "div",
      { class: "does" },
      h("span", { class: "tool" }, plain(text(call.name))),
      written
        .filter((entry) => !long(entry) && entry[0] !== command)
        .map(([name, value]) =>
          h("span", { class: "argument" }, h("span", { class: "name" }, plain(name)), " ", plain(value)),
        ),
    ),
    command && output(written[0][1], { key: `command-${place}`, opened: step.opened, label: "Command" }),
    written
      .filter(long)
      .map(([name, value]) =>
        h(
          "div",
          { class: `body-argument ${toneOf(name)}` },
          h("span", { class: "name" }, plain(name)),
          output(value, { key: `argument-${place}-${name}`, opened: step.opened, label: plain(name) }),
        ),
      ),
  );
}

function observationNodes(observation, state, place, step, view) {
  const left = view.trajectory.left.get(observation.seq);
  const exit = table(observation.data).exit_code;
  return h(
    "div",
    { class: "observation" },
    h(
      "div",
      { class: "seen" },
      h(
        "span",
        { class: "state" },
        h("span", { "aria-hidden": "true" }, `${ICONS[state]} `),
        state === "ok" ? h("span", { class: "visually-hidden" }, "done") : words(text(observation.code)) || state,
      ),
      Number.isInteger(exit) && exit !== 0 && h("span", {}, `exit code ${exit}`),
      left !== undefined &&
        h(
          "span",
          { title: "Its text was taken out of the prompt to save room" },
          `left the prompt before step ${left}`,
        ),
      number(observation.duration) > 0 && h("span", { class: "took" }, seconds(observation.duration)),
    ),
    text(observation.text).trim()
      ? output(text(observation.text), { key: `observation-${place}`, opened: step.opened, label: "Observation" })
      : h("p", { class: "note" }, "No output."),
  );
}
