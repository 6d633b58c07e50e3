"""Python files that lie beside a scenario: each folder has modules of its own.

Python keeps one module a name. Two scenarios in one process may each have an ``arms.py``, and each
means its own; so those of one folder make room when another folder's are wanted. Objects that were
made by the first keep working; only who looks a module up by name finds the newer one.
"""

from __future__ import annotations

import importlib
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import ModuleType

_OF_FOLDER: dict[Path, dict[str, ModuleType]] = {}
"""Folder -> its modules that were imported, by name."""


class NameTakenError(ImportError):
    """A file beside a scenario has the name of a module that is loaded already."""


def own_module(name: str, base: Path) -> ModuleType:
    """Import a module by name, first of all from ``base``.

    Raises:
        NameTakenError: ``base`` has such a file, and a library of that name is in its way.
        Exception: Whatever importing it raises.
    """
    folder = base.resolve()
    with _at_hand(folder):
        top = name.partition(".")[0]
        loaded = sys.modules.get(top)
        wanted = (folder / f"{top}.py", folder / top / "__init__.py")
        in_the_way = loaded is not None and not _is_of(folder, loaded)
        if in_the_way and any(file.is_file() for file in wanted):
            raise NameTakenError(
                f"a module called {top} is loaded from elsewhere; call the file in {folder} "
                "otherwise"
            )
        return importlib.import_module(name)


@contextmanager
def _at_hand(folder: Path) -> Iterator[None]:
    """While inside, the folder's modules are found, and no other scenario's."""
    for other, modules in _OF_FOLDER.items():
        for name, module in modules.items():
            if other != folder and sys.modules.get(name) is module:
                del sys.modules[name]
    own = _OF_FOLDER.setdefault(folder, {})
    sys.modules.update(own)
    sys.path.insert(0, str(folder))
    importlib.invalidate_caches()
    try:
        yield
    finally:
        sys.path.remove(str(folder))
        names = _names(folder)
        own.update(
            (name, module)
            for name, module in list(sys.modules.items())
            if name.partition(".")[0] in names and _is_of(folder, module)
        )


def _names(folder: Path) -> set[str]:
    """Modules and packages that lie directly in a folder, if they are such."""
    if not folder.is_dir():
        return set()
    return {one.stem for one in folder.iterdir() if one.suffix == ".py" or one.is_dir()}


def _is_of(folder: Path, module: ModuleType) -> bool:
    """Whether a module is a file of the folder, or of a package directly in it."""
    spec = getattr(module, "__spec__", None)
    inside = getattr(spec, "submodule_search_locations", None) or ()
    for place in filter(None, (getattr(module, "__file__", None), *inside)):
        path = Path(place).resolve()
        if path.is_relative_to(folder):
            first = path.relative_to(folder).parts[0]
            return first.removesuffix(".py") == module.__name__.partition(".")[0]
    return False
