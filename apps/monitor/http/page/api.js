// SPDX-License-Identifier: MIT
// The server as the rest of the page sees it: requests to /api/v1, the login, and the stream of events. The session is
// a cookie that no script can read.

const PREFIX = '/api/v1';
const PATIENCE = 8000;     // milliseconds until an answer counts as missing
const OPEN_AGAIN = 5000;   // milliseconds until a stream that the server refused is tried again

export class ApiError extends Error {
  // status 0: there was no answer at all.
  constructor(status, message) {
    super(message);
    this.status = status;
  }
}

async function send(path, options = {}) {
  let answer;
  try {
    answer = await fetch(PREFIX + path, {
      credentials: 'same-origin', cache: 'no-store', signal: AbortSignal.timeout(PATIENCE), ...options,
    });
    if (answer.ok) return answer.status === 204 ? null : await answer.json();
  } catch {
    throw new ApiError(0, 'the monitor does not answer');
  }
  let message = `the monitor answered ${answer.status}`;
  try {
    message = (await answer.json()).error || message;
  } catch {
    // The answer has no sentence in it; it may come from a proxy. Its number has to do.
  }
  throw new ApiError(answer.status, message);
}

export function ask(path, parameters = {}) {
  const given = Object.entries(parameters).filter(([, value]) => value !== '' && value !== null && value !== undefined);
  const query = new URLSearchParams(given).toString();
  return send(path + (query ? `?${query}` : ''));
}

export function login(token) {
  return send('/login', {
    method: 'POST', headers: {'Content-Type': 'application/json'}, body: JSON.stringify({token}),
  });
}

// The number makes each address a new one, so no picture comes from a cache.
let pictures = 0;
export function pictureOf(camera, kind) {
  return `${PREFIX}/cameras/${encodeURIComponent(camera)}/${kind}?n=${Date.now()}-${++pictures}`;
}

// Addresses in an event come from the server, but the page follows only those below /api/v1.
export function ownAddress(address) {
  return typeof address === 'string' && address.startsWith(`${PREFIX}/`) ? address : null;
}

// Server-sent events. The browser reconnects on its own. If the server refused the stream, this class opens it again.
export class Stream {
  #source = null;
  #timer = 0;

  // handlers: event(EVENT), camera(CAMERA), opened(), lost()
  constructor(handlers) {
    this.handlers = handlers;
  }

  open() {
    this.close();
    const source = new EventSource(`${PREFIX}/stream`);
    this.#source = source;
    source.addEventListener('open', () => this.handlers.opened());
    source.addEventListener('error', () => {
      this.handlers.lost();
      if (source.readyState !== EventSource.CLOSED) return;
      clearTimeout(this.#timer);
      this.#timer = setTimeout(() => this.open(), OPEN_AGAIN);
    });
    for (const kind of ['event', 'camera']) {
      source.addEventListener(kind, (message) => this.handlers[kind](JSON.parse(message.data)));
    }
  }

  close() {
    clearTimeout(this.#timer);
    this.#source?.close();
    this.#source = null;
  }

  get isOpen() {
    return this.#source?.readyState === EventSource.OPEN;
  }
}
