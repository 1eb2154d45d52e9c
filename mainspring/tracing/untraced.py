"""The road while nobody listens: nothing is made of what is told."""

from typing import Any, Self

from mainspring.serving.receipt import Submission


class Untraced:
    """Of the road and of each stretch of it. It keeps nothing, so one is enough."""

    server = None
    context = None
    lost = 0

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        pass

    def accepting(self, *_: Any, **__: Any) -> Self:
        return self

    def answering(self, *_: Any) -> Self:
        return self

    def asking(self, *_: Any) -> Self:
        return self

    def finishing(self) -> Self:
        return self

    def died(self, _: Any) -> None:
        pass

    def delivering(self, _: Any) -> Self:
        return self

    def given(self, one: Submission) -> Submission:
        return one

    def stored(self, _: Any) -> None:
        pass

    def answered(self, _: Any) -> None:
        pass

    def ended(self, *_: Any) -> None:
        pass

    def tried(self, _: Any) -> None:
        pass

    def close(self) -> None:
        pass


UNTRACED = Untraced()
