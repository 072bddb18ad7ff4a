// A trajectory as steps, folded from its events. Events can be added at any time; nothing here touches the page.

// What folds the events of each type.
const FOLDS = new Map([
  ["attempt_started", "_start"],
  ["message", "_message"],
  ["model_replied", "_reply"],
  ["action", "_action"],
  ["observation", "_observation"],
  ["patch_changed", "_patch"],
  ["condensed", "_condense"],
  ["attempt_ended", "_end"],
  ["trial_started", "_trial"],
  ["trial_ended", "_trialEnd"],
  ["subagent_replied", "_subagent"],
  ["evaluated", "_evaluated"],
  ["noted", "_noted"],
]);
// Events that begin a part of the course of a strategy, and what each part is called.
const PARTS = new Map([
  ["trial_started", (event) => `Trial ${text(event.name)}`],
  ["subagent_replied", (event) => named(text(event.key) || text(event.purpose) || "sub-agent")],
  ["evaluated", (event) => `Evaluation of ${text(event.key).split(":")[0]}`],
  ["noted", (event) => named(text(event.key) || "note")],
]);
/** "reflection/1" as a heading: Reflection 1. */
const named = (key) => words(key[0].toUpperCase() + key.slice(1)).replaceAll("/", " ");

const THE_END = "The end";

class Step {
  constructor(number) {
    this.number = number; // 0: what stands before the first step
    this.items = []; // in the order in which they happened: {kind, event, ...}
    this.part = ""; // its name, where it is a part of the course of a strategy
    this.passed = false; // an evaluation of which every check passed
    this.reply = null;
    this.patch = null;
    this.duration = 0; // of its model call and its actions, as written
    this.elapsed = 0; // between the times of its events, which other programs' files may have alone
    this.tokens = { cached: 0, prompt: 0, completion: 0 };
    this.refused = this.failed = this.corrected = this.nudged = this.condensed = 0;
    this.folded = false;
    this.opened = new Set(); // parts that a reader unfolded
    this.height = 0; // as last seen on the page
    this.found = null; // text to search, made when first needed
  }

  /** The calls of the step on one line. */
  get title() {
    if (this.part) return this.part;
    const calls = this.items.filter((item) => item.kind === "call" && item.action);
    if (calls.length) return calls.map((item) => shortCall(table(item.action.call))).join(" · ");
    if (this.number === 0) return "Start";
    return this.reply ? brief(text(this.reply.content)) || "An empty reply" : "";
  }

  /** What is worth a colour in the strip. */
  get mark() {
    if (this.refused) return "refused";
    if (this.failed) return "failed";
    if (this.corrected || this.nudged) return "corrected";
    return this.passed ? "patch" : "";
  }
}

class Trajectory {
  constructor() {
    this.steps = [new Step(0)];
    this.started = {};
    this.ended = null;
    this.patches = []; // {step, files}
    this.damaged = 0;
    this.left = new Map(); // number of an event whose text left the prompt: the step before which it did
    this._time = 0;
    this._byNumber = new Map([[0, this.steps[0]]]);
    this._bySeq = new Map();
    this._trials = new Map(); // their steps by name
  }

  /** Whether a strategy spent it: its steps are parts of a course. */
  get isCourse() {
    return this.steps.length > 1 && this.steps[1].part !== "";
  }

  get last() {
    return this.steps.at(-1);
  }

  /** Go on by one event; gives the step that it changed, or null. */
  add(event) {
    if (event === null) {
      this.damaged++;
      return null;
    }
    const step = this._step(event);
    const nested = this._bySeq.get(typeof event.parent === "object" ? event.parent?.seq : event.parent);
    step.found = null;
    const time = number(event.time);
    if (time && this._time) step.elapsed += Math.max(0, time - this._time);
    this._time = time || this._time;
    if (typeof event.seq === "number") this._bySeq.set(event.seq, step);
    const fold = FOLDS.get(event.type);
    if (fold) this[fold](event, step);
    else
      (nested ?? step).items.push({
        kind: "other",
        event,
        nested: event.parent !== undefined && event.parent !== null,
      });
    return nested ?? step;
  }

  /** The place of a step number in `steps`, or -1. */
  indexOf(number) {
    return this.steps.indexOf(this._byNumber.get(number));
  }

  /** The latest patch up to a step, as its place in `patches`; -1 before the first. */
  patchAt(number) {
    return this.patches.findLastIndex((patch) => patch.step <= number);
  }

