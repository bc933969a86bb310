import type { Body, OpenApi, Parameter } from '../openapi/types.ts';
import { type Called, operationsOf } from './called.ts';
import { renderForm } from './render-form.ts';
import { escaped, shown } from './text.ts';

/** What stands in the page beside the description: its look, and what makes its forms work. */
export interface PageParts {
  readonly style: string;
  readonly script: string;
}

/** A page to read the API by and to try it: one file, nothing from elsewhere. */
export function renderPage({ info, paths, components }: OpenApi, { style, script }: PageParts): string {
  const operations = Object.entries(paths).flatMap(([path, item]) => operationsOf(path, item));
  return `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>${escaped(info.title)} API</title>
<link rel="icon" href="data:,">
<style>${style}</style>
</head>
<body>
<h1>${escaped(info.title)} ${escaped(info.version)}</h1>
<p>${escaped(info.description)} The same for machines: <a href="openapi.json">openapi.json</a>.</p>
<ul>${operations.map(contentsEntry).join('')}</ul>
${operations.map(operationSection).join('\n')}
<section><h2>Schemas</h2>
${Object.entries(components.schemas).map(schemaPart).join('\n')}
</section>
<script>${script}</script>
</body>
</html>
`;
}

const titleOf = ({ method, path }: Called): string => `<code>${escaped(`${method} ${path}`)}</code>`;

function contentsEntry(called: Called): string {
  return `<li><a href="#${called.id}">${titleOf(called)}</a> ${escaped(called.operation.summary)}</li>`;
}

function operationSection(called: Called): string {
  const { id, operation, parameters } = called;
  const { summary, requestBody, responses } = operation;
  return `<section id="${id}"><h2>${titleOf(called)}</h2>
<p>${escaped(summary)}.</p>
${parameters.length > 0 ? `<table>${parameters.map(parameterRow).join('')}</table>` : ''}
${requestBody ? bodyPart('Body', requestBody) : ''}
${renderForm(called)}
<details><summary>Answers</summary>
${Object.entries(responses)
  .map(([status, body]) => bodyPart(status, body))
  .join('\n')}
</details></section>`;
}

function parameterRow({ name, description = '', required }: Parameter): string {
  const need = required ? '' : ' (optional)';
  return `<tr><th><code>${escaped(name)}</code>${need}</th><td>${escaped(description)}</td></tr>`;
}

function bodyPart(heading: string, { description, content = {} }: Body): string {
  const [media] = Object.values(content);
  const types = Object.keys(content).map((type) => `<code>${escaped(type)}</code>`);
  const example = media?.example === undefined ? '' : `<pre>${escaped(shown(media.example))}</pre>`;
  return `<h3>${heading}</h3><p>${[escaped(description), ...types].join(', ')}</p>${example}`;
}

function schemaPart([name, schema]: [string, object]): string {
  return `<details><summary><code>${escaped(name)}</code></summary><pre>${escaped(shown(schema))}</pre></details>`;
}
