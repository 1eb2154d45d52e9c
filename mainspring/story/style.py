"""How the page looks, by day and by night."""

STYLE = """
:root { --ink: #1c1c1c; --paper: #fff; --faint: #667; --line: #ddd; --good: #0a6b2d; --bad: #a4161a; --one: #9a9aa8;
  --two: #1f5fbf; --limit: #b45309 }
@media (prefers-color-scheme: dark) {
  :root { --ink: #eee; --paper: #161616; --faint: #aab; --line: #3a3a3a; --good: #6fcf8f; --bad: #ff8a8a; --one: #8a8a99;
    --two: #7fb0ff; --limit: #f0a95a }
}
body { font: 16px/1.55 system-ui, sans-serif; color: var(--ink); background: var(--paper); margin: 0 }
main { max-width: 60rem; margin: 3rem auto; padding: 0 1rem }
h1 { font-size: 2.4rem; line-height: 1.15; margin: 0 0 .5rem }
h2 { margin: 3rem 0 .75rem }
h3 { font-size: 1rem; margin: 1.5rem 0 .25rem }
.lead { color: var(--faint); max-width: 44rem }
.cards { list-style: none; padding: 0; margin: 2rem 0; display: grid; grid-template-columns: repeat(auto-fit, minmax(9rem, 1fr));
  gap: 1rem }
.cards li { border: 1px solid var(--line); border-radius: .5rem; padding: .8rem 1rem; color: var(--faint); font-size: .9rem }
.cards b { display: block; font-size: 1.9rem; line-height: 1.2; color: var(--ink); font-variant-numeric: tabular-nums }
.checks { list-style: none; padding: 0 }
.checks li { padding: .3rem 0; border-bottom: 1px solid var(--line) }
.checks b { display: inline-block; min-width: 7.5rem }
.holds b, .accept { color: var(--good) }
.fails b, .reject { color: var(--bad) }
.needs_human { color: var(--limit) }
.decision { font-weight: 700; text-transform: uppercase; letter-spacing: .04em; margin-right: .5rem }
.terms { list-style: none; padding: 0; display: flex; flex-wrap: wrap; gap: .4rem }
.terms li { border: 1px solid var(--line); border-radius: 1rem; padding: 0 .7rem; font-size: .9rem }
table { border-collapse: collapse; width: 100%; margin: 1rem 0 }
th, td { text-align: left; vertical-align: top; padding: .35rem .7rem; border-bottom: 1px solid var(--line) }
td { overflow-wrap: anywhere }
td.figure { font-variant-numeric: tabular-nums; white-space: nowrap }
small, summary { color: var(--faint) }
code { overflow-wrap: anywhere }
svg { width: 100%; height: auto; margin: .5rem 0; overflow: visible }
svg text { font-size: 12px; fill: var(--ink) }
svg .tick { fill: var(--faint); text-anchor: middle }
svg .grid { stroke: var(--line) }
svg .bar { fill: var(--two) }
svg .limit { stroke: var(--limit); stroke-dasharray: 5 4 }
svg .mark { stroke: var(--faint); stroke-dasharray: 2 3 }
svg polyline { fill: none; stroke-width: 2; stroke-linejoin: round }
svg .ours { stroke: var(--two) }
svg .other { stroke: var(--one); opacity: .6 }
svg .alarm { fill: var(--bad) }
svg line.before { stroke: var(--one); stroke-width: 3 }
svg line.after { stroke: var(--two); stroke-width: 3 }
svg circle.before { fill: var(--one) }
svg circle.after { fill: var(--two) }
@media print { details { display: block } }
"""
