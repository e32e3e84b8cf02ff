"""Rules for the machine itself: power, processes, accounts, services, protection, and code known only at run time."""

from __future__ import annotations

import re

from app.domain.danger_rules.rule import INTERPRETERS, Rule, Step, words_in_order
from app.domain.shell_words import SHELLS, script_position

DESTROYS = "destructive_command"
CHANGES = "changes_system"
PROTECTS = "weakens_protection"
HIDES = "hides_traces"
GIVEN = "runs_what_it_is_given"
_POWER = frozenset({"shutdown", "reboot", "halt", "poweroff"})
_ACCOUNTS = frozenset({
    "useradd", "adduser", "userdel", "deluser", "usermod", "groupadd", "groupdel", "passwd", "chpasswd", "visudo", "vipw",
    "chsh", "gpasswd",
})  # fmt: skip
_GUARDS = (
    "firewalld",
    "ufw",
    "auditd",
    "apparmor",
    "fail2ban",
    "rsyslog",
    "sshd",
    "ssh",
    "iptables",
    "nftables",
    "selinux",
    "clamav",
    "systemd-journald",
)
_KERNEL = frozenset({"insmod", "rmmod", "modprobe", "kexec", "swapoff"})
_REMOVES_PACKAGES: dict[str, tuple[str, ...]] = {
    "apt": ("remove", "purge"), "apt-get": ("remove", "purge"), "yum": ("remove", "erase"), "dnf": ("remove",),
    "dpkg": ("-r", "-P", "--purge", "--remove"), "rpm": ("-e", "--erase"), "pacman": ("-R", "-Rns", "-Rs"), "apk": ("del",),
}  # fmt: skip
_NO_CONTAINER = re.compile(
    r"--(pid|net|network|ipc|userns)[= ]host|(-v|--volume)[= ]?/:|docker\.sock|--cap-add[= ](ALL|SYS_ADMIN)|source=/,"
)
_HISTORY = re.compile(r"(bash|zsh)_history\b|/var/log(/|$)|\bwtmp\b|\butmp\b|\blastlog\b|/var/spool/mail")
# Programs that print settings for the shell that starts them.
_PRINTS_SETTINGS = frozenset({
    "ssh-agent", "brew", "dircolors", "pyenv", "rbenv", "nodenv", "direnv", "minikube", "docker-machine", "opam", "conda",
    "mamba",
    "aws", "keychain", "luarocks", "perl", "fnm", "starship", "zoxide", "lesspipe", "resize", "tput", "gpgconf", "mise",
    "poetry",
})  # fmt: skip
_INPUT = re.compile(r"""^["']?\$\{?(INPUT_|\d|@|\*)""")
_EVALUATES = re.compile(
    r"\b(exec|eval|compile|system|popen|os\.system|subprocess)\b.*\b(environ|getenv|ENV|argv|stdin|process\.env)\b"
)


def switches_off(step: Step) -> bool:
    """`shutdown` and similar commands."""
    if step.program in _POWER:
        return not step.has("-c", "--help", "--version")
    if step.program in {"init", "telinit"}:
        return bool({"0", "6"} & set(step.arguments))
    if step.program == "systemctl":
        return bool({"poweroff", "reboot", "halt", "kexec", "emergency", "rescue"} & set(step.arguments))
    return any(item.target.value == "/proc/sysrq-trigger" for item in step.written) or (
        step.program == "tee" and "/proc/sysrq-trigger" in step.arguments
    )


def kills_others(step: Step) -> bool:
    """Signals to all processes, to the processes of a user, to process 1, or to the processes that run the task."""
    arguments = step.arguments
    if step.program == "kill":
        targets = arguments[1:] if arguments and arguments[0].startswith("-") else arguments
        if arguments[:1] == ["-s"] or arguments[:1] == ["-n"]:
            targets = arguments[2:]
        return any(word.strip("\"'") in {"-1", "1", "$PPID", "${PPID}"} for word in targets)
    if step.program in {"pkill", "killall", "skill"}:
        return step.has("-u", "-U", "--user", "--euid", "--uid") or any(word in {".", ".*", "''"} for word in arguments)
    return step.program == "killall5"


def multiplies(step: Step) -> bool:
    """A fork bomb: a function that starts itself in the background."""
    return "function" in step.command.inside and bool(
        re.search(
            rf"{re.escape(step.program or ' ')}\s*\(\)\s*\{{[^}}]*\|\s*{re.escape(step.program or ' ')}", step.text
        )
    )


