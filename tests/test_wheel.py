"""What the wheel holds, and that it works installed, in a folder without the repository."""

from __future__ import annotations

import os
import runpy
import shutil
import subprocess
import sys
import sysconfig
import tomllib
import zipfile
from pathlib import Path
from typing import Any

import pytest

from source import PACKAGE, ROOT


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The package as it is put into the wheel: by the command of `setup.py`, with what `pyproject.toml` says."""
    setuptools = pytest.importorskip("setuptools")
    target = tmp_path_factory.mktemp("build")
    told = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["tool"]["setuptools"]
    with pytest.MonkeyPatch.context() as patched:
        patched.chdir(ROOT)
        given: dict[str, Any] = {}
        patched.setattr(setuptools, "setup", given.update)
        runpy.run_path("setup.py")
        packages = setuptools.find_packages(**told["packages"]["find"])
        options = {"packages": packages, "package_data": told["package-data"], "script_name": "setup.py", **given}
        build = setuptools.Distribution({"name": "gsv-lab", **options}).get_command_obj("build_py")
        build.build_lib = str(target)
        build.ensure_finalized()
        build.run()
        assert {Path(name).resolve() for name in build.get_outputs(include_bytecode=False)} == {
            path.resolve() for path in target.rglob("*") if path.is_file()
        }
    return target / "gsv_lab"


def files(folder: Path, pattern: str) -> set[str]:
    return {path.relative_to(folder).as_posix() for path in folder.glob(pattern) if "__pycache__" not in path.parts}


def test_the_wheel_holds_everything_that_is_shipped(built: Path) -> None:
    assert files(built, "**/*.py") - files(built, "shipped/**/*") == files(PACKAGE, "**/*.py")
    assert files(built, "assets/**/*") == files(PACKAGE, "assets/**/*")
    for suffix in ("js", "css"):
        assert files(built, f"**/*.{suffix}") == files(PACKAGE, f"**/*.{suffix}") != set()
    assert files(built / "shipped", "configs/**/*.yaml") == files(ROOT, "configs/**/*.yaml")
    notebooks = files(ROOT, "notebooks/*.ipynb") | files(ROOT, "notebooks/src/*.py")
    assert files(built / "shipped", "notebooks/**/*.*") == notebooks
    lists = {f"data/{name}_list.csv" for name in ("dev", "evaluation")} | {"data/nano_train.csv"}
    assert files(built / "shipped", "data/*") == lists


def test_shipped_files_are_found_inside_an_installed_package(built: Path, tmp_path: Path) -> None:
    code = (
        "import sys; from gsv_lab.system import shipped; from gsv_lab.system.config import load_experiment;"
        "from gsv_lab.teaching.course.copying import copy_course; done = copy_course(__import__('pathlib').Path('n'));"
        "print(shipped.is_checkout(), shipped.PACKAGE, len(done.kept));"
        "print(load_experiment(['configs/synthetic/content.yaml'])['name'])"
    )
    environment = {**os.environ, "PYTHONPATH": str(built.parent)}
    done = subprocess.run([sys.executable, "-c", code], cwd=tmp_path, env=environment, capture_output=True, text=True)
    assert done.stdout.split() == ["False", str(built.resolve()), "0", "synthetic-content"], done.stderr
    shipped = {Path(name).name for name in files(ROOT, "notebooks/*.ipynb")}
    assert files(tmp_path / "n", "*.ipynb") == {*shipped, "index.ipynb"}


@pytest.mark.slow
def test_the_wheel_works_where_the_repository_is_not(tmp_path: Path) -> None:
    """Built as `pip install` builds it, put into a new environment that borrows this one's libraries."""
    source = tmp_path / "source"
    ignored = shutil.ignore_patterns("__pycache__", ".git", "build", "*.egg-info", ".*_cache")
    shutil.copytree(ROOT, source, ignore=ignored)
    pip = [sys.executable, "-m", "pip", "wheel", "-q", "--no-deps", "-w", str(tmp_path), str(source)]
    subprocess.run(pip, check=True, env={**os.environ, "PIP_DISABLE_PIP_VERSION_CHECK": "1"})
    shutil.rmtree(source)
    (wheel,) = tmp_path.glob("*.whl")
    assert any(name.startswith("gsv_lab/shipped/notebooks/") for name in zipfile.ZipFile(wheel).namelist())
    subprocess.run([sys.executable, "-m", "venv", str(tmp_path / "venv")], check=True)
    python = tmp_path / "venv" / ("Scripts/python.exe" if os.name == "nt" else "bin/python")
    subprocess.run([python, "-m", "pip", "install", "-q", "--no-deps", "--no-index", str(wheel)], check=True)
    find = [python, "-c", "import sysconfig; print(sysconfig.get_path('purelib'))"]
    site = Path(subprocess.run(find, check=True, capture_output=True, text=True).stdout.strip())
    (site / "borrowed.pth").write_text(sysconfig.get_path("purelib"), encoding="utf-8")
    user = tmp_path / "user"
    user.mkdir()
    environment = {key: value for key, value in os.environ.items() if key not in ("PYTHONPATH", "GSV_LAB_SHARED")}
    environment |= {"GSV_LAB_CACHE": str(tmp_path / "cache"), "JUPYTER_PATH": str(tmp_path / "jupyter")}

    def run(*arguments: str) -> str:
        done = subprocess.run([python, "-m", *arguments], cwd=user, env=environment, capture_output=True, text=True)
        assert not done.returncode, (arguments, done.stdout, done.stderr)
        return done.stdout

    sample = site / "gsv_lab" / "assets" / "sample" / "en_rms.flac"
    run("gsv_lab", "speak", "--reference", str(sample), "--text", "Hello there.", "--output", "o.wav")
    assert "synthetic: yes" in run("gsv_lab", "info", "o.wav")
    small = ["trainer.max_batches=3", "data.init_args.batch_seconds=4"]
    small.append("data.init_args.corpus.init_args.n_clips=40")
    assert "content_encoder" in run("gsv_lab", "fit", "--config", "configs/synthetic/content.yaml", *small)
    assert "report.html" in run("gsv_lab", "demo", "--steps", "2") and (user / "demo" / "report.html").is_file()
    assert "index.ipynb" in run("gsv_lab", "course", "copy", "n")
    run("ipykernel", "install", "--prefix", str(tmp_path / "kernels"), "--name", "python3")
    environment["JUPYTER_PATH"] = str(tmp_path / "kernels" / "share" / "jupyter")
    for notebook in sorted((user / "n").glob("0[01]*.ipynb")):
        run(
            "jupyter", "nbconvert", "--to", "notebook", "--execute", "--allow-errors", str(notebook), "--output", "done"
        )
        text = (notebook.parent / "done.ipynb").read_text(encoding="utf-8")
        assert "ModuleNotFoundError" not in text and "FileNotFoundError" not in text
