// SPDX-License-Identifier: MIT
// The grid of cameras. Each has a card with its picture, labels and badges; while the camera is down, the card shows a
// plain sentence. Cards are made once and changed in place, so pictures and the focus stay.
import {ask} from './api.js';
import {Pictures} from './pictures.js';
import {count, elapsed, element, moment, percent, sentence, write} from './text.js';

const URGENT = {enlarged: 4, open: 1};

// The card's text while there is no picture.
const DOWN = {
  connecting: (since) => ['Connecting', `Since ${since}.`],
  stalled: (since) => ['No picture', `Down since ${since}.`],
  waiting: (since) => ['Down', `Down since ${since}. The monitor keeps trying.`],
  // (A file at its end is not tried again, and its reason says what to do.)
  failed: (since) => ['Failed', `Since ${since}.`],
};

export class Cameras {
  #cards = new Map();  // name -> card
  #pictures = new Pictures();

  // changed(): the list of cameras or of their labels has changed. showEvents(name): the viewer wants the camera's
  // events.
  constructor({changed, showEvents}) {
    this.list = document.getElementById('camera-list');
    this.summary = document.getElementById('cameras-summary');
    this.empty = document.getElementById('cameras-empty');
    this.changed = changed;
    this.showEvents = showEvents;
  }

  get pictures() {
    return this.#pictures;
  }

  get all() {
    return [...this.#cards.values()].map((card) => card.camera);
  }

  async read() {
    const {cameras} = await ask('/cameras');
    const names = new Set(cameras.map((camera) => camera.name));
    for (const [name, card] of this.#cards) {
      if (names.has(name)) continue;
      this.#pictures.remove(card.image);
      card.root.remove();
      this.#cards.delete(name);
    }
    for (const camera of cameras) this.#put(camera);
    this.#sum();
  }

  // Takes a camera that the stream told of.
  take(camera) {
    this.#put(camera);
    this.#sum();
  }

  // Lets "for 3 min" count on.
  tick() {
    for (const card of this.#cards.values()) {
      if (card.camera.state !== 'playing') this.#writeDown(card);
    }
  }

  #put(camera) {
    let card = this.#cards.get(camera.name);
    if (!card) {
      card = this.#make(camera);
      this.#cards.set(camera.name, card);
      const after = [...this.#cards.values()].map((other) => other.camera.name)
        .filter((name) => name.localeCompare(camera.name, undefined, {numeric: true}) > 0)
        .sort((a, b) => a.localeCompare(b, undefined, {numeric: true}));
      this.list.insertBefore(card.root, after.length > 0 ? this.#cards.get(after[0]).root : null);
      this.#pictures.add(card.image, camera.name);
    }
    const wasPlaying = card.camera.state === 'playing';
    card.camera = camera;
    const playing = camera.state === 'playing';
    // If a camera connects again and again, it has been down since the first time, not since the last try.
    if (playing) card.downSince = null;
    else if (wasPlaying || !card.downSince) card.downSince = camera.since;
    this.#fill(card);
  }

  #make(camera) {
    const image = element('img', {alt: `Picture of ${camera.name}`, decoding: 'async'});
    const enlarge = element('button', {type: 'button', className: 'picture', 'aria-pressed': 'false'},
      image, element('span', {className: 'picture-wait'}, 'Waiting for the picture'));
    enlarge.setAttribute('aria-label', `Enlarge ${camera.name}`);
    const downTitle = element('strong'), downText = element('span');
    const downReason = element('span', {className: 'reason'});
    const down = element('p', {className: 'down', hidden: true}, downTitle, downReason, downText);
    const badges = element('span', {className: 'badges'});
    const events = element('button', {type: 'button', className: 'quiet small'}, 'Events');
    events.setAttribute('aria-label', `Show the events of ${camera.name}`);
    const labels = element('ul', {className: 'labels'});
    const problem = element('p', {className: 'card-problem', hidden: true});
    const head = element('div', {className: 'card-head'},
      element('h3', {title: camera.name}, camera.name), badges, events);
    const root = element('li', {className: 'camera panel'}, enlarge, down, head, labels, problem);
    const card = {camera, root, image, enlarge, down, downTitle, downText, downReason, badges, labels, problem};
    enlarge.addEventListener('click', () => this.#enlarge(card));
    events.addEventListener('click', () => this.showEvents(camera.name));
    return card;
  }

  #enlarge(card) {
    const open = !card.root.classList.contains('large');
    for (const other of this.#cards.values()) {
      other.root.classList.toggle('large', open && other === card);
      other.enlarge.setAttribute('aria-pressed', String(open && other === card));
      this.#rank(other);
    }
    card.root.scrollIntoView({block: 'nearest'});
  }

  #rank(card) {
    const open = card.camera.watch.some((watch) => watch.open.length > 0);
    const urgent = (card.root.classList.contains('large') ? URGENT.enlarged : 0) + (open ? URGENT.open : 0);
    this.#pictures.set(card.image, card.camera.state === 'playing', urgent);
  }

