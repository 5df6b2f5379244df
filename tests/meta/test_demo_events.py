# SPDX-License-Identifier: MIT
# A shipped clip gives one event for each thing that its camera does (CLIP.json), in that order, with no other event between, and begins each within a given time of the truth: of the beginning of a motion, of
# the instant from which a state that comes gradually (covered, defocused) is what the model card calls it.
# Through gst-launch-1.0, with the element's default thresholds: what an operator would get.
#
#   test_demo_events.py CLIP MOST-LATE-SECONDS [STAACTION-PROPERTY=VALUE...]
import json
import os
import re
import subprocess
import sys

TREE = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
END = re.compile(r'sta-event, state=\(string\)end, .*label=\(string\)([a-z-]+), .*onset=\(guint64\)(\d+), offset=\(guint64\)(\d+)')


def main():
    clip, late, properties = os.path.join(TREE, 'media', sys.argv[1]), float(sys.argv[2]), sys.argv[3:]
    with open(clip + '.json', encoding='utf-8') as file:
        truth = [i for i in json.load(file)['intervals'] if i['label'] != 'steady']
    pipeline = ['filesrc', 'location=' + clip + '.mp4', '!', 'decodebin', '!', 'videoconvert', '!',
                'staaction', 'model=' + os.path.join(TREE, 'models', 'camera-watch'), 'sync=true', 'background-class=steady', *properties, '!', 'fakesink']
    done = subprocess.run(['gst-launch-1.0', '-m', *pipeline], stdout=subprocess.PIPE, text=True, check=True)
    events = [(m[1], int(m[2]) / 1e9, int(m[3]) / 1e9) for m in END.finditer(done.stdout)]
    for (label, onset, offset), interval in zip(events, truth):
        print(f'{label:12} {onset:5.1f} s to {offset:5.1f} s, in truth {interval["label"]} {interval["start"]:5.1f} s to {interval["end"]:5.1f} s')
    if [e[0] for e in events] != [i['label'] for i in truth]:
        sys.exit(f'events: {", ".join(e[0] for e in events)}; in truth: {", ".join(i["label"] for i in truth)}')
    for (label, onset, _), interval in zip(events, truth):
        begin = interval.get('holds', interval['start'])
        if not interval['start'] - late <= onset <= begin + late + 1e-6:
            sys.exit(f'{label} begins at {onset} s, which is more than {late} s away from {begin} s')


if __name__ == '__main__':
    main()
