"""How the tests of projects in other languages than Python are run, by their build files."""

from __future__ import annotations

import json
import re
from collections.abc import Collection, Mapping

from aci_tools.testing.commands import recognise
from aci_tools.testing.plan import TestPlan

#: Build files that are looked at.
CONFIGS = (
    "package.json go.mod Cargo.toml pom.xml build.gradle build.gradle.kts settings.gradle settings.gradle.kts "
    "mvnw gradlew .rspec Gemfile spec/spec_helper.rb composer.json phpunit.xml phpunit.xml.dist CMakeLists.txt"
)
#: Shell commands that print the programs that a project has of its own, or that are installed, one a line.
PROGRAMS_PROBE = """
if [ -x vendor/bin/phpunit ]; then echo vendor/bin/phpunit; fi
if [ -f Gemfile.lock ] && BUNDLE_FROZEN=true bundle check >/dev/null 2>&1; then echo bundle; fi
for program in mvn gradle; do if command -v "$program" >/dev/null; then echo "$program"; fi; done
if [ -d "${MAVEN_USER_HOME:-$HOME/.m2}/wrapper" ]; then echo mvnw; fi
if [ -d "${GRADLE_USER_HOME:-$HOME/.gradle}/wrapper" ]; then echo gradlew; fi
"""
# A directory that was configured before is used again; else one inside the git directory, where nothing is in the way.
_CTEST = """
build=build; is_ours() { grep -qsxF "CMAKE_HOME_DIRECTORY:INTERNAL=$(pwd -P)" "$1/CMakeCache.txt"; }
if ! is_ours build; then
    build="$(git rev-parse --absolute-git-dir)/patchwright-build"; is_ours "$build" || rm -rf "$build"
fi
cmake -S . -B "$build" && cmake --build "$build" -j "$(nproc)" &&
    cd "$build" && ctest --output-on-failure --no-tests=error {target}
"""


def choose(configs: Mapping[str, str], programs: Collection[str], root: str) -> TestPlan | None:
    """The plan that the build files speak for.

    Args:
        configs: Text of the build files that are there, by name.
        programs: What :data:`PROGRAMS_PROBE` printed.
        root: The repository's directory.
    """
    if plan := _npm(configs.get("package.json", ""), root):
        return plan
    if "go.mod" in configs:
        return TestPlan("grep '^module ' go.mod; go test -json {target}", "go", root, "go.mod")
    if "Cargo.toml" in configs:
        return TestPlan("cargo test --no-fail-fast --color never {target}", "cargo", root, "Cargo.toml")
    if "pom.xml" in configs:
        return TestPlan(f"{_wrapped('mvn', configs, programs)} -B -fae test", "maven", root, "pom.xml")
    for name in ("build.gradle", "build.gradle.kts", "settings.gradle", "settings.gradle.kts"):
        if name in configs:
            command = f"{_wrapped('gradle', configs, programs)} --no-daemon --console=plain --continue cleanTest test"
            return TestPlan(command, "gradle", root, name)
    return _ruby(configs, programs, root) or _php(configs, programs, root) or _cmake(configs, root)


def _wrapped(tool: str, configs: Mapping[str, str], programs: Collection[str]) -> str:
    """A build tool, or the project's wrapper of it, which would download the tool where it has not done so before."""
    wrapper = f"{tool}w"
    return f"sh ./{wrapper}" if wrapper in configs and (wrapper in programs or tool not in programs) else tool


def _npm(package: str, root: str) -> TestPlan | None:
    try:
        content = json.loads(package)
        script = content.get("scripts", {}).get("test", "")
        installed = {**content.get("dependencies", {}), **content.get("devDependencies", {})}
    except (ValueError, AttributeError, TypeError):
        return None
    if isinstance(script, str) and script and "no test specified" not in script:
        source = "package.json, scripts.test"
        command, parser = recognise(script)
        options = command.removeprefix(script)
        return TestPlan(f"npm test --silent{f' --{options}' if options else ''}", parser, root, source)
    for runner, run in {"vitest": "vitest run", "jest": "jest", "mocha": "mocha"}.items():
        if runner in installed:
            command, parser = recognise(f"npx --no-install {run}")
            return TestPlan(command, parser, root, "package.json, dependencies")
    return None


def _ruby(configs: Mapping[str, str], programs: Collection[str], root: str) -> TestPlan | None:
    for name in (".rspec", "spec/spec_helper.rb", "Gemfile"):
        if name in configs and (name != "Gemfile" or re.search(r"^\s*gem\s*\(?\s*['\"]rspec", configs[name], re.M)):
            command, parser = recognise("bundle exec rspec" if "bundle" in programs else "rspec")
            return TestPlan(command, parser, root, name)
    return None


def _php(configs: Mapping[str, str], programs: Collection[str], root: str) -> TestPlan | None:
    for name in ("phpunit.xml", "phpunit.xml.dist", "composer.json"):
        if name in configs and "phpunit" in configs[name]:
            own = "vendor/bin/phpunit"
            command, parser = recognise(own if own in programs else "phpunit")
            return TestPlan(command, parser, root, name)
    return None


def _cmake(configs: Mapping[str, str], root: str) -> TestPlan | None:
    if re.search(r"^\s*(?:enable_testing|include\s*\(\s*CTest)\b", configs.get("CMakeLists.txt", ""), re.M | re.I):
        return TestPlan(_CTEST.strip(), "ctest", root, "CMakeLists.txt")
    return None
