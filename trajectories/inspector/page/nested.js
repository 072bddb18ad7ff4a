// The steps of a sub-agent, inside the step that it worked for.

const MOST_NESTED = 60; // of a longer one, the rest is shown alone

/** The first steps of another attempt; `outer` is the view that they are shown in. */
function nestedSteps(attempt, outer) {
  const box = h("ol", { class: "steps nested-steps" }, h("li", {}, link({ t: attempt.id }, {}, "Open alone")));
  const cards = new Map();
  const draw = (step) => cards.get(step).replaceChildren(h("article", {}, stepContent(step, view)));
  const view = {
    attempt,
    family: outer.family,
    trajectory: new Trajectory(),
    showPatch: () => (location.hash = placeHash({ t: attempt.id })),
    nested: (other) => nestedSteps(other, outer),
    fold(step) {
      step.folded = !step.folded;
      draw(step);
    },
  };
  const load = async () => {
    for await (const { events } of outer.source.events(attempt)) events.forEach((event) => view.trajectory.add(event));
    for (const step of view.trajectory.steps.slice(1, MOST_NESTED + 1)) {
      cards.set(step, h("li", { class: "card filled" }));
      draw(step);
      box.append(cards.get(step));
    }
  };
  load().catch((error) => box.append(h("li", { class: "note" }, `It cannot be read: ${error.message}`)));
  return box;
}
