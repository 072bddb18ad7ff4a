// What stands above a trajectory.

function aboutNodes(attempt) {
  const figures = [
    plural(attempt.steps, "step"),
    `${short(tokensOf(attempt))} tokens`,
    money(attempt.cost),
    seconds(attempt.duration),
  ].filter(Boolean);
  const marks = [
    attempt.refused && `${plural(attempt.refused, "edit")} refused by the guard`,
    attempt.failed && `${plural(attempt.failed, "action")} failed`,
    attempt.corrected && `${attempt.corrected} malformed`,
    attempt.damaged && `${plural(attempt.damaged, "line")} of the file could not be read`,
  ].filter(Boolean);
  return [
    attempt.part_of &&
      h(
        "p",
        { class: "crumb" },
        link({ t: attempt.part_of }, {}, "The whole attempt"),
        ` › trial ${plain(attempt.trial)}`,
      ),
    h("h1", {}, plain(attempt.task) || plain(attempt.file)),
    h(
      "p",
      { class: "line-of-facts" },
      badge(attempt.status),
      badge(attempt.verdict),
      attempt.failure && h("span", { class: "badge plain" }, words(attempt.failure)),
      h("span", { class: "model" }, plain(attempt.model)),
      trialLinks(attempt),
      h("span", {}, figures.join(" · ")),
      sizeNodes(attempt.patch),
      marks.length > 0 && h("span", { class: "quiet-text" }, marks.join(" · ")),
    ),
    attempt.detail && h("p", { class: "detail" }, plain(attempt.detail)),
  ];
}
