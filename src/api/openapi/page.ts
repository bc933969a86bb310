import type { Body, Method, OpenApi, Operation, Parameter, PathItem } from './types.ts';

const style = `
:root { color-scheme: light dark }
body { font: 16px/1.5 system-ui, sans-serif; max-width: 60rem; margin: 2rem auto; padding: 0 1rem }
code, pre { font: 0.875rem/1.4 ui-monospace, monospace }
pre { overflow: auto; padding: 0.75rem; border: 1px solid #8886; border-radius: 4px }
section { border-top: 1px solid #8886; margin-top: 2rem }
td, th { text-align: left; vertical-align: top; padding: 0.25rem 1.5rem 0.25rem 0 }
`;

/** A page to read the API by: one file, no script, nothing from elsewhere. */
export function renderPage({ info, paths, components }: OpenApi): string {
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
</body>
</html>
`;
}

interface Called {
  readonly id: string;
  readonly title: string;
  readonly operation: Operation;
  readonly parameters: readonly Parameter[];
}

function operationsOf(path: string, { parameters = [], ...methods }: PathItem): Called[] {
  return (Object.entries(methods) as [Method, Operation][]).map(([method, operation]) => ({
    id: `${method}${path.replace(/\W+/g, '-')}`,
    title: `${method.toUpperCase()} ${path}`,
    operation,
    parameters: [...parameters, ...(operation.parameters ?? [])],
  }));
}

function contentsEntry({ id, title, operation }: Called): string {
  return `<li><a href="#${id}"><code>${escaped(title)}</code></a> ${escaped(operation.summary)}</li>`;
}

function operationSection({ id, title, operation, parameters }: Called): string {
  const { summary, requestBody, responses } = operation;
  return `<section id="${id}"><h2><code>${escaped(title)}</code></h2>
<p>${escaped(summary)}.</p>
${parameters.length > 0 ? `<table>${parameters.map(parameterRow).join('')}</table>` : ''}
${requestBody ? bodyPart('Body', requestBody) : ''}
${Object.entries(responses)
  .map(([status, body]) => bodyPart(status, body))
  .join('\n')}
</section>`;
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

function shown(value: unknown): string {
  return typeof value === 'string' ? value : JSON.stringify(value, undefined, 2);
}

function escaped(text: string): string {
  return text
    .replaceAll('&', '&amp;')
    .replaceAll('<', '&lt;')
    .replaceAll('>', '&gt;')
    .replaceAll('"', '&quot;');
}