def changes_accounts(step: Step) -> bool:
    """Changes to accounts, groups and passwords, or a shell as another user."""
    if step.program in _ACCOUNTS:
        return not step.has("-S", "--status", "--help")
    started = [word.value for word in step.command.words]
    if started[:1] == ["sudo"] and (set(started[1:3]) & {"-i", "-s", "su", "--login", "--shell"}):
        return True
    return step.program in {"su", "pkexec"} or (step.program == "doas" and step.has("-s"))


def schedules(step: Step) -> bool:
    """Commands that schedule something to run later, unattended."""
    if step.program == "crontab":
        return not step.has("-l")
    if step.program in {"at", "batch"}:
        return not step.has("-l", "-q")
    return step.program == "systemd-run" or (step.program == "systemctl" and "enable" in step.arguments)


def changes_kernel(step: Step) -> bool:
    """Changes to kernel modules, kernel settings and mounts, or removal of packages."""
    if step.program in _KERNEL:
        return True
    if step.program == "sysctl":
        return step.has("-w", "--write") or any("=" in word for word in step.arguments)
    if step.program == "mount":
        return any("remount" in word or "bind" in word for word in step.arguments)
    if step.program == "ip" and words_in_order(step.arguments, ["link", "down"]):
        return True
    if step.program == "route" and "del" in step.arguments:
        return True
    return bool(set(_REMOVES_PACKAGES.get(step.program, ())) & set(step.arguments))


def drops_guards(step: Step) -> bool:
    """Commands that disable firewalls, auditing or access control, or start a container that does not isolate."""
    name, arguments = step.program, step.arguments
    if name in {"iptables", "ip6tables"}:
        return step.has("-F", "-X", "--flush") or words_in_order(arguments, ["-P", "ACCEPT"])
    if name == "nft":
        return "flush" in arguments
    if name in {"ufw", "setenforce", "auditctl", "aa-disable", "aa-teardown", "csrutil", "spctl"}:
        return bool({"disable", "reset", "0", "-e0", "--master-disable"} & set(arguments)) or name.startswith("aa-")
    if name in {"systemctl", "service"} and {"stop", "disable", "mask", "--now"} & set(arguments):
        return any(word.removesuffix(".service") in _GUARDS for word in arguments)
    if name in {"docker", "podman", "nerdctl"}:
        return step.has("--privileged") or bool(_NO_CONTAINER.search(" ".join(arguments)))
    return name == "nsenter"


def hides_traces(step: Step) -> bool:
    """Commands that delete shell histories and logs."""
    if step.program == "history":
        return step.has("-c", "-w", "-d")
    if step.program == "journalctl":
        return any(word.startswith("--vacuum") or word == "--rotate" for word in step.arguments)
    if step.program in {"unset", "export", ""} or step.command.assignments:
        named = [name for name, _ in step.command.assignments] + [word.partition("=")[0] for word in step.arguments]
        if {"HISTFILE", "HISTSIZE"} & set(named):
            return True
    targets = [word.text for word in step.operands] if step.program in {"rm", "shred", "truncate", "ln"} else []
    targets += [item.target.text for item in step.written if item.operator in {">", ">|"}]
    return any(_HISTORY.search(target) for target in targets)


def runs_given_text(step: Step) -> bool:
    """Code that nobody can read before it runs, because it comes from a variable or another command."""
    words = step.words
    if words and words[0].value is None:
        return bool(_INPUT.match(words[0].text))
    if step.runs_its_input and _is_piped_unknown(step):
        return True
    return _has_open_code(step) or _evaluates(step)


def _has_open_code(step: Step) -> bool:
    if step.program in SHELLS:
        position = script_position(step.words)
        script = step.words[-position] if position is not None and position < 0 else None
        return script is not None and script.value is None and _is_open(script.text)
    if step.program in INTERPRETERS:
        code = step.value_of("-c", "-e", "-r", "--eval")
        return code is not None and bool(_INPUT.match(code) or _EVALUATES.search(code))
    return False


def _evaluates(step: Step) -> bool:
    if step.program == "eval":
        is_known = any(source.program in _PRINTS_SETTINGS for source in step.sources)
        return any(word.value is None for word in step.words[1:]) and not is_known
    return step.program in {"source", "."} and any(_INPUT.match(word.text) for word in step.words[1:2])


def _is_open(text: str) -> bool:
    """Whether a value in a double-quoted script becomes code, instead of an argument of fixed text."""
    inside = text.strip("\"'")
    return bool(re.match(r"^\s*(\$\{?\w+\}?|\$\(|`)", inside) or re.search(r"\$\{?(INPUT_\w+|\d|@|\*)", inside))


