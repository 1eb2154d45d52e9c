"""The story as one HTML page that needs nothing else: no script, no font, no network. Pure: the same figures, the same page."""

from collections.abc import Iterable
from html import escape
from typing import Any

from mainspring.story import drawing
from mainspring.story.checks import Check
from mainspring.story.drawing import Bar
from mainspring.story.figures import Figures, Round
from mainspring.story.style import STYLE

SETS = ("new", "old")
# As they come; a row of JSON keeps them in another order.
STEPS = (
    "read",
    "kind",
    "normalise",
    "language",
    "quality",
    "personal_data",
    "exact_duplicates",
    "near_duplicates",
    "semantic_duplicates",
    "contamination",
    "split",
)


def page(figures: Figures, found: tuple[Check, ...]) -> str:
    """`found`: what had to be shown."""
    title = "It wound itself" if all(one.holds for one in found) else "It did not wind itself"
    old, new = figures.subjects
    parts = [
        f"<h1>{title}</h1>",
        _lead(figures),
        _headline(figures),
        _checks(found),
        _section("How it went", drawing.timeline(figures.chapters) + _moments(figures)),
        _section("What it can do, before and after", _likelihood(figures)),
        _section("How the change was seen", _drift(figures)),
        _section("What it was made from", _curation(figures.better)),
        _section("The better version", _verdict(figures.better, f"on {new}", f"on {old}")),
        _section("The poisoned one", _verdict(figures.poisoned, "on texts as poisoned", "on what was known")),
        _section("What clients saw", _answers(figures)),
        _section("The log of events", _audit(figures)),
    ]
    return (
        f'<!doctype html><html lang="en"><meta charset="utf-8"><title>{title}</title>'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        f"<style>{STYLE}</style><main>{''.join(parts)}</main></html>\n"
    )


def _lead(figures: Figures) -> str:
    old, new = (escape(one) for one in figures.subjects)
    return (
        f'<p class="lead">A model that knew {old} served, and its traffic moved to {new}. What follows happened unattended on'
        f" {escape(figures.machine)}, {escape(figures.began_at)}, and every figure is of that run.</p>"
    )


def _headline(figures: Figures) -> str:
    old, new = figures.subjects
    gained, lost = (figures.better.difference(f"likelihood.{one}") for one in SETS)
    seconds = max(one.ended for one in figures.chapters)
    cards = (
        (f"{figures.alarm.after}", "requests until the alarm"),
        ("-" if gained is None else f"{gained:+.2f}", f"nats per token on {new}"),
        ("-" if lost is None else f"{lost:+.2f}", f"nats per token on {old}"),
        (
            f"{figures.answers.failed}",
            f"of {figures.answers.answered + figures.answers.failed:,} requests failed",
        ),
        (f"{seconds / 60:.1f}", "minutes from nothing"),
    )
    inside = "".join(f"<li><b>{escape(figure)}</b> {escape(words)}</li>" for figure, words in cards)
    return f'<ul class="cards">{inside}</ul>'


def _checks(found: Iterable[Check]) -> str:
    rows = "".join(
        f'<li class="{"holds" if one.holds else "fails"}"><b>{"holds" if one.holds else "does not hold"}</b>'
        f" {escape(one.name)} <small>{escape(one.found)}</small></li>"
        for one in found
    )
    return f'<ul class="checks">{rows}</ul>'


def _moments(figures: Figures) -> str:
    rows = "".join(
        f'<tr><td class="figure">{one.at:.0f} s</td><td class="figure">{one.chapter}</td><td>{escape(one.what)}</td></tr>'
        for one in figures.moments
    )
    return f"<details open><summary>Moment by moment</summary><table><tbody>{rows}</tbody></table></details>"


def _likelihood(figures: Figures) -> str:
    """Of the refresh that was released, and of the one that was refused."""
    old, new = figures.subjects
    names = {"likelihood.new": f"on {new}", "likelihood.old": f"on {old}"}
    bars = [
        bar
        for one in figures.better.measured
        if one["name"] in names
        for bar in _bars(names[one["name"]], one)
    ]
    drawn = drawing.intervals(bars) if bars else "<p>Nothing was measured.</p>"
    return (
        f"<p>The mean log-likelihood of held-out texts, in nats per token: further right is better. Both versions read the"
        f" same texts; intervals are at {figures.better.level:.0%}, clustered by source.</p>"
        f"{drawn}{_table(figures.better, names)}"
    )


def _bars(name: str, one: dict[str, Any]) -> list[Bar]:
    return [
        Bar(
            f"{name}, {when}",
            found["value"],
            found["value"] if found["low"] is None else found["low"],
            found["value"] if found["high"] is None else found["high"],
            after,
        )
        for when, after, found in (("before", False, one["champion"]), ("after", True, one["challenger"]))
        if found is not None
    ]


def _table(one: Round, names: dict[str, str]) -> str:
    rows = "".join(
        f"<tr><th>{escape(names.get(found['name'], found['name']))}</th>"
        + "".join(
            f'<td class="figure">{_estimate(found[side])}</td>'
            for side in ("champion", "challenger", "difference")
        )
        + f'<td class="figure">{found["items"]:,} texts, {found["clusters"]:,} sources</td></tr>'
        for found in one.measured
    )
    heads = "".join(f"<th>{word}</th>" for word in ("", "before", "after", "difference", "measured on"))
    return f"<table><thead><tr>{heads}</tr></thead><tbody>{rows}</tbody></table>"


