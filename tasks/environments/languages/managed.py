"""What projects in Java, Ruby and PHP need."""

from __future__ import annotations

import re

from tasks.environments.debian import image_for, packaged
from tasks.environments.hints import Hints
from tasks.environments.proposal import Needs
from tasks.environments.tree import Tree

_JAVA_TESTS = ("src/test/*", "*/src/test/*")


def maven(tree: Tree, hints: Hints) -> Needs | None:
    """The needs of a Maven project; ``None`` where there is none."""
    if "pom.xml" not in tree:
        return None
    program = "sh ./mvnw" if "mvnw" in tree and tree.has(".mvn/wrapper/maven-wrapper.properties") else "mvn"
    text = "".join(tree.text(path) for path in tree.matching("pom.xml")[:200])
    asked = re.search(r"<(?:maven\.compiler\.(?:release|source)|java\.version|release)>\s*(?:1\.)?(\d+)", text)
    return Needs(
        "Java",
        tree.has(*_JAVA_TESTS),
        toolchain=("default-jdk-headless", *(("maven",) if program == "mvn" else ())),
        install=_rehearsal(f"{program} --batch-mode --quiet -Dmaven.test.failure.ignore=true test"),
        inputs=("pom.xml", ".mvn/*", "mvnw"),
        why=("pom.xml: the project is built by Maven",),
        notes=_java_note(asked[1] if asked else ""),
    )


def gradle(tree: Tree, hints: Hints) -> Needs | None:
    """The needs of a Gradle project; ``None`` where there is none."""
    scripts = [name for name in ("build.gradle", "build.gradle.kts", "settings.gradle.kts") if name in tree]
    if not scripts:
        return None
    wrapped = "gradlew" in tree and tree.has("gradle/wrapper/gradle-wrapper.jar")
    program = "sh ./gradlew" if wrapped else "gradle"
    return Needs(
        "Java",
        tree.has(*_JAVA_TESTS),
        toolchain=("default-jdk-headless", *(() if wrapped else ("gradle",))),
        install=_rehearsal(f"{program} --no-daemon --quiet --continue test"),
        inputs=("*.gradle", "*.gradle.kts", "*.versions.toml", "gradle.properties", "gradle-wrapper.*", "gradlew"),
        why=(f"{scripts[0]}: the project is built by Gradle",),
    )


def ruby(tree: Tree, hints: Hints) -> Needs | None:
    """The needs of a Ruby project; ``None`` where there is none."""
    specs, cases = tree.has("*_spec.rb"), tree.has("test/*_test.rb", "test/test_*.rb")
    gemfile = "Gemfile" in tree
    if not (gemfile or ((specs or cases) and tree.has("*.rb"))):
        return None
    asked = tree.text(".ruby-version") or hints.versions.get("ruby", "")
    image = image_for("ruby", asked)
    rspec = specs or ".rspec" in tree
    why = [f"{'Gemfile' if gemfile else 'spec files'}: the project is made for Ruby"]
    if image:
        why.append(f"the project is made for Ruby {asked.strip()}; Debian has {packaged('ruby')}")
    bundler = ("ruby-bundler", "ruby-dev", "build-essential") if gemfile else ()
    return Needs(
        "Ruby",
        specs or cases,
        toolchain=("ruby", *(("ruby-rspec",) if rspec else ("ruby-minitest", "rake")), *bundler),
        install=("bundle install --local || bundle install",) if gemfile else (),
        inputs=("Gemfile", "Gemfile.lock", "*.gemspec", "*version.rb", ".ruby-version"),
        image=image,
        why=tuple(why),
    )


def php(tree: Tree, hints: Hints) -> Needs | None:
    """The needs of a PHP project; ``None`` where there is none."""
    composer = "composer.json" in tree
    if not composer and not tree.has("phpunit.xml", "phpunit.xml.dist", "phpunit.dist.xml"):
        return None
    manifest = tree.json("composer.json")
    require = manifest.get("require")
    required = require if isinstance(require, dict) else {}
    image = image_for("php", hints.versions.get("php") or _lowest(str(required.get("php", ""))))
    extensions = [f"php-{name[4:]}" for name in map(str, required) if re.fullmatch(r"ext-[a-z0-9]+", name)]
    listed = set(required) | set(manifest.get("require-dev") or ())
    downloads = any("/" in str(name) for name in listed)
    return Needs(
        "PHP",
        tree.has("*Test.php"),
        toolchain=("php-cli", "php-xml", "php-mbstring", "phpunit", *(("composer", "unzip") if downloads else ())),
        packages=() if image else tuple(name for name in extensions if name not in _BUILT_IN),
        install=("COMPOSER_ALLOW_SUPERUSER=1 composer install --no-interaction --no-progress",) if downloads else (),
        inputs=("composer.json", "composer.lock"),
        image=image,
        why=(f"{'composer.json' if composer else 'phpunit.xml'}: the project is made for PHP",),
    )


_BUILT_IN = {f"php-{name}" for name in ("ctype", "dom", "filter", "hash", "iconv", "json", "libxml", "openssl", "pcre")}
_BUILT_IN |= {f"php-{name}" for name in ("phar", "reflection", "spl", "tokenizer", "xmlreader", "xmlwriter", "zlib")}


def _rehearsal(command: str) -> tuple[str, ...]:
    """Both builders load plugins and test runners only when they need them. So the tests are run once, in a copy; how
    they end does not matter here."""
    return (f'(rehearsal=$(mktemp -d); cp -a . "$rehearsal"; cd "$rehearsal"; {command} || true; rm -rf "$rehearsal")',)


def _java_note(asked: str) -> tuple[str, ...]:
    have = packaged("java")
    newer = asked.isdigit() and int(asked) > int(have)
    return (f"the project is written for Java {asked}; Debian has {have}",) if newer else ()


def _lowest(constraint: str) -> str:
    """The lowest version that a constraint of Composer's allows."""
    found = re.search(r"(?:>=|\^|~)?\s*(\d+\.\d+)", constraint)
    return found[1] if found else ""
