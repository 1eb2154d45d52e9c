"""The page's drawings: SVG inside the page, in the page's own colours. Pure."""

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from html import escape

from mainspring.story.figures import Alarm, Chapter, Evidence

WIDTH, LEFT, RIGHT = 760, 56, 16
LETTER = 7  # wide, at most in the mean


@dataclass(frozen=True)
class Bar:
    """A figure with its interval; `kind` is its colour's class: `old` or `new`, `before` or `after`."""

    label: str
    value: float
    low: float
    high: float
    after: bool


@dataclass(frozen=True)
class Axis:
    """From values to places of the drawing."""

    low: float
    high: float
    begin: float
    end: float

    def at(self, value: float) -> float:
        span = self.high - self.low or 1.0
        return self.begin + (value - self.low) / span * (self.end - self.begin)

    def ticks(self, most: int = 6) -> list[float]:
        """Round numbers between its ends."""
        rough = max(self.high - self.low, 1e-9) / most
        power = 10.0 ** math.floor(math.log10(rough))
        step = next(power * one for one in (1, 2, 5, 10) if power * one >= rough)
        first = math.ceil(self.low / step)
        return [number * step for number in range(first, math.floor(self.high / step) + 1)]


def timeline(chapters: Sequence[Chapter]) -> str:
    """A bar a chapter, as long as it took."""
    across = Axis(0, max(one.ended for one in chapters), LEFT, WIDTH - RIGHT)
    row, height = 26, 26 * len(chapters) + 30
    parts = [
        f'<line class="grid" x1="{across.at(tick):.1f}" x2="{across.at(tick):.1f}" y1="0" y2="{height - 24}"/>'
        f'<text class="tick" x="{across.at(tick):.1f}" y="{height - 8}">{tick:.0f} s</text>'
        for tick in across.ticks(8)
    ]
    for number, one in enumerate(chapters):
        begin, end = across.at(one.began), across.at(one.ended)
        words = f"{number + 1}. {one.title}, {one.ended - one.began:.0f} s"
        fits = end + 6 + len(words) * LETTER < WIDTH
        place, anchor = (end + 6, "start") if fits else (begin - 6, "end")
        parts.append(
            f'<rect class="bar" x="{begin:.1f}" y="{number * row + 4}" width="{max(end - begin, 2):.1f}" height="16" rx="3"/>'
            f'<text class="label" x="{place:.1f}" y="{number * row + 16}" text-anchor="{anchor}">{escape(words)}</text>'
        )
    return _svg(height, "How long each chapter took", parts)


def curve(evidence: Sequence[Evidence], shift: int, alarm: Alarm) -> str:
    """The evidence of each detector over requests: that which raised the alarm, the others behind it."""
    height, foot = 300, 264
    last = max([one.requests for one in evidence] + [alarm.at])
    across = Axis(0, last, LEFT, WIDTH - RIGHT)
    values = [one.value for one in evidence] + [alarm.threshold, alarm.value]
    up = Axis(min(0.0, *values), max(values) * 1.08, foot, 12)
    ours = [one.threshold for one in evidence if one.detector == alarm.detector]
    threshold = ours[-1] if ours else alarm.threshold
    parts = [
        f'<line class="grid" x1="{LEFT}" x2="{WIDTH - RIGHT}" y1="{up.at(tick):.1f}" y2="{up.at(tick):.1f}"/>'
        f'<text class="tick" x="{LEFT - 8}" y="{up.at(tick) + 4:.1f}" text-anchor="end">{tick:g}</text>'
        for tick in up.ticks()
    ]
    parts += [
        f'<text class="tick" x="{across.at(tick):.1f}" y="{foot + 20}">{tick:g}</text>'
        for tick in across.ticks(8)
    ]
    parts += [
        f'<line class="limit" x1="{LEFT}" x2="{WIDTH - RIGHT}" y1="{up.at(threshold):.1f}" y2="{up.at(threshold):.1f}"/>',
        f'<text class="label" x="{LEFT + 6}" y="{up.at(threshold) - 6:.1f}">an alarm from here</text>',
        f'<line class="mark" x1="{across.at(shift):.1f}" x2="{across.at(shift):.1f}" y1="12" y2="{foot}"/>',
        f'<text class="label" x="{across.at(shift) - 6:.1f}" y="24" text-anchor="end">another subject</text>',
    ]
    for detector in sorted({one.detector for one in evidence} - {alarm.detector}):
        parts.append(_line(evidence, detector, across, up, "other"))
    parts.append(_line(evidence, alarm.detector, across, up, "ours"))
    parts.append(
        f'<circle class="alarm" cx="{across.at(alarm.at):.1f}" cy="{up.at(alarm.value):.1f}" r="5"/>'
    )
    parts.append(f'<text class="tick" x="{(LEFT + WIDTH) / 2:.0f}" y="{height - 2}">requests seen</text>')
    return _svg(height, "Evidence of drift over requests, as natural logarithms", parts)


def _line(evidence: Iterable[Evidence], detector: str, across: Axis, up: Axis, kind: str) -> str:
    points = sorted((one.requests, one.value) for one in evidence if one.detector == detector)
    places = " ".join(f"{across.at(x):.1f},{up.at(y):.1f}" for x, y in points)
    return f'<polyline class="{kind}" points="{places}"><title>{escape(detector)}</title></polyline>'


def intervals(bars: Sequence[Bar]) -> str:
    """A line a figure: its interval, and the figure in it."""
    row, begin = 34, 210
    height = row * len(bars) + 34
    low, high = min(one.low for one in bars), max(one.high for one in bars)
    room = (high - low or 1.0) * 0.08
    across = Axis(low - room, high + room, begin, WIDTH - 70)
    parts = [
        f'<line class="grid" x1="{across.at(tick):.1f}" x2="{across.at(tick):.1f}" y1="0" y2="{height - 26}"/>'
        f'<text class="tick" x="{across.at(tick):.1f}" y="{height - 8}">{tick:g}</text>'
        for tick in across.ticks()
    ]
    for number, one in enumerate(bars):
        y, kind = number * row + 18, "after" if one.after else "before"
        parts.append(
            f'<text class="label" x="{begin - 12}" y="{y + 5}" text-anchor="end">{escape(one.label)}</text>'
            f'<line class="{kind}" x1="{across.at(one.low):.1f}" x2="{across.at(one.high):.1f}" y1="{y}" y2="{y}"/>'
            f'<circle class="{kind}" cx="{across.at(one.value):.1f}" cy="{y}" r="5"/>'
            f'<text class="label" x="{across.at(one.high) + 10:.1f}" y="{y + 5}">{one.value:.2f}</text>'
        )
    return _svg(height, "Likelihood with intervals, nats per token", parts)


def _svg(height: float, title: str, parts: Iterable[str]) -> str:
    return (
        f'<svg viewBox="0 0 {WIDTH} {height:.0f}" role="img" aria-label="{escape(title)}">'
        f"<title>{escape(title)}</title>{''.join(parts)}</svg>"
    )
