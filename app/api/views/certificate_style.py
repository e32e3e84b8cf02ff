"""How a certificate looks, above all on paper."""

from __future__ import annotations

STYLE = """
@page { margin: 18mm 16mm; @bottom-right { content: counter(page) " / " counter(pages); font: 9pt system-ui, sans-serif } }
body { font: 15px/1.5 system-ui, sans-serif; color: #1a1a1a; background: #fff; max-width: 60rem; margin: 2rem auto;
  padding: 0 1rem }
h1 { font-size: 1.7rem; margin: 0 0 .5rem }
h2 { font-size: 1.2rem; margin: 2rem 0 .5rem; border-bottom: 2px solid #1a1a1a }
h3 { font-size: 1rem; margin: 1.2rem 0 .3rem }
h2, h3, h2 + p { break-after: avoid }
.lead { border: 2px solid #1a1a1a; padding: .8rem 1rem }
table { border-collapse: collapse; width: 100%; margin: .3rem 0 .8rem }
thead th, .short { white-space: nowrap }
tbody tr + tr > td[colspan] { border-top: 0 }
dl { margin: 0 }
dl dl { margin: 0 0 0 1.2rem }
dt { font-weight: 600; display: inline }
dt::after { content: ":" }
dd { margin: 0; display: inline; overflow-wrap: anywhere }
dd > pre { margin: .2rem 0 .2rem 1.2rem }
th, td { border: 1px solid #999; padding: .25rem .5rem; text-align: left; vertical-align: top; overflow-wrap: anywhere }
th { background: #eee; font-weight: 600 }
table.facts th { width: 11rem }
tr { break-inside: avoid }
tr:has(pre, dl) { break-inside: auto }
dl > div { break-inside: avoid }
dl > div:has(pre, dl) { break-inside: auto }
p, pre { orphans: 3; widows: 3 }
pre { margin: 0; white-space: pre-wrap; overflow-wrap: anywhere }
pre, code { font: .85em/1.45 ui-monospace, monospace; overflow-wrap: anywhere }
.none { color: #555 }
@media print { body { margin: 0; max-width: none; padding: 0; font-size: 10.5pt } }
"""
