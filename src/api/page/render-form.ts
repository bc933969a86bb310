import type { Body, Parameter } from '../openapi/types.ts';
import type { Called } from './called.ts';
import { escaped, shown } from './text.ts';

/** Shown by the page's script, without which it does nothing. */
export function renderForm({ method, path, operation, parameters }: Called): string {
  const { requestBody } = operation;
  const [type] = Object.keys(requestBody?.content ?? {});
  const typed = type === undefined ? '' : ` data-type="${escaped(type)}"`;
  return `<details class="needs-script" hidden><summary>Try it</summary>
<form data-method="${method}" data-path="${escaped(path)}"${typed}>
${parameters.map(field).join('\n')}
${requestBody ? bodyField(requestBody) : ''}
<button>Send</button>
<output aria-live="polite"></output>
</form></details>`;
}

function field(parameter: Parameter): string {
  const { name, in: place, required, schema } = parameter;
  const attributes = `name="${escaped(name)}" data-in="${place}"${required ? ' required' : ''}`;
  const choices = choicesOf(schema);
  const input = choices ? select(attributes, choices) : `<input ${attributes} size="40">`;
  return `<label><code>${escaped(name)}</code> ${input}</label>`;
}

function select(attributes: string, choices: readonly string[]): string {
  const options = ['', ...choices].map((choice) => `<option>${escaped(choice)}</option>`);
  return `<select ${attributes}>${options.join('')}</select>`;
}

function choicesOf(schema: object): readonly string[] | undefined {
  return 'enum' in schema && Array.isArray(schema.enum) ? schema.enum.map(String) : undefined;
}

function bodyField({ content = {} }: Body): string {
  const [media] = Object.values(content);
  const example = media?.example === undefined ? '' : shown(media.example);
  const rows = example.split('\n').length + 2;
  return `<label>Body <small>Ctrl+Enter sends</small>
<textarea rows="${rows}" spellcheck="false">${escaped(example)}</textarea></label>`;
}
