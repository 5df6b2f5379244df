// SPDX-License-Identifier: MIT
// Which cameras show moving pictures. A picture is fetched only while it is on the screen and the page is visible.
// Browsers keep at most six connections to one server, and a live picture takes one for good. So only the first few
// cameras on the screen are live. The others get stills in turn, through one connection.
import {pictureOf} from './api.js';

const MOST_LIVE = 3;
const MOST_LIVE_BESIDE_A_CLIP = 2;
const REST_AFTER_ERROR = 4000;   // milliseconds
const STILL_PATIENCE = 5000;
const STILL_EVERY = 1000;        // of one camera, at the most
const STILL_PAUSE = 120;         // between two cameras

const pause = (milliseconds) => new Promise((resolve) => setTimeout(resolve, milliseconds));

export class Pictures {
  #entries = new Map();  // img -> entry, in the order of the page
  #observer = new IntersectionObserver((changes) => this.#seen(changes), {rootMargin: '80px'});
  #running = false;      // the turn of stills
  #planned = false;
  #enabled = true;
  #clipOpen = false;

  constructor() {
    document.addEventListener('visibilitychange', () => this.plan());
  }

  add(image, camera) {
    const entry = {image, camera, playing: false, onScreen: false, urgent: 0, mode: 'none', restUntil: 0, stillAt: 0};
    this.#entries.set(image, entry);
    image.addEventListener('load', () => image.classList.add('shown'));
    image.addEventListener('error', () => this.#failed(entry));
    this.#observer.observe(image.parentElement);
  }

  remove(image) {
    const entry = this.#entries.get(image);
    if (!entry) return;
    this.#observer.unobserve(image.parentElement);
    this.#change(entry, 'none');
    this.#entries.delete(image);
    this.plan();
  }

  // urgent: cameras with a higher number become live first.
  set(image, playing, urgent) {
    const entry = this.#entries.get(image);
    if (entry.playing === playing && entry.urgent === urgent) return;
    Object.assign(entry, {playing, urgent});
    this.plan();
  }

  // Without a connection nothing can be fetched. While a clip is open, one connection is left to it.
  enable(enabled) {
    if (this.#enabled === enabled) return;
    this.#enabled = enabled;
    this.plan();
  }

  leaveRoomForClip(clipOpen) {
    this.#clipOpen = clipOpen;
    this.plan();
  }

  // Many changes at once lead to one plan.
  plan() {
    if (this.#planned) return;
    this.#planned = true;
    queueMicrotask(() => {
      this.#planned = false;
      this.#apply();
    });
  }

  #apply() {
    const now = Date.now();
    const wanted = (entry) => this.#enabled && !document.hidden && entry.playing && entry.onScreen;
    const ready = [...this.#entries.values()].filter((entry) => wanted(entry) && entry.restUntil <= now);
    ready.sort((a, b) => b.urgent - a.urgent);  // stable: equal ones keep the order of the page
    const live = new Set(ready.slice(0, this.#clipOpen ? MOST_LIVE_BESIDE_A_CLIP : MOST_LIVE));
    const stills = new Set(ready.slice(live.size));
    // First the pictures that end, so that their connections are free.
    for (const entry of this.#entries.values()) {
      if (!live.has(entry)) this.#change(entry, stills.has(entry) ? 'still' : 'none');
    }
    for (const entry of live) this.#change(entry, 'live');
    this.#takeTurns();
  }

  #change(entry, mode) {
    if (entry.mode === mode) return;
    const wasLive = entry.mode === 'live';
    entry.mode = mode;
    if (mode === 'live') {
      entry.image.src = pictureOf(entry.camera, 'live');
    } else if (mode === 'none') {
      entry.image.removeAttribute('src');
      entry.image.classList.remove('shown');
    } else if (wasLive) {
      entry.image.src = pictureOf(entry.camera, 'snapshot');  // ends the live one, without a gap
      entry.stillAt = Date.now();
    }
  }

  #failed(entry) {
    if (entry.mode === 'none') return;
    entry.restUntil = Date.now() + REST_AFTER_ERROR;
    this.plan();
    setTimeout(() => this.plan(), REST_AFTER_ERROR + 50);
  }

  #seen(changes) {
    for (const change of changes) {
      const entry = this.#entries.get(change.target.querySelector('img'));
      if (entry) entry.onScreen = change.isIntersecting;
    }
    this.plan();
  }

  // Fetches one still after the other, the oldest first, until no camera wants one.
  async #takeTurns() {
    if (this.#running) return;
    this.#running = true;
    for (;;) {
      const stills = [...this.#entries.values()].filter((entry) => entry.mode === 'still');
      if (stills.length === 0) break;
      const next = stills.reduce((a, b) => (b.stillAt < a.stillAt ? b : a));
      const early = next.stillAt + STILL_EVERY - Date.now();
      if (early > 0) {
        await pause(Math.min(early, 250));
        continue;
      }
      next.stillAt = Date.now();
      const done = new Promise((resolve) => {
        next.image.addEventListener('load', resolve, {once: true});
        next.image.addEventListener('error', resolve, {once: true});
      });
      next.image.src = pictureOf(next.camera, 'snapshot');
      await Promise.race([done, pause(STILL_PATIENCE)]);
      await pause(STILL_PAUSE);
    }
    this.#running = false;
  }
}
