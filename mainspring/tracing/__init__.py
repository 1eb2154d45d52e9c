"""Traces of the road of a job, by OpenTelemetry: off unless a setting says where they go (docs/decisions/0034).

    POST /v1/jobs                      api, by FastAPI
      accept assistant                 api: until the row is stored, which carries this span's context from then on
        queue assistant                infer worker: from acceptance to the beginning of the attempt
        answer assistant               infer worker: an attempt, with a link to the one before it
          chat assistant               the engine, with `first_token` as an event
          finish assistant             the row's end
        deliver                        ops worker: a try of a webhook, with a link to the attempt that was told

Names, numbers, states and identifiers are in them; never a prompt, an answer, or an exception's text.
"""

from mainspring.tracing.opening import check, opened
from mainspring.tracing.road import Accepting, Attempt, Road
from mainspring.tracing.untraced import UNTRACED

__all__ = ["UNTRACED", "Accepting", "Attempt", "Road", "check", "opened"]
