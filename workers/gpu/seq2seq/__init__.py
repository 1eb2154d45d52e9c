"""Translation and summarisation: models that read one text and write another.

languages  which languages a version knows, and how it is told them
sources    a job's texts become pieces, each with how it is to be decoded
decoding   what `generate` is told, and how many tokens a batch may hold
writing    what is done between two steps: text told, rows ended, numbers looked at
engine     whatever waits shares an encoder pass and one `generate`
"""
