// SPDX-License-Identifier: MIT
// Words and nodes. It makes elements from untrusted text (never from markup), and writes times, durations and sizes in
// the viewer's language and time zone.

// element('p', {className: 'note'}, 'text', node): properties where the element has them, attributes otherwise.
export function element(tag, properties = {}, ...children) {
  const node = document.createElement(tag);
  for (const [key, value] of Object.entries(properties)) {
    if (key in node) node[key] = value;
    else node.setAttribute(key, value);
  }
  node.append(...children);
  return node;
}

// Writes a text only if it differs, so that screen readers do not read the same thing twice.
export function write(node, text) {
  if (node.textContent !== text) node.textContent = text;
}

const clockFormat = new Intl.DateTimeFormat(undefined, {hour: '2-digit', minute: '2-digit', second: '2-digit'});
const dayFormat = new Intl.DateTimeFormat(undefined, {weekday: 'long', day: 'numeric', month: 'long'});
const dayFormatOfOtherYear = new Intl.DateTimeFormat(undefined, {day: 'numeric', month: 'long', year: 'numeric'});

export function clock(time) {
  return clockFormat.format(new Date(time));
}

function sameDay(a, b) {
  return a.toDateString() === b.toDateString();
}

export function day(time, now = new Date()) {
  const date = new Date(time);
  if (sameDay(date, now)) return 'Today';
  const yesterday = new Date(now.getFullYear(), now.getMonth(), now.getDate() - 1);
  if (sameDay(date, yesterday)) return 'Yesterday';
  return (date.getFullYear() === now.getFullYear() ? dayFormat : dayFormatOfOtherYear).format(date);
}

// "14:03:22", with the day before it if that is not today.
export function moment(time) {
  const name = day(time);
  if (name === 'Today') return clock(time);
  return `${name === 'Yesterday' ? 'yesterday' : name}, ${clock(time)}`;
}

export function duration(milliseconds) {
  const seconds = Math.max(0, milliseconds / 1000);
  if (seconds < 10) return `${seconds.toFixed(1)} s`;
  const whole = Math.round(seconds);
  if (whole < 60) return `${whole} s`;
  if (whole < 3600) return `${Math.floor(whole / 60)} min ${whole % 60} s`;
  if (whole < 86400) return `${Math.floor(whole / 3600)} h ${Math.floor(whole / 60) % 60} min`;
  return `${Math.floor(whole / 86400)} d ${Math.floor(whole / 3600) % 24} h`;
}

// The duration of something that goes on. It has no tenths, because those would flicker.
export function elapsed(since) {
  return duration(Math.max(0, Math.floor((Date.now() - new Date(since)) / 1000)) * 1000).replace('.0 s', ' s');
}

export function percent(share) {
  return `${Math.round(100 * share)} %`;
}

export function size(bytes) {
  const units = ['bytes', 'kB', 'MB', 'GB', 'TB'];
  let unit = 0;
  while (bytes >= 1000 && unit < units.length - 1) {
    bytes /= 1000;
    ++unit;
  }
  return `${unit > 0 && bytes < 100 ? bytes.toFixed(1) : Math.round(bytes)} ${units[unit]}`;
}

export function count(number, one, many = `${one}s`) {
  return `${number} ${number === 1 ? one : many}`;
}

// Turns a reason of the server ("no frame for 10 s") into a sentence.
export function sentence(text) {
  const trimmed = text.trim();
  if (!trimmed) return '';
  return trimmed[0].toUpperCase() + trimmed.slice(1) + (/[.!?…]$/.test(trimmed) ? '' : '.');
}