  _step(event) {
    if (event.type === "model_replied") {
      // Numbers that come twice (in files of other programs) are counted on, so that every reply is a step.
      let wanted = Number.isInteger(event.step) && event.step > 0 ? event.step : this.last.number + 1;
      if (wanted <= this.last.number) wanted = this.last.number + 1;
      const step = new Step(wanted);
      this.steps.push(step);
      this._byNumber.set(wanted, step);
      return step;
    }
    if (PARTS.has(event.type)) return this._begin(plain(PARTS.get(event.type)(event)));
    if (event.type === "trial_ended") return this._trials.get(event.name) ?? this.last;
    if (["patch_changed", "attempt_ended"].includes(event.type) && this.last.part && this.last.part !== THE_END)
      return this._begin(THE_END);
    return this.last;
  }

  _begin(part) {
    const step = Object.assign(new Step(this.last.number + 1), { part });
    this.steps.push(step);
    this._byNumber.set(step.number, step);
    return step;
  }

  _start(event, step) {
    this.started = event;
    if (text(event.initial_patch)) this.patches.push({ step: step.number, files: readDiff(event.initial_patch) });
    step.items.push({ kind: "start", event });
  }

  _reply(event, step) {
    this._count(event, step);
    step.items.push({ kind: "reply", event });
  }

  _count(event, step) {
    const usage = table(event.usage);
    const prompt = number(usage.prompt_tokens);
    const cached = Math.min(prompt, number(usage.cached_tokens));
    step.reply = event;
    step.duration += number(event.duration);
    step.tokens = { cached, prompt: prompt - cached, completion: number(usage.completion_tokens) };
  }

  _action(event, step) {
    step.items.push({ kind: "call", action: event, observation: null });
  }

  _observation(event, step) {
    step.duration += number(event.duration);
    if (event.ok === false) event.code === "guard-refused" ? step.refused++ : step.failed++;
    const waiting = step.items.filter((item) => item.kind === "call" && !item.observation);
    const item = waiting.find((call) => event.call_id && table(call.action.call).id === event.call_id) ?? waiting[0];
    if (item) item.observation = event;
    else step.items.push({ kind: "call", action: null, observation: event });
  }

  _trial(event, step) {
    this._trials.set(event.name, step);
    step.items.push({ kind: "trial", event, ended: null });
  }

  _trialEnd(event, step) {
    const item = step.items.find(({ kind }) => kind === "trial");
    if (!item) return;
    item.ended = event;
    this._count(event, step);
    const files = readDiff(text(event.patch));
    if (!text(event.patch)) return;
    this.patches.push({ step: step.number, files });
    step.patch = this.patches.length - 1;
  }

  _subagent(event, step) {
    this._count(event, step);
    step.items.push({ kind: "subagent", event });
  }

  _evaluated(event, step) {
    step.duration += number(event.duration);
    step.passed = event.passed === true;
    step.failed += event.passed === false;
    step.items.push({ kind: "evaluated", event });
  }

  _noted(event, step) {
    step.items.push({ kind: "noted", event });
  }

  _message(event, step) {
    step.corrected += event.purpose === "correction";
    step.nudged += event.purpose === "nudge";
    step.items.push({ kind: "message", event });
  }

  _patch(event, step) {
    const files = readDiff(text(event.patch));
    this.patches.push({ step: step.number, files });
    step.patch = this.patches.length - 1;
    step.items.push({ kind: "patch", event, size: diffSize(files) });
  }

  _condense(event, step) {
    step.condensed += list(event.seqs).length;
    for (const seq of list(event.seqs)) this.left.set(seq, step.number + 1);
    step.items.push({ kind: "condensed", event });
  }

  _end(event, step) {
    this.ended = event;
    const patch = text(event.patch);
    const files = readDiff(patch);
    if (patch && JSON.stringify(files) !== JSON.stringify(this.patches.at(-1)?.files))
      this.patches.push({ step: step.number, files });
    step.items.push({ kind: "end", event });
  }
}

/** The words of a step, to search in. */
function searchable(step) {
  step.found ??= plain(
    step.items
      .flatMap((item) => {
        if (item.kind === "call")
          return [
            text(item.action?.call?.name),
            ...Object.values(table(item.action?.call?.arguments)).map((value) =>
              typeof value === "string" ? value : (JSON.stringify(value) ?? ""),
            ),
            text(item.action?.thought),
            text(item.observation?.text),
            text(item.observation?.code),
          ];
        if (item.kind === "reply") return [thoughtOf(step, item.event), text(item.event.reasoning)];
        if (PARTS.has(item.event?.type) || item.kind === "other") return [JSON.stringify([item.event, item.ended])];
        return [text(item.event.content), text(item.event.detail)];
      })
      .join("\n"),
  ).toLowerCase();
  return step.found;
}

/** What the model said beside its action; a whole reply where no action came of it. */
function thoughtOf(step, reply) {
  const actions = step.items.filter((item) => item.kind === "call" && item.action);
  if (!actions.length) return text(reply.content);
  const thought = actions
    .map((item) => text(item.action.thought))
    .filter(Boolean)
    .join("\n\n");
  return thought || (list(reply.tool_calls).length ? text(reply.content) : "");
}
