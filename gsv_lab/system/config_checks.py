"""What is wrong with a configuration, told before anything is made of it: traps of YAML, misspelt names, sizes.

`check_text` reads the nodes of a YAML text as they were written, where `no` is not yet False. `unknown_key` makes one
sentence of what the parser says of a name that it does not know. `read_value` reads a single new value. `check_values`
walks a resolved configuration and compares numbers with what any argument of that name can be. The file knows no
component and builds nothing.
"""

from __future__ import annotations

import difflib
import json
import math
import re
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from gsv_lab.errors import ConfigError

LARGEST_TEXT = 1_000_000
MOST_NODES = 10_000
DEEPEST = 40

POSITIVE = {
    "accumulate", "attention_heads", "attention_width", "batch_seconds", "batch_size", "clipping_period", "content_dim",
    "couplings", "dim", "ffn_dim", "filter_width", "heads", "hop", "hop_length", "kernel", "latent_dim",
    "learning_rate", "log_every", "minutes", "n_codes", "n_fft", "n_heads", "n_mels", "n_phones", "peak", "period",
    "rank", "sample_rate", "save_every_minutes", "segment_frames", "spec_channels", "steps_per_epoch", "stride",
    "validate_every", "verification_dim", "width", "window_seconds", "windows", "upsample_rates", "upsample_kernels",
    "block_kernels", "dilations", "n_layers", "periods",
}  # fmt: skip
"""Names of arguments that are above zero wherever they occur; in a list every entry is."""

SHARES = {"dropout", "decay", "text_rate", "other_clip", "from_prior", "balance", "corrupted"}
"""Names of arguments from 0 to 1."""

NOT_NEGATIVE = {"max_batches", "workers", "context_dim", "speaker_dim", "layers", "seed", "warm_up"}

_WORDS = {"true", "false"}


def check_text(text: str, source: str, traps: bool = True) -> None:
    """Refuse what reads as something else than what it looks like; without `traps` only what is harmful.

    Raises:
        ConfigError: CONFIG_TOO_DEEP, too large, nested too deep, or repeating itself by aliases; CONFIG_UNSAFE, no
            plain YAML; CONFIG_TYPE, a word or number that YAML changes (`no`, `010`, `1:30`, a date);
            CONFIG_UNKNOWN_KEY, one name twice.
    """
    import yaml

    if len(text) > LARGEST_TEXT:
        raise _too_deep(source)
    try:
        root = yaml.compose(text, yaml.SafeLoader)
        if root is not None:
            _walk(root, source, 0, {}, traps)
    except yaml.YAMLError as error:
        words = " ".join(str(error).split())[:160]
        raise ConfigError("CONFIG_UNSAFE", f"{source} is not plain YAML: {words}") from error
    except RecursionError as error:
        raise _too_deep(source) from error


def _walk(node: Any, source: str, depth: int, sizes: dict[int, int], traps: bool) -> int:
    """Check a node and all below it once, and count how many it stands for when aliases are written out."""
    if id(node) in sizes:
        return sizes[id(node)]
    if depth > DEEPEST:
        raise _too_deep(source)
    if not node.tag.startswith("tag:yaml.org,2002:") or node.tag.startswith("tag:yaml.org,2002:python"):
        raise ConfigError("CONFIG_UNSAFE", f"{source} is not plain YAML: {node.tag[:80]}{_where(node)}")
    total = 1
    names: set[str] = set()
    if isinstance(node.value, str):
        if traps:
            _check_scalar(node, source)
    else:
        for item in node.value:
            for part in item if isinstance(item, tuple) else (item,):
                total += _walk(part, source, depth + 1, sizes, traps)
            key = item[0] if isinstance(item, tuple) else None
            if key is not None and isinstance(key.value, str):
                if key.value in names:
                    raise ConfigError("CONFIG_UNKNOWN_KEY", f"{source} says '{key.value}' twice{_where(key)}", "once")
                names.add(key.value)
    if total > MOST_NODES:
        raise _too_deep(source)
    sizes[id(node)] = total
    return total


def _check_scalar(node: Any, source: str) -> None:
    kind, text = node.tag.rpartition(":")[2], node.value
    changed = {
        "bool": text.lower() not in _WORDS,
        "int": ":" in text or re.fullmatch(r"[-+]?0[0-9_]+", text) is not None,
        "float": ":" in text,
        "timestamp": True,
    }
    if node.style is None and changed.get(kind, False):
        raise ConfigError(
            "CONFIG_TYPE", f"YAML reads {text!r} in {source}{_where(node)} as a {kind}",
            f"true, false, a number or '{text}'", "Write the value that is meant, or put it in quotes",
        )  # fmt: skip


def _where(node: Any) -> str:
    return f" (line {node.start_mark.line + 1})"


def _too_deep(source: str) -> ConfigError:
    return ConfigError("CONFIG_TOO_DEEP", f"{source} is too large, too deep or repeats itself", "a plain configuration")


