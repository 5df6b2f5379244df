# SPDX-License-Identifier: MIT
# Counts what a `meson test` run did and prints one line, "N passed, N failed, N skipped". A GoogleTest program counts
# as its cases (from the XML reports that scripts/lib/gtest-wrapper arranged), any other test as one. A GoogleTest
# program that failed although no case of its report did (a crash, a time-out, a sanitizer's verdict at exit) counts as
# one failure more. Exit status 0 only if something passed and nothing failed.
#
#   summary.py TESTLOG.json REPORTS
import hashlib
import json
import os
import sys
import xml.etree.ElementTree as ElementTree

# What meson's result words count as. Anything unknown (TIMEOUT, ERROR, INTERRUPT, UNEXPECTEDPASS, ...) is a failure.
GOOD = ('OK', 'EXPECTEDFAIL')
SKIPPED = ('SKIP',)


def key_of(command):
    """The command without the wrapper, one word a line; the same text as in gtest-wrapper."""
    return hashlib.md5(''.join(word + '\n' for word in command).encode()).hexdigest()[:16]


def cases_of(path):
    """(passed, failed, skipped), names of the failed; None if the program died while writing."""
    try:
        root = ElementTree.parse(path).getroot()
    except (OSError, ElementTree.ParseError):
        return None
    passed, skipped, failed = 0, 0, []
    for case in root.iter('testcase'):
        if case.find('failure') is not None or case.find('error') is not None:
            failed.append(f"{case.get('classname', '')}.{case.get('name', '')}")
        elif case.find('skipped') is not None or case.get('result') in ('skipped', 'suppressed') or case.get('status') == 'notrun':
            skipped += 1
        else:
            passed += 1
    return passed, skipped, failed


def summarise(log, reports):
    """(passed, skipped, [what failed]). The reports cannot tell tests of the same command apart (with another
    environment, say), so those count together."""
    by_key = {}
    for name in sorted(os.listdir(reports)) if os.path.isdir(reports) else []:
        by_key.setdefault(name.split('-')[0], []).append(os.path.join(reports, name))
    groups = {}
    with open(log, encoding='utf-8') as lines:
        for test in (json.loads(line) for line in lines if line.strip()):
            command = test.get('command') or []
            wrapped = [index for index, word in enumerate(command) if os.path.basename(word) == 'gtest-wrapper']
            groups.setdefault(key_of(command[wrapped[0] + 1:] if wrapped else command), []).append(test)
    passed, skipped, failed = 0, 0, []
    for key, tests in groups.items():
        cases = [found for found in map(cases_of, by_key.get(key, [])) if found]
        passed += sum(found[0] for found in cases)
        skipped += sum(found[1] for found in cases)
        failed += [f"{tests[0].get('name')}: {case}" for found in cases for case in found[2]]
        if not cases:
            passed += sum(test.get('result') in GOOD for test in tests)
            skipped += sum(test.get('result') in SKIPPED for test in tests)
        # Failed programs with a failed case in their report are already counted.
        bad = [test for test in tests if test.get('result') not in GOOD + SKIPPED]
        for test in bad[sum(bool(found[2]) for found in cases):]:
            failed.append(f"{test.get('name')}: {test.get('result')} (exit status {test.get('returncode')})")
    return passed, skipped, failed


def main():
    log, reports = sys.argv[1:3]
    try:
        passed, skipped, failed = summarise(log, reports)
    except (OSError, ValueError) as error:
        print(f'summary: no results of a test run: {error}', file=sys.stderr)
        passed, skipped, failed = 0, 0, ['no results']
    for name in failed:
        print(f'FAILED {name}', file=sys.stderr)
    if passed + len(failed) == 0:
        print('summary: nothing ran, which counts as a failure', file=sys.stderr)
        failed = ['nothing ran']
    print(f'{passed} passed, {len(failed)} failed, {skipped} skipped')
    sys.exit(1 if failed else 0)


if __name__ == '__main__':
    main()