  #fill(card) {
    const {camera, root} = card;
    const playing = camera.state === 'playing';
    root.dataset.state = camera.state;
    card.enlarge.hidden = !playing;
    card.down.hidden = playing;
    if (!playing) this.#writeDown(card);
    const open = camera.watch.flatMap((watch) => watch.open);
    root.classList.toggle('has-open', open.length > 0);
    card.badges.replaceChildren(
      ...open.map((label) => element('span', {className: 'badge open', title: 'An event is open'}, label)),
      ...(camera.recording ?
        [element('span', {className: 'badge recording', title: 'A clip is being recorded'}, 'Rec')] : []));
    card.labels.hidden = !playing;
    card.labels.replaceChildren(...camera.watch.map((watch) => this.#label(watch)));
    const problems = camera.watch.filter((watch) => watch.problem).map((watch) => sentence(watch.problem));
    if (camera.recording_problem) problems.push(`Recording: ${sentence(camera.recording_problem)}`);
    card.problem.hidden = problems.length === 0;
    write(card.problem, problems.join(' '));
    this.#rank(card);
  }

  #label(watch) {
    const known = Boolean(watch.label);
    const usual = known && watch.label === watch.background;
    const row = element('li', {className: !known ? 'unknown' : usual ? 'usual' : '', title: `${watch.model} says`},
      element('span', {className: 'label'}, known ? watch.label : watch.problem ? 'no label' : 'no label yet'));
    if (known) {
      row.append(
        element('progress', {max: 1, value: watch.confidence, 'aria-hidden': 'true'}),
        element('span', {className: 'number'}, percent(watch.confidence)));
    }
    row.append(element('span', {className: 'model'}, watch.model));
    return row;
  }

  #writeDown(card) {
    const {camera} = card;
    const since = `${moment(card.downSince)}, for ${elapsed(card.downSince)}`;
    const [title, text] = (DOWN[camera.state] ?? DOWN.waiting)(since);
    write(card.downTitle, title);
    write(card.downReason, sentence(camera.reason));
    write(card.downText, text);
  }

  #sum() {
    const cameras = this.all;
    const down = cameras.filter((camera) => !['playing', 'connecting'].includes(camera.state));
    const names = down.length <= 3 ? `: ${down.map((camera) => camera.name).join(', ')}` : '';
    const all = count(cameras.length, 'camera');
    write(this.summary, down.length > 0 ? `${all}, ${down.length} down${names}` : cameras.length > 0 ? all : '');
    this.summary.classList.toggle('bad', down.length > 0);
    this.list.dataset.density =
      cameras.length <= 1 ? 'one' : cameras.length <= 4 ? 'few' : cameras.length <= 9 ? 'some' : 'many';
    this.empty.hidden = cameras.length > 0;
    this.changed();
  }
}
