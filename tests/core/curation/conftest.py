from pathlib import Path

import pytest

from mainspring.tables import Database
from tests.core.curation.gathered import Curating


@pytest.fixture
def curating(database: Database, tmp_path: Path) -> Curating:
    return Curating(database, tmp_path)
