// SPDX-License-Identifier: MIT
// The time line: events, newest first, in pages by cursor. The stream adds events and changes them. Rows are found by
// the event's id and changed in place, so the scroll position and the focus stay.
import {ask, ownAddress} from './api.js';
import {clock, count, day, duration, elapsed, element, percent, write} from './text.js';

const PAGE = 50;
const MOST_AT_ONCE = 500;     // the server gives no more
const MOST_ARRIVED = 300;     // rows that the stream may add before the list is cut again

const newestFirst = (a, b) => Date.parse(b.onset) - Date.parse(a.onset) || (a.id < b.id ? 1 : -1);

export function isRunning(event) {
  return event.offset === null && event.state === 'start';
}

export class Events {
  #rows = new Map();   // id -> {event, root, ...}
  #order = [];         // rows, newest first
  #cursor = null;
  #filter = {};
  #selected = null;
  #arrived = 0;
  #reading = 0;        // the number of the last reading: answers to older ones are dropped
  #news = [];

  // choose(event): the viewer wants to see this event.
  constructor({choose}) {
    this.list = document.getElementById('event-list');
    this.empty = document.getElementById('events-empty');
    this.older = document.getElementById('events-older');
    this.summary = document.getElementById('events-summary');
    this.announcement = document.getElementById('announcement');
    this.choose = choose;
    this.older.addEventListener('click', () => this.#readOlder());
  }

  setFilter(filter) {
    this.#filter = filter;
    for (const row of this.#order) row.root.remove();
    this.#rows.clear();
    this.#order = [];
    this.#arrived = 0;
    this.older.hidden = true;
  }

  // Reads again all that is shown: the first page, and as many older ones as the viewer has opened.
  async read() {
    const reading = ++this.#reading;
    const limit = Math.min(MOST_AT_ONCE, Math.max(PAGE, this.#order.length - this.#arrived));
    this.list.setAttribute('aria-busy', 'true');
    try {
      const {events, next} = await ask('/events', {...this.#filter, limit});
      if (reading !== this.#reading) return;
      const kept = new Set(events.map((event) => event.id));
      for (const row of this.#order) {
        if (kept.has(row.event.id)) continue;
        row.root.remove();
        this.#rows.delete(row.event.id);
      }
      this.#order = this.#order.filter((row) => kept.has(row.event.id));
      this.#arrived = 0;
      for (const event of events) this.#put(event);
      this.#cursor = next;
      this.#finish();
    } finally {
      if (reading === this.#reading) this.list.removeAttribute('aria-busy');
    }
  }

  async #readOlder() {
    const reading = this.#reading;
    this.older.disabled = true;
    write(this.older, 'Reading');
    try {
      const {events, next} = await ask('/events', {...this.#filter, limit: PAGE, cursor: this.#cursor});
      if (reading !== this.#reading) return;
      const first = events.find((event) => !this.#rows.has(event.id));
      for (const event of events) this.#put(event);
      this.#cursor = next;
      this.#finish();
      if (first) this.#rows.get(first.id).button.focus({preventScroll: true});
    } catch {
      // The line at the top says that the connection is lost. The button stays for another try.
    } finally {
      this.older.disabled = false;
      write(this.older, 'Show older');
    }
  }

  // Takes an event from the stream.
  take(event) {
    const known = this.#rows.has(event.id);
    if (!known && !this.#belongs(event)) return;
    this.#put(event);
    if (!known) {
      const row = this.#rows.get(event.id);
      row.root.classList.add('new');
      this.#announce(event);
      if (++this.#arrived > MOST_ARRIVED) this.read().catch(() => {});
    }
    this.#finish();
  }

  tick() {
    for (const row of this.#order) {
      if (isRunning(row.event)) write(row.length, `running, ${elapsed(row.event.onset)}`);
    }
  }

  select(id) {
    this.#selected = id;
    for (const row of this.#order) this.#mark(row);
    this.#rows.get(id)?.button.scrollIntoView({block: 'nearest'});  // on a telephone the clip may cover it
  }

  focusOn(id) {
    this.#rows.get(id)?.button.focus();
  }

  #belongs(event) {
    const {camera, label, from, to} = this.#filter;
    const onset = Date.parse(event.onset);
    if ((camera && event.camera !== camera) || (label && event.label !== label)) return false;
    if ((from && onset < Date.parse(from)) || (to && onset > Date.parse(to))) return false;
    const oldest = this.#order.at(-1);
    return !(this.#cursor && oldest && onset < Date.parse(oldest.event.onset));  // it comes with its page
  }

  #put(event) {
    let row = this.#rows.get(event.id);
    if (row) {
      row.event = event;
    } else {
      row = this.#make(event);
      this.#rows.set(event.id, row);
      let at = this.#order.findIndex((other) => newestFirst(event, other.event) < 0);
      if (at < 0) at = this.#order.length;
      this.list.insertBefore(row.root, this.#order[at]?.root ?? null);
      this.#order.splice(at, 0, row);
    }
    this.#fill(row);
  }

  #make(event) {
    const heading = element('h3', {className: 'day', hidden: true});
    const thumb = element('span', {className: 'thumb'});
    const time = element('time'), length = element('span', {className: 'length'}), sure = element('span');
    const button = element('button', {type: 'button', className: 'event'}, thumb,
      element('span', {className: 'what'},
        element('span', {className: 'first'}, element('strong', {}, event.label), time),
        element('span', {className: 'second'}, element('span', {className: 'where'}, event.camera), length),
        element('span', {className: 'third'}, element('span', {}, event.model), sure)));
    const row = {event, button, heading, thumb, time, length, sure, root: element('li', {}, heading, button)};
    button.addEventListener('click', () => this.choose(row.event));
    return row;
  }

  #fill(row) {
    const {event} = row;
    row.root.dataset.state = isRunning(event) ? 'running' : 'ended';
    row.time.dateTime = event.onset;
    row.time.title = `${day(event.onset)}, ${clock(event.onset)}`;
    write(row.time, clock(event.onset));
    write(row.length, isRunning(event) ? `running, ${elapsed(event.onset)}` :
      event.offset ? duration(Date.parse(event.offset) - Date.parse(event.onset)) : 'ended');
    write(row.sure, percent(event.confidence));
    const snapshot = ownAddress(event.snapshot);
    const image = row.thumb.querySelector('img');
    if (snapshot && image?.getAttribute('src') !== snapshot) {
      const fresh = element('img', {alt: '', loading: 'lazy', decoding: 'async', src: snapshot});
      fresh.addEventListener('error', () => fresh.remove());
      row.thumb.replaceChildren(fresh);
    }
    row.thumb.classList.toggle('has-clip', event.clip !== null);
    this.#mark(row);
  }

  #mark(row) {
    if (row.event.id === this.#selected) row.button.setAttribute('aria-current', 'true');
    else row.button.removeAttribute('aria-current');
  }

  // Puts the day on the first event of each day, then updates the parts around the list.
  #finish() {
    let last = '';
    for (const row of this.#order) {
      const name = day(row.event.onset);
      row.heading.hidden = name === last;
      write(row.heading, name);
      last = name;
    }
    const running = this.#order.filter((row) => isRunning(row.event)).length;
    write(this.summary, running > 0 ? `${running} running` : '');
    this.older.hidden = this.#cursor === null;
    this.empty.hidden = this.#order.length > 0;
    write(this.empty, Object.values(this.#filter).some(Boolean) ? 'No event is like this. Change the filters above.' :
      'Nothing has happened yet. Events appear here by themselves.');
  }

  // Tells screen readers of new events. Many at once become one sentence.
  #announce(event) {
    this.#news.push(event);
    if (this.#news.length > 1) return;
    setTimeout(() => {
      const [first, ...others] = this.#news;
      this.#news = [];
      write(this.announcement, others.length > 0 ? `${count(others.length + 1, 'new event')}` :
        `New event: ${first.label} at ${first.camera}, ${clock(first.onset)}`);
    }, 1000);
  }
}
