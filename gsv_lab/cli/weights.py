"""`gsv-lab weights`: released weight files onto this disk, in and out. One call each, and printing."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any


def add_weights(commands: Any) -> None:
    """Add the command `weights` with `get`, `import`, `export` and `list` to the subparsers of `gsv-lab`."""
    text = "weight files of the released GPT-SoVITS: get, import, export, list"
    actions = commands.add_parser("weights", help=text, description=text).add_subparsers(
        required=True, metavar="ACTION"
    )
    parser = _action(actions, "get", _get, "download a released model and what it needs besides; goes on after a break")
    parser.add_argument("model", metavar="MODEL", help="v1, v2, v2Pro or v2ProPlus")
    parser.add_argument("--training", action="store_true", help="also the discriminators, which only training needs")
    parser.add_argument("--offline", action="store_true", help="only check what is there, as with HF_HUB_OFFLINE=1")
    parser.add_argument("--endpoint", help="address of a mirror of the Hugging Face hub")
    parser.add_argument("--folder", type=Path, help="where to put the files; else weights in the cache folder")
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


def _get(arguments: argparse.Namespace) -> None:
    from gsv_lab.released.download import download

    options = {"training": arguments.training, "offline": arguments.offline, "endpoint": arguments.endpoint}
    for path, size, new in download(arguments.model, arguments.folder, **options):
        print(f"{'fetched' if new else 'present'}: {path} ({size:,} bytes, checksum right)")


def _import(arguments: argparse.Namespace) -> None:
    from gsv_lab.released.importer import import_reference

    for made in import_reference(arguments.files, arguments.output):
        print(made)


def _export(arguments: argparse.Namespace) -> None:
    from gsv_lab.released.importer import export_reference

    print(export_reference(arguments.file, arguments.output))


def _list(arguments: argparse.Namespace) -> None:
    from gsv_lab.released.catalogue import KNOWN, REPOSITORY, bytes_present, weights_folder

    folder = arguments.folder or weights_folder()
    rows = [("models", "file", "role", "size", "licence", "present")]
    for file in KNOWN:
        found = bytes_present(folder, file)
        lacking = sum(not (folder / part.path).is_file() for part in file.parts)
        here = "absent" if found is None else f"{found:,} bytes"
        here += f", {lacking} of {len(file.parts)} files absent" if found is not None and lacking else ""
        rows.append((",".join(file.models), file.path, file.role, file.size, file.licence, here))
    widths = [max(len(row[i]) for row in rows) for i in range(len(rows[0]))]
    print(f"released files below {folder}, from {REPOSITORY}; nano is shipped with the package (MIT)")
    for row in rows:
        print("  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip())
