"""Configuration: layers, and what is said about mistakes in it."""

from __future__ import annotations

from pathlib import Path

import pytest
import yaml

from aci_tools.errors import UsageError
from agent.config import Config
from agent.config_files import dump_config, laid_over, load_config, profiles


def test_flags_win_over_settings_over_later_files_over_earlier_ones(tmp_path: Path) -> None:
    (tmp_path / "a.yaml").write_text("limits: {steps: 1, tokens: 10}\nsandbox: {env: {A: x, B: x}}\n")
    (tmp_path / "b.yaml").write_text("limits: {steps: 2}\nsandbox: {env: {B: y}}\n")
    files = [str(tmp_path / "a.yaml"), str(tmp_path / "b.yaml")]
    assert load_config(files).limits.steps == 2
    assert load_config(files).limits.tokens == 10
    assert load_config(files).sandbox.env == {"A": "x", "B": "y"}
    assert load_config(files, ["limits.steps=3"]).limits.steps == 3
    assert load_config(files, ["limits.steps=3"], {"limits.steps": 4}).limits.steps == 4
    assert load_config(files, ["limits.steps=3"], {"limits.steps": None}).limits.steps == 3


@pytest.mark.parametrize("name", profiles())
def test_every_profile_loads_and_its_printed_form_gives_it_back(name: str, tmp_path: Path) -> None:
    config = load_config([name], ["sandbox.env.A=b", "model.extra.top_k=5", "limits.cost=null"])
    (tmp_path / "printed.yaml").write_text(dump_config(config))
    assert load_config([str(tmp_path / "printed.yaml")]) == config


def test_the_printed_form_documents_every_key() -> None:
    printed = dump_config(Config())
    for section, model in Config():
        for key in type(model).model_fields:
            description = type(model).model_fields[key].description
            assert description, f"{section}.{key} has no documentation"
            shown = "".join(f"  # {line}\n" for line in description.splitlines())
            assert f"{shown}  {key}:" in printed


@pytest.mark.parametrize(
    ("setting", "says"),
    [
        ("limits.step=3", "unknown key limits.step; did you mean limits.steps?"),
        ("limit.steps=3", "unknown key limit; did you mean limits?"),
        ("aci.steps=3", "did you mean limits.steps?"),
        ("zzz=1", "`agent config show` lists every key"),
        ("limits.steps=many", "limits.steps: Input should be a valid integer"),
        pytest.param(f"limits.steps={'9' * 10_000}", "limits.steps: ", id="long number"),
        pytest.param(f"limits.steps={'[' * 100_000}", "limits.steps: ", id="deep"),
        ("limits.steps=0", "limits.steps: Input should be greater than 0"),
        ("sandbox.env.A-B=x", "sandbox.env: 'A-B' is no environment variable"),
        ("sandbox.env.=x", "sandbox.env: '' is no environment variable"),
        ('sandbox.env.A="\\0"', "sandbox.env: 'A' is no environment variable"),
        ("sandbox.workdir=here", "sandbox.workdir: 'here' is no absolute path"),
        ("agent.tools=[]", "agent.tools: List should have at least 1 item"),
        ("model.price={input: -1, output: 2}", "model.price.input: Input should be greater than or equal to 0"),
        ("sandbox.kind=vm", "sandbox.kind: Input should be 'auto', 'docker', 'namespace' or 'local'"),
        ("limits.steps", "write it as key=value"),
        ("limits=3", "limits is a section with keys such as steps"),
        ("model.price={inputs: 1, output: 2}", "unknown key model.price.inputs; did you mean model.price.input?"),
    ],
)
def test_mistakes_are_named_in_one_line(setting: str, says: str) -> None:
    with pytest.raises(UsageError) as error:
        load_config([], [setting])
    assert says in str(error.value)
    assert "\n" not in str(error.value)


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("limits: {steps: 1", "line 1, column 18"),
        pytest.param("[" * 100_000, "recursion depth exceeded", id="deep"),
        pytest.param(f"limits: {{steps: {'9' * 10_000}}}", "10000 digits", id="long number"),
        ("- a\n- b", "expected sections"),
        ("limits:\n  stepz: 1\n", "unknown key limits.stepz; did you mean limits.steps?"),
        ("limits: {steps: 1}\nmodel: {}\nlimits: {cost: 1}\n", "line 3, column 1 limits stands there twice"),
        ("limits:\n  steps: 1\n  steps: 2\n", "line 3, column 3 steps stands there twice"),
        ("limits.steps: 1\n", "limits.steps: write `limits:`, and indented below it `steps:`"),
    ],
)
def test_mistakes_in_a_file_name_the_file(tmp_path: Path, text: str, says: str) -> None:
    path = tmp_path / "mine.yaml"
    path.write_text(text)
    with pytest.raises(UsageError) as error:
        load_config([str(path)])
    assert "mine.yaml" in str(error.value)
    assert says in str(error.value)
    assert "\n" not in str(error.value)


