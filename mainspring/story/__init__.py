"""What `mainspring demo` tells: a model is made, the world moves, a better version takes over by itself, a bad one is refused.

chapters.py has the story from top to bottom. It is told on a stack of its own; every figure comes from what happens there.
"""
