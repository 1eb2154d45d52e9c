"""A registered model is made true: its tags, its versions, its aliases. Compared with MLflow's own at each round."""

from mainspring.errors import MirrorRefused
from mainspring.mirror.desk import REMEDY, Desk
from mainspring.mirror.mlflow import Registered
from mainspring.mirror.progress import Kind, Written
from mainspring.mirror.things import ID, INSTALLATION, Model, Version


def write(desk: Desk, model: Model) -> None:
    """Raises MirrorRefused when a model of that name is somebody else's."""
    desk.in_time()
    name = f"{desk.prefix}{model.key}"
    found = _found(desk, name, model)
    for version in model.versions:
        with desk.one(version.label):
            _version(desk, name, version)
    for alias, key in model.aliases.items():
        with desk.one(f"alias {alias} of {name}"):
            _alias(desk, name, alias, found.aliases.get(alias), key)


def _found(desk: Desk, name: str, model: Model) -> Registered:
    tags = {INSTALLATION: desk.installation, **model.tags}
    found = desk.mlflow.model(name)
    if found is None:
        desk.mlflow.make_model(name, tags)
        desk.progress.forget(Kind.VERSION, [version.key for version in model.versions])
        return Registered(tags, {})
    if found.tags.get(INSTALLATION) != desk.installation:
        raise MirrorRefused(f"MLflow has a registered model `{name}` of somebody else", remedy=REMEDY)
    desk.mlflow.tag_model(name, {key: text for key, text in tags.items() if found.tags.get(key) != text})
    return found


def _version(desk: Desk, model: str, version: Version) -> None:
    """The files stay where they are: what it is made from there is a name, which MLflow cannot open."""
    known = desk.progress.known(Kind.VERSION, version.key)
    if known is not None and known.state == version.digest:
        return
    desk.in_time()
    number = desk.mlflow.version(model, version.key)
    if number is not None:
        desk.mlflow.tag_version(model, number, version.tags)
    else:
        run = None if version.run_key is None else desk.find(version.run_key)
        tags = {ID: version.key, **version.tags}
        number = desk.mlflow.make_version(
            model, f"mainspring:/{version.label}", run, version.description, tags
        )
    desk.note(Kind.VERSION, version.key, Written(number, version.digest))


def _alias(desk: Desk, model: str, alias: str, number: str | None, key: str | None) -> None:
    """`number`: of the version that has it in MLflow; `key`: of the one that shall."""
    wanted = None if key is None else desk.progress.known(Kind.VERSION, key)
    if key is not None and wanted is None:  # it could not be written, or not yet
        return
    if number == (None if wanted is None else wanted.ref):
        return
    if wanted is None or key is None:
        desk.mlflow.drop_alias(model, alias)
    else:
        _give(desk, model, alias, wanted.ref, key)
    desk.round.written += 1


def _give(desk: Desk, model: str, alias: str, number: str, key: str) -> None:
    try:
        desk.mlflow.set_alias(model, alias, number)
    except MirrorRefused as refused:
        if refused.lacks:  # somebody has deleted the version there: it is made again
            desk.progress.forget(Kind.VERSION, [key])
        raise
