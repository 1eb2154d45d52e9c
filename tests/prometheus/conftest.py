"""Debian's Prometheus, or the reason why it is not here."""

import pytest

from tests.prometheus.binaries import Binaries, NotHere, binaries


@pytest.fixture(scope="session")
def prometheus() -> Binaries:
    try:
        return binaries()
    except NotHere as error:
        pytest.skip(str(error))
