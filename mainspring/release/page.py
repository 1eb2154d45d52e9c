"""A comparison of two versions as one HTML page that needs nothing else: no script, no font, no network."""

import json
from html import escape
from typing import Any

from mainspring.release.lineage import in_words

FACTS = ("stage", "architecture", "parameters", "bytes", "context_length", "licence", "digest")
MOST_CHARACTERS = 400  # of an output that is no text
_MARKS = {"same": "span", "a": "del", "b": "ins"}
_STYLE = """
body { font: 16px/1.5 system-ui, sans-serif; max-width: 60rem; margin: 3rem auto; padding: 0 1rem; color: #1c1c1c }
table { border-collapse: collapse; width: 100%; margin: 1rem 0 2rem }
th, td { text-align: left; vertical-align: top; padding: .4rem .8rem; border-bottom: 1px solid #ddd }
td.figure { font-variant-numeric: tabular-nums; white-space: nowrap }
td { overflow-wrap: anywhere }
small { color: #666 }
article { border-top: 1px solid #ddd; white-space: pre-wrap; overflow-wrap: anywhere }
article h3 { font-size: 1rem }
del { color: #a4161a }
ins { color: #0a6b2d }
.better { color: #0a6b2d; font-weight: 600 }
.worse { color: #a4161a; font-weight: 600 }
@media (prefers-color-scheme: dark) {
  body { background: #161616; color: #eee }
  th, td { border-color: #3a3a3a }
  small { color: #aaa }
  article { border-color: #3a3a3a }
  del { color: #ff8a8a }
  ins { color: #6fcf8f }
  .better { color: #6fcf8f }
  .worse { color: #ff8a8a }
}
"""


def page(found: dict[str, Any]) -> str:
    """`found`: what compare() gives."""
    one, other = found["a"]["version"], found["b"]["version"]
    title = escape(f"{one} and {other}")
    facts = "".join(
        _row(fact.replace("_", " "), *(escape(_said(found[side][fact])) for side in ("a", "b")))
        for fact in FACTS
    )
    ways = [in_words(found[side]) for side in ("a", "b")]
    facts += "".join(_row(name, *(escape(way[name]) for way in ways)) for name in ways[0])
    return (
        f'<!doctype html><html lang="en"><meta charset="utf-8"><title>{title}</title>'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        f"<style>{_STYLE}</style><h1>{title}</h1>"
        f"<table><thead>{_head(one, other)}</thead><tbody>{facts}</tbody></table>"
        f"<h2>What they answered lately</h2>{_metrics(found['metrics'], one, other)}"
        f"{_shadow(found.get('shadow'), one, other)}{_prompts(found.get('prompts'), one, other)}</html>"
    )


def _metrics(metrics: list[dict[str, Any]], one: str, other: str) -> str:
    if not metrics:
        return "<p>Neither has answered yet.</p>"
    rows = "".join(
        f"<tr><th>{escape(metric['words'])}</th>"
        + "".join(f'<td class="figure">{_figure(metric[side])}</td>' for side in ("a", "b"))
        + f'<td class="{metric["b_is"] or ""}">{metric["b_is"] or ""}</td></tr>'
        for metric in metrics
    )
    return (
        f"<table><thead>{_head(one, other, f'{other} is')}</thead><tbody>{rows}</tbody></table>"
        "<p><small>With 95% intervals. Better or worse is said only where the intervals do not meet.</small></p>"
    )


def _shadow(found: dict[str, Any] | None, one: str, other: str) -> str:
    if found is None:
        return ""
    return (
        f"<h2>The same jobs, tried where no client sees it</h2><p>{found['tried']:,} jobs. {_agreement(found)}</p>"
        f"{_metrics(found['metrics'], one, other)}{_answers(found['answers'], one, other)}"
    )


def _prompts(found: dict[str, Any] | None, one: str, other: str) -> str:
    if found is None:
        return ""
    missing = f"{found['missing']:,} prompts are not answered by both yet. " if found["missing"] else ""
    return (
        f"<h2>The prompts <code>{escape(found['set'])}</code></h2><p>{missing}{_agreement(found)}</p>"
        f"{_metrics(found['metrics'], one, other)}{_answers(found['answers'], one, other)}"
    )


def _answers(answers: list[dict[str, Any]], one: str, other: str) -> str:
    if not answers:
        return ""
    return (
        f"<p>What only {escape(one)} said is <del>struck out</del>, what only {escape(other)} said is"
        f" <ins>underlined</ins>.</p>{''.join(map(_answer, answers))}"
    )


def _agreement(found: dict[str, Any]) -> str:
    known = found["agreement"]
    if known is None:
        return "Too few to say how far the answers agree."
    return f"The answers agree by {known['value']:.0%} ({known['low']:.0%} to {known['high']:.0%})."


def _answer(answer: dict[str, Any]) -> str:
    given = answer["input"] if isinstance(answer["input"], str) else json.dumps(answer["input"], indent=1)
    wanted = f"<p><small>expected: {escape(answer['expected'])}</small></p>" if answer["expected"] else ""
    if answer["differences"] is None:
        said = "".join(f"<p>{escape(_output(answer[side]))}</p>" for side in ("a", "b"))
        if answer["agreement"] is not None:
            said += f"<p><small>They agree by {answer['agreement']:.0%}.</small></p>"
    else:
        parts = ((_MARKS[side], escape(text)) for side, text in answer["differences"])
        said = f"<p>{''.join(f'<{mark}>{text}</{mark}>' for mark, text in parts)}</p>"
    return f"<article><h3>{escape(given)}</h3>{said}{wanted}</article>"


def _output(side: dict[str, Any]) -> str:
    if side["error"] is not None:
        return f"failed: {side['error']['detail']}"
    said = json.dumps(side["output"], ensure_ascii=False)
    return said if len(said) <= MOST_CHARACTERS else f"{said[:MOST_CHARACTERS]}…"


def _head(*names: str) -> str:
    return "<tr><th></th>" + "".join(f"<th>{escape(name)}</th>" for name in names) + "</tr>"


def _row(name: str, *cells: str) -> str:
    return f"<tr><th>{escape(name)}</th>" + "".join(f"<td>{cell}</td>" for cell in cells) + "</tr>"


def _figure(found: dict[str, Any] | None) -> str:
    if found is None:
        return "<small>too few</small>"
    return f"{found['value']:.4g}<br><small>{found['low']:.4g} to {found['high']:.4g}, of {found['count']:,}</small>"


def _said(value: Any) -> str:
    if value is None:
        return "-"
    return f"{value:,}" if isinstance(value, int) else str(value)
