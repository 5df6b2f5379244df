// SPDX-License-Identifier: MIT
// Shows one event in detail: its clip (or its picture, with a sentence that says why there is no clip), what is known
// about it, and what can be downloaded. It follows the event while that goes on.
import {ownAddress} from './api.js';
import {isRunning} from './events.js';
import {duration, element, moment, percent, write} from './text.js';

const NOTES = {
  none: 'No clip was recorded of this event.',
  writing: 'The clip is still being recorded. It plays up to now.',
  failed: 'The clip could not be recorded to its end.',
  done: '',
};

const byId = (id) => document.getElementById(id);

// "gate_covered_2026-11-27_21-14-03": without characters that a file system may refuse.
function fileName(event) {
  const date = new Date(event.onset);
  const local = new Date(date - date.getTimezoneOffset() * 60000).toISOString().slice(0, 19);
  return `${event.camera}_${event.label}_${local}`.replace('T', '_').replace(/[^\p{L}\p{N}_.-]+/gu, '-');
}

export class Player {
  #event = null;
  #playable = '';  // the address and state of the clip that the video holds

  // changed(event or null): another event is shown, or none.
  constructor({changed}) {
    this.root = byId('player');
    this.title = byId('player-title');
    this.video = byId('player-video');
    this.picture = byId('player-picture');
    this.note = byId('player-note');
    this.facts = byId('player-facts');
    this.clip = byId('player-clip');
    this.still = byId('player-still');
    this.changed = changed;
    byId('player-close').addEventListener('click', () => this.close());
    this.root.addEventListener('keydown', (press) => {
      if (press.key === 'Escape' && !document.fullscreenElement) this.close();
    });
    this.video.addEventListener('error', () => {
      if (this.#playable) write(this.note, 'The clip cannot be played here (any more). Perhaps its time is over.');
    });
  }

  get event() {
    return this.#event;
  }

  show(event, {play = true} = {}) {
    const another = this.#event?.id !== event.id;
    this.#event = event;
    this.root.hidden = false;
    this.#fill(another && play && !matchMedia('(prefers-reduced-motion: reduce)').matches);
    if (another) {
      this.changed(event);
      this.root.scrollIntoView({block: 'nearest'});
    }
  }

  // Takes news from the stream, and ignores news of other events.
  take(event) {
    if (this.#event?.id !== event.id) return;
    this.#event = event;
    this.#fill(false);
  }

  close() {
    if (!this.#event) return;
    const event = this.#event;
    this.#event = null;
    this.#load('', '', false);
    this.root.hidden = true;
    this.changed(null, event);
  }

  #fill(play) {
    const event = this.#event;
    const clip = ownAddress(event.clip), snapshot = ownAddress(event.snapshot);
    write(this.title, `${event.label} at ${event.camera}`);
    this.video.hidden = !clip;
    this.picture.hidden = Boolean(clip) || !snapshot;
    if (snapshot) this.video.poster = snapshot;
    else this.video.removeAttribute('poster');
    if (!this.picture.hidden && this.picture.getAttribute('src') !== snapshot) this.picture.src = snapshot;
    this.picture.alt = `Picture of ${event.label} at ${event.camera}`;
    write(this.note, clip ? NOTES[event.clip_state] ?? '' : event.clip_state === 'writing' ?
      'The clip is being recorded.' : event.clip_state === 'failed' ? 'The clip could not be recorded.' : NOTES.none);
    this.#load(clip ?? '', event.clip_state, play);
    const rows = [
      ['Began', moment(event.onset)],
      ['Ended', event.offset ? moment(event.offset) : isRunning(event) ? 'still running' : 'not known'],
      ['Duration', event.offset ? duration(Date.parse(event.offset) - Date.parse(event.onset)) : ''],
      ['Confidence', `${percent(event.confidence)} at its peak`],
      ['Model', event.model],
      ['Clock', event.clock === 'camera' ? 'of the camera' : 'of arrival at the monitor'],
      ['Remark', event.interrupted ? 'interrupted: watching stopped before the event ended' : ''],
    ];
    this.facts.replaceChildren(...rows.filter(([, value]) => value).map(
      ([name, value]) => element('div', {}, element('dt', {}, name), element('dd', {}, value))));
    this.#offer(this.clip, clip, `${fileName(event)}.mp4`);
    this.#offer(this.still, snapshot, `${fileName(event)}.jpg`);
  }

  #offer(link, address, name) {
    link.hidden = !address;
    if (!address) return link.removeAttribute('href');
    link.href = address;
    link.download = name;
  }

  // When a clip that was still being recorded is complete, loads it again and goes on where the viewer was.
  #load(address, state, play) {
    const playable = address && `${address} ${state}`;
    if (playable === this.#playable) return;
    const {video} = this;
    const grows = Boolean(address) && this.#playable.startsWith(`${address} `);
    const at = video.currentTime, on = !video.paused || video.ended;
    this.#playable = playable;
    if (!address) {
      video.removeAttribute('src');
      video.load();
      return;
    }
    video.src = address;
    if (grows && at > 0) {
      video.addEventListener('loadedmetadata', () => { video.currentTime = at; }, {once: true});
    }
    // A browser may refuse to start playing on its own. The viewer has the controls.
    if (play || (grows && on && at > 0)) video.play().catch(() => {});
  }
}
