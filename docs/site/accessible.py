"""Makes the built site accessible where its generator leaves gaps.

The build fails if the generator no longer writes what is replaced here.
"""

from __future__ import annotations

import re
from pathlib import Path

# Empty links, one for each line of code.
_LINE_LINK = re.compile(r'<a id="__codelineno-[\d-]+" name="__codelineno-[\d-]+" href="#__codelineno-[\d-]+"></a>')
_IN_SCRIPT = {
    # Buttons beside code are no landmark.
    'C("nav",{class:"md-code__nav"})': 'C("div",{class:"md-code__nav"})',
    # A wide table scrolls on a narrow screen, so it must be reachable by keyboard.
    'C("div",{class:"md-typeset__scrollwrap"}': (
        'C("div",{class:"md-typeset__scrollwrap",tabindex:"0",role:"group","aria-label":"Table"}'
    ),
    # The name of a search result is all that it shows.
    '"aria-labelledby":`${e.id}-${s.id}-title`,"aria-describedby":f.length>0?`${e.id}-${s.id}-path`:void 0,': "",
    # The gray texts of the search have too little contrast. Nothing outside can change them.
    "--alpha-light:.7;--alpha-lighter:.54;": "--alpha-light:.85;--alpha-lighter:.75;",
    "color:rgb(var(--color-foreground)/.45)": "color:rgb(var(--color-foreground)/.75)",
}


def improve(site: Path) -> None:
    """Change the pages and the script of a built site.

    Raises:
        SystemExit: The script is not what this expects, because the generator has changed.
    """
    for page in site.rglob("*.html"):
        page.write_text(_LINE_LINK.sub("", page.read_text()))
    (script,) = (site / "assets" / "javascripts").glob("bundle.*.js")
    text = script.read_text()
    for found, wanted in _IN_SCRIPT.items():
        if text.count(found) != 1:
            raise SystemExit(
                f"{script.name} has {text.count(found)} times what docs/site/accessible.py replaces: {found}"
            )
        text = text.replace(found, wanted)
    script.write_text(text)
