"""The file of deployments as cases: each error of it one that failed, each deployment without one that passed."""

from collections.abc import Iterator
from pathlib import Path

from mainspring.checking.cases import Case, Outcome
from mainspring.client import Client
from mainspring.declaring.applying import Applying
from mainspring.declaring.lines import Document
from mainspring.declaring.reading import Wanted, examined
from mainspring.errors import BadDeclaration

SUITE = "configuration"


def validated(path: Path) -> tuple[Document | None, dict[str, Wanted], list[Case]]:
    """As far as it can be without a server."""
    try:
        document = Document(path)
    except BadDeclaration as error:
        return None, {}, [_failed(path.name, error)]
    wanted, wrong = examined(document)
    cases = [_failed(path.name, error) for error in wrong]
    if not wrong:
        cases += [Case(SUITE, name, Outcome.PASSED) for name in wanted]
    if not wanted and not wrong:
        nothing = document.wrong(["deployments"], "it declares none", "Declare at least one deployment.")
        cases.append(_failed(path.name, nothing))
    return document, wanted, cases


def compared(api: Client, document: Document, wanted: dict[str, Wanted]) -> Iterator[Case | str]:
    """What the server would say: a failed case for what it would refuse, and what would change, in words. Raises Refused."""
    for name in wanted:
        try:
            for change in Applying(api, document, wanted, name, dry_run=True).changes():
                yield change.said
        except BadDeclaration as error:
            yield _failed(f"{name} as the server sees it", error)


def _failed(name: str, error: BadDeclaration) -> Case:
    return Case(
        SUITE,
        f"{name}, {error.detail.partition(':')[0]}",
        Outcome.FAILED,
        f"{error.field}: {error.detail}",
        error.remedy,
    )