def _is_piped_unknown(step: Step) -> bool:
    """Whether anything other than fixed text is piped into the command."""
    inputs = list(step.script.inputs_of(step.command))
    fixed = {"echo", "printf", "cat"}
    return any(
        command.program not in fixed or any(word.value is None for word in command.words[1:])
        or (command.program == "cat" and not any(item.operator in {"<<", "<<-", "<<<"} for item in command.redirections))
        for command in inputs
    )  # fmt: skip


RULES: tuple[Rule, ...] = (
    Rule(
        DESTROYS, "shuts the machine down", switches_off,
        ("shutdown -h now", "true; reboot", "sudo poweroff", "init 0", "systemctl reboot", "echo b > /proc/sysrq-trigger",
         "halt -f"),
        ("make shutdown-tests", "echo 'no reboot needed'", "systemctl status nginx", "systemctl restart app",
         "./reboot-check.sh"),
    ),
    Rule(
        DESTROYS, "kills processes that are not its own", kills_others,
        ("kill -9 -1", "kill -9 1", "pkill -9 -u root", "killall -u www", "kill -9 $PPID", "pkill -f .", "kill -s KILL -1",
         "kill -TERM -1"),
        ("kill $PID", "kill -9 $PID", "pkill -f 'my server'", "killall node", "kill %1", "kill -0 1234"),
    ),
    Rule(
        DESTROYS, "starts processes endlessly", multiplies, (":(){ :|:& };:", "bomb() { bomb | bomb & }; bomb"),
        ("build() { make | tee log; }; build", "f() { echo x; }; f"),
    ),
    Rule(
        CHANGES, "changes accounts, or switches to another user", changes_accounts,
        ("useradd -m eve", "usermod -aG sudo eve", "echo root:x | chpasswd", "sudo su", "sudo -i", "su - root -c id",
         "passwd -d root", "visudo"),
        ("sudo apt-get update", "sudo systemctl restart nginx", "whoami", "id", "sudo -u app make"),
    ),
    Rule(
        CHANGES, "schedules something to run later", schedules,
        ("crontab -r", "echo '* * * * * x' | crontab -", "systemctl enable miner", "at now + 1 hour < x",
         "systemd-run --on-active=60 x"),
        ("crontab -l", "systemctl status x", "systemctl start x"),
    ),
    Rule(
        CHANGES, "changes the kernel, the network, mounts or installed packages", changes_kernel,
        ("insmod x.ko", "sysctl -w kernel.randomize_va_space=0", "mount -o remount,rw /", "apt-get remove -y openssl",
         "swapoff -a",
         "ip link set eth0 down", "rpm -e glibc", "apt purge python3"),
        ("sysctl kernel.hostname", "mount", "apt-get install -y jq", "ip addr", "apt-get update", "lsmod"),
    ),
    Rule(
        PROTECTS, "disables protection", drops_guards,
        ("iptables -F", "ufw disable", "setenforce 0", "systemctl stop firewalld", "docker run --privileged x",
         "docker run -v /:/host x sh",
         "docker run -v /var/run/docker.sock:/s x", "nft flush ruleset", "systemctl disable --now auditd", "nsenter -t 1 -m sh",
         "iptables -P INPUT ACCEPT", "service ssh stop"),
        ("iptables -L", "ufw status", "docker run --rm -v $PWD:/src x", "systemctl restart nginx", "docker build -t x .",
         "systemctl stop app"),
    ),
    Rule(
        HIDES, "removes traces of what was done", hides_traces,
        ("history -c", "rm ~/.bash_history", "unset HISTFILE", "export HISTFILE=/dev/null", "> /var/log/auth.log",
         "journalctl --vacuum-time=1s",
         "shred /var/log/syslog", "ln -sf /dev/null ~/.bash_history"),
        ("rm build.log", "journalctl -u app", "tail /var/log/syslog", "echo x > out.log", "history"),
    ),
    Rule(
        GIVEN, "runs code that is known only at run time", runs_given_text,
        ('sh -c "$INPUT_X"', 'eval "$INPUT_CMD"', "$INPUT_PROGRAM --version", 'python3 -c "$INPUT_CODE"', "cat steps.txt | sh",
         'bash -c "$(cat job.sh)"', "./generate | bash", 'sh -c "deploy $INPUT_TARGET"', ". $INPUT_FILE",
         'eval "$(./configure-env)"',
         "bash -c \"$CMD\"", "xargs -I{} sh -c \"$INPUT_X\""),
        ("sh -c 'echo hi'", 'eval "$(ssh-agent -s)"', "bash build.sh", 'echo "$INPUT_X"', "echo 'ls' | sh", '"$PYTHON" x.py',
         "source venv/bin/activate", "sh -c 'echo \"$INPUT_X\"'", 'bash -c "cd $DIR && make"', "cat <<'END' | sh\nls\nEND",
         "python3 x.py"),
    ),
)  # fmt: skip
