# SPDX-License-Identifier: MIT
# Tests the result line that people and CI trust (scripts/lib/summary.py), on made-up reports. Cases must be counted,
# and no failure may be missed.
import hashlib
import json
import os
import subprocess
import sys
import tempfile
import unittest

TREE = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
WRAPPER = os.path.join(TREE, 'scripts', 'lib', 'gtest-wrapper')
SUMMARY = os.path.join(TREE, 'scripts', 'lib', 'summary.py')

GOOD = '<testcase name="a" classname="S" status="run" result="completed"/>'
BAD = '<testcase name="b" classname="S" status="run" result="completed"><failure message="1 is not 2" type=""/></testcase>'
SKIPPED = '<testcase name="c" classname="S" status="run" result="skipped"><skipped message="no GPU"/></testcase>'
DISABLED = '<testcase name="DISABLED_d" classname="S" status="notrun" result="suppressed"/>'


class Summary(unittest.TestCase):
    def setUp(self):
        self.folder = tempfile.TemporaryDirectory()
        self.addCleanup(self.folder.cleanup)
        self.reports = os.path.join(self.folder.name, 'reports')
        os.mkdir(self.reports)
        self.log = os.path.join(self.folder.name, 'testlog.json')
        self.runs = 0

    def add(self, name, result, cases=None, text=None):
        """One meson test that ended with `result`. cases: its GoogleTest report, if any; text: a report that is no
        XML."""
        command = [WRAPPER, '/build/' + name, '--flag']
        with open(self.log, 'a', encoding='utf-8') as log:
            log.write(json.dumps({'name': name, 'result': result, 'returncode': int(result != 'OK'), 'command': command}) + '\n')
        if cases is not None or text is not None:
            key = hashlib.md5(f'/build/{name}\n--flag\n'.encode()).hexdigest()[:16]
            self.runs += 1
            with open(os.path.join(self.reports, f'{key}-{self.runs}.xml'), 'w', encoding='utf-8') as report:
                report.write(text if text is not None else f'<?xml version="1.0"?><testsuites><testsuite name="S">{"".join(cases)}</testsuite></testsuites>')

    def line(self):
        done = subprocess.run([sys.executable, SUMMARY, self.log, self.reports], capture_output=True, text=True, check=False)
        return done.stdout.strip(), done.returncode

    def test_counts_cases_and_other_tests(self):
        self.add('unit', 'OK', [GOOD, GOOD, SKIPPED, DISABLED])
        self.add('script', 'OK')
        self.add('gpu', 'SKIP')
        self.assertEqual(self.line(), ('3 passed, 0 failed, 3 skipped', 0))

    def test_counts_failed_cases_once(self):
        self.add('unit', 'FAIL', [GOOD, BAD, BAD])
        self.assertEqual(self.line(), ('1 passed, 2 failed, 0 skipped', 1))

    def test_a_crash_without_report_is_a_failure(self):
        self.add('unit', 'OK', [GOOD])
        self.add('crash', 'FAIL')
        self.assertEqual(self.line(), ('1 passed, 1 failed, 0 skipped', 1))

    def test_a_failure_after_good_cases_is_a_failure(self):
        self.add('leak', 'FAIL', [GOOD, GOOD])
        self.assertEqual(self.line(), ('2 passed, 1 failed, 0 skipped', 1))

    def test_a_report_cut_short_is_a_failure(self):
        self.add('crash', 'TIMEOUT', text='<?xml version="1.0"?><testsuites><testsuite')
        self.assertEqual(self.line(), ('0 passed, 1 failed, 0 skipped', 1))

    def test_words_it_does_not_know_are_failures(self):
        self.add('odd', 'UNEXPECTEDPASS')
        self.add('expected', 'EXPECTEDFAIL')
        self.assertEqual(self.line(), ('1 passed, 1 failed, 0 skipped', 1))

    def test_nothing_ran_is_a_failure(self):
        self.assertEqual(self.line(), ('0 passed, 1 failed, 0 skipped', 1))
        open(self.log, 'w', encoding='utf-8').close()
        self.assertEqual(self.line(), ('0 passed, 1 failed, 0 skipped', 1))
        self.add('gpu', 'SKIP')
        self.assertEqual(self.line(), ('0 passed, 1 failed, 1 skipped', 1))

    def test_two_programs_keep_their_reports_apart(self):
        self.add('a', 'OK', [GOOD])
        self.add('b', 'FAIL')
        self.add('c', 'FAIL', [BAD])
        self.assertEqual(self.line(), ('1 passed, 2 failed, 0 skipped', 1))

    def test_the_same_command_twice(self):
        self.add('unit', 'OK', [GOOD, GOOD])
        self.add('unit', 'FAIL')  # with another environment, where it crashed
        self.add('unit', 'FAIL', [GOOD, BAD])
        self.assertEqual(self.line(), ('3 passed, 2 failed, 0 skipped', 1))

    def test_the_wrapper_names_the_report_after_the_command(self):
        script = 'printf %s "$GTEST_OUTPUT"; exit 3'
        done = subprocess.run([WRAPPER, 'sh', '-c', script], capture_output=True, text=True, check=False, env={**os.environ, 'STA_TEST_REPORTS': '/r'})
        key = hashlib.md5(f'sh\n-c\n{script}\n'.encode()).hexdigest()[:16]
        self.assertRegex(done.stdout, f'^xml:/r/{key}-[0-9]+\\.xml$')
        self.assertEqual(done.returncode, 3)


if __name__ == '__main__':
    unittest.main()
