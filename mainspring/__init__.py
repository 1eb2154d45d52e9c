"""Mainspring keeps the language model that you serve current. The life of a version, in order:

1. refresh/     an alarm, a schedule or a person asks for it: a row that goes from stage to stage until it has taken over
2. curation/    examples are gathered, cleaned and split: a dataset, which does not change
3. training/    a run makes it, by a recipe, from data or from a model that exists
4. registry     it is inspected, stored by the digest of its bytes, and gets its number: `assistant@7`
5. lifecycle    advance() moves it from stage to stage, each step an event with its reason, in audit/'s chain
6. evaluation/  it is measured beside the champion, and the gate says whether it may follow
7. release/     a rollout gives it its share of the work, step by step; the judge lets it go on, or takes it back
8. serving/     a request becomes a job of one version; a worker that holds the version answers, under lease and fence; text
                is on its way to who waits, and nothing is lost, whatever dies
9. observe/     what was measured of each answer stays; monitor/ tells by it when the world has moved: from there the next
                version begins
10. release/    what came after it drains it: its conversations end, then it retires

`mirror/` shows it in MLflow. `local/` runs all of it on one machine; `cli/` and `client` are its doors. api/ and workers/
stand outside.
"""
