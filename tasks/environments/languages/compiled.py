"""What projects in Go, Rust, C and C++ need."""

from __future__ import annotations

import re

from tasks.environments.debian import image_for, packaged
from tasks.environments.hints import Hints
from tasks.environments.proposal import Needs
from tasks.environments.tree import Tree

#: What CMake looks for, and the Debian package that has it.
_LIBRARIES = {
    "benchmark": "libbenchmark-dev",
    "boost": "libboost-all-dev",
    "bzip2": "libbz2-dev",
    "catch2": "catch2",
    "curl": "libcurl4-openssl-dev",
    "doctest": "doctest-dev",
    "eigen3": "libeigen3-dev",
    "expat": "libexpat1-dev",
    "fmt": "libfmt-dev",
    "gmock": "libgmock-dev",
    "gtest": "libgtest-dev",
    "jpeg": "libjpeg-dev",
    "liblzma": "liblzma-dev",
    "libxml2": "libxml2-dev",
    "nlohmann_json": "nlohmann-json3-dev",
    "openssl": "libssl-dev",
    "pkgconfig": "pkg-config",
    "png": "libpng-dev",
    "protobuf": "libprotobuf-dev",
    "python3": "python3-dev",
    "spdlog": "libspdlog-dev",
    "sqlite3": "libsqlite3-dev",
    "yaml-cpp": "libyaml-cpp-dev",
    "zlib": "zlib1g-dev",
    "zstd": "libzstd-dev",
}


def go(tree: Tree, hints: Hints) -> Needs | None:
    """The needs of a Go module; ``None`` where there is none."""
    text = tree.text("go.mod")
    if not text:
        return None
    asked = re.search(r"^(?:toolchain go|go )(\d[\d.]*)", text, re.M)
    image = image_for("go", asked[1] if asked else hints.versions.get("go", ""))
    why = ["go.mod: the project is a Go module"]
    if image:
        why.append(f"go.mod is written for Go {asked[1] if asked else image}; Debian has {packaged('go')}")
    downloads = re.search(r"^require\b", text, re.M) is not None and not tree.has("vendor/modules.txt")
    return Needs(
        "Go",
        tree.has("*_test.go"),
        toolchain=("golang-go",),
        install=("go mod download",) if downloads else (),
        inputs=("go.mod", "go.sum", "go.work"),
        image=image,
        why=tuple(why),
    )


def rust(tree: Tree, hints: Hints) -> Needs | None:
    """The needs of a Cargo package or workspace; ``None`` where there is none."""
    manifest = tree.toml("Cargo.toml")
    if not manifest:
        return None
    package = manifest.get("package")
    asked = str(package.get("rust-version", "")) if isinstance(package, dict) else ""
    channel = tree.text("rust-toolchain") + tree.text("rust-toolchain.toml")
    image = image_for("rust", asked or channel or hints.versions.get("rust", ""))
    why = ["Cargo.toml: the project is built by Cargo"]
    if image:
        why.append(f"the project asks for a newer Rust than Debian's {packaged('rust')}")
    dependencies = any("dependencies" in key and table for key, table in manifest.items()) or "workspace" in manifest
    locked = " --locked" if "Cargo.lock" in tree else ""
    return Needs(
        "Rust",
        True,
        toolchain=("cargo",),
        install=(f"cargo fetch{locked}",) if dependencies else (),
        env={"CARGO_NET_OFFLINE": "true"} if dependencies else {},
        inputs=("Cargo.toml", "Cargo.lock", "rust-toolchain*"),
        image=image,
        why=tuple(why),
    )


def cmake(tree: Tree, hints: Hints) -> Needs | None:
    """The needs of a project that CMake builds; ``None`` where there is none."""
    if "CMakeLists.txt" not in tree:
        return None
    text = "\n".join(tree.text(path) for path in tree.matching("CMakeLists.txt", "*.cmake")[:500])
    asked = re.findall(r"^\s*find_package\s*\(\s*([\w-]+)", text, re.M | re.I)
    libraries = sorted({_LIBRARIES[name.lower()] for name in asked if name.lower() in _LIBRARIES})
    fortran = re.search(r"^\s*(?:project|enable_language)\s*\([^)]*\bFortran\b", text, re.M | re.I) is not None
    why = ["CMakeLists.txt: the project is built by CMake"]
    if libraries:
        why.append(f"CMake looks for what {', '.join(libraries)} have")
    return Needs(
        "C or C++",
        re.search(r"^\s*(?:enable_testing|add_test|gtest_discover_tests)\s*\(", text, re.M | re.I) is not None,
        toolchain=("cmake", "make", "g++", *(("gfortran",) if fortran else ())),
        packages=tuple(libraries),
        why=tuple(why),
    )


def make(tree: Tree, hints: Hints) -> Needs | None:
    """The needs of a project that only has a makefile; ``None`` where there is none, or nothing to compile."""
    names = [name for name in ("GNUmakefile", "Makefile", "makefile") if name in tree]
    if not names or not tree.has("*.c", "*.cc", "*.cpp", "*.cxx"):
        return None
    tests = re.search(r"^(?:test|check)\s*:(?!=)", tree.text(names[0]), re.M) is not None
    return Needs("C or C++", tests, toolchain=("make", "g++"), why=(f"{names[0]}: the project is built by make",))
