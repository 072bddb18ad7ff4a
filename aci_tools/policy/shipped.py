"""The rules that hold unless the user's say otherwise.

Denied is what cannot work in a sandbox and costs a step, or the whole time limit, to find out. Asked about, where a
person confirms, is what destroys, reaches out, or changes more than the repository.
"""

from __future__ import annotations

from aci_tools.policy.rules import Rule, Verdict

_EDITOR = "Nobody sits at this terminal. Edit files with the tools for that, or with `sed -i`."
_FOLLOWS = "It would never end. Print what there is now, such as the last lines."
_PUSH = "There is no remote here. Leave the changes in the working tree: the patch is made of them."
_PUBLISH = "Nothing leaves this computer. Leave the changes in the working tree."
_PICKS = "Nobody sits at this terminal to pick changes. Name the files."

_DENIED = {
    _EDITOR: [
        "vi", "vim", "nvim", "vimdiff", "nano", "pico", "emacs", "emacsclient", "joe", "mcedit",
    ],
    _FOLLOWS: ["tail -f", "tail -F", "tail --follow", "journalctl -f", "watch", "top", "htop"],
    _PICKS: ["git add -p", "git add -i", "git add --patch", "git commit -p", "git checkout -p", "git stash -p"],
    _PUSH: ["git push", "git send-email", "gh pr create", "glab mr create"],
    _PUBLISH: ["twine upload", "npm publish", "yarn publish", "pnpm publish", "cargo publish", "gem push"],
}  # fmt: skip
#: What of it does work.
_EXCEPTIONS = [
    "vi -e", "vi -es", "vi --version", "vim -e", "vim -es", "vim -Es", "vim --version", "nvim --headless",
    "nvim --version", "emacs --batch", "emacs -batch", "emacs --version", "top -b", "git push --dry-run",
    "> /dev/null", "> /dev/stdout", "> /dev/stderr", "> /tmp/*",
]  # fmt: skip
_ASKED = [
    # Destroys what no undo brings back.
    "rm", "rmdir", "unlink", "shred", "truncate", "dd", "mkfs*", "find -delete", "git clean", "git reset --hard",
    "git restore", "git checkout", "git stash", "git rebase", "git filter-branch", "git branch -D", "git gc", "> /*",
    # Becomes another user, or changes the computer.
    "sudo", "su", "doas", "chmod", "chown", "mount", "umount", "kill", "pkill", "killall", "crontab", "systemctl",
    "service", "shutdown", "reboot", "git config", "LD_PRELOAD=",
    # Reaches out.
    "curl", "wget", "nc", "ncat", "netcat", "socat", "telnet", "ftp", "ssh", "scp", "sftp", "rsync", "git clone",
    "git fetch", "git pull", "git remote", "> /dev/tcp/*", "> /dev/udp/*", "docker", "podman", "kubectl",
    # Brings in what strangers wrote.
    "pip install", "pip3 install", "uv pip", "uv add", "uv sync", "npm install", "npm i", "npm ci", "yarn add",
    "pnpm add", "pnpm install", "cargo install", "go install", "go get", "gem install", "bundle install",
    "composer install", "composer require", "apt", "apt-get", "dpkg", "apk", "dnf", "yum", "npx", "bunx",
]  # fmt: skip

SHIPPED = (
    *(Rule(pattern, Verdict.DENY, advice) for advice, patterns in _DENIED.items() for pattern in patterns),
    *(Rule(pattern, Verdict.ALLOW) for pattern in _EXCEPTIONS),
    *(Rule(pattern, Verdict.ASK) for pattern in _ASKED),
)
