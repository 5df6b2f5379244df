// SPDX-License-Identifier: MIT
// Which events are shown, by camera, label and time. The address keeps the choice and the open event behind the #. So
// they survive a reload, go back with the browser's button, and can be sent to somebody.

const KEYS = ['camera', 'label', 'from', 'to'];

// Fields hold local time. The address holds UTC, so it means the same in every time zone.
function toField(time) {
  const date = new Date(time);
  if (Number.isNaN(date.getTime())) return '';
  return new Date(date - date.getTimezoneOffset() * 60000).toISOString().slice(0, 16);
}

function toTime(field) {
  const date = new Date(field);
  return field && !Number.isNaN(date.getTime()) ? date.toISOString() : '';
}

function hash() {
  return new URLSearchParams(location.hash.slice(1));
}

export class Filters {
  #labels = new Set();
  #last = '';

  // changed(filter): the viewer wants other events.
  constructor({changed}) {
    this.form = document.getElementById('filters');
    this.reset = this.form.querySelector('button[type=reset]');
    this.changed = changed;
    this.form.addEventListener('change', () => this.#fromForm());
    this.form.addEventListener('submit', (submit) => submit.preventDefault());
    this.form.addEventListener('reset', (reset) => {
      reset.preventDefault();
      this.set({camera: '', label: '', from: '', to: ''});
      this.form.elements.camera.focus();
    });
    window.addEventListener('popstate', () => this.#apply());
    this.#last = JSON.stringify(this.filter);
    this.#toForm();
  }

  get filter() {
    const given = hash();
    const filter = Object.fromEntries(KEYS.map((key) => [key, given.get(key) ?? '']));
    for (const key of ['from', 'to']) filter[key] = toTime(filter[key]);  // a text that is no time filters nothing
    return filter;
  }

  get event() {
    return hash().get('event');
  }

  // The open event is part of the address, but opening one adds no step to the history.
  set event(id) {
    const given = hash();
    if (id) given.set('event', id);
    else given.delete('event');
    history.replaceState(null, '', this.#address(given));
  }

  set(some) {
    const given = hash();
    for (const [key, value] of Object.entries(some)) {
      if (value) given.set(key, value);
      else given.delete(key);
    }
    history.pushState(null, '', this.#address(given));
    this.#apply();
  }

  // Offers the existing cameras and the labels that can be events.
  offer(cameras) {
    for (const camera of cameras) {
      for (const watch of camera.watch) {
        for (const label of watch.labels) if (label !== watch.background) this.#labels.add(label);
      }
    }
    this.#options('camera', cameras.map((camera) => camera.name));
    this.#options('label', [...this.#labels].sort((a, b) => a.localeCompare(b)));
  }

  #address(given) {
    const text = given.toString();
    return location.pathname + location.search + (text ? `#${text}` : '');
  }

  #apply() {
    this.#toForm();
    const now = JSON.stringify(this.filter);
    if (now === this.#last) return;
    this.#last = now;
    this.changed(this.filter);
  }

  #fromForm() {
    const {camera, label, from, to} = this.form.elements;
    this.set({camera: camera.value, label: label.value, from: toTime(from.value), to: toTime(to.value)});
  }

  #toForm() {
    const {filter} = this;
    for (const key of ['camera', 'label']) {
      this.#options(key, [...this.form.elements[key].options].slice(1).map((option) => option.value));
    }
    for (const key of ['from', 'to']) {
      const field = this.form.elements[key];
      if (toTime(field.value) !== filter[key]) field.value = filter[key] && toField(filter[key]);
    }
    this.reset.hidden = !KEYS.some((key) => filter[key]);
  }

  // The chosen value stays on offer, even when its camera is gone.
  #options(key, values) {
    const select = this.form.elements[key], chosen = this.filter[key];
    const all = ['', ...values];
    if (!all.includes(chosen)) all.push(chosen);
    const now = [...select.options].map((option) => option.value);
    if (all.length !== now.length || all.some((value, i) => value !== now[i])) {
      select.replaceChildren(...all.map((value) => new Option(value || 'All', value)));
    }
    select.value = chosen;
  }
}
