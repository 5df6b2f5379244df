# SPDX-License-Identifier: MIT
# Checks the form of README.md and docs/*.md. The README has at most 120 lines. Lines of prose end at 120 columns
# (tables, code and comments may be longer). Every link within the tree leads to a file, and to a heading if it names
# one.
import glob
import os
import re
import sys

TREE = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
LINES = COLUMNS = 120


def prose(text):
    """Number and text of the lines outside of code."""
    code = False
    for number, line in enumerate(text.splitlines(), 1):
        if line.lstrip().startswith('```'):
            code = not code
        elif not code:
            yield number, line


def anchors(text):
    """The names that GitHub gives to headings."""
    seen = {}
    for _, line in prose(text):
        heading = re.match(r'#+ (.*)', line)
        if heading:
            title = re.sub(r'\[([^]]*)\]\([^)]*\)', r'\1', heading[1]).strip().lower()
            name = re.sub(r'[^\w\- ]', '', title).replace(' ', '-')
            seen[name] = seen.get(name, -1) + 1
            yield f'{name}-{seen[name]}' if seen[name] else name


def links(text):
    for number, line in prose(text):
        for target in re.findall(r'\]\(([^)\s]+)\)', re.sub(r'`[^`]*`', '', line)):
            if not re.match(r'[a-z]+:', target):
                yield number, target


def faults(document):
    with open(document, encoding='utf-8') as file:
        text = file.read()
    for number, line in prose(text):
        if len(line) > COLUMNS and not line.lstrip().startswith(('|', '<!--')):
            yield number, f'{len(line)} columns, {COLUMNS} are enough'
    for number, target in links(text):
        path, _, anchor = target.partition('#')
        file_path = os.path.join(os.path.dirname(document), path) if path else document
        if not os.path.exists(file_path):
            yield number, f'{target}: there is no such file'
        elif anchor and file_path.endswith('.md'):
            with open(file_path, encoding='utf-8') as file:
                if anchor not in anchors(file.read()):
                    yield number, f'{target}: there is no such heading'


def main():
    readme = os.path.join(TREE, 'README.md')
    documents = [readme, *sorted(glob.glob(os.path.join(TREE, 'docs', '*.md')))]
    wrong = [f'{os.path.relpath(document, TREE)}:{number}: {fault}' for document in documents
             for number, fault in faults(document)]
    with open(readme, encoding='utf-8') as file:
        if len(file.readlines()) > LINES:
            wrong.append(f'README.md has more than {LINES} lines: a stranger reads it to the end')
    print('\n'.join(wrong) or f'{len(documents)} documents, nothing wrong')
    sys.exit(1 if wrong else 0)


if __name__ == '__main__':
    main()
