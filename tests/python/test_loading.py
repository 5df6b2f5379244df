# SPDX-License-Identifier: MIT
"""Tests which LibTorch is loaded, and the error if there is none. The package torch is made here, around the same
LibTorch."""

import importlib.util
import os
import shutil
import subprocess
import sys

import pytest

HIDE_TORCH = "import sys; sys.modules['torch'] = None; "


@pytest.fixture(scope="module")
def libtorch(sta):
    """A folder that has lib/."""
    return os.path.dirname(sta.libtorch_folder)


@pytest.fixture
def place(tmp_path):
    """A copy of the package, and the environment to import it in."""
    shutil.copytree(
        os.path.dirname(importlib.util.find_spec("sta").origin),
        tmp_path / "sta",
        ignore=shutil.ignore_patterns("libtorch", "__pycache__"),
    )

    def call(code="import sta; print(sta.libtorch_folder)", **variables):
        env = {k: v for k, v in os.environ.items() if k not in ("STA_LIBTORCH", "STA_CORE_PATH")}
        env |= {"PYTHONPATH": str(tmp_path), "PYTHONDONTWRITEBYTECODE": "1"} | variables
        done = subprocess.run([sys.executable, "-c", code], env=env, capture_output=True, text=True, cwd=tmp_path)
        return done.returncode, done.stdout.strip(), (done.stderr.strip().splitlines() or [""])[-1]

    return tmp_path, call


def make_torch(place, libtorch, version):
    os.mkdir(place / "torch")
    (place / "torch" / "__init__.py").write_text("raise RuntimeError('it need not be imported')\n")
    (place / "torch" / "version.py").write_text(f"__version__ = '{version}'\n")
    os.symlink(os.path.join(libtorch, "lib"), place / "torch" / "lib")


def test_none(place):
    code, _, error = place[1](HIDE_TORCH + "import sta")
    assert code and error.startswith(
        "ImportError: sta needs LibTorch 2.11 and found none (the package torch: not installed; the folder "
    )
    assert "STA_LIBTORCH: not set" in error and "pip install torch==2.11" in error


def test_the_package_torch(place, libtorch):
    make_torch(place[0], libtorch, "2.11.0+cu130")
    assert place[1](STA_LIBTORCH="/nowhere") == (0, str(place[0] / "torch" / "lib"), "")


def test_a_torch_of_another_version(place, libtorch):
    make_torch(place[0], libtorch, "2.9.1")
    code, _, error = place[1]()
    assert code and "the package torch: has version 2.9.1" in error
    assert place[1](STA_LIBTORCH=libtorch)[0] == 0


def test_beside(place, libtorch):
    os.symlink(libtorch, place[0] / "sta" / "libtorch")
    assert place[1](HIDE_TORCH + "import sta; print(sta.libtorch_folder)") == (
        0,
        str(place[0] / "sta" / "libtorch" / "lib"),
        "",
    )


def test_the_variable(place, libtorch):
    code = HIDE_TORCH + "import sta; print(sta.libtorch_folder)"
    assert place[1](code, STA_LIBTORCH=libtorch) == (0, os.path.join(libtorch, "lib"), "")
    status, _, error = place[1](code, STA_LIBTORCH="/nowhere")
    assert status and "STA_LIBTORCH: no such folder" in error


def test_another_torch_in_the_process(place, libtorch):
    code = (
        "import sys, types; sys.modules['torch'] = t = types.ModuleType('torch'); t.__version__ = '2.10.0'; import sta"
    )
    status, _, error = place[1](code, STA_LIBTORCH=libtorch)
    assert status and error.startswith("ImportError: this process has LibTorch 2.10.0 loaded, and sta needs 2.11")


def test_a_libtorch_in_the_process_is_taken(place, libtorch):
    code = f"""import ctypes
for name in ("libc10.so", "libtorch_cpu.so"):
    ctypes.CDLL({libtorch!r} + "/lib/" + name)
import sta
print(sta.libtorch_folder)"""
    status, folder, error = place[1](code)
    assert (status, error) == (0, "") and os.path.samefile(folder, os.path.join(libtorch, "lib"))


def test_a_libtorch_that_does_not_load(place):
    os.makedirs(place[0] / "broken" / "lib")
    for name in ("libc10.so", "libtorch_cpu.so"):
        (place[0] / "broken" / "lib" / name).write_text("no library")
    status, _, error = place[1](HIDE_TORCH + "import sta", STA_LIBTORCH=str(place[0] / "broken"))
    assert status and error.startswith("ImportError: the LibTorch in ") and "cannot be loaded" in error


def test_the_engine(place, libtorch):
    status, _, error = place[1](STA_LIBTORCH=libtorch, STA_CORE_PATH="/no/libsta-core.so.2")
    assert status and "there is no /no/libsta-core.so.2: correct STA_CORE_PATH" in error
    status, _, error = place[1](STA_LIBTORCH=libtorch, STA_CORE_PATH=os.path.join(libtorch, "lib", "libc10.so"))
    assert status and "it is not sta-core" in error
    os.remove(place[0] / "sta" / "libsta-core.so.2")
    status, _, error = place[1](STA_LIBTORCH=libtorch)
    assert status and "install the wheel again" in error


@pytest.mark.skipif(not shutil.which("readelf"), reason="there is no readelf")
def test_the_wheel_looks_into_no_folder_of_who_built_it(sta):
    folder = os.path.dirname(sta.__file__)
    libraries = [os.path.join(folder, name) for name in os.listdir(folder) if ".so" in name]
    assert len(libraries) >= 2
    for library in libraries:
        said = subprocess.run(["readelf", "-d", library], capture_output=True, text=True, check=True).stdout
        assert "RPATH" not in said and "RUNPATH" not in said
    # The module itself needs neither LibTorch nor the engine.
    said = subprocess.run(["readelf", "-d", sta._core.__file__], capture_output=True, text=True, check=True).stdout
    assert "libtorch" not in said and "libsta" not in said
