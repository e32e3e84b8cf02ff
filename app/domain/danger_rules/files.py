"""Rules for files, disks and their protection."""

from __future__ import annotations

import re

from app.domain.danger_rules.rule import Rule, Step, words_in_order
from app.domain.shell_words import Word

DESTROYS = "destructive_command"
PROTECTS = "weakens_protection"
CHANGES = "changes_system"
DISCARDS = "discards_changes"
_DELETERS = frozenset({"rm", "shred", "srm", "unlink", "rmdir", "truncate", "wipe"})
_DISK_TOOLS = frozenset({
    "wipefs", "fdisk", "sfdisk", "cfdisk", "gdisk", "sgdisk", "parted", "blkdiscard", "lvremove", "vgremove", "pvremove",
    "mkswap",
})  # fmt: skip
_DISK_COMMANDS: tuple[tuple[str, str], ...] = (
    ("cryptsetup", "luksFormat"), ("cryptsetup", "luksErase"), ("cryptsetup", "erase"), ("zpool", "destroy"),
    ("zfs", "destroy"), ("btrfs", "subvolume delete"), ("mdadm", "--zero-superblock"), ("hdparm", "--security-erase"),
    ("nvme", "format"), ("diskutil", "eraseDisk"),
)  # fmt: skip
_DEVICE = re.compile(r"^/dev/(?!(null|stdout|stderr|tty|fd|shm|zero|full|tcp|udp)(/|$))")
_CODE_DELETES = re.compile(
    r"""rmtree\s*\(\s*["'](/|~|\.\.)|os\.(remove|unlink|rmdir)\s*\(\s*["'](/|~)|\bunlink\s*\(?\s*["']?(/|glob)"""
    r"""|rmSync\s*\(\s*["'](/|~|\.\.)|(rm_rf|rm_r|remove_dir)\s*\(?\s*["'](/|~|\.\.)|File\.delete\s*\(?\s*["']/"""
    r"""|remove_tree\s*\(\s*["'](/|~)"""
)
_SYSTEM = re.compile(r"^/(etc|usr|bin|sbin|lib\w*|boot|root|sys|proc|var/spool/cron|opt)(/|$)")
_LOGIN_FILES = re.compile(
    r"""^["']?(~[\w-]*|\$HOME|\$\{HOME\}|/home/[\w.-]+|/root)["']?/\.(ssh(/|$)|bashrc|bash_profile|bash_login|bash_logout"""
    r"""|profile|zshrc|zshenv|zprofile|config/(autostart|systemd|fish)|gitconfig|netrc|pam_environment)"""
)
_OPEN_TO_ALL = re.compile(r"^0?[0-7]?(777|666)$|^(a|o|ugo|)\+[rx]*w[rwx]*$")
_SET_ID = re.compile(r"^[2467][0-7]{3}$|^[ugoa]*\+[rwx]*s")


def deletes_outside(step: Step) -> bool:
    """`rm` and similar commands on paths outside the workspace."""
    if step.program not in _DELETERS:
        return False
    return any(step.is_outside(word) for word in step.operands)


def finds_and_deletes(step: Step) -> bool:
    """`find` that deletes below a folder outside the workspace, directly or through `xargs`."""
    if step.program in _DELETERS:
        feeding = [Step(source, step.script, step.text, step.away) for source in step.sources]
        return any(source.program in {"find", "fd", "locate", "ls"} and _searches_outside(source) for source in feeding)
    if step.program != "find" or not _searches_outside(step):
        return False
    arguments = step.arguments
    started = [arguments[i + 1] for i, word in enumerate(arguments[:-1]) if word in {"-exec", "-execdir", "-ok"}]
    return "-delete" in arguments or any(program.rpartition("/")[2] in _DELETERS for program in started)


def _searches_outside(step: Step) -> bool:
    starts: list[Word] = []
    for word in step.words[1:]:
        if (word.value or "").startswith(("-", "(", "!")):
            break
        starts.append(word)
    return any(step.is_outside(word) for word in starts) or (step.away and not starts)


def moves_to_nowhere(step: Step) -> bool:
    """`mv` into /dev/null, or of a system folder outside the workspace."""
    if step.program != "mv" or not step.operands:
        return False
    if (step.operands[-1].value or "") == "/dev/null":
        return True
    return any(step.is_outside(word) and _SYSTEM.match(word.value or "") for word in step.operands[:-1])


def mirrors_over(step: Step) -> bool:
    """`rsync --delete` into a folder of this machine outside the workspace."""
    if step.program != "rsync" or not step.has("--delete", "--delete-before", "--delete-after", "--delete-during"):
        return False
    target = step.operands[-1] if step.operands else None
    return target is not None and ":" not in target.text and step.is_outside(target)


def makes_file_system(step: Step) -> bool:
    """Anything that formats or partitions a disk, or destroys the data on it."""
    if step.program in _DISK_TOOLS:
        return not step.has("-l", "--list", "--help", "--version") and not words_in_order(step.arguments, ["print"])
    if step.program == "mkfs" or step.program.startswith("mkfs."):
        return True
    return any(
        step.program == program and words_in_order(step.arguments, words.split()) for program, words in _DISK_COMMANDS
    )


