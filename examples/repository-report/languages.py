"""Guesses from a file's name in which language it is, and whether it is code, a test, prose or data."""

from __future__ import annotations

from pathlib import PurePosixPath

_CODE = {
    "Assembly": "asm s",
    "C": "c h",
    "C#": "cs",
    "C++": "cc cpp cxx hh hpp hxx",
    "Clojure": "clj cljs",
    "CSS": "css less sass scss",
    "Dart": "dart",
    "Elixir": "ex exs",
    "Elm": "elm",
    "Erlang": "erl hrl",
    "F#": "fs fsx",
    "Fortran": "f90 f95 for",
    "Go": "go",
    "GraphQL": "graphql gql",
    "Groovy": "gradle groovy",
    "Haskell": "hs",
    "HTML": "htm html jinja j2",
    "Java": "java",
    "JavaScript": "cjs js jsx mjs",
    "Julia": "jl",
    "Kotlin": "kt kts",
    "Lisp": "el lisp scm",
    "Lua": "lua",
    "Make": "mk",
    "Nix": "nix",
    "Objective-C": "m mm",
    "OCaml": "ml mli",
    "Perl": "pl pm",
    "PHP": "php",
    "PowerShell": "ps1",
    "Protobuf": "proto",
    "Python": "py pyi pyx",
    "R": "r",
    "Ruby": "rb",
    "Rust": "rs",
    "Scala": "scala",
    "Shell": "bash fish sh zsh",
    "SQL": "sql",
    "Svelte": "svelte",
    "Swift": "swift",
    "Terraform": "hcl tf",
    "TypeScript": "cts mts ts tsx",
    "Vim script": "vim",
    "Vue": "vue",
    "Zig": "zig",
}
_PROSE = {"Markdown": "markdown md mdx", "reStructuredText": "rst", "TeX": "bib tex", "Text": "adoc asciidoc org txt"}
_DATA = {
    "CSV": "csv tsv",
    "JSON": "json json5 jsonl ndjson",
    "Lock file": "lock",
    "SVG": "svg",
    "TOML": "toml",
    "XML": "plist xml xsd",
    "YAML": "yaml yml",
    "Settings": "cfg conf env ini properties",
}
_NAMES = {
    "Makefile": ("Make", "code"),
    "GNUmakefile": ("Make", "code"),
    "Dockerfile": ("Docker", "code"),
    "CMakeLists.txt": ("CMake", "code"),
    "Jenkinsfile": ("Groovy", "code"),
    "Rakefile": ("Ruby", "code"),
    "Gemfile": ("Ruby", "code"),
    "LICENSE": ("Text", "prose"),
    "COPYING": ("Text", "prose"),
    "README": ("Text", "prose"),
    "NOTICE": ("Text", "prose"),
    "go.sum": ("Lock file", "data"),
    "package-lock.json": ("Lock file", "data"),
    "pnpm-lock.yaml": ("Lock file", "data"),
}
_ENDINGS = {
    ending: (language, kind)
    for kind, table in (("code", _CODE), ("prose", _PROSE), ("data", _DATA))
    for language, endings in table.items()
    for ending in endings.split()
}
_TEST_FOLDERS = {"test", "tests", "spec", "specs", "__tests__", "testing"}


def classify(path: str) -> tuple[str, str]:
    """The language and the kind of a file; the kind is `code`, `tests`, `prose` or `data`."""
    pure = PurePosixPath(path)
    ending = pure.suffix.removeprefix(".").lower()
    language, kind = _NAMES.get(pure.name) or _ENDINGS.get(ending) or ("Other", "data")
    return (language, "tests") if kind == "code" and is_test(pure) else (language, kind)


def is_test(path: PurePosixPath) -> bool:
    """Whether the file has a usual name of a test, or is in a folder that has one."""
    stem = path.name.split(".")[0]
    named = stem.lower().startswith("test_") or stem.lower().endswith(("_test", "_spec")) or stem.endswith("Test")
    marked = any(part in {"test", "spec"} for part in path.name.lower().split(".")[1:-1])
    return named or marked or any(part.lower() in _TEST_FOLDERS for part in path.parts[:-1])
