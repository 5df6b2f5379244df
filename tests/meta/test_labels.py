# SPDX-License-Identifier: MIT
# Checks that a bundled model says what happens in a shipped clip. It looks at the windows that lie in one interval of
# media/CLIP.json (wholly, or as much of them as INSIDE says). At least a given share must carry that interval's label,
# or one of its labels if two are true ("up|leaving"). It uses the same command and element as any user.
#
#   test_labels.py STA MODEL CLIP INSIDE SHARE [HOP]      HOP in seconds, default 0.4
import json
import os
import subprocess
import sys

TREE = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))


def main():
    sta, model, clip, inside, share = sys.argv[1], sys.argv[2], sys.argv[3], float(sys.argv[4]), float(sys.argv[5])
    hop = float(sys.argv[6]) if len(sys.argv) > 6 else 0.4
    with open(os.path.join(TREE, 'media', clip + '.json'), encoding='utf-8') as file:
        truth = json.load(file)
    done = subprocess.run([sta, 'classify', os.path.join(TREE, 'models', model), os.path.join(TREE, 'media', clip + '.mp4'), '--json',
                           f'--hop={hop}'],
                          stdout=subprocess.PIPE, text=True, check=True)
    windows = [json.loads(line) for line in done.stdout.splitlines()]
    right, judged = {}, {}
    for window in windows:
        length = window['end'] - window['start']
        for interval in truth['intervals']:
            common = min(window['end'], interval['end']) - max(window['start'], interval['start'])
            if common < inside * length - 1e-6:
                continue  # a window with a change in it may be called either way
            label = interval['label']
            judged[label] = judged.get(label, 0) + 1
            right[label] = right.get(label, 0) + (window['label'] in label.split('|'))
    for label, count in judged.items():
        print(f'{label:24} {right[label]} of {count}')
    total = sum(right.values()) / max(sum(judged.values()), 1)
    print(f'{sum(right.values())} of {sum(judged.values())} windows: {100 * total:.1f} %, {100 * share:.0f} % are asked for')
    # Most windows show nothing. Being right about those alone must not be enough.
    missed = [label for label, count in judged.items() if right[label] < 0.5 * count]
    if missed:
        sys.exit(f'more than half of the windows are wrong: {", ".join(missed)}')
    if len(windows) < 0.8 * truth['duration'] / hop or set(judged) != {i['label'] for i in truth['intervals']} or total < share:
        sys.exit('the clip is not labelled as what happens in it')


if __name__ == '__main__':
    main()
