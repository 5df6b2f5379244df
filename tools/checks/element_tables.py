#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""Makes the property tables of docs/elements.md from what the elements say about themselves.

    tools/checks/element_tables.py            prints the tables
    tools/checks/element_tables.py --write    puts them between their markers in docs/elements.md
    tools/checks/element_tables.py --check    exit status 1, and a diff, if the tables of docs/elements.md differ

A table stands between "<!-- begin ELEMENT properties -->" and "<!-- end ELEMENT properties -->". --document names
another file than docs/elements.md. Needs the system's Python, which has GStreamer's bindings. GST_PLUGIN_PATH says
where the plugin is, if it is not installed.
"""

import argparse
import difflib
import os
import re
import sys

import gi

gi.require_version("Gst", "1.0")
from gi.repository import GObject, Gst  # noqa: E402

TREE = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
ELEMENTS = ("staaction", "staoverlay")
TYPES = {"gchararray": "string", "gboolean": "boolean", "gint": "int", "guint64": "uint64", "gdouble": "double"}
UNBOUNDED = 2**31 - 1  # a property that allows this much is shown without an upper limit
# GStreamer's flags that say until when a property may be set (gstparamspecs.h).
UNTIL = (
    (Gst.PARAM_MUTABLE_PLAYING, "PLAYING"),
    (Gst.PARAM_MUTABLE_PAUSED, "PAUSED"),
    (Gst.PARAM_MUTABLE_READY, "READY"),
)


def code(text):
    return f"`{text}`"


def number(value):
    return f"{value:g}" if isinstance(value, float) else str(value)


class Property:
    """One row of a table. Versions of the bindings show enumerations differently, but agree on their values."""

    def __init__(self, element, spec):
        self.spec = spec
        self.flags = int(spec.flags)
        self.writable = bool(self.flags & int(GObject.ParamFlags.WRITABLE))
        self.values = []  # of an enumeration, in numerical order
        if spec.value_type.is_a(GObject.TYPE_ENUM):
            members = type(element.get_property(spec.name)).__enum_values__
            self.values = [members[member] for member in sorted(members)]

    def type(self):
        name = self.spec.value_type.name
        return "enum" if self.values else TYPES.get(name, name)

    def default(self):
        # PyGObject 3.50 lacks this attribute for structures. Their default is none.
        value = getattr(self.spec, "default_value", None)
        if not self.writable:
            return ""
        if value is None:
            return "(unset)"
        if self.values:
            return code(next(member.value_nick for member in self.values if int(member) == int(value)))
        if self.spec.value_type == GObject.TYPE_BOOLEAN:
            return code("true" if value else "false")
        return code(number(value))

    def range(self):
        if self.values:
            return ", ".join(code(member.value_nick) for member in self.values)
        least, most = getattr(self.spec, "minimum", None), getattr(self.spec, "maximum", None)
        if most is None:
            return ""
        return f"{number(least)} or more" if most >= UNBOUNDED else f"{number(least)} to {number(most)}"

    def may_be_set(self):
        if not self.writable:
            return "read only"
        until = next((f"up to {state}" for flag, state in UNTIL if self.flags & flag), "up to NULL")
        return until + (", controllable" if self.flags & Gst.PARAM_CONTROLLABLE else "")

    def meaning(self):
        text = self.spec.blurb
        if self.values:
            text += ". " + "; ".join(f"{code(member.value_nick)}: {member.value_name}" for member in self.values)
        return text.replace("|", "\\|")

    def row(self):
        return code(self.spec.name), self.type(), self.default(), self.range(), self.may_be_set(), self.meaning()


def line(cells):
    return "|" + "".join(f" {cell} |" if cell else " |" for cell in cells) + "\n"


def table(name):
    element = Gst.ElementFactory.make(name)
    if element is None:
        sys.exit(f"there is no element {name}: GST_PLUGIN_PATH should be the folder of libgststa.so")
    rows = [Property(element, spec).row() for spec in element.list_properties() if spec.owner_type == element.__gtype__]
    header = ("property", "type", "default", "range", "may be set", "meaning")
    lines = [line(header), "|---" * len(header) + "|\n", *map(line, rows)]
    return "".join(lines)


def with_tables(text, path):
    """The document with the tables of the elements that are here."""
    for name in ELEMENTS:
        begin, end = f"<!-- begin {name} properties -->\n", f"<!-- end {name} properties -->\n"
        if text.count(begin) != 1 or text.count(end) != 1:
            sys.exit(f"{path}: one {begin.strip()} and one {end.strip()} are needed")
        block = begin + table(name) + end
        text = re.sub(re.escape(begin) + ".*?" + re.escape(end), lambda _: block, text, flags=re.DOTALL)
    return text


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--document", default=os.path.join(TREE, "docs/elements.md"))
    what = parser.add_mutually_exclusive_group()
    what.add_argument("--write", action="store_true")
    what.add_argument("--check", action="store_true")
    options = parser.parse_args()
    Gst.init(None)
    if not options.write and not options.check:
        print("\n".join(f"{name}\n\n{table(name)}" for name in ELEMENTS), end="")
        return
    with open(options.document, encoding="utf-8") as file:
        before = file.read()
    after = with_tables(before, options.document)
    if options.write:
        with open(options.document, "w", encoding="utf-8") as file:
            file.write(after)
    elif before != after:
        old, new = before.splitlines(True), after.splitlines(True)
        sys.stdout.writelines(difflib.unified_diff(old, new, options.document, "the elements", n=0))
        sys.exit("the tables are not those of the elements: tools/checks/element_tables.py --write")
    else:
        print(f"the tables of {' and '.join(ELEMENTS)} are those of the elements")


if __name__ == "__main__":
    main()