def _estimate(found: dict[str, Any] | None) -> str:
    if found is None:
        return "-"
    if found["low"] is None or found["high"] is None:
        return f"{found['value']:.3f}"
    return f"{found['value']:.3f}<br><small>{found['low']:.3f} to {found['high']:.3f}</small>"


def _drift(figures: Figures) -> str:
    alarm, (old, new) = figures.alarm, figures.subjects
    share = (
        ""
        if alarm.share is None
        else f" {alarm.share:.0%} of the latest requests were unlike what was normal."
    )
    terms = "".join(f"<li>{escape(one)}</li>" for one in alarm.terms)
    return (
        f"<p>After {figures.shift} requests about {escape(old)}, beside those that say what is normal, the clients asked about"
        f" {escape(new)}. The detector <code>{escape(alarm.detector)}</code> raised the alarm after {alarm.after} of these,"
        f" {alarm.seconds:.0f} s later: evidence {alarm.value:.1f}, where {alarm.threshold:.1f} is enough.{share}"
        " The grey lines are other detectors, each with a threshold of its own.</p>"
        f"{drawing.curve(figures.evidence, figures.shift, alarm)}"
        + (f'<p>What sets them apart:</p><ul class="terms">{terms}</ul>' if terms else "")
    )


def _curation(one: Round) -> str:
    card = one.card
    facts = {
        "rows": one.rows,
        "origins": card.get("origins", {}),
        "licences": card.get("licences", {}),
        "why they may be learned from": card.get("bases", {}),
        "languages": card.get("languages", {}),
    }
    rows = "".join(f"<tr><th>{name}</th><td>{_counts(found)}</td></tr>" for name, found in facts.items())
    steps = "".join(
        f'<tr><th>{escape(step)}</th><td class="figure">{found["in"]:,}</td><td class="figure">{found["out"]:,}</td>'
        f"<td>{_counts(found['removed'])}</td></tr>"
        for step, found in sorted(card.get("steps", {}).items(), key=_place)
    )
    return (
        f"<p>Asked for because: {escape('; '.join(one.asked))}.</p><table><tbody>{rows}</tbody></table>"
        "<table><thead><tr><th>step</th><th>rows in</th><th>rows out</th><th>removed</th></tr></thead>"
        f"<tbody>{steps}</tbody></table>"
    )


def _place(step: tuple[str, Any]) -> int:
    return STEPS.index(step[0]) if step[0] in STEPS else len(STEPS)


def _counts(found: dict[str, Any]) -> str:
    return ", ".join(f"{escape(str(name))} {value:,}" for name, value in found.items()) or "-"


def _verdict(one: Round, new: str, old: str) -> str:
    """`new`, `old`: what the two sets of texts are, in words."""
    names = {"likelihood.new": f"{new} (new)", "likelihood.old": f"{old} (old)"}
    decision = one.decision or "none"
    traded = "".join(
        f"<li>{escape(trade['group'])}: gained {_words(trade['gained'])}; lost {_words(trade['lost'])}</li>"
        for trade in one.traded
    )
    change = "".join(f"<li>{escape(sentence)}</li>" for sentence in one.would_change)
    reasons = "".join(f"<li>{escape(sentence)}</li>" for sentence in one.reasons)
    return (
        f'<p><span class="decision {escape(decision)}">{escape(decision)}</span> {escape(one.version or "no version")},'
        f" {escape(one.state)}. Asked for: {escape('; '.join(one.asked))}.</p><ul>{reasons}</ul>{_table(one, names)}"
        + (f"<h3>What was traded</h3><ul>{traded}</ul>" if traded else "")
        + (f"<h3>What would have changed it</h3><ul>{change}</ul>" if change else "")
    )


def _words(found: Iterable[str]) -> str:
    return escape(", ".join(found)) or "nothing"


def _answers(figures: Figures) -> str:
    answers = figures.answers
    failures = "".join(f"<li>{escape(one)}</li>" for one in answers.failures)
    return (
        f"<p>{answers.answered:,} requests were answered while all of this went on, {answers.failed:,} failed. The slowest"
        f" took {answers.slowest:.1f} s. By version: {_counts(answers.versions)}. By subject: {_counts(answers.subjects)}.</p>"
        f"<p>At the end: {escape(', '.join(f'{one} is {stage}' for one, stage in figures.stages.items()))}.</p>"
        + (f"<ul>{failures}</ul>" if failures else "")
    )


def _audit(figures: Figures) -> str:
    audit = figures.audit
    said = "each follows the one before it" if audit["whole"] else "and it is not whole"
    return (
        f"<p>{audit['events']:,} events, {said}; every hash was computed anew. The head is <code>{escape(audit['head'])}</code>:"
        " who keeps it can tell later whether anything up to here was changed.</p>"
    )


def _section(title: str, inside: str) -> str:
    return f"<section><h2>{escape(title)}</h2>{inside}</section>"
