# SPDX-License-Identifier: MIT
# test_header_uses.py HEADER: the C code in the comments of sta.h compiles.
#
# In a comment, the indented lines after a line "Program:" are a whole program. The indented lines after a line "Use:"
# are statements that assume the variables of ASSUMED. Each section of the header (its comment begins with "/* ----")
# has to show a use. The compiler named by the variable CC (default: cc) checks the code and makes no files. Exit status
# 77 = skipped, if there is no compiler.
import os
import pathlib
import re
import shlex
import shutil
import subprocess
import sys

# Variables that a use may take for granted: what an embedder has at that point.
ASSUMED = '''
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "sta/sta.h"

extern sta_error err;
extern sta_engine *engine;
extern sta_engine_options engine_options;
extern sta_frame frame;
extern const uint8_t *pixels;
extern sta_stream *stream;
extern sta_stream_options stream_options;
extern sta_result *result;
extern float confidences[];
extern sta_timeline *timeline;
extern uint64_t hop;
extern const uint8_t *pictures[];
extern sta_forward_options forward_options;
extern sta_clip_result *clip_result;
extern sta_labels *labels;
extern sta_convert_options convert_options;
'''
FLAGS = ['-std=c99', '-Wall', '-Wextra', '-Werror', '-pedantic', '-fsyntax-only', '-x', 'c', '-']


def comments(text):
    """The block comments of a header: pairs of first line number and lines, without the stars."""
    for match in re.finditer(r'/\*.*?\*/', text, re.DOTALL):
        lines = match[0][:-2].split('\n')
        yield text.count('\n', 0, match.start()) + 1, [re.sub(r'^ *\* ?', '', line) for line in lines]


def code_after(lines, start):
    """The indented lines from index start on."""
    code = []
    for line in lines[start:]:
        if line.strip() and not line.startswith('  '):
            break
        code.append(line[2:])
    return '\n'.join(code).rstrip() + '\n'


def examples(text):
    """Triples of kind ("Use" or "Program"), line number of the code, code."""
    for first, lines in comments(text):
        for i, line in enumerate(lines):
            if line.strip() in ('Use:', 'Program:'):
                yield line.strip()[:-1], first + i + 1, code_after(lines, i + 1)


def sections_without_use(text):
    for first, lines in comments(text):
        title = re.match(r'/\* -{4,} *(.*)', lines[0])
        if title and 'Use:' not in (line.strip() for line in lines):
            yield first, title[1]


def compiled(kind, line, code, header, compiler):
    """What the compiler says against the code; "" if nothing. Its line numbers are those of the header."""
    place = f'#line {line} "{header.name}"\n{code}'
    source = place if kind == 'Program' else f'{ASSUMED}void use(void);\nvoid use(void) {{\n{place}}}\n'
    command = [*compiler, '-I', str(header.resolve().parent.parent), *FLAGS]
    done = subprocess.run(command, input=source, capture_output=True, text=True)
    return done.stderr.strip() if done.returncode != 0 else ''


def main():
    if len(sys.argv) != 2:
        sys.exit('usage: test_header_uses.py HEADER')
    header = pathlib.Path(sys.argv[1])
    compiler = shlex.split(os.environ.get('CC', 'cc'))
    if not shutil.which(compiler[0]):
        print(f'skipped: there is no compiler {compiler[0]}')
        sys.exit(77)
    text = header.read_text(encoding='utf-8')
    failures = [f'{header.name}:{line}: section "{title}" shows no use (a line "Use:" and indented code)'
                for line, title in sections_without_use(text)]
    found = list(examples(text))
    for kind in ('Use', 'Program'):
        if kind not in (k for k, _, _ in found):
            failures.append(f'{header.name}: no comment has code after a line "{kind}:"')
    for kind, line, code in found:
        if not code.strip():
            failures.append(f'{header.name}:{line}: no indented code follows "{kind}:"')
        elif complaint := compiled(kind, line, code, header, compiler):
            failures.append(f'{header.name}:{line}: the code after "{kind}:" does not compile:\n{complaint}')
    if failures:
        sys.exit('\n'.join(failures))
    print(f'{len(found)} pieces of code in {header.name} compile')


main()
