"""The engines: everything that runs a model's weights. The only home of torch and transformers.

From a folder to an answer, in order:

    device.py      which device, number format and how many threads
    memory.py      how much a worker may hold, and what a version will take; weights.py reads its files' headers
    load.py        a folder of safetensors becomes a model with its tokenizer, or a plain refusal; alone.py: one at a time
    ledger.py      which requests an engine holds; each is settled exactly once
    prompts.py     a job's input becomes token ids
    continuous.py  transformers' continuous batching, and nobody else touches it
    sampling.py    temperature, top-k, top-p, with the seed's own randomness
    perplexity.py  how likely a version finds its prompts, of a sample and within a share of the time
    text.py        token ids become text, piece by piece, never retracted
    generation.py  the engine of causal models
    slotted/       our own decode loop
    planning.py    which loop runs a version on this machine; trial.py measures it
    rounds.py      what the batching engines share: pieces that wait, taken in rounds
    encoder.py     the engine of encoders: whatever waits shares a forward pass
    packed.py      linear layers in the layout that the processor multiplies fastest, behind an operator
    native/        our operators in C++, built when they are first wanted
    unpadded.py    an encoder's layers without padding; trusted.py takes a quicker way only if it gives the same numbers
    seq2seq/       the engine of translation and summarisation
    heads.py       what the encoder tasks share; classes.py, spans.py, masks.py, answers.py, vectors.py: one task each
    tasks.py       which head reads which task
"""
