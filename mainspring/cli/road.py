"""`mainspring demo --short`: the road of one job, narrated with a real one."""

from typing import Any

from rich.console import Console

from mainspring.client import Client, Refused
from mainspring.errors import StackError
from mainspring.identifiers import uuid7
from mainspring.local.doors import client, own
from mainspring.settings import Settings

QUESTION = {"messages": [{"role": "user", "content": "What is a list?"}]}


def road(console: Console) -> None:
    """Tell what happens to a job; starts the stack of this home for it when none runs."""
    from mainspring.local import claim
    from mainspring.local.home import Home
    from mainspring.local.up import up

    settings = Settings()
    if settings.url or claim.state(Home(settings.home)) is not None:
        story(console, client(settings))
    else:
        up(settings, console, first_requests=True, story=lambda: story(console, own(settings)))


def story(console: Console, api: Client) -> None:
    """Needs the starter deployments. Closes the client."""
    with api:
        once = str(uuid7())
        _tell(console, "A producer asks. The row is committed before the answer says 202.")
        job = api.submit("assistant", QUESTION, idempotency_key=once, max_tokens=60, temperature=0.7, seed=3)
        console.print(f"  job {job['id']} → {job['version']}, position {job['position']}")
        _tell(console, "The same request again, as after a lost reply: the same job, not a second one.")
        again = api.submit(
            "assistant", QUESTION, idempotency_key=once, max_tokens=60, temperature=0.7, seed=3
        )
        console.print(f"  job {again['id']}")
        _tell(console, "An infer worker that holds the version claims it; the text streams as it is made.")
        answer = _listen(console, api.stream(job["id"]))
        _tell(console, "Every answer names its version and says where the time went.")
        console.print(f"  {answer['version']} · attempt {answer['attempt']} · {_timings(answer)}")
        _tell(console, "Encoders answer on the same road.")
        triaged = api.result(api.submit("triage", "Commit the transaction and close the session.")["id"])
        console.print(
            f"  {triaged['version']} says {triaged['output']['label']} ({triaged['output']['score']:.0%})"
        )
        _tell(console, "Bad input gets the field and the remedy.")
        try:
            api.submit("assistant", "hello", temperature=-1)
        except Refused as refused:
            console.print(
                f"  {refused.status} {refused.code}: {refused.field}: {refused.detail}. {refused.remedy}"
            )


def _listen(console: Console, events: Any) -> dict[str, Any]:
    console.print("  ", end="")
    for event in events:
        if event["event"] == "token":
            console.print(event["data"]["text"], end="", markup=False)
        if event["event"] == "done":
            console.print()
            return dict(event["data"])
    raise StackError("the stream ended without `done`", remedy="Run `mainspring doctor`.")


def _tell(console: Console, sentence: str) -> None:
    console.print(f"\n[bold]{sentence}[/]")


def _timings(answer: dict[str, Any]) -> str:
    return ", ".join(
        f"{name} {value * 1000:.0f} ms" for name, value in answer["timings"].items() if value is not None
    )
