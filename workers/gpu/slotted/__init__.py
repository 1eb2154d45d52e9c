"""Our own decode loop, for CPUs and small models: fixed slots, one decode step for all, compiled beside serving.

known      which architectures it can run
lengths    how long the cache is, and how many slots fit
request    one request: what is fed, what has come out
table      who waits, who holds a slot, what is fed next
cache      keys and values of all slots
attention  one query a slot, or the packed parts of prompts
passes     the model's forward passes over the cache
compiled   the decode step, compiled shape by shape
loop       the thread that does all this
choose     which loop serves a model
"""
