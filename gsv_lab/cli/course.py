"""`gsv-lab course` and `open`: a student's copy of the notebooks, its progress, assignments for nbgrader, the book."""

from __future__ import annotations

import argparse
import os
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

from gsv_lab.cli.console import note, say, say_text, share_bar
from gsv_lab.cli.options import add_command, number
from gsv_lab.system.ranges import Range

if TYPE_CHECKING:
    from gsv_lab.teaching.course.copying import Copied

Port = Annotated[int, Range(1, 65535)]


def add_course(commands: Any) -> None:
    """Add the command `course` with its verbs."""
    text = "the notebooks as a course: copy, progress, export, book"
    verbs = commands.add_parser("course", help=text, description=text).add_subparsers(required=True, metavar="VERB")
    kept = "what was copied stays; the same command goes on there"
    copy = add_command(verbs, "copy", _copy, "your copy of the notebooks; a file you changed is never touched", kept)
    _add_folder(copy)
    text = "let checks note in progress.json of the copy what was passed (default at first); nothing leaves the machine"
    copy.add_argument("--progress", action=argparse.BooleanOptionalAction, help=text)

    _add_folder(add_command(verbs, "progress", _progress, "which exercises are done in your copy"))

    export = add_command(verbs, "export", _export, "assignments for nbgrader (extra [course]): its course folder")
    export.add_argument("--nbgrader", type=Path, metavar="DIR", required=True, help="course folder of nbgrader")
    _add_notebooks(export)

    kept = "pages that were finished are kept; the same command goes on there"
    book = add_command(verbs, "book", _book, "run the notebooks and make a book of them that needs no kernel", kept)
    book.add_argument("--output", type=Path, metavar="DIR", required=True, help="folder of the pages")
    book.add_argument("--starter", action="store_true", help="the students' form: without solutions")
    _add_notebooks(book)


def _add_folder(parser: argparse.ArgumentParser) -> None:
    text = "folder of the copy (default: gsv_lab_course in the home folder)"
    parser.add_argument("folder", nargs="?", type=Path, metavar="DIR", help=text)


def _add_notebooks(parser: argparse.ArgumentParser) -> None:
    text = "only these: numbers, such as 03 05"
    parser.add_argument("--notebooks", nargs="+", default=[], metavar="NN", help=text)


def _copy(arguments: argparse.Namespace) -> None:
    from gsv_lab.teaching.course.copying import copy_course, default_folder

    done = copy_course(arguments.folder or default_folder(), arguments.progress)
    told = (("copied", done.added), ("brought up to date", done.updated), ("up to date", done.same))
    for what, names in told:
        if names:
            say(f"{what}: {', '.join(names)}")
    _tell_kept(done)
    say(f"notebooks: {done.folder.absolute()}")


def _tell_kept(done: Copied) -> None:
    if done.kept:
        note(f"your own versions were kept: {', '.join(done.kept)}")
    if done.newer:
        note(f"other versions are shipped of: {', '.join(done.newer)}; to get one, rename yours and copy again")


def _progress(arguments: argparse.Namespace) -> None:
    from gsv_lab.teaching.course.copying import default_folder
    from gsv_lab.teaching.course.progress import check_copy, overview

    folder = arguments.folder or default_folder()
    check_copy(folder)
    say_text(repr(overview(folder)))


def _export(arguments: argparse.Namespace) -> None:
    from gsv_lab.teaching.course.grading import export

    made = export(arguments.nbgrader, arguments.notebooks)
    points = sum(assignment.points for assignment in made)
    say(f"assignments: {len(made)}, points: {points}, folder: {arguments.nbgrader.absolute()}")
    say("go on there: nbgrader generate_assignment NAME, collect, nbgrader autograde NAME; see docs/course.md")


def _book(arguments: argparse.Namespace) -> None:
    from gsv_lab.teaching.course.book import make_book

    with share_bar("book") as progress:
        made = make_book(arguments.output, arguments.notebooks, arguments.starter, progress)
    say(f"pages made: {len(made.made)}, kept: {len(made.kept)}, contents: {made.index.absolute()}")


def add_open(commands: Any) -> None:
    """Add the command `open`."""
    text = "JupyterLab on your copy of the notebooks; other options, such as --no-browser, are JupyterLab's own"
    parser = add_command(commands, "open", _open, text, "notebooks that were saved are kept", passes_on=True)
    text = "your copy, made or brought up to date as by `course copy` (default: gsv_lab_course in the home folder)"
    parser.add_argument("--folder", type=Path, help=text)
    parser.add_argument("--port", type=number(Port), default=8888, help="of the server, on this machine only")


def _open(arguments: argparse.Namespace) -> None:
    from jupyterlab.labapp import main as jupyter

    from gsv_lab.teaching.course.copying import INDEX, copy_course, default_folder

    done = copy_course(arguments.folder or default_folder())
    _tell_kept(done)
    say(f"notebooks: {done.folder.absolute()}")
    options = [f"--notebook-dir={done.folder}", f"--port={arguments.port}", "--ip=127.0.0.1"]
    options.append(f"--LabApp.default_url=/lab/tree/{INDEX}")
    # By itself JupyterLab asks another machine for news and for newer versions of itself.
    options += ["--LabApp.check_for_updates_class=jupyterlab.NeverCheckForUpdate", "--LabApp.news_url=None"]
    if hasattr(os, "geteuid") and os.geteuid() == 0 and "--allow-root" not in arguments.rest:
        note("JupyterLab runs as root: whatever a notebook does, it may do to the whole machine")
        options.append("--allow-root")
    jupyter([*options, *arguments.rest])
