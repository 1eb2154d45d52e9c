"""Is the challenger worse? A test by betting that may be looked at after every answer and never lies more often for it.

Who answers is drawn: a session, or a job without one, goes to the challenger with a known probability, its `share`. If
the challenger is no worse, then of what goes wrong (an error, a slow answer, a thumb down) it is to blame with at most
that probability, whatever the rate of trouble is and however it moves, since both get the same hour's traffic. So we
bet at these odds that the challenger is to blame. Capital that cannot grow on average if the challenger is no worse
exceeds 1/alpha at any moment, ever, with a chance of at most alpha (Ville's inequality): then it is worse.

Sources: Shafer, Testing by betting, JRSS A 184 (2021); Ramdas, Grünwald, Vovk, Shafer, Game-theoretic statistics and
safe anytime-valid inference, Statistical Science 38 (2023). Conditioning on the troubles is the classical comparison of
two Poisson rates (Przyborowski, Wilenski 1940), here one trouble at a time.

What has one cause for many answers at once (an engine stood still for a second) is one observation: of all that began
in that moment, how much more often the challenger's had it than its share says. On average that is nothing if its
engine is no worse, whichever engine stands still; and bets on the mean of such numbers stay fair (Waudby-Smith, Ramdas,
Estimating means of bounded random variables by betting, JRSS B 86, 2024).
"""

import math
from dataclasses import dataclass, field
from functools import cache

# How many times as often the challenger may go wrong; each is bet on with a part of the capital.
RATIOS = (1.25, 1.5, 2.0, 3.0, 6.0, 12.0)


@cache
def _gains(share: float, by_challenger: bool) -> tuple[float, ...]:  # noqa: FBT001
    """What one trouble adds to each ratio's capital, as logarithms."""
    blames = [ratio * share / (ratio * share + 1 - share) for ratio in RATIOS]
    return tuple(math.log(blame / share if by_challenger else (1 - blame) / (1 - share)) for blame in blames)


@cache
def _bets(share: float) -> tuple[float, ...]:
    """Each ratio's bet, as a part of its capital: what one trouble of one answer would win, too."""
    return tuple((ratio - 1) / (ratio * share + 1 - share) for ratio in RATIOS)


@dataclass
class Evidence:
    """Against one thing about a challenger. `capital`: the logarithm of what each ratio's bet has made of 1."""

    capital: list[float] = field(default_factory=lambda: [0.0] * len(RATIOS))
    challenger: int = 0  # troubles so far
    champion: int = 0

    def trouble(self, share: float, *, by_challenger: bool, times: int = 1) -> None:
        """Things went wrong that went to the challenger with the probability `share`, strictly between 0 and 1."""
        gains = _gains(share, by_challenger)
        self.capital = [before + times * gain for before, gain in zip(self.capital, gains, strict=True)]
        if by_challenger:
            self.challenger += times
        else:
            self.champion += times

    def moment(self, share: float, *, units: int, challenger: int, champion: int, times: int = 1) -> None:
        """Of `units` that began at about the same time so many of each version's had the trouble; `times` such moments."""
        excess = (challenger * (1 - share) - champion * share) / units
        self.capital = [
            before + times * math.log1p(bet * excess)
            for before, bet in zip(self.capital, _bets(share), strict=True)
        ]
        self.challenger += times * challenger
        self.champion += times * champion

    @property
    def log_value(self) -> float:
        """Natural logarithm of the mean capital, which began as 1."""
        most = max(self.capital)
        return most + math.log(sum(math.exp(one - most) for one in self.capital) / len(self.capital))

    def convicts(self, alpha: float) -> bool:
        """Whether it is worse, wrong with a chance of at most `alpha` in the whole life of the rollout."""
        return self.log_value >= -math.log(alpha)
