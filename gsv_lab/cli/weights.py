"""`gsv-lab weights`: released weight files onto this disk, in and out. One call each, and printing."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

from gsv_lab.cli.console import say
from gsv_lab.cli.options import add_command, words


def add_weights(commands: Any) -> None:
    """Add the command `weights` with `get`, `import`, `export` and `list`."""
    text = "weight files of the released GPT-SoVITS: get, import, export, list"
    command = commands.add_parser("weights", help=text, description=text)
    actions = command.add_subparsers(required=True, metavar="ACTION")
    text = "download a released model and what it needs besides; run again, it goes on with what is absent"
    parser = add_command(actions, "get", _get, text, "whole files are kept; the same command goes on with the others")
    parser.add_argument("model", metavar="MODEL", help="v1, v2, v2Pro or v2ProPlus")
    parser.add_argument("--training", action="store_true", help="also the discriminators, which only training needs")
    parser.add_argument("--offline", action="store_true", help="only check what is there, as with HF_HUB_OFFLINE=1")
    parser.add_argument("--endpoint", help="address of a mirror of the Hugging Face hub")
    parser.add_argument("--folder", type=Path, help="where to put the files; else weights in the cache folder")
    text = "released .pth or .ckpt files to .safetensors; runs nothing in them"
    parser = add_command(actions, "import", _import, text)
    parser.add_argument("files", type=Path, nargs="+", help="files of the families v1, v2, v2Pro, v2ProPlus")
    text = "OUT.safetensors; several files become OUT.ROLE.safetensors"
    parser.add_argument("--output", type=Path, required=True, help=text)
    text = "an imported file, or weights trained here, to the released layout"
    parser = add_command(actions, "export", _export, text)
    parser.add_argument("file", type=Path, help=".safetensors written by `gsv-lab weights import` or `gsv-lab fit`")
    parser.add_argument("--output", type=Path, required=True, help=".pth or .ckpt to write")
    text = "leave out the posterior of a SoVITS, which only training needs, as the released program does"
    parser.add_argument("--without-posterior", action="store_true", help=text)
    text = "free text in the file; by default the imported file's own, or how long the weights were trained"
    parser.add_argument("--note", type=words, help=text)
    parser = add_command(actions, "list", _list, "known released models: files, sizes, licences, what is present")
    parser.add_argument("--folder", type=Path, help="folder with released files; else weights in the cache folder")


def _get(arguments: argparse.Namespace) -> None:
    from gsv_lab.released.download import download

    options = {"training": arguments.training, "offline": arguments.offline, "endpoint": arguments.endpoint}
    for path, size, new in download(arguments.model, arguments.folder, **options):
        say(f"{'fetched' if new else 'present'}: {path} ({size:,} bytes, checksum right)")


def _import(arguments: argparse.Namespace) -> None:
    from gsv_lab.released.importer import import_reference

    for made in import_reference(arguments.files, arguments.output):
        say(*str(made).split("\n"))


def _export(arguments: argparse.Namespace) -> None:
    from gsv_lab.released.exporter import export_reference
    from gsv_lab.system.files import check_output

    check_output(arguments.output, ".pth", ".ckpt")
    options = {"without_posterior": arguments.without_posterior, "note": arguments.note}
    say(export_reference(arguments.file, arguments.output, **options))


def _list(arguments: argparse.Namespace) -> None:
    from gsv_lab.inference.loading import locate, read_card
    from gsv_lab.released.catalogue import KNOWN, REPOSITORY, bytes_present, weights_folder

    folder = arguments.folder or weights_folder()
    rows = [("models", "file", "role", "size", "licence", "present")]
    for file in KNOWN:
        found = bytes_present(folder, file)
        lacking = sum(not (folder / part.path).is_file() for part in file.parts)
        here = "absent" if found is None else f"{found:,} bytes"
        if found is not None and lacking:
            here += f", {lacking} of {len(file.parts)} files absent"
        rows.append((",".join(file.models), file.path, file.role, file.size, file.licence, here))
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    own = read_card(locate("nano"))
    say(f"{own['version']} is shipped with the package; licence: {own['licence']}")
    say(f"released files below {folder}, from {REPOSITORY}")
    for row in rows:
        cells = [cell.ljust(width) for cell, width in zip(row, widths, strict=True)]
        say("  ".join(cells).rstrip())
