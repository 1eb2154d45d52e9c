"""A model that is being worked on becomes a version: live objects, as in a notebook."""

import asyncio
from pathlib import Path

import pytest

from mainspring.client import AsyncClient
from mainspring.errors import InvalidRequest, ModelRefused
from tests.contract.models import byte_level, causal, encoder, word_piece
from tests.faults.stack import Stack


def test_live_objects_become_versions_that_answer(stack: Stack, tmp_path: Path) -> None:
    model, tokenizer = causal("llama", context=128), byte_level()
    with stack.client() as client:
        made = client.register(model, tokenizer, deployment="notebook", task="text-generation")
        assert (made["version"], made["architecture"]) == ("notebook@1", "LlamaForCausalLM")
        job = client.result(client.submit("notebook", "Once", max_tokens=3)["id"])
        assert (job["state"], job["version"]) == ("succeeded", "notebook@1")
        again = client.register(model, tokenizer, deployment="notebook", folder=tmp_path)
        assert again["version"] == "notebook@1"  # the same bytes
    assert list(tmp_path.iterdir()) == []


def test_asynchronously_a_changed_one_is_the_next_version(stack: Stack) -> None:
    async def changed() -> str:
        model = causal("llama", context=128)
        model.lm_head.weight.data += 1
        async with AsyncClient(stack.url, (stack.settings.home / "key").read_text()) as client:
            return str((await client.register(model, byte_level(), deployment="notebook"))["version"])

    assert asyncio.run(changed()) == "notebook@2"


def test_what_cannot_be_served_is_refused_with_its_reason(stack: Stack) -> None:
    with stack.client() as client:
        with pytest.raises(InvalidRequest) as refused:
            client.register(causal("llama"), deployment="notebook")
        assert refused.value.field == "tokenizer"
        with pytest.raises(ModelRefused, match="text-generation"):
            client.register(encoder("text-classification"), word_piece(), deployment="notebook")
