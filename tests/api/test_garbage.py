"""The api's process does not look through its imports for garbage; an app that a process of others' makes leaves that be."""

import gc
import os
import subprocess
import sys

from mainspring.settings import Settings
from tests.api.serving import Served

PROCESS = """
import asyncio, gc
from api.app import create

async def begin():
    app = create()
    async with app.router.lifespan_context(app):
        print(gc.get_freeze_count())

asyncio.run(begin())
"""


def test_of_its_own_process(settings: Settings) -> None:
    environment = {
        **os.environ,
        "MAINSPRING_HOME": str(settings.home),
        "MAINSPRING_DATABASE_URL": settings.database_url,
        "MAINSPRING_REDIS_URL": settings.redis_url,
    }
    command = [sys.executable, "-c", PROCESS]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stderr[-2000:]
    assert int(done.stdout.split()[-1]) > 50_000


def test_of_another(settings: Settings) -> None:
    before = gc.get_freeze_count()
    with Served(settings):
        assert gc.get_freeze_count() == before
