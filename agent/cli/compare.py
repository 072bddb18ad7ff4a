"""``agent compare``: two trajectories step by step, or two runs task by task."""

from __future__ import annotations

import json as jsonlib
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from aci_tools.errors import UsageError
from agent.cli.options import Json

if TYPE_CHECKING:
    from tasks.metrics import Outcome, Paired
    from trajectories.compare import Comparison

_LISTED = 200


def compare(
    a: Annotated[Path, typer.Argument(help="A trajectory, or the directory of a run or of an evaluation.")],
    b: Annotated[Path, typer.Argument(help="Another of the same kind.")],
    json: Json = False,
) -> None:
    """Compare two trajectories step by step, or two runs task by task."""
    for path in (a, b):
        if not path.exists():
            raise UsageError(f"there is no {path}")
    # The directory of one attempt stands for its trajectory, as elsewhere.
    a, b = (path / "trajectory.jsonl" if (path / "trajectory.jsonl").is_file() else path for path in (a, b))
    if a.is_dir() != b.is_dir():
        raise UsageError("compare a trajectory with a trajectory, or a run with a run: one of these is a directory")
    if a.is_dir():
        from tasks.metrics import compare_outcomes

        rows_a, rows_b = _outcomes(a), _outcomes(b)
        paired = compare_outcomes(rows_a, rows_b)
        if json:
            print(jsonlib.dumps({"kind": "runs", "A": str(a), "B": str(b), **paired.as_dict()}, indent=2))
        else:
            _print_runs(paired, a, b)
        return
    compared = _trajectories(a, b)
    if json:
        print(jsonlib.dumps({"kind": "trajectories", **compared.as_dict()}, indent=2))
    else:
        _print_trajectories(compared)


def _outcomes(directory: Path) -> list[Outcome]:
    """What came of the attempts of a run; of an evaluation, which has none, what its verdicts say."""
    from agent.summary import outcomes, outcomes_of_verdicts
    from trajectories.stats import gather
    from trajectories.stats.runs import find_trajectories
    from trajectories.verdicts import read_verdicts

    evaluated = directory / "results.json"
    if evaluated.exists() and next(find_trajectories(directory), None) is None:
        return outcomes_of_verdicts(read_verdicts([evaluated]).all)
    return outcomes(gather([directory], steps=False).attempts)


def _trajectories(a: Path, b: Path) -> Comparison:
    from trajectories.compare import compare
    from trajectories.stats import gather, read_attempt

    (facts_a,), (facts_b,) = gather([a], steps=False).attempts, gather([b], steps=False).attempts
    return compare(read_attempt(a), read_attempt(b), facts_a, facts_b)


def _print_runs(paired: Paired, a: Path, b: Path) -> None:
    from agent.tables import duration, print_table, shown

    print(f"A: {a}\nB: {b}\n")
    left, right = paired.resolved
    cells = (
        ("A resolved", len(paired.both), len(paired.only_a)),
        ("A did not", len(paired.only_b), len(paired.neither)),
    )
    tasks = "1 task" if paired.tasks == 1 else f"{paired.tasks} tasks"
    print_table(f"{tasks} that both have a verdict for", ("", "B resolved", "B did not"), cells)
    rows: list[tuple[str, Any, Any]] = [
        ("resolved", shown(left.value, "share"), shown(right.value, "share")),
        ("cost", shown(paired.a["cost"], "cost"), shown(paired.b["cost"], "cost")),
        # An evaluation made no attempts.
        ("steps", shown(paired.a["steps"] or None), shown(paired.b["steps"] or None)),
        ("tokens", shown(paired.a["tokens"] or None), shown(paired.b["tokens"] or None)),
        ("wall time, summed", duration(paired.a["seconds"] or None), duration(paired.b["seconds"] or None)),
    ]
    print_table("On these tasks", ("", "A", "B"), rows)
    parted = len(paired.only_a) + len(paired.only_b)
    print(f"McNemar's exact test on the {parted} tasks that part them: p = {paired.p_value:.3g}")
    for title, names in (("A only", paired.only_a), ("B only", paired.only_b)):
        if names:
            print(f"\nResolved by {title}:", *names, sep="\n  ")
    if paired.left_out:
        print("\nLeft out:", *(f"{task}: {why}" for task, why in paired.left_out.items()), sep="\n  ")


def _print_trajectories(compared: Comparison) -> None:
    from agent.tables import duration, print_table, shown

    a, b = compared.a, compared.b
    if not compared.same_task:
        print(f"These are attempts on different tasks: {a.task} and {b.task}.\n")
    left, right = compared.trials
    rows: list[tuple[str, Any, Any]] = [
        ("trajectory", a.trajectory, b.trajectory),
        ("model", a.model, b.model),
        ("ended", a.status or "no end", b.status or "no end"),
        ("verdict", a.verdict or "–", b.verdict or "–"),
        *([("trials", left, right)] if any((left, right)) else []),
        ("steps", shown(a.steps), shown(b.steps)),
        ("failed actions", shown(a.failed), shown(b.failed)),
        ("refused edits", shown(a.refusals), shown(b.refusals)),
        ("first edit at step", shown(a.first_edit), shown(b.first_edit)),
        ("files of the patch", ", ".join(a.patch_files) or "none", ", ".join(b.patch_files) or "none"),
        ("cost", shown(a.cost, "cost"), shown(b.cost, "cost")),
        ("tokens read", shown(a.prompt_tokens), shown(b.prompt_tokens)),
        ("tokens written", shown(a.completion_tokens), shown(b.completion_tokens)),
        ("wall time", duration(a.seconds), duration(b.seconds)),
    ]
    print_table("", ("", "A", "B"), rows)
    first = compared.divergence
    if first is None:
        print(f"All {len(compared.pairs)} steps are the same.")
    else:
        print(f"They part at step {first.step}: {_KINDS[first.kind]}")
        print(*(f"  {name}: {text}" for name, text in (("A", first.a), ("B", first.b)) if text), sep="\n")
        if first.diff:
            print(*(f"    {line}" for line in first.diff.splitlines()[:_LISTED]), sep="\n")
    print(f"Actions that both took, in any order: {compared.shared_actions}")
    print(f"Patch: {'the same' if compared.same_patch else 'different'}\n")
    marks = {"same": "=", "observation": "≈", "action": "≠", "only_a": "<", "only_b": ">"}
    title = "Steps (= same, ≈ other observation, ≠ other action)"
    title = f"{title[:-1]}; [2]: of trial 2)" if any(compared.trials) else title
    steps = [(pair.step, marks[pair.kind], _cut(pair.a), _cut(pair.b)) for pair in compared.pairs[:_LISTED]]
    print_table(title, ("step", "", "A", "B"), steps)
    if len(compared.pairs) > _LISTED:
        print(f"({len(compared.pairs) - _LISTED} more steps; --json has them all)")


_KINDS = {
    "action": "another action.",
    "observation": "the same action, another observation.",
    "only_a": "B ends.",
    "only_b": "A ends.",
}


def _cut(text: str, width: int = 60) -> str:
    return text if len(text) <= width else text[: width - 1] + "…"
