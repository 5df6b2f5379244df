# SPDX-License-Identifier: MIT
# Checks that docs/elements.md and the elements agree. Its property tables must be those that
# tools/checks/element_tables.py makes, and that tool must notice a wrong table. Each signal of an element and each
# field of its statistics must be a row of a table. Runs with the system's Python, because that one has GStreamer's
# bindings.
import os
import re
import subprocess
import sys
import tempfile

import gi

gi.require_version('Gst', '1.0')
from gi.repository import GObject, Gst  # noqa: E402

TREE = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
TOOL = os.path.join(TREE, 'tools/checks/element_tables.py')
DOCUMENT = os.path.join(TREE, 'docs/elements.md')


def check(document):
    """Exit status and output of the tool."""
    done = subprocess.run([sys.executable, TOOL, '--check', '--document', document], stdout=subprocess.PIPE,
                          stderr=subprocess.STDOUT, text=True, check=False)
    return done.returncode, done.stdout


def altered(text):
    """The document with another default, without one property, or with one property too many."""
    rows = [line for line in text.splitlines(True) if line.startswith('| `hop` |')]
    yield 'another default', text.replace(rows[0], rows[0].replace('`0`', '`1`'))
    yield 'a missing property', text.replace(rows[0], '')
    yield 'a property too many', text.replace(rows[0], rows[0] + rows[0].replace('hop', 'hops'))


def tables_fault(text):
    status, output = check(DOCUMENT)
    if status != 0:
        return output
    with tempfile.TemporaryDirectory() as folder:
        for what, changed in altered(text):
            path = os.path.join(folder, 'elements.md')
            with open(path, 'w', encoding='utf-8') as file:
                file.write(changed)
            if changed == text or check(path)[0] != 1:
                return f'{TOOL} --check does not notice {what}'
    return None


def section(text, heading):
    """The text from that heading to the next one of the same level."""
    level = heading.partition(' ')[0]
    return re.search(rf'^{re.escape(heading)}\n(.*?)(?=^#{{1,{len(level)}}} |\Z)', text, re.MULTILINE | re.DOTALL)[1]


def named(table):
    """The code words in the first column."""
    rows = re.findall(r'^\|([^|]*)\|', table, re.MULTILINE)
    return {name for row in rows for name in re.findall(r'`([a-z-]+)`', row)}


def main():
    with open(DOCUMENT, encoding='utf-8') as file:
        text = file.read()
    problem = tables_fault(text)
    wrong = [problem] if problem else []
    Gst.init(None)
    element = Gst.ElementFactory.make('staaction')
    stats = element.get_property('stats')
    fields = {stats.nth_field_name(i) for i in range(stats.n_fields())} | {'model', 'device', 'precision'}
    signals = set(GObject.signal_list_names(element.__gtype__))
    for what, have, told in (('field of stats', fields, named(section(text, '## stats'))),
                             ('signal', signals, named(section(text, '## Signals')))):
        wrong += [f'docs/elements.md: {what} {name} is missing' for name in sorted(have - told)]
        wrong += [f'docs/elements.md: there is no {what} {name}' for name in sorted(told - have)]
    print('\n'.join(wrong) or 'docs/elements.md says what the elements say')
    sys.exit(1 if wrong else 0)


if __name__ == '__main__':
    main()
