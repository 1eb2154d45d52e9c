"""Tasks as the usual recipe has them: the model is loaded once a process, a task calls `generate`.

`MODEL`, `DTYPE`, `BROKER` and `QUEUE` come from the environment. Runs in the recipes' environment.
"""

import os
from typing import Any

import torch
from celery import Celery
from celery_batches import Batches, SimpleRequest
from transformers import AutoModelForCausalLM, AutoTokenizer

NEW_TOKENS = 64

app = Celery("recipe", broker=os.environ["BROKER"], backend=os.environ["BROKER"])
app.conf.update(task_acks_late=True, task_default_queue=os.environ["QUEUE"])
_loaded: dict[str, Any] = {}


def answers(prompts: list[str]) -> list[str]:
    """Together in one batch, padded on the left to the longest."""
    if not _loaded:
        folder, dtype = os.environ["MODEL"], getattr(torch, os.environ["DTYPE"])
        _loaded["tokenizer"] = AutoTokenizer.from_pretrained(folder)
        _loaded["model"] = AutoModelForCausalLM.from_pretrained(folder, dtype=dtype).eval()
    tokenizer, model = _loaded["tokenizer"], _loaded["model"]
    fed = tokenizer(prompts, return_tensors="pt", padding=True, return_token_type_ids=False)
    made = model.generate(**fed, max_new_tokens=NEW_TOKENS, do_sample=False)
    return list(tokenizer.batch_decode(made[:, fed["input_ids"].size(1) :]))


@app.task(name="recipe")
def recipe(prompt: str) -> str:
    return answers([prompt])[0]


@app.task(name="batches", base=Batches, flush_every=int(os.environ.get("IN_FLIGHT", "1")), flush_interval=0.1)
def batches(requests: list[SimpleRequest]) -> None:
    written = answers([request.args[0] for request in requests])
    for request, text in zip(requests, written, strict=True):
        app.backend.mark_as_done(request.id, text, request=request)
