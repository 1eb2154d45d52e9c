"""Has what the model sees changed? Detectors that may be asked after every request, and readings for people.

Pure: arrays in, numbers out. Nothing here reads a clock, a table or a setting, and randomness is a seed that the caller
gives: the same observations in the same order end in the same evidence, whether they came one by one or all at once.

The life of an alarm, in order: chance → ranks (conformal p-values) → bets → starts → the scores that are ranked
(strangeness, clusters, learned) → embeddings, scalars. Beside them: risk (labels), accuracy (none), readings.
"""
