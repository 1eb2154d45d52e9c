"""Those who run the same prompts, each in a process and, where it must be, an environment of its own.

process.py  such a process, as the one who measures sees it; child.py is its other end
slots, stock, vllm_in_process, limit            engines, fed in process; ours.py is what the first two share
product                                         the whole of Mainspring, over HTTP
recipe, batches                                 Celery tasks that call `generate`, one by one and batched; tasks.py
transformers_server, vllm_server                servers, over HTTP; completions.py is their client, server.py starts them

`python -m benchmarks.contestants.NAME FOLDER IN_FLIGHT DTYPE PLACE`: the model, how many requests at once, the number
format, and a Redis for those who need one.
"""
