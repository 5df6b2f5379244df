# SPDX-License-Identifier: MIT
# The README's property tables and the elements agree: every property that a table names exists, and every property that an element has of itself is in its table.
#
# A table belongs to the element that the nearest heading above it names; its rows begin with | `property-name` |. Exit status 77 = skipped.
import os
import re
import subprocess
import sys

TREE = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
ELEMENTS = ('staaction', 'staoverlay')
# Every GStreamer element has these; nobody looks for them in a README.
INHERITED = {'name', 'parent', 'qos'}


def documented(text):
    """{element: {property, ...}} from the README's tables."""
    tables = {element: set() for element in ELEMENTS}
    element = None
    for line in text.splitlines():
        if line.startswith('#'):
            named = [name for name in ELEMENTS if name in line]
            element = named[0] if named else None
        row = re.match(r'\|\s*`([a-z][a-z0-9-]*)`\s*\|', line)
        if row and element:
            tables[element].add(row.group(1))
    return tables


def existing(element):
    """Properties that gst-inspect-1.0 lists: lines of two blanks, the name, a colon."""
    done = subprocess.run(['gst-inspect-1.0', '--no-colors', element], capture_output=True, text=True, check=False, env={**os.environ, 'LC_ALL': 'C'})
    if done.returncode != 0:
        sys.exit(f'gst-inspect-1.0 {element} failed: {done.stderr or done.stdout}')
    listing = done.stdout.partition('Element Properties:')[2]
    return set(re.findall(r'^  ([a-z][a-z0-9-]*) *: ', listing, re.MULTILINE)) - INHERITED


def main():
    readme = os.path.join(TREE, 'README.md')
    if not os.path.exists(readme):
        print('SKIP: there is no README.md')
        sys.exit(77)
    with open(readme, encoding='utf-8') as file:
        tables = documented(file.read())
    wrong = []
    if not tables['staaction']:
        wrong.append('the README has no property table under a heading that names staaction (rows: | `name` | ...)')
    for element in ELEMENTS:
        have = existing(element)
        wrong += [f'README: {element} has no property {name}' for name in sorted(tables[element] - have - INHERITED)]
        if tables[element]:
            wrong += [f'README: property {name} of {element} is missing' for name in sorted(have - tables[element])]
    print('\n'.join(wrong) or f'{sum(map(len, tables.values()))} properties agree')
    sys.exit(1 if wrong else 0)


if __name__ == '__main__':
    main()
