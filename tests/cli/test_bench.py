#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
# Checks that `sta bench` and `sta info` say what they time and how: where the clip is, what the upload adds, and which
# attention is used.
#
#   test_bench.py STA MODEL
import json
import subprocess
import sys
import unittest

STA, MODEL = sys.argv[1], sys.argv[2]  # MODEL: micro, whose drop numbers are 0 to 8


def sta(*arguments):
    done = subprocess.run([STA, *arguments], capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stderr
    return done.stdout


class Bench(unittest.TestCase):
    def test_json_says_where_the_clip_is(self):
        rows = [json.loads(line) for line in sta('bench', MODEL, '--device', 'cpu', '-r', '0,5', '-n', '2', '-w', '0', '--json').splitlines()]
        self.assertEqual([row['drop_number'] for row in rows], [0, 5])
        for row in rows:
            self.assertEqual(row['clip'], 'memory')
            self.assertIn(row['attention'], ('flash', 'plain', 'own'))
            self.assertGreater(row['seconds'], 0)
            self.assertNotIn('seconds_with_upload', row)

    def test_upload_is_timed_beside_it(self):
        rows = [json.loads(line) for line in sta('bench', MODEL, '--device', 'cpu', '-b', '40', '-n', '2', '-w', '0', '--upload', '--json').splitlines()]
        self.assertEqual(len(rows), 1)
        self.assertGreater(rows[0]['seconds_with_upload'], 0)

    def test_the_table_says_which_is_which(self):
        plain = sta('bench', MODEL, '--device', 'cpu', '-n', '1', '-w', '0')
        self.assertNotIn('upload', plain)
        both = sta('bench', MODEL, '--device', 'cpu', '-n', '1', '-w', '0', '--upload').splitlines()
        self.assertIn('8-bit pictures in system memory', both[1])
        self.assertEqual(both[2].split(), ['r', 'ms', 'clips/s', 'speed-up', 'with', 'upload,', 'ms', 'GMACs'])
        self.assertEqual(len(both[3].split()), 6)

    def test_info_names_the_attention(self):
        self.assertIn(json.loads(sta('info', MODEL, '--device', 'cpu', '--json'))['attention'], ('flash', 'plain', 'own'))
        self.assertRegex(sta('info', MODEL, '--device', 'cpu'), r'(?m)^  attention (flash|plain|own)$')

    def test_info_says_from_where_on_pruning_pays(self):
        costs = json.loads(sta('info', MODEL, '--device', 'cpu', '--measure', '--json'))['pruning_cost']
        self.assertEqual([cost['batch'] for cost in costs], [1, 4])
        for cost in costs:
            self.assertEqual([row['drop_number'] for row in cost['seconds']], [0, 2, 4, 6, 8])
            self.assertTrue(cost['pays_from'] is None or 1 <= cost['pays_from'] <= 8)
        text = sta('info', MODEL, '--device', 'cpu', '--measure')
        self.assertRegex(text, r'(?m)^  pruning   batch 1: (does not pay|pays from drop number \d on) \(a window takes [\d.]+ ms with 0, [\d.]+ ms with 8\)$')
        self.assertRegex(text, r'(?m)^  pruning   batch 4: ')
        self.assertNotIn('pruning', sta('info', MODEL, '--device', 'cpu'))


if __name__ == '__main__':
    unittest.main(argv=sys.argv[:1])
