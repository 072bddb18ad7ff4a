"""Which sandbox is opened, and what is said when it cannot be."""

from __future__ import annotations

import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from aci_tools.errors import InfrastructureError, PatchwrightError, SandboxError, UsageError
from aci_tools.sandbox import KINDS, SandboxSpec, available_kinds, open_sandbox
from tests.aci_tools.sandbox.conftest import Opener

docker = pytest.mark.docker


def test_kinds_are_told_with_reasons() -> None:
    found = available_kinds()
    assert tuple(kind.kind for kind in found) == KINDS
    assert all(kind.reason for kind in found)
    assert found[-1].usable


def test_without_an_engine_that_is_said_in_one_line(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DOCKER_HOST", "unix:///nonexistent.sock")
    docker_kind = available_kinds()[0]
    assert not docker_kind.usable
    assert "unix:///nonexistent.sock" in docker_kind.reason
    assert docker_kind.mend
    with pytest.raises(InfrastructureError, match="no Docker engine answers") as caught:
        open_sandbox("docker", SandboxSpec(image="debian"))
    assert "\n" not in str(caught.value)


def test_auto_takes_namespaces_when_no_image_is_named(opener: Callable[[str], Opener], repository: Path) -> None:
    opener("unshare")
    sandbox = open_sandbox("auto", SandboxSpec(repository=repository))
    sandbox.close()
    assert sandbox.kind == "namespace"


@docker
def test_auto_takes_a_container_when_an_image_is_named(docker_image: str) -> None:
    sandbox = open_sandbox("auto", SandboxSpec(workdir="/tmp", image=docker_image))
    sandbox.close()
    assert sandbox.kind == "docker"


@pytest.mark.parametrize(
    ("kind", "spec", "said"),
    [
        ("chroot", SandboxSpec(), "choose auto, docker, namespace, local"),
        ("docker", SandboxSpec(), "needs an image"),
        ("auto", SandboxSpec(), "needs an image or a repository"),
    ],
)
def test_wrong_use_is_said(kind: str, spec: SandboxSpec, said: str) -> None:
    with pytest.raises(UsageError, match=said):
        open_sandbox(kind, spec)


@docker
def test_an_image_that_is_nowhere_is_said(docker_image: str) -> None:
    with pytest.raises(PatchwrightError, match="localhost:1/no/such:image") as caught:
        open_sandbox("docker", SandboxSpec(image="localhost:1/no/such:image"))
    assert "\n" not in str(caught.value)


@docker
def test_a_name_that_no_image_can_have_is_said(docker_image: str) -> None:
    with pytest.raises(UsageError, match="check its name"):
        open_sandbox("docker", SandboxSpec(image="No Such"))


@pytest.fixture(scope="module")
def odd_images(docker_image: str) -> Iterator[dict[str, str]]:
    """Images that lack something, or insist on something."""
    made = {name: f"patchwright/test-{name}:latest" for name in ("no-git", "no-sh", "entrypoint")}
    run = ["docker", "run", "--name", "patchwright-test-no-git", docker_image, "rm", "/usr/bin/git"]
    subprocess.run(run, check=True, capture_output=True)
    subprocess.run(["docker", "commit", "patchwright-test-no-git", made["no-git"]], check=True, capture_output=True)
    subprocess.run(["docker", "rm", "patchwright-test-no-git"], check=True, capture_output=True)
    empty_tar = bytes(10240)
    subprocess.run(["docker", "import", "-", made["no-sh"]], input=empty_tar, check=True, capture_output=True)
    recipe = f"""
FROM {docker_image}
RUN git init -q /owned && chown -R nobody /owned
USER nobody
WORKDIR /app
ENTRYPOINT ["/bin/false"]
CMD ["--serve"]
"""
    build = ["docker", "build", "--quiet", "--tag", made["entrypoint"], "-"]
    environment = {"DOCKER_BUILDKIT": "0", "PATH": "/usr/local/bin:/usr/bin:/bin"}
    subprocess.run(build, input=recipe.encode(), check=True, capture_output=True, env=environment)
    yield made
    subprocess.run(["docker", "rmi", "--force", *made.values()], check=True, capture_output=True)


@docker
@pytest.mark.parametrize(("name", "said"), [("no-git", "has no git"), ("no-sh", "has no sh")])
def test_an_image_that_lacks_something_is_named(odd_images: dict[str, str], name: str, said: str) -> None:
    with pytest.raises(SandboxError, match=said) as caught:
        open_sandbox("docker", SandboxSpec(image=odd_images[name], workdir="/tmp"))
    assert odd_images[name] in str(caught.value)


@docker
def test_entrypoint_and_user_of_an_image_do_not_matter(odd_images: dict[str, str], repository: Path) -> None:
    sandbox = open_sandbox("docker", SandboxSpec(image=odd_images["entrypoint"], repository=repository))
    try:
        assert sandbox.run("id -u; git status --short; echo x >new; git status --short").output == b"0\n?? new\n"
    finally:
        sandbox.close()


@docker
def test_git_trusts_a_repository_that_the_image_gives_to_another_user(odd_images: dict[str, str]) -> None:
    sandbox = open_sandbox("docker", SandboxSpec(image=odd_images["entrypoint"], workdir="/owned"))
    try:
        assert sandbox.run("stat -c %U .; git status --short").output == b"nobody\n"
    finally:
        sandbox.close()


@docker
def test_a_killed_control_channel_is_made_anew(docker_image: str) -> None:
    sandbox = open_sandbox("docker", SandboxSpec(image=docker_image, workdir="/tmp"))
    kill = 'for p in /proc/[0-9]*; do [ "$(cat $p/comm)" = sh ] && kill -9 ${p#/proc/}; done 2>/dev/null; echo x >x'
    try:
        sandbox.run(kill)
        assert sandbox.run("cat x").output == b"x\n"
        assert sandbox.run(kill + "; sleep 1000", timeout=0.5).end == "timeout"
        assert sandbox.run("cat x").output == b"x\n"
    finally:
        sandbox.close()


@docker
def test_a_container_that_is_gone_is_said(docker_image: str) -> None:
    sandbox = open_sandbox("docker", SandboxSpec(image=docker_image, workdir="/tmp"))
    subprocess.run(["docker", "rm", "--force", f"patchwright-{sandbox.id}"], check=True, capture_output=True)
    with pytest.raises(SandboxError, match="No such container"):
        sandbox.run("true")
    sandbox.close()


@pytest.mark.parametrize("launcher", ["bwrap", "unshare"])
def test_the_hosts_homes_are_not_seen(opener: Callable[[str], Opener], launcher: str, tmp_path: Path) -> None:
    secret = tmp_path / "secret"
    secret.write_text("secret")
    shown = tmp_path / "shown"
    shown.mkdir()
    (shown / "file").write_text("shown")
    sandbox = opener(launcher)(read_only=(shown,))
    assert sandbox.run(f"cat {shown}/file").output == b"shown"
    assert not sandbox.run(f"echo x >{shown}/file").ok
    assert not sandbox.run(f"cat {secret}").ok
    assert sandbox.run("ls -A ~; ls -d /home /mnt /var/lib /run /sys 2>/dev/null").output == b""
    assert sandbox.run("cat /etc/shadow 2>/dev/null").output == b""
