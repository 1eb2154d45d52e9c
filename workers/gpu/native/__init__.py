"""Operators of our own in C++: what a compiled pass calls without a way through Python, and so without its lock.

operators.py   where torch finds them, and what they do without C++
build.py       compiles them for this processor when they are first wanted, and keeps them
operators.cpp  the operators, over torch's stable ABI
tiles.h        matrix products of bfloat16, of which a row does not know its neighbours
joined.h       norms and gates, one call each; rows.h: where a tensor's rows begin
attention.h    one token a row, over its slot; likeliest.h: the greatest of each row's scores, and how they spread; number.h: of what kind they are
"""
