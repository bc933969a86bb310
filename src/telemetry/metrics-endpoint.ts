import { StartError } from '../errors.ts';

/** Where metrics go. */
export interface MetricsEndpoint {
  /** As the exporter takes it: `http://` is plain, anything else TLS. */
  readonly url: string;
  /** `host:port`, for the log. */
  readonly authority: string;
}

const SCHEMES: Record<string, string> = {
  'grpc:': 'http:',
  'http:': 'http:',
  'grpcs:': 'https:',
  'https:': 'https:',
};

/**
 * Reads `--otel-endpoint`: `grpc://` and `http://` are plain; `grpcs://`, `https://` and a bare `host:port` are TLS
 * (sheet: Metrics). Throws a `StartError` for anything else.
 */
export function parseMetricsEndpoint(text: string): MetricsEndpoint {
  const scheme = /^[a-z]+:(?=\/\/)/i.exec(text)?.[0];
  const exporterScheme = scheme === undefined ? undefined : SCHEMES[scheme.toLowerCase()];
  const rest = scheme === undefined ? `//${text}` : text.slice(scheme.length);
  const authority = URL.parse(`https:${rest}`)?.host;
  if (authority === undefined || authority === '' || (scheme !== undefined && exporterScheme === undefined)) {
    // What stands before an @ is a password.
    const got = text.includes('@') ? '' : `, got '${text}'`;
    throw new StartError(
      1,
      `Unable to export metrics: --otel-endpoint should be host:port or start with grpc://, grpcs://, http:// or https://${got}`,
    );
  }
  // Without a scheme the exporter uses TLS too, unless OTEL_EXPORTER_OTLP_INSECURE says otherwise, as upstream.
  return { url: exporterScheme === undefined ? authority : `${exporterScheme}//${authority}`, authority };
}