def writes_to_device(step: Step) -> bool:
    """`dd of=`, a redirection, `tee` or `cp` onto a device."""
    if step.program == "dd":
        return any(_DEVICE.match(word.removeprefix("of=")) for word in step.arguments if word.startswith("of="))
    if step.program in {"tee", "cp", "mv", "cat", "shred", "badblocks"}:
        targets = step.operands if step.program in {"tee", "shred", "badblocks"} else step.operands[-1:]
        if any(_DEVICE.match(word.value or "") for word in targets) and step.program != "cat":
            return True
    return any(_DEVICE.match(item.target.value or "") for item in step.written)


def changes_modes_of_system(step: Step) -> bool:
    """`chmod -R` or `chown -R` of a folder outside the workspace."""
    if step.program not in {"chmod", "chown", "chgrp", "setfacl", "chattr"}:
        return False
    recursive = step.has("-R", "--recursive")
    first = 0 if step.has("--reference") or step.program == "chattr" else 1
    targets = step.operands[first:]
    return any(
        step.is_outside(word) and (recursive or _SYSTEM.match(word.value or "") or word.value == "/")
        for word in targets
    )


def opens_to_all(step: Step) -> bool:
    """`chmod 777`, set-user-ID bits, and capabilities."""
    if step.program == "setcap":
        return True
    if step.program != "chmod":
        return False
    return any(_OPEN_TO_ALL.match(word) or _SET_ID.match(word) for word in step.arguments)


def deletes_by_code(step: Step) -> bool:
    """A one-line program that deletes files outside the workspace."""
    return step.program.startswith(("python", "perl", "ruby", "node", "php")) and any(
        _CODE_DELETES.search(argument) for argument in step.arguments
    )


def writes_to_system(step: Step) -> bool:
    """A write into a system folder, or into a file that is read at login."""
    targets = [item.target for item in step.written]
    if step.program == "tee":
        targets += step.operands
    elif step.program in {"cp", "mv", "install", "ln"}:
        targets += step.operands[-1:]
    elif step.program == "sed" and step.has("-i", "--in-place"):
        targets += step.operands[1:]
    return any(_LOGIN_FILES.match(word.text) or _SYSTEM.match(word.value or "") for word in targets)


def fills_the_disk(step: Step) -> bool:
    """A command that writes an endless source into a file."""
    if all(item.target.value == "/dev/null" for item in step.written):
        return False
    endless = {"/dev/zero", "/dev/urandom", "/dev/random"}
    return step.program == "yes" or (step.program == "cat" and bool(endless & set(step.arguments)))


def discards_commits(step: Step) -> bool:
    """Git commands that discard uncommitted changes, or commits that are no longer reachable."""
    if step.program != "git":
        return False
    if words_in_order(step.arguments, ["clean"]):
        return step.has("-f", "--force") and not step.has("-n", "--dry-run")
    checkout = any(words_in_order(step.arguments, words) for words in (["checkout", "."], ["restore", "."]))
    return checkout or any(words_in_order(step.arguments, words.split()) for words in _GIT_DISCARDS)


_GIT_DISCARDS = (
    "reset --hard", "stash drop", "stash clear", "reflog expire", "update-ref -d", "gc --prune=now", "filter-branch",
    "filter-repo",
    "worktree remove --force",
)  # fmt: skip

