"""`gsv-lab weights`: released weight files in and out, and what is known of them. One call each, and printing."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any


def add_weights(commands: Any) -> None:
    """Add the command `weights` with `import`, `export` and `list` to the subparsers of `gsv-lab`."""
    text = "weight files of the released GPT-SoVITS: import, export, list"
    actions = commands.add_parser("weights", help=text, description=text).add_subparsers(
        required=True, metavar="ACTION"
    )
    parser = _action(actions, "import", _import, "released .pth or .ckpt files to .safetensors; runs nothing in them")
    parser.add_argument("files", type=Path, nargs="+", help="files of the families v1, v2, v2Pro, v2ProPlus")
    parser.add_argument(
        "--output", type=Path, required=True, help="OUT.safetensors; several files become OUT.ROLE.safetensors"
    )
    parser = _action(actions, "export", _export, "an imported file back to the released layout")
    parser.add_argument("file", type=Path, help=".safetensors written by `gsv-lab weights import`")
    parser.add_argument("--output", type=Path, required=True, help=".pth or .ckpt to write")
    parser = _action(actions, "list", _list, "known released models: files, sizes, licences, what is present")
    parser.add_argument("--folder", type=Path, help="folder with released files; else weights in the cache folder")


def _action(actions: Any, name: str, run: Any, text: str) -> argparse.ArgumentParser:
    made = actions.add_parser(name, help=text, description=text)
    made.set_defaults(run=run)
    return made


def _import(arguments: argparse.Namespace) -> None:
    from gsv_lab.checkpoint.importer import import_reference

    for made in import_reference(arguments.files, arguments.output):
        print(made)


def _export(arguments: argparse.Namespace) -> None:
    from gsv_lab.checkpoint.importer import export_reference

    print(export_reference(arguments.file, arguments.output))


def _list(arguments: argparse.Namespace) -> None:
    from gsv_lab.checkpoint.catalogue import KNOWN, bytes_present
    from gsv_lab.environment import cache_dir

    folder = arguments.folder or cache_dir() / "weights"
    rows = [("models", "file", "role", "size", "licence", "present")]
    for file in KNOWN:
        found = bytes_present(folder, file)
        here = "absent" if found is None else f"{found:,} bytes"
        rows.append((",".join(file.models), file.path, file.role, file.size, file.licence, here))
    widths = [max(len(row[i]) for row in rows) for i in range(len(rows[0]))]
    print(f"released files below {folder}; nano is shipped with the package (MIT)")
    for row in rows:
        print("  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip())
