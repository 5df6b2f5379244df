# SPDX-License-Identifier: MIT
# The bundled model says what happens in the shipped demo clip: of the windows that lie wholly in one interval of media/camera-watch-demo.json (known because the clip was made so),
# at least a given share carries that interval's label. Through the same command and element as everybody's.
#
#   test_demo_labels.py STA SHARE
import json
import os
import subprocess
import sys

TREE = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))


def main():
    sta, share = sys.argv[1], float(sys.argv[2])
    with open(os.path.join(TREE, 'media', 'camera-watch-demo.json'), encoding='utf-8') as file:
        truth = json.load(file)['intervals']
    done = subprocess.run([sta, 'classify', os.path.join(TREE, 'models', 'camera-watch'), os.path.join(TREE, 'media', 'camera-watch-demo.mp4'), '--json'],
                          stdout=subprocess.PIPE, text=True, check=True)
    windows = [json.loads(line) for line in done.stdout.splitlines()]
    right, judged = {}, {}
    for window in windows:
        inside = [i for i in truth if i['start'] <= window['start'] and window['end'] <= i['end']]
        if not inside:
            continue  # a window with a change in it may be called either way
        label = inside[0]['label']
        judged[label] = judged.get(label, 0) + 1
        right[label] = right.get(label, 0) + (window['label'] == label)
    for label, count in judged.items():
        print(f'{label:24} {right[label]} of {count}')
    total = sum(right.values()) / max(sum(judged.values()), 1)
    print(f'{sum(right.values())} of {sum(judged.values())} windows: {100 * total:.1f} %, {100 * share:.0f} % are asked for')
    if len(windows) < 100 or total < share:
        sys.exit('the demo clip is not labelled as it was made')


if __name__ == '__main__':
    main()
