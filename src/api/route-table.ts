interface KnownRoute {
  readonly template: string;
  readonly segments: readonly string[];
  readonly methods: string[];
}

/** What upstream answers with 405 or 307, and Fastify's router with 404: which paths there are, whatever the method. */
export class RouteTable {
  readonly #routes = new Map<string, KnownRoute>();

  /** `template` as Fastify takes it; `:name` stands for one segment that is not empty. */
  add(method: string, template: string): void {
    const known = this.#routes.get(template);
    if (known) known.methods.push(method);
    else this.#routes.set(template, { template, segments: template.split('/'), methods: [method] });
  }

  /** The route of a path (without query, its escapes readable), and the methods that it answers. */
  find(path: string): { readonly template: string; readonly methods: readonly string[] } | undefined {
    const segments = path.split('/');
    const routes = [...this.#routes.values()].filter((route) => matches(route.segments, segments));
    const [first] = routes;
    return first && { template: first.template, methods: [...new Set(routes.flatMap(methodsOf))] };
  }
}

const methodsOf = ({ methods }: KnownRoute): readonly string[] => methods;

function matches(template: readonly string[], called: readonly string[]): boolean {
  if (template.length !== called.length) return false;
  return template.every((part, index) => {
    const segment = called[index] ?? '';
    return part.startsWith(':') ? segment !== '' : part === decodeURIComponent(segment);
  });
}
