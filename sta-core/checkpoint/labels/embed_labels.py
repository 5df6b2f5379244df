# SPDX-License-Identifier: MIT
# Makes a C++ file that holds text files as string constants: embed_labels.py OUT.cc NAME=FILE ... Each line of a text
# file is one label and becomes one string literal.
import json
import sys

with open(sys.argv[1], "w", encoding="ascii") as out:
    out.write("// Made by embed_labels.py of data/labels.\n")
    for argument in sys.argv[2:]:
        name, path = argument.split("=", 1)
        with open(path, encoding="utf-8") as text:
            lines = text.read().splitlines()
        if not all(line.isascii() and line.isprintable() and line for line in lines):
            sys.exit(f"{path}: labels are expected to be printable ASCII, one a line")
        literal = "\n".join("    " + json.dumps(line + "\n") for line in lines)
        out.write(f"extern const char *const {name};\nconst char *const {name} =\n{literal};\n")
