"""A job's input becomes the token ids that a causal model continues."""

from threading import Lock
from typing import Any

from jinja2 import TemplateError
from transformers import PreTrainedTokenizerBase

from mainspring.errors import InvalidRequest, PromptTooLong

DEFAULT_MAX_TOKENS = 256


class Prompts:
    """`context`: tokens that the version reads and writes in all."""

    def __init__(self, tokenizer: PreTrainedTokenizerBase, context: int) -> None:
        self._tokenizer = tokenizer
        self._context = context
        self._lock = Lock()  # the tokenizers library refuses to be changed while another thread reads it

    def ids(self, given: Any) -> list[int]:
        """Raises InvalidRequest when nothing can be made of the input."""
        with self._lock:
            ids = self._plain(given) if isinstance(given, str) else self._conversation(given)
        if not ids:
            raise InvalidRequest(
                "the prompt has no tokens", field="input", remedy="Send at least one visible character."
            )
        return ids

    def max_tokens(self, prompt: int, asked: int | None) -> int:
        """How many tokens to write. Raises PromptTooLong, with both lengths."""
        room = self._context - prompt
        if room < (asked or 1):
            wanted = "" if asked is None else f" and {asked} more were asked for"
            raise PromptTooLong(
                f"the prompt has {prompt} tokens{wanted}; the version reads and writes {self._context} in all",
                field="input" if room < 1 else "parameters.max_tokens",
                remedy="Send a shorter prompt."
                if room < 1
                else f"Ask for at most {room} tokens, or send less.",
            )
        return min(DEFAULT_MAX_TOKENS, room) if asked is None else asked

    def _conversation(self, given: dict[str, Any]) -> list[int]:
        """`as_text`: what a version without a template goes on with, where the producer has sent text alone."""
        text = given.get("as_text")
        if text is not None and not getattr(self._tokenizer, "chat_template", None):
            return self._plain(text)
        return self._chat(given["messages"])

    def _plain(self, text: str) -> list[int]:
        return list(self._tokenizer(text)["input_ids"])

    def _chat(self, messages: list[dict[str, str]]) -> list[int]:
        if not getattr(self._tokenizer, "chat_template", None):
            raise InvalidRequest(
                "this version has no chat template, so it cannot read messages",
                field="input",
                remedy="Send the prompt as one string, or deploy a version whose tokenizer has a chat template.",
            )
        try:
            encoded: Any = self._tokenizer.apply_chat_template(
                messages, add_generation_prompt=True, tokenize=True, return_dict=True
            )
        except (TemplateError, TypeError, ValueError):
            # The template's own words may quote the messages: they stay here.
            raise InvalidRequest(
                "the version's chat template does not accept these messages",
                field="input.messages",
                remedy="Let user and assistant take turns, begin and end with the user, or leave out the system message.",
            ) from None
        return list(encoded["input_ids"])
