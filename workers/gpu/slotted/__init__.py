"""Our own decode loop, for CPUs and small models: fixed slots, one decode step for all.

known      which architectures it can run
request    one request: what is fed, what has come out
grains     in which way each position is worked out, whoever else is there
pace       how much is read of prompts beside a decode step
prefixes   what stands in the slots and need not be read again
table      who waits, who holds a slot, what is fed next
cache      keys and values of all slots
attention  the model's own forward pass, attending through the slots
decoding   one query a slot, by an operator of our own (../native)
reading    parts of several prompts in one row, and beside them who decodes
joined     norms and gates of the model, one operator each
passes     the model's forward passes over the cache
compiled   its passes compiled, taken over while the plain ones serve
compiling  the process that compiles them
rounding   so that they give the same numbers, bit by bit
loop       the thread that does all this
"""
