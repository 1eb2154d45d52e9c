"""What becomes of webhooks whose receivers are down, slow, failing, gone, redirecting or at a private address.

A stack whose engine answers at once, one job a receiver. After each look the pauses before the next tries, five seconds
to ten hours, are cut short. Whatever arrives is verified with the package `standardwebhooks`.

Then how many a second go to one receiver that answers at once, and what it costs to take one that is due beside many
whose jobs are queued. Targets of ours on two cores: 150/s; beside a hundred thousand at most 1.5 times the cost.

    python -m benchmarks.webhooks
"""

import argparse
import time
from collections.abc import Callable
from typing import Any
from urllib.parse import urlsplit

from sqlalchemy import text
from standardwebhooks import Webhook

from benchmarks.deliveries import AHEAD, DUE, FEW, look, pace
from benchmarks.machine import describe
from benchmarks.noop import Noop, noop
from benchmarks.receivers import Receiver

LOOKS = 3
PATIENCE = 30.0  # seconds, for a look's tries to have been made; a try may take fifteen
CASES = {
    "well": "/200",
    "down, then up": "",  # of a receiver that is not open at first
    "slow, then well": "/slow",
    "answers 500, then well": "/second/500",
    "answers 500 for ever": "/500",
    "answers 410": "/410",
    "redirects": "/302",
}


def main() -> None:
    argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    ).parse_args()
    print(f"machine: {describe()}")
    print(f"{'receiver':34} {'state':10} {'heard':>5}  {'verified':8}  tries")
    allowing()
    refusing()
    hurrying()


def allowing() -> None:
    receiver, later = Receiver(), Receiver()
    receiver.open()
    urls = {case: f"{receiver.url}{path}" for case, path in CASES.items()} | {
        "down, then up": f"{later.url}/up"
    }
    with noop(MAINSPRING_WEBHOOKS_TO_PRIVATE_ADDRESSES="true") as made, made.worker():
        seen = looks(made, urls, later.open)
        secret = made.stack.client().request("GET", "/v1/webhooks/secret")["secret"]
    for case, delivery in seen.items():
        path = urlsplit(delivery["url"]).path
        heard = [one for one in (*receiver.heard, *later.heard) if one.path == path]
        verified = [Webhook(secret).verify(one.body, one.headers) for one in heard]
        identifiers = {one.headers["webhook-id"] for one in heard}
        assert len(identifiers) == 1, "one delivery has one identifier, however often it is tried"
        tell(case, delivery, len(heard), verified)
    receiver.close(), later.close()


def refusing() -> None:
    """The same stack as it is installed: addresses that are not public are refused when it would connect."""
    receiver = Receiver()
    receiver.open()
    port = receiver.url.rpartition(":")[2]
    urls = {
        "a private address": f"{receiver.url}/200",
        "a name of a private address": f"http://localhost:{port}/200",
        "a link-local address": "http://169.254.169.254/latest/meta-data",
    }
    with noop() as made, made.worker():
        seen = looks(made, urls, lambda: None, most=1)
    for case, delivery in seen.items():
        tell(case, delivery, len(receiver.heard), [])
    assert not receiver.heard
    receiver.close()


def hurrying() -> None:
    receiver = Receiver()
    receiver.open()
    with noop(MAINSPRING_WEBHOOKS_TO_PRIVATE_ADDRESSES="true") as made:
        paces = [pace(made, receiver) for _ in range(3)]
        told = ", ".join(f"{one:.0f}" for one in paces)
        print(f"{DUE:,} due at once to a receiver that answers at once, three times: {told} deliveries/s")
    receiver.close()
    with noop(MAINSPRING_DELIVER_SECONDS="3600") as made:
        few, many = look(made, FEW), look(made, AHEAD)
    print(
        f"one that is due is taken in {few:.2f} ms beside {FEW:,} of queued jobs, in {many:.2f} beside {AHEAD:,}"
    )


def looks(
    noop: Noop, urls: dict[str, str], after_first: Callable[[], None], most: int = LOOKS
) -> dict[str, Any]:
    """Each case's delivery after so many looks, at each of which every waiting one was tried once more."""
    with noop.stack.client() as api:
        for url in urls.values():
            api.submit("noop", "Nothing is to be done.", webhook=url)
        for number in range(1, most + 1):
            found = _tried(api, number)
            if number == 1:
                after_first()
            if number < most:
                with noop.database.begin() as connection:
                    connection.execute(text("update deliveries set next_at = now() where state = 'waiting'"))
    return {case: next(one for one in found if one["url"] == url) for case, url in urls.items()}


def _tried(api: Any, number: int) -> list[dict[str, Any]]:
    until = time.monotonic() + PATIENCE
    while time.monotonic() < until:
        found: list[dict[str, Any]] = api.request("GET", "/v1/webhooks/deliveries")["deliveries"]
        if found and all(one["state"] != "waiting" or len(one["tries"]) >= number for one in found):
            return found
        time.sleep(0.1)
    raise RuntimeError(f"not every delivery was tried: {found}")


def tell(case: str, delivery: dict[str, Any], heard: int, verified: list[Any]) -> None:
    tries = ", ".join(str(one["status"] or one["problem"]) for one in delivery["tries"])
    right = "all" if heard and len(verified) == heard else "-"
    print(f"{case:34} {delivery['state']:10} {heard:5}  {right:8}  {tries}")


if __name__ == "__main__":
    main()
