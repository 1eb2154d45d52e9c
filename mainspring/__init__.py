"""Mainspring keeps the language model that you serve current. The life of a version, in order:

1. training/    a run makes it, by a recipe, from data or from a model that exists
2. registry     it is inspected, stored by the digest of its bytes, and gets its number: `assistant@7`
3. lifecycle    advance() moves it from stage to stage, each step an event with its reason, in audit/'s chain
4. release/     a rollout gives it its share of the work, step by step; the judge lets it go on, or takes it back
5. serving/     inputs → accept → route: a request becomes a job of one version, in one transaction
6. serving/     claim → engine → answer: a worker that holds the version answers, under lease and fence, and
                what was measured of it stays as an observation: from there the next version begins
7. serving/     stream → sweep: text on its way to who waits, and nothing lost, whatever dies
8. release/     what came after it drains it: its conversations end, then it retires

`mirror/` shows it in MLflow. `local/` runs all of it on one machine; `cli/` and `client` are its doors. api/ and workers/
stand outside.
"""
