interface Operation {
  readonly requestBody?: unknown;
  readonly parameters?: readonly { readonly name: string; readonly in: string }[];
}

interface OpenApi {
  readonly paths: Readonly<Record<string, Readonly<Record<string, Operation>>>>;
}

const DOCUMENTS = [
  'policies: {p: {config: {package: plain, schedule: "0 0 1 1 *"}, scope: {count: 1}}}',
  'policies: {q: {config: {package: plain}, scope: null}, p: {config: {package: schemas, site: x}, scope: []}}',
  '{config: {package: plain}, scope: 1, run: {timeout: 5s, overlap: allow}}',
  '{"policies": {"p": {"config": {"package": 5}, "run": {"x": 1}}}}',
];
const METHODS = ['get', 'post', 'put', 'delete'];

/** A request, and more where it has a body, for each route that the daemon's own document knows. */
export async function requestsFor(url: string): Promise<readonly Buffer[]> {
  const answer = await fetch(`${url}/openapi.json`);
  const { paths } = (await answer.json()) as OpenApi;
  return Object.entries(paths).flatMap(([path, operations]) =>
    Object.entries(operations)
      .filter(([method]) => METHODS.includes(method))
      .flatMap(([method, operation]) => requestsOf(method.toUpperCase(), path, operation)),
  );
}

function requestsOf(method: string, template: string, { requestBody, parameters = [] }: Operation): Buffer[] {
  const path = template.replaceAll(/\{\w+\}/g, 'p');
  const query = parameters.filter((one) => one.in === 'query').map(({ name }) => `${name}=1`);
  const targets = query.length > 0 ? [path, `${path}?${query.join('&')}`] : [path];
  const bodies = requestBody === undefined ? [''] : DOCUMENTS;
  return targets.flatMap((target) => bodies.map((body) => request(method, target, body)));
}

function request(method: string, target: string, body: string): Buffer {
  const headers =
    body === '' ? '' : `Content-Type: application/x-yaml\r\nContent-Length: ${Buffer.byteLength(body)}\r\n`;
  return Buffer.from(`${method} ${target} HTTP/1.1\r\nHost: x\r\n${headers}\r\n${body}`);
}
