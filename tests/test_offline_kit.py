"""The kit for machines without a network: in pieces, put together, installed, damage found."""

from __future__ import annotations

import importlib.util
import os
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

FILE = Path(__file__).parents[1] / "deploy" / "offline_kit.py"


@pytest.fixture(scope="module")
def kit():
    spec = importlib.util.spec_from_file_location("offline_kit", FILE)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def wheel(folder, name, size=0):
    """A package of one module, as pip takes it."""
    info = f"{name}-1.0.dist-info"
    with zipfile.ZipFile(folder / f"{name}-1.0-py3-none-any.whl", "w") as made:
        made.writestr(f"{name}.py", "found = True\n")
        made.writestr(f"{name}.bin", os.urandom(size))
        made.writestr(f"{info}/METADATA", f"Metadata-Version: 2.1\nName: {name}\nVersion: 1.0\n")
        made.writestr(
            f"{info}/WHEEL", "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any"
        )
        made.writestr(f"{info}/RECORD", "")


@pytest.fixture
def packed(kit, tmp_path):
    wheels = tmp_path / "wheels"
    wheels.mkdir()
    wheel(wheels, "footfall_made_up", size=3 << 20)
    wheel(wheels, "needed_made_up")
    pieces = kit.pack(wheels, tmp_path / "kit", 1)
    return tmp_path / "kit", pieces


def install(folder, tmp_path):
    subprocess.run([sys.executable, "-m", "venv", str(tmp_path / "venv")], check=True)
    python = tmp_path / "venv" / "bin" / "python"
    env = os.environ | {"PYTHON": str(python)}
    done = subprocess.run(
        ["bash", str(folder / "install.sh")], env=env, capture_output=True, text=True, check=False
    )
    return done, python


def test_pieces_are_small_and_install_without_a_network(packed, tmp_path):
    folder, pieces = packed
    assert len(pieces) > 3
    assert all(piece.stat().st_size <= 1 << 20 for piece in pieces)
    done, python = install(folder, tmp_path)
    assert done.returncode == 0, done.stderr
    assert "installed 2 packages" in done.stdout
    check = "import footfall_made_up, needed_made_up"
    subprocess.run([str(python), "-c", check], check=True)


def test_a_damaged_piece_is_said_and_nothing_is_installed(packed, tmp_path):
    folder, pieces = packed
    whole = pieces[1].read_bytes()
    pieces[1].write_bytes(whole[:-1] + bytes([whole[-1] ^ 1]))
    done, python = install(folder, tmp_path)
    assert done.returncode == 1
    assert "damaged or missing" in done.stderr
    assert subprocess.run([str(python), "-c", "import needed_made_up"], check=False).returncode


def test_a_kit_is_never_mixed_with_another(kit, packed, tmp_path):
    with pytest.raises(FileExistsError):
        kit.pack(tmp_path / "wheels", packed[0], 1)


def test_what_the_other_side_has_is_left_out_with_what_it_brings(kit):
    have = {"torch": "2.11.0"}
    assert kit.left_out("torch", have)
    assert kit.left_out("nvidia-cublas-cu12", have)
    assert kit.left_out("triton", have)
    assert not kit.left_out("numpy", have)
    assert not kit.left_out("nvidia-cublas-cu12", {})