def unknown_key(words: str, known: Mapping[str, Iterable[str]], arguments_of: Any) -> ConfigError | None:
    """The error for a misspelt name in the words of jsonargparse; None if they are about something else.

    Args:
        words: the parser's message.
        known: names by group; the empty group is the top of the file.
        arguments_of: class path -> names of its arguments.
    """
    if override := re.search(r"unrecognized arguments: --([^ =]+)", words):
        group, _, name = override[1].partition(".")
        known_group = bool(name) and group in known
        return _unknown(group, name, known[group]) if known_group else _unknown("", group, known[""])
    found = re.search(r"[Oo]ption '([^']+)' is not accepted|Group '([^']+)' does not accept option '([^']+)'", words)
    if found is None:
        return None
    classes = re.findall(r"class_path '([^']+)'", words[: found.start()])
    name, group = (found[3] or found[1]).split(".")[0], found[2] or ""
    if classes:
        names = [*arguments_of(classes[-1]), "init_args", "class_path"]
        return _unknown(classes[-1].rpartition(".")[2], name, names)
    return _unknown(group, name, known.get(group, known[""]))


def _unknown(place: str, name: str, names: Iterable[str]) -> ConfigError:
    near = difflib.get_close_matches(name, list(names), 1, 0.3)
    expected = f"'{near[0]}' perhaps" if near else "one of " + ", ".join(sorted(names)[:12])
    return ConfigError("CONFIG_UNKNOWN_KEY", f"{place or 'the configuration'} has no argument '{name}'", expected)


def read_value(path: str, text: str, before: Any) -> Any:
    """The value that a text in the place of `before` means.

    Raises:
        ConfigError: those of `check_text`; CONFIG_TYPE, it is of another kind than what stood there.
    """
    import yaml

    if isinstance(before, str) and text != "null" and not text.startswith('"'):
        return text
    check_text(text, path, traps=False)
    try:
        value = json.loads(text)
    except ValueError:  # words without quotes; and YAML 1.1 would read 1e-3 as a word
        check_text(text, path)
        value = yaml.safe_load(text)
    kinds: tuple[tuple[tuple[type, ...], str], ...] = (
        ((bool,), "true or false"), ((int, float), "a number"), ((str,), "a text"), ((list,), "a list"),
        ((dict,), "a table"),
    )  # fmt: skip
    for kind, name in kinds:
        if isinstance(before, kind):
            if value is not None and not (isinstance(value, kind) and (bool in kind or not isinstance(value, bool))):
                raise ConfigError("CONFIG_TYPE", f"{path} is {text[:60]!r}", name)
            break
    return value


def check_values(resolved: Mapping[str, Any]) -> None:
    """Compare the numbers of a resolved configuration with what can be.

    Raises:
        ConfigError: CONFIG_RANGE, with the path and the bounds; CONFIG_INCONSISTENT, a hop that is not the product of
            the upsampling rates, both numbers named.
    """
    for path, value in _leaves(resolved, ""):
        name = path.rpartition(".")[2]
        bounds = _bounds(name)
        if bounds is None or isinstance(value, bool) or not isinstance(value, (int, float)):
            continue
        fits = value > 0 if name in POSITIVE else 0 <= value <= (1 if name in SHARES else math.inf)
        if not (math.isfinite(value) and fits):
            raise ConfigError("CONFIG_RANGE", f"{path} is {value}", bounds)
    _check_hop(resolved, {})


def _bounds(name: str) -> str | None:
    if name in POSITIVE:
        return "a number above 0"
    if name in SHARES:
        return "a number from 0 to 1"
    return "a number from 0 on" if name in NOT_NEGATIVE else None


def _leaves(node: Any, path: str) -> Iterator[tuple[str, Any]]:
    if isinstance(node, Mapping):
        for key, value in node.items():
            yield from _leaves(value, f"{path}.{key}" if path else str(key))
    elif isinstance(node, (list, tuple)):
        for value in node:
            yield from _leaves(value, path)
    else:
        yield path, node


def _check_hop(node: Any, stated: Mapping[str, int]) -> None:
    """A hop stated beside or above upsampling rates is their product."""
    if isinstance(node, (list, tuple)):
        for item in node:
            _check_hop(item, stated)
    if not isinstance(node, Mapping):
        return
    sizes = node.get("sizes")
    for table in (sizes if isinstance(sizes, Mapping) else {}, node):
        stated = {**stated, **{key: table[key] for key in ("hop", "hop_length") if isinstance(table.get(key), int)}}
    rates = node.get("upsample_rates")
    if isinstance(rates, (list, tuple)):
        for name, hop in stated.items():
            if hop != math.prod(rates):
                raise ConfigError(
                    "CONFIG_INCONSISTENT", f"{name} is {hop} and the product of upsample_rates is {math.prod(rates)}",
                    "the same number", "Change one of them",
                )  # fmt: skip
    for key, value in node.items():
        _check_hop(value, {} if key == "quantizer" else stated)
