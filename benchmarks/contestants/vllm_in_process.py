"""vLLM's own engine, fed in process. Runs in vLLM's environment."""

import os
import sys
import time
from typing import Any

from benchmarks.contestants.child import Round, serve

os.environ |= {"VLLM_CPU_KVCACHE_SPACE": "2", "HF_HUB_OFFLINE": "1", "VLLM_LOGGING_LEVEL": "WARNING"}
NEW_TOKENS = 64


def main() -> None:
    from vllm import LLM, SamplingParams

    folder, in_flight, dtype = sys.argv[1], int(sys.argv[2]), sys.argv[3]
    llm = LLM(
        model=folder, dtype=dtype, max_num_seqs=in_flight, max_model_len=2048, enable_prefix_caching=False
    )
    sampling = SamplingParams(temperature=0, max_tokens=NEW_TOKENS, ignore_eos=True)

    def one_round(asked: Round) -> dict[str, Any]:
        begin = time.perf_counter()
        answers = llm.generate(asked.prompts, sampling, use_tqdm=False)
        seconds = time.perf_counter() - begin
        return {"seconds": seconds, "tokens": sum(len(answer.outputs[0].token_ids) for answer in answers)}

    serve({"engine": "vLLM", "in_flight": in_flight, "dtype": dtype}, one_round)


if __name__ == "__main__":
    main()