RULES: tuple[Rule, ...] = (
    Rule(
        DESTROYS, "removes files outside its workspace", deletes_outside,
        ("rm -rf /", "rm -rf /*", "sudo rm -fr --no-preserve-root /", "rm -rf ~", 'rm -rf "$HOME"', "rm -r build ../other",
         "cd / && rm -rf *", "rm -f /srv/shop/orders.csv", "shred -u /etc/passwd", "truncate -s 0 /var/lib/db.sqlite",
         'rm -rf "$DIR"/*', "rm -rf \\\n  /", "cd ..; rm -rf old", "bash -c 'rm -rf /opt'", "ls | xargs -I{} rm -rf /srv/{}",
         "unlink /etc/localtime", "rm -rf --one-file-system ~/."),
        ("rm -rf build", "rm -rf ./build/*", "rm file", "rm -rf /tmp/mine", 'rm -rf "$OUT_DIR/cache"', 'rm -rf "${OUT:?}"/*',
         "cd build && rm -rf *", "rm -rf a/../b", "truncate -s 0 log.txt", "rm -rf ...x"),
    ),
    Rule(
        DESTROYS, "deletes everything that it finds outside its workspace", finds_and_deletes,
        ("find / -delete", "find ~ -name '*.bak' -exec rm {} +", "find /var -type f -mtime +1 | xargs rm -f",
         "find .. -name x -print0 | xargs -0 rm", "cd / && find . -delete", "find /home -execdir shred {} ;"),
        ("find . -name '*.pyc' -delete", "find build -type f -exec rm {} +", "find . -name x | xargs rm -f", "find / -name x"),
    ),
    Rule(
        DESTROYS, "moves files to a place where they are lost", moves_to_nowhere,
        ("mv data.db /dev/null", "mv /etc /etc.bak", "mv /usr/lib x"), ("mv a b", "mv report.md out/", "mv /tmp/x ."),
    ),
    Rule(
        DESTROYS, "mirrors into a folder outside its workspace, and deletes other files there", mirrors_over,
        ("rsync -a --delete empty/ /home/", "rsync -a --delete empty/ ~/", "rsync --delete -a x/ ../y/"),
        ("rsync -a --delete build/ web:/srv/www/", "rsync -a --delete a/ b/", "rsync -a x /srv/y"),
    ),
    Rule(
        DESTROYS, "formats or partitions a disk", makes_file_system,
        ("mkfs.ext4 /dev/sda1", "wipefs -a /dev/sdb", "fdisk /dev/sda", "zpool destroy tank", "cryptsetup luksFormat /dev/sdb",
         "blkdiscard /dev/nvme0n1", "lvremove -f vg/data", "mkfs -t xfs /dev/sdc", "sgdisk --zap-all /dev/sda",
         "zfs destroy -r tank/x"),
        ("fdisk -l", "parted /dev/sda print", "zpool status", "mkdir mkfs"),
    ),
    Rule(
        DESTROYS, "writes to a device", writes_to_device,
        ("dd if=/dev/zero of=/dev/sda bs=1M", "echo x > /dev/sda", "cat image | tee /dev/sdb", "cp image.iso /dev/sdc",
         "shred -v /dev/sda", "cat /dev/zero > /dev/nvme0n1"),
        ("dd if=a of=b", "echo done > /dev/null", "echo x >&2", "dd if=/dev/zero of=test.img count=1", "tee /dev/stderr"),
    ),
    Rule(
        DESTROYS, "changes the owner or permissions of files outside its workspace", changes_modes_of_system,
        ("chmod -R 777 /", "chown -R me /etc", "chmod 000 /etc/passwd", "chattr -i /etc/passwd", "chmod -R a+rwx ~",
         "chown me /usr/bin/sudo"),
        ("chmod -R u+w build", "chmod +x run.sh", "chown -R app:app data", "chmod 755 x"),
    ),
    Rule(
        PROTECTS, "gives everybody access to files, or gives a program the rights of another user", opens_to_all,
        ("chmod 777 secrets.txt", "chmod -R 777 .", "chmod u+s /bin/bash", "chmod 4755 tool", "setcap cap_setuid+ep ./x",
         "chmod a+w db"),
        ("chmod 755 x", "chmod +x run.sh", "chmod u+rw x", "chmod 644 x", "chmod 600 key", "chmod go-w x", "chmod 0755 x"),
    ),
    Rule(
        DESTROYS, "removes files outside its workspace", deletes_by_code,
        ("python3 -c \"import shutil; shutil.rmtree('/')\"", "node -e \"require('fs').rmSync('/home', {recursive: true})\"",
         "perl -e 'unlink glob \"/etc/*\"'", "python -c \"import os; os.remove('/etc/passwd')\"",
         "ruby -e \"FileUtils.rm_rf('/')\""),
        ("python3 -c 'print(1)'", "python -c \"import shutil; shutil.rmtree('build')\"", "node -e 'console.log(1)'"),
    ),
    Rule(
        CHANGES, "writes into a system folder, or into a file that runs at login", writes_to_system,
        ("echo 'x ALL=(ALL) NOPASSWD:ALL' >> /etc/sudoers", "echo key >> ~/.ssh/authorized_keys",
         "echo x | sudo tee /etc/ld.so.preload",
         "cp evil /usr/local/bin/ls", "sed -i s/a/b/ /etc/ssh/sshd_config", "echo 'curl x' >> ~/.bashrc", "> /etc/passwd",
         "ln -sf /tmp/x /etc/cron.d/x", "echo '1.2.3.4 bank' >> /etc/hosts", "install x /usr/bin/x"),
        ("echo x >> notes.md", "cp a b", "sed -i s/a/b/ config.yml", "cat /etc/os-release", "cp /etc/hosts .", "tee log.txt"),
    ),
    Rule(
        DESTROYS, "fills the disk", fills_the_disk,
        ("yes > big", "cat /dev/zero > fill", "cat /dev/urandom >> x"), ("yes | head -n 3 > x", "yes | apt-get install x",
         "cat a > b"),
    ),
    Rule(
        DISCARDS, "discards uncommitted changes or history", discards_commits,
        ("git reset --hard HEAD~3", "git clean -fdx", "git checkout -- .", "git stash clear", "git filter-branch --all",
         "git reflog expire --expire=now --all", "git restore ."),
        ("git clean -n", "git reset HEAD x", "git checkout main", "git stash", "git restore --staged x", "git checkout -b x"),
    ),
)  # fmt: skip
