# SPDX-License-Identifier: MIT
# Unpacks the C++ half of the PyTorch wheel and the NVIDIA libraries beside it into the layout that the libraries' own
# run path expects: torch/{include,lib,share} and nvidia/*/lib. Unpacked and never imported, so that no Python package
# is installed and the Python version does not matter.
#
#   unpack_libtorch.py --needs WHEELS      prints the NVIDIA requirements that the torch wheel names
#   unpack_libtorch.py --flavour cpu|cuda --version 2.11.0 WHEELS FOLDER     unpacks all wheels of the folder WHEELS
#   unpack_libtorch.py --licences WHEELS FOLDER                              only their licences, into FOLDER/licences
import argparse
import os
import re
import shutil
import sys
import zipfile

# Parts of torch/lib that a CPU build must not have: they would pull in gigabytes of NVIDIA libraries. libtorch_python
# needs a Python and goes in both flavours.
CUDA_LIBRARIES = ('libtorch_cuda', 'libtorch_nvshmem', 'libc10_cuda')
TORCH_PARTS = ('torch/include/', 'torch/lib/', 'torch/share/', 'torch/version.py')


def wanted(name, flavour):
    if name.startswith('torch/'):
        base = os.path.basename(name)
        if not name.startswith(TORCH_PARTS) or base.startswith('libtorch_python'):
            return False
        return flavour == 'cuda' or not base.startswith(CUDA_LIBRARIES)
    # nvidia/cu13/lib/libcudart.so.13, nvidia/cudnn/lib/libcudnn.so.9, ...; headers too where CUDA code is to be
    # compiled.
    kinds = ('lib', 'include') if flavour == 'cuda' else ('lib',)
    parts = name.split('/')
    return len(parts) > 3 and parts[0] == 'nvidia' and parts[2] in kinds


def licence_path(name):
    """Where a wheel's licence goes: licences/torch-2.11.0/LICENSE, and those of what it contains in folders below."""
    found = re.match(r'([^/]+)\.dist-info/(?:licenses/)?((?:.*/)?(?:licen[cs]e|notice|copying)[^/]*)$', name, re.IGNORECASE)
    return f'licences/{found.group(1)}/{found.group(2)}' if found else None


def wheels_in(folder):
    return sorted(os.path.join(folder, name) for name in os.listdir(folder) if name.endswith('.whl'))


def torch_wheel(folder):
    found = [path for path in wheels_in(folder) if os.path.basename(path).startswith('torch-')]
    if len(found) != 1:
        sys.exit(f'expected one torch wheel in {folder}, found {len(found)}')
    return found[0]


def needs(folder):
    with zipfile.ZipFile(torch_wheel(folder)) as wheel:
        metadata = next(name for name in wheel.namelist() if name.endswith('.dist-info/METADATA'))
        for line in wheel.read(metadata).decode().splitlines():
            found = re.match(r'Requires-Dist: ((?:nvidia-|cuda-toolkit)[^;]*)', line)
            if found and 'extra ==' not in line:
                yield found.group(1).strip()


def check_version(folder, version):
    with zipfile.ZipFile(torch_wheel(folder)) as wheel:
        found = re.search(r"__version__ = '([^'+]*)", wheel.read('torch/version.py').decode())
    if not found or found.group(1) != version:
        sys.exit(f"the wheel's torch/version.py says {found.group(1) if found else 'nothing'} where {version} is expected")


def unpack(folder, target, place_of):
    """Each file for which place_of knows a place below the folder target."""
    for path in wheels_in(folder):
        with zipfile.ZipFile(path) as wheel:
            for entry in wheel.infolist():
                place = None if entry.is_dir() else place_of(entry.filename)
                if place is None:
                    continue
                out = os.path.normpath(os.path.join(target, place))
                if not out.startswith(os.path.normpath(target) + os.sep):
                    sys.exit(f'{path}: an entry points outside: {entry.filename}')
                os.makedirs(os.path.dirname(out), exist_ok=True)
                # zipfile checks each entry's CRC as it is read.
                with wheel.open(entry) as source, open(out, 'wb') as sink:
                    shutil.copyfileobj(source, sink, 1 << 20)


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument('--needs', action='store_true')
    parser.add_argument('--licences', action='store_true')
    parser.add_argument('--flavour', choices=('cpu', 'cuda'))
    parser.add_argument('--version')
    parser.add_argument('wheels')
    parser.add_argument('folder', nargs='?')
    options = parser.parse_args()
    if options.needs:
        print('\n'.join(needs(options.wheels)))
        return
    try:
        if options.licences:
            unpack(options.wheels, options.folder, licence_path)
            return
        check_version(options.wheels, options.version)
        unpack(options.wheels, options.folder, lambda name: name if wanted(name, options.flavour) else licence_path(name))
    except (OSError, zipfile.BadZipFile) as error:
        sys.exit(str(error))


if __name__ == '__main__':
    main()
