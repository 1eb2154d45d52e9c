"""How a version is made, one file a recipe; mainspring.training.recipes says what each takes, book.py who carries it out.

The loop of all of them, in order:

    memory.py       whether it will fit
    course.py       which example is learned when
    fit.py          the loop itself; following.py: what goes on beside its steps
    checkpoints.py  what is kept of it; pace.py: on how many threads
    selection.py    several candidates under one budget
    launching.py    in processes of a launcher; alone.py: what each of them runs
    processes.py    how they agree; whole.py: a model that was cut up among them
"""