def test_a_file_may_begin_with_a_byte_order_mark(tmp_path: Path) -> None:
    path = tmp_path / "mine.yaml"
    path.write_bytes("limits: {steps: 7}\r\n".encode("utf-8-sig"))
    assert load_config([str(path)]).limits.steps == 7


@pytest.mark.parametrize("name", profiles())
def test_the_variants_of_every_profile_are_settings(name: str) -> None:
    config = load_config([name])
    for settings in config.strategy.variants:
        assert (laid_over(config, settings, "strategy.variants") == config) is (not settings)


def test_a_missing_file_lists_the_profiles() -> None:
    with pytest.raises(UsageError, match=r"no such file, and no such profile .*default, local-small.*, swebench"):
        load_config(["nowhere.yaml"])


def test_values_are_read_as_yaml() -> None:
    config = load_config([], ["agent.tools=[open, submit]", "limits.time=null", "model.name=a:b=c", "aci.guard=false"])
    assert config.agent.tools == ["open", "submit"]
    assert config.limits.time is None
    assert config.model.name == "a:b=c"
    assert config.aci.guard is False


@pytest.mark.parametrize(
    "text",
    ["8080", "1.10", "true", "no", "2025-01-01", "pytest -k 'a: b'", "grep ' #' x", "[ -f x ] && y", "", "a: b", "{}"],
)
def test_what_is_a_text_anyway_is_taken_as_it_is_written(text: str) -> None:
    config = load_config([], [f"sandbox.env.A={text}", f"sandbox.startup={text}", f"model.name= {text} "])
    assert config.sandbox.env == {"A": text}
    assert config.sandbox.startup == config.model.name == text


def test_a_text_may_be_quoted_and_where_it_may_be_missing_taken_away() -> None:
    config = load_config([], ["sandbox.env.A='1'", 'sandbox.startup="a\\tb"', "sandbox.image=null", "model.api_base="])
    assert (config.sandbox.env, config.sandbox.startup) == ({"A": "1"}, "a\tb")
    assert (config.sandbox.image, config.model.api_base) == (None, None)


def test_a_number_with_an_exponent_is_one_also_without_a_point(tmp_path: Path) -> None:
    (tmp_path / "mine.yaml").write_text("model: {extra: {min_p: 1e-3}}\nlimits: {steps: 1e2}\n")
    config = load_config([str(tmp_path / "mine.yaml")], ["model.extra.top_a=-2E+1"])
    assert config.model.extra == {"min_p": 0.001, "top_a": -20.0}
    assert config.limits.steps == 100


def test_numbers_in_the_place_of_a_text_are_to_be_quoted(tmp_path: Path) -> None:
    (tmp_path / "mine.yaml").write_text("sandbox: {env: {PORT: 8080}}\n")
    with pytest.raises(UsageError, match=r"sandbox\.env\.PORT: .* \(given: 8080\); write it in quotes"):
        load_config([str(tmp_path / "mine.yaml")])


def test_a_path_is_no_profile(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    for name, steps in (("default", 7), ("mine", 8), ("mine.yaml", 9)):
        (tmp_path / name).write_text(f"limits: {{steps: {steps}}}\n")
    for name, steps in (("./default", 7), (str(tmp_path / "mine"), 8), ("mine.yaml", 9)):
        assert load_config([name]).limits.steps == steps
    with pytest.raises(UsageError, match="no such file"):
        load_config([str(tmp_path / "mine.ya")])


def test_environment_variables_are_not_settings(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LIMITS__STEPS", "7")
    monkeypatch.setenv("PATCHWRIGHT_LIMITS_STEPS", "7")
    assert load_config([]).limits.steps == Config().limits.steps


def test_shipped_profiles_hold_only_what_they_change() -> None:
    from importlib import resources

    for name in profiles():
        tree = yaml.safe_load((resources.files("agent.profiles") / f"{name}.yaml").read_text())
        assert set(tree) <= set(Config.model_fields)
