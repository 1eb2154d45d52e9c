"""MLflow as a view of the rows: versions, runs, evaluations, what was measured, and sampled jobs. Nothing is ever read back from it.

things        what MLflow can hold, as plain data
versions      registered models, their versions and aliases, as the rows have them
training      training runs        } each a run
evaluations   prompts and shadows  }
series        what is measured of a version over time: more of it is added there
serving       the first such series: what a day's answers were like
drifting      the second: how far what is asked had moved
traces        a sample of jobs, where a policy lets them be shown
rest, mlflow  what is said to MLflow, in its REST API
otlp          and, of traces, in OpenTelemetry's
progress      what was written already, in rows
desk          what a round works with
models, extending, showing  registered models are made true, series go on, traces are added, and taken back
rounds        one round, as beat has it done
"""

from mainspring.mirror.desk import Round
from mainspring.mirror.rounds import mirror

__all__ = ["Round", "mirror"]
