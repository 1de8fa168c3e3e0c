"""What is claimed of this system, and what can be shown: `gsv-lab reproduce`.

`configs/claims.yaml` lists the claims, `file` reads it. `material` says on which recordings is measured, and speaks and
tunes; `sizes`, `tools`, `voices` and `clock` hold one small function for each measurable claim, which `measured`
registers under the name that the file uses. `rule` is the one rule from a number with its interval to a verdict,
`entries` applies it and says why. `packs` makes listening tests of claims that need ears. `run` writes `results.json`
and `timing.json`, `report` the page and `markdown` the table of `docs/claims.md`.
"""
