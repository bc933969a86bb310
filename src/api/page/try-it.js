// Runs in the reader's browser: turns each form of the page into a request and shows what comes back.

/** More than this of an answer is not shown. */
const MOST_SHOWN = 100_000;

for (const part of document.querySelectorAll('.needs-script')) part.removeAttribute('hidden');

for (const form of document.querySelectorAll('form')) {
  form.addEventListener('submit', (event) => {
    event.preventDefault();
    void send(form);
  });
  form.querySelector('textarea')?.addEventListener('keydown', (event) => {
    if (event.key === 'Enter' && (event.ctrlKey || event.metaKey)) form.requestSubmit();
  });
}

/**
 * @param {HTMLFormElement} form
 * @returns {Promise<void>}
 */
async function send(form) {
  const button = form.querySelector('button');
  const output = form.querySelector('output');
  if (!button || !output) return;
  button.disabled = true;
  const begunAt = performance.now();
  try {
    const answer = await fetch(urlOf(form), requestOf(form));
    const text = await answer.text();
    const ms = Math.round(performance.now() - begunAt);
    show(output, `${answer.status} ${answer.statusText}, ${ms} ms`, headersOf(answer), readable(text));
  } catch (error) {
    show(output, 'No answer', '', String(error));
  }
  button.disabled = false;
}

/**
 * Relative to the page, which may lie below a proxy's path.
 * @param {HTMLFormElement} form
 */
function urlOf(form) {
  const query = new URLSearchParams();
  let path = form.dataset.path ?? '';
  for (const field of fieldsOf(form)) {
    if (field.dataset.in === 'path') path = path.replace(`{${field.name}}`, encodeURIComponent(field.value));
    else if (field.dataset.in === 'query' && field.value !== '') query.append(field.name, field.value);
  }
  const url = new URL(`.${path}`, document.baseURI);
  url.search = query.toString();
  return url;
}

/**
 * @param {HTMLFormElement} form
 * @returns {RequestInit}
 */
function requestOf(form) {
  const { method, type } = form.dataset;
  /** @type {Record<string, string>} */
  const headers = {};
  const body = form.querySelector('textarea')?.value;
  if (type !== undefined && body !== undefined) headers['content-type'] = type;
  return { method, headers, ...(body === undefined ? {} : { body }) };
}

/**
 * @param {HTMLFormElement} form
 * @returns {(HTMLInputElement | HTMLSelectElement)[]}
 */
function fieldsOf(form) {
  return [...form.querySelectorAll('input, select')].filter(
    (field) => field instanceof HTMLInputElement || field instanceof HTMLSelectElement,
  );
}

/** @param {Response} answer */
function headersOf(answer) {
  return ['location', 'allow', 'www-authenticate', 'content-type']
    .filter((name) => answer.headers.has(name))
    .map((name) => `${name}: ${answer.headers.get(name)}`)
    .join('\n');
}

/**
 * JSON with a line for each value. Read and written anew it would lose digits of large numbers.
 * @param {string} text
 */
function readable(text) {
  const shown = text.length > MOST_SHOWN ? `${text.slice(0, MOST_SHOWN)}…` : text;
  return /^\s*[[{]/.test(text) ? indented(shown) : shown;
}

/** @param {string} json */
function indented(json) {
  let depth = 0;
  return json.replace(/"(?:[^"\\]|\\.)*"|[[{]\s*[\]}]|[[{\]},:]/g, (token) => {
    if (token === '{' || token === '[') return `${token}\n${'  '.repeat(++depth)}`;
    if (token === '}' || token === ']') return `\n${'  '.repeat(--depth)}${token}`;
    if (token === ',') return `,\n${'  '.repeat(depth)}`;
    return token === ':' ? ': ' : token;
  });
}

/**
 * @param {HTMLOutputElement} output
 * @param {string} status
 * @param {string} headers
 * @param {string} body
 */
function show(output, status, headers, body) {
  const line = document.createElement('strong');
  line.textContent = status;
  const text = document.createElement('pre');
  text.tabIndex = 0;
  text.textContent = [headers, body].filter((part) => part !== '').join('\n\n');
  output.replaceChildren(line, text);
}
