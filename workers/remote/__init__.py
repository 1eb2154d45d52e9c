"""An inference server beside the worker, spoken to over HTTP. No weights and no tokenizer here, so no torch.

wire.py      a job's request in the server's words, and what its stream and its refusals mean
engine.py    the engine: streams, cancels by hanging up, fails what a dead server held
patience.py  how long a busy server is waited for
calls.py     the requests that are no answers: health, what the server serves, how long a prompt is
server.py    `vllm serve`, started, watched and started again; or an address that is given
load.py      a version's folder becomes an engine
"""
