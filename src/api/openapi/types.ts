/** Of OpenAPI 3.1, what the description of this API uses. */
export interface OpenApi {
  readonly openapi: '3.1.0';
  readonly info: { readonly title: string; readonly version: string; readonly description: string };
  readonly paths: Readonly<Record<string, PathItem>>;
  readonly security: readonly SecurityNeed[];
  readonly components: {
    readonly schemas: Readonly<Record<string, object>>;
    readonly securitySchemes: Readonly<Record<string, object>>;
  };
}

/** By the scheme's name; empty: none is needed. */
export type SecurityNeed = Readonly<Record<string, readonly string[]>>;

export type Method = 'get' | 'post' | 'put' | 'delete';

export type PathItem = Partial<Readonly<Record<Method, Operation>>> & {
  readonly parameters?: readonly Parameter[];
};

export interface Operation {
  readonly summary: string;
  readonly parameters?: readonly Parameter[];
  readonly requestBody?: Body & { readonly required: true };
  readonly responses: Responses;
  /** Where it differs from the document's. */
  readonly security?: readonly SecurityNeed[];
}

export interface Parameter {
  readonly name: string;
  readonly in: 'path' | 'query';
  readonly required: boolean;
  readonly description: string | undefined;
  readonly schema: object;
}

/** By status code. */
export type Responses = Readonly<Record<string, Body>>;

export interface Body {
  readonly description: string;
  /** By media type. */
  readonly content?: Readonly<Record<string, { readonly schema?: object; readonly example?: unknown }>>;
}
