# SPDX-License-Identifier: MIT
# Checks that a shipped clip gives one event for each thing that its camera does (CLIP.json), in that order, with no
# other event between. Each must begin within a given time of the truth. The clip runs through gst-launch-1.0 with the
# given properties, so these are the events that an operator would get.
#
#   test_demo_events.py CLIP MOST-LATE-SECONDS [STAACTION-PROPERTY=VALUE...]
import json
import os
import sys

TREE = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
sys.path.insert(0, os.path.join(TREE, 'tools'))

from evaluation.watch_events import watch  # noqa: E402


def main():
    clip, late, properties = os.path.join(TREE, 'media', sys.argv[1]), float(sys.argv[2]), sys.argv[3:]
    with open(clip + '.json', encoding='utf-8') as file:
        truth = [i for i in json.load(file)['intervals'] if i['label'] != 'steady']
    events = watch(clip + '.mp4', os.path.join(TREE, 'models', 'camera-watch'), properties)
    for (label, onset, offset), interval in zip(events, truth):
        print(f'{label:12} {onset:5.1f} s to {offset:5.1f} s, in truth {interval["label"]} {interval["start"]:5.1f} s to {interval["end"]:5.1f} s')
    if [e[0] for e in events] != [i['label'] for i in truth]:
        sys.exit(f'events: {", ".join(e[0] for e in events)}; in truth: {", ".join(i["label"] for i in truth)}')
    for (label, onset, _), interval in zip(events, truth):
        if not interval['start'] - late <= onset <= interval['start'] + late + 1e-6:
            sys.exit(f'{label} begins at {onset} s, which is more than {late} s away from {interval["start"]} s')


if __name__ == '__main__':
    main()
