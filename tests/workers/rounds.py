"""What an ops worker's tasks work with, of a test's servers, with eyes that see nothing."""

from redis import Redis

from mainspring.kept.keys import keys_at_hand
from mainspring.monitor.rounds import Rounds
from mainspring.observe.eyes import Eyes
from mainspring.settings import Settings
from mainspring.tables import Database
from mainspring.tracing import UNTRACED, Road
from workers.postman import Postman
from workers.schedule import intervals
from workers.sweeping import Connections


def connections(
    settings: Settings, database: Database, redis: Redis, postman: Postman, road: Road = UNTRACED
) -> Connections:
    rounds = Rounds(database, intervals(settings))
    eyes, keys = Eyes(None, None), keys_at_hand(settings)
    return Connections(settings, database, redis, postman, rounds, eyes, road, keys=keys)
