// SPDX-License-Identifier: MIT
// Puts the page together. It reads the lists, follows the stream, and says at the top what is wrong: the connection,
// the broker or the disk. A viewer who is not logged in gets the form for the token.
import {ask, login, Stream} from './api.js';
import {Cameras} from './cameras.js';
import {Events} from './events.js';
import {Filters} from './filters.js';
import {Player} from './player.js';
import {clock, count, element, moment, sentence, size, write} from './text.js';

const STATUS_EVERY = 10000;    // milliseconds
const LISTS_EVERY = 60000;     // cameras that are gone, and numbers that the stream does not send
const LOST_AFTER = 2000;       // ms; if a stream comes back sooner, the page does not mention it
const SLEEP_AFTER = 60000;     // ms hidden; then the page leaves its connection to others

const byId = (id) => document.getElementById(id);
const main = byId('main'), form = byId('login'), notices = byId('notices'), connection = byId('connection');

let status = null;      // the last answer to /status
let lostSince = null;   // when the connection went
let problem = '';       // the server's error message
let missed = false;     // an answer was missing: the stream may be dead, so it is opened again
let asleep = false;
let sleepTimer = 0;

const player = new Player({changed: playerChanged});
const events = new Events({choose: (event) => player.show(event)});
const filters = new Filters({changed: (filter) => {
  events.setFilter(filter);
  guard(events.read());
}});
const cameras = new Cameras({
  changed: () => {
    filters.offer(cameras.all);
    writeTitle();
  },
  showEvents: (name) => {
    filters.set({camera: name});
    goTo('events');
  },
});
const stream = new Stream({
  event: (event) => {
    events.take(event);
    player.take(event);
  },
  camera: (camera) => cameras.take(camera),
  opened: () => {
    missed = false;
    found();
    readAll();
  },
  lost: () => {
    lost();
    readStatus();
  },
});

const awake = () => !main.hidden && !asleep;

function playerChanged(event, closed) {
  filters.event = event?.id ?? null;
  cameras.pictures.leaveRoomForClip(event !== null);
  document.body.classList.toggle('has-player', event !== null);
  events.select(event?.id ?? null);
  if (closed) events.focusOn(closed.id);
}

function goTo(part) {
  byId(part).scrollIntoView({block: 'start'});
  byId(`${part}-title`).focus({preventScroll: true});
}

// Every failure ends here. No answer means a lost connection; 401 shows the login form; anything else gets a line at
// the top.
async function guard(promise) {
  try {
    const result = await promise;
    problem = '';
    return result;
  } catch (error) {
    if (error.status === 401) askForToken();
    else if (error.status === 0) noAnswer();
    else if (error.status) problem = error.message;
    else throw error;
    return null;
  } finally {
    writeNotices();
  }
}

function readAll() {
  return guard(Promise.all([cameras.read(), events.read()]));
}

async function readStatus() {
  const answer = await guard(ask('/status'));
  if (!answer) return;
  status = answer;
  if (missed && awake()) {
    missed = false;
    stream.open();
  } else if (stream.isOpen) {
    found();
  }
  writeNotices();
  writeFooter();
}

function lost() {
  if (lostSince === null) {
    lostSince = Date.now();
    setTimeout(writeNotices, LOST_AFTER + 50);
  }
  writeNotices();
}

function noAnswer() {
  missed = true;
  lost();
}

function found() {
  lostSince = null;
  writeNotices();
}

function writeNotices() {
  const away = lostSince !== null && Date.now() - lostSince > LOST_AFTER;
  const lines = [];
  if (away) lines.push(`The connection to the monitor is lost since ${clock(lostSince)}. This page keeps trying.`);
  if (!away && problem) lines.push(sentence(problem));
  if (!away && status?.mqtt === 'away') {
    const waiting = status.mqtt_waiting > 0 ? `: ${count(status.mqtt_waiting, 'message')} will be sent later` : '';
    lines.push(`The MQTT broker is away${waiting}.`);
  }
  if (!away && status?.fleet?.problem) lines.push(`Fleet: ${sentence(status.fleet.problem)}`);
  if (!away && status?.storage.problem) lines.push(`Storage: ${sentence(status.storage.problem)} Events go on.`);
  if (!form.hidden) lines.length = 0;
  if ([...notices.children].map((line) => line.textContent).join('\n') !== lines.join('\n')) {
    notices.replaceChildren(...lines.map((line) => element('p', {className: 'notice'}, line)));
  }
  const state = !form.hidden ? 'locked' : away ? 'lost' : stream.isOpen ? 'live' : 'connecting';
  connection.dataset.state = state;
  write(connection, {live: 'Live', lost: 'Connection lost', connecting: 'Connecting', locked: 'Not logged in'}[state]);
  document.body.classList.toggle('is-lost', away);
  cameras.pictures.enable(!away && !main.hidden);
}

function writeFooter() {
  const {version, started, mqtt, storage} = status;
  const broker = {connected: 'broker connected', away: 'broker away', off: 'no broker'}[mqtt] ?? '';
  const used = `clips ${size(storage.used)}${storage.at_most > 0 ? ` of ${size(storage.at_most)}` : ''}`;
  const free = `${size(storage.free)} free`;
  const parts = [`sta-monitor ${version}`, `running since ${moment(started)}`, used, free, broker];
  byId('footer').replaceChildren(...parts.filter(Boolean).map((part) => element('span', {}, part)));
}

function writeTitle() {
  const open = cameras.all.flatMap((camera) => camera.watch.flatMap((watch) => watch.open)).length;
  document.title = open > 0 ? `(${open}) sta-monitor` : 'sta-monitor';
}

function askForToken() {
  if (!form.hidden) return;
  stream.close();
  player.close();
  main.hidden = true;
  form.hidden = false;
  byId('token').focus();
}

async function start() {
  const linked = filters.event;
  events.setFilter(filters.filter);
  status = await guard(ask('/status'));
  if (!form.hidden) return;
  main.hidden = false;
  if (status) writeFooter();
  stream.open();
  readAll();
  if (linked && status) {
    const event = await guard(ask(`/events/${encodeURIComponent(linked)}`).catch((error) => {
      if (error.status !== 404) throw error;
      filters.event = null;  // the event has expired
      return null;
    }));
    if (event) player.show(event, {play: false});
  }
}

form.addEventListener('submit', async (submit) => {
  submit.preventDefault();
  const field = byId('token'), complaint = byId('login-problem');
  complaint.textContent = '';
  try {
    await login(field.value);
  } catch (error) {
    complaint.textContent = error.status === 401 ? 'This is not the token.' : sentence(error.message);
    field.select();
    return;
  }
  field.value = '';
  form.hidden = true;
  lostSince = null;
  start();
});

document.addEventListener('visibilitychange', () => {
  clearTimeout(sleepTimer);
  if (document.hidden) {
    sleepTimer = setTimeout(() => {
      asleep = true;
      stream.close();
    }, SLEEP_AFTER);
  } else if (asleep) {
    asleep = false;
    if (!main.hidden) stream.open();
  }
});

byId('to-cameras').addEventListener('click', () => goTo('cameras'));
byId('to-events').addEventListener('click', () => goTo('events'));

setInterval(() => { if (awake()) readStatus(); }, STATUS_EVERY);
setInterval(() => { if (awake() && lostSince === null && !document.hidden) guard(cameras.read()); }, LISTS_EVERY);
setInterval(() => {
  if (document.hidden || main.hidden) return;
  events.tick();
  cameras.tick();
}, 1000);

start();
