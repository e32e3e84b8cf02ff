"""Tells whether a block that does not name its language holds commands: a person would type it into a terminal."""

from __future__ import annotations

import re

from app.planning.outline.shell_text import read_shell_text

_PROGRAMS = frozenset(
    {
        "ansible",
        "ansible-playbook",
        "apk",
        "apt",
        "apt-get",
        "aws",
        "awk",
        "az",
        "bash",
        "brew",
        "buildah",
        "bundle",
        "cargo",
        "cat",
        "cd",
        "chmod",
        "chown",
        "cmake",
        "composer",
        "conda",
        "consul",
        "cosign",
        "cp",
        "crontab",
        "curl",
        "date",
        "dd",
        "df",
        "diff",
        "dnf",
        "docker",
        "docker-compose",
        "dotnet",
        "dpkg",
        "du",
        "echo",
        "etcdctl",
        "exit",
        "export",
        "find",
        "flux",
        "flyctl",
        "gcloud",
        "gem",
        "gh",
        "git",
        "go",
        "goreleaser",
        "gpg",
        "gradle",
        "grep",
        "gsutil",
        "gzip",
        "head",
        "helm",
        "heroku",
        "hg",
        "hub",
        "java",
        "jq",
        "journalctl",
        "kill",
        "kind",
        "kubectl",
        "kustomize",
        "ln",
        "ls",
        "mage",
        "make",
        "mamba",
        "minikube",
        "mkdir",
        "mongodump",
        "mount",
        "mv",
        "mvn",
        "mysql",
        "mysqldump",
        "ninja",
        "node",
        "nomad",
        "npm",
        "npx",
        "nvm",
        "oc",
        "openssl",
        "packer",
        "patch",
        "perl",
        "pg_dump",
        "pg_restore",
        "php",
        "pip",
        "pip3",
        "pipx",
        "pkill",
        "pnpm",
        "podman",
        "poetry",
        "popd",
        "printf",
        "promtool",
        "ps",
        "psql",
        "pushd",
        "pytest",
        "python",
        "python3",
        "rails",
        "rake",
        "redis-cli",
        "rm",
        "rmdir",
        "rpm",
        "rsync",
        "ruby",
        "rustup",
        "scp",
        "sed",
        "service",
        "sh",
        "skopeo",
        "sleep",
        "sort",
        "source",
        "sqlite3",
        "ssh",
        "ssh-keygen",
        "su",
        "sudo",
        "svn",
        "systemctl",
        "tail",
        "tar",
        "tee",
        "terraform",
        "touch",
        "tox",
        "twine",
        "umount",
        "unset",
        "unzip",
        "uv",
        "vagrant",
        "vault",
        "wget",
        "which",
        "xargs",
        "yarn",
        "yq",
        "yum",
        "zip",
    }
)
_KEYWORDS = frozenset(
    {"if", "then", "else", "elif", "fi", "for", "while", "until", "do", "done", "{", "}", "(", ")", "&&", "||"}
)
_SCRIPT = re.compile(
    r"(?:\.{1,2}|~|s?bin|scripts?|tools|hack|ci)/[\w./-]+|(?:[\w.-]+/)+[\w.-]+\.(?:sh|bash|py|rb|pl|js)"
)
_ASSIGNMENT = re.compile(r"[A-Za-z_]\w*\+?=\S*\s*")
# Longer blocks are listings.
_MAX_LENGTH = 5000


def holds_commands(content: str) -> bool:
    """Whether every line of a block begins with a program that is well known, or with a script, and there is at least one."""
    if len(content) > _MAX_LENGTH:
        return False
    words = read_shell_text(content).words.replace("\\\n", "  ")
    lines = [line.strip() for line in words.split("\n") if line.strip()]
    started = False
    continues = False
    for line in lines:
        if not continues:
            rest = line
            while (assignment := _ASSIGNMENT.match(rest)) is not None:
                rest = rest[assignment.end() :]
            first = rest.split(" ", 1)[0] if rest else ""
            program = first in _PROGRAMS or _SCRIPT.fullmatch(first) is not None
            if rest and not program and first not in _KEYWORDS:
                return False
            started = started or program
        continues = line.endswith(("|", "&&", "||"))
    return started
