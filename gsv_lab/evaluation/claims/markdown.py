"""`claims.md`: every claim with its verdict, for people who read a repository. `docs/claims.md` is one of these."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from gsv_lab.errors import in_markdown
from gsv_lab.evaluation.claims.entries import shown
from gsv_lab.evaluation.claims.rule import VERDICTS, asked

HEAD = """# Claims

Written by

    {command}

as `DIR/claims.md`; `docs/evaluation.md` says how verdicts come about. {scale} scale, seed {seed}, on {machine},
{date}; weights: {model}.

{counts}.

| claim | what is said | verdict | found |
| --- | --- | --- | --- |
"""


def markdown(results: Mapping[str, Any], timing: Mapping[str, Any]) -> str:
    """The whole page.

    Args:
        results: what `results.json` holds.
        timing: what `timing.json` holds.
    """
    claims = results["claims"]
    rows = [
        f"| [`{name}`](#{name}) | {_cell(one['text'])} | {one['verdict']} | {_cell(found(name, one, timing))} |"
        for name, one in claims.items()
    ]
    parts = [_head(results, timing) + "\n".join(rows), *(_claim(name, one, timing) for name, one in claims.items())]
    if results["contradictions"]:
        parts.append("## Where the documents contradict each other")
        parts += [_contradiction(name, one) for name, one in results["contradictions"].items()]
    return "\n\n".join(parts) + "\n"


def _head(results: Mapping[str, Any], timing: Mapping[str, Any]) -> str:
    corpora = [name for name in results["recordings"] if name != "sample"]
    command = " ".join(["gsv-lab reproduce", *(f"--corpus {name}={name.upper()}" for name in corpora), "--output DIR"])
    verdicts = [one["verdict"] for one in results["claims"].values()]
    counts = [f"{verdicts.count(name)} {name}" for name in VERDICTS]
    machine = timing["machine"]
    where = f"{machine['usable_cores']} cores of {machine['processor']}"
    if timing["device"] != "cpu":
        where = timing["device"]
    scale, seed = results["settings"]["scale"]["name"].capitalize(), results["settings"]["seed"]
    model = results["settings"]["model"] or "nano"
    return HEAD.format(
        command=command, counts=", ".join(counts), scale=scale, seed=seed, machine=in_markdown(where),
        date=timing["date"], model=in_markdown(model),
    )  # fmt: skip


def found(name: str, one: Mapping[str, Any], timing: Mapping[str, Any]) -> str:
    """What was found for a claim, or in its place, in a few words."""
    if one["value"] is not None:
        return shown(one, one["unit"])
    timed, nearest = timing["claims"].get(name), one["nearest"]
    if timed:
        verdict = f" ({timed['verdict']})" if timed["verdict"] != one["verdict"] else ""
        return f"here{verdict}: {shown(timed, timed['unit'])}"
    if nearest and nearest["value"] is not None:
        verdict = f" ({nearest['verdict']})" if nearest["verdict"] else ""
        return f"nearest{verdict}: {shown(nearest, nearest.get('unit'))}"
    return ""


def _cell(text: str) -> str:
    return in_markdown(text)


def _claim(name: str, one: Mapping[str, Any], timing: Mapping[str, Any]) -> str:
    """A section; its first line is the text of the claim."""
    bound = asked(one["direction"], one["threshold"], one["unit"]) if one["direction"] else "no number is named"
    needs = one["needs"]
    more = [f"{needs['raters']} raters, {needs['sentences']} sentences" if needs["raters"] else "", needs["machine"]]
    lines = [
        f"- said by: {in_markdown('; '.join(one['sources']))}",
        f"- asked for: {in_markdown(bound)}",
        f"- protocol: {in_markdown(one['protocol'])}",
        f"- settled by: {in_markdown(one['settles'])}",
        f"- needs: {in_markdown('; '.join(filter(None, [needs['data'], *more])))}",
        f"- **{one['verdict']}**: {in_markdown(one['reason'])}",
    ]
    what = found(name, one, timing)
    if what:
        lines.append(f"- found: {in_markdown(what)}")
    if one["nearest"] and one["nearest"]["text"] != one["text"]:
        lines.append(f"- nearest claim: {in_markdown(one['nearest']['text'])}")
    subject = one["subject"] or (one["nearest"] or {}).get("subject") or timing["claims"].get(name, {}).get("subject")
    if subject:
        lines.append(f"- measured: {in_markdown(subject)}")
    details = one["details"] or (one["nearest"] or {}).get("details") or timing["claims"].get(name, {}).get("details")
    if details:
        lines.append(f"- beside it: {in_markdown('; '.join(f'{key} {value:,.6g}' for key, value in details.items()))}")
    text = f"### {name}\n\n{in_markdown(one['text'])}\n\n" + "\n".join(lines)
    return text + ("\n\n" + _code(one["command"]) if one["command"] else "")


def _code(command: str) -> str:
    return "\n".join(f"    {line}" for line in command.split("\n"))


def _contradiction(name: str, one: Mapping[str, Any]) -> str:
    rows = [f"| {in_markdown(said['source'])} | {in_markdown(said['text'])} |" for said in one["says"]]
    lines = [f"- settled by: {in_markdown(one['settles'])}", f"- this kit: {in_markdown(one['kit'])}"]
    for measure, counted in one["counted"].items():
        lines.append(f"- counted: {measure.replace('_', ' ')} {shown(counted, '')} ({in_markdown(counted['subject'])})")
    if one["claims"]:
        lines.append(f"- claims: {', '.join(f'[`{claim}`](#{claim})' for claim in one['claims'])}")
    table = "\n".join(["| document | says |", "| --- | --- |", *rows])
    return f"### {name}\n\n{in_markdown(one['topic'])}\n\n{table}\n\n" + "\n".join(lines)
