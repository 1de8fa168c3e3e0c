"""What pyproject.toml cannot say: the wheel holds notebooks, configurations and clip lists, which lie beside it."""

import shutil
from pathlib import Path

from setuptools import setup
from setuptools.command.build_py import build_py

# By name: other tables in that folder are the user's.
CLIP_LISTS = ("data/nano_train.csv", "data/dev_list.csv", "data/evaluation_list.csv")
SHIPPED = ("configs/**/*.yaml", "notebooks/*.ipynb", "notebooks/src/*.py", *CLIP_LISTS)


class BuildWithShipped(build_py):
    """Copies the shipped files into `gsv_lab/shipped`; an editable installation finds them in the checkout."""

    def run(self) -> None:
        """Build the package, then put them in."""
        super().run()
        for source, target in () if self.editable_mode else self._shipped():
            target.parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(source, target)

    def get_outputs(self, include_bytecode: bool = True) -> list[str]:
        """All files of the build."""
        made = [] if self.editable_mode else [str(target) for _, target in self._shipped()]
        return [*super().get_outputs(include_bytecode), *made]

    def _shipped(self) -> list[tuple[Path, Path]]:
        root = Path(self.build_lib) / "gsv_lab" / "shipped"
        return [(path, root / path) for pattern in SHIPPED for path in sorted(Path().glob(pattern))]


setup(cmdclass={"build_py": BuildWithShipped})
