"""Numbers from rows as Prometheus has them: a family is a metric with all its series."""

from collections import defaultdict
from collections.abc import Callable, Iterable, Sequence

from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric

Series = tuple[Sequence[str], float]  # labels' values, and the number


def gauge(
    name: str,
    says: str,
    labels: Sequence[str],
    series: Iterable[Series] = (),
    *,
    joined: Callable[[list[float]], float] = sum,
) -> Metric:
    """Series of equal labels, as all that are `other` have, are `joined` into one."""
    family = GaugeMetricFamily(name, says, labels=labels)
    _fill(family, series, joined)
    return family


def counter(name: str, says: str, labels: Sequence[str], series: Iterable[Series]) -> Metric:
    """`name` ends with `_total`."""
    family = CounterMetricFamily(name, says, labels=labels)
    _fill(family, series, sum)
    return family


def _fill(
    family: GaugeMetricFamily | CounterMetricFamily,
    series: Iterable[Series],
    joined: Callable[[list[float]], float],
) -> None:
    found: defaultdict[tuple[str, ...], list[float]] = defaultdict(list)
    for labels, value in series:
        found[tuple(labels)].append(value)
    for labels, values in found.items():
        family.add_metric(list(labels), joined(values))
