import type { PolicyPayload } from '../backend/host.ts';
import type { PolicyDraft, PolicyWarning, RunSettings } from './contract.ts';
import { shownDocument } from './kept-document.ts';

const NOTHING: readonly never[] = [];

/** A draft that takes little memory for as long as its policy lives: what only the API shows is kept as a text. */
export class CompactDraft implements PolicyDraft {
  readonly name: string;
  readonly runName: string;
  readonly packageName: string;
  readonly schedule: string | undefined;
  readonly settings: RunSettings;
  readonly payload: PolicyPayload;
  readonly unset: readonly string[];
  readonly secrets: readonly string[];
  readonly warnings: readonly PolicyWarning[];
  readonly document: string;

  constructor(parts: Omit<PolicyDraft, 'written'>) {
    this.name = ownText(parts.name);
    this.runName = parts.runName === parts.name ? this.name : ownText(parts.runName);
    this.packageName = ownText(parts.packageName);
    this.schedule = parts.schedule === undefined ? undefined : ownText(parts.schedule);
    this.settings = parts.settings;
    // Small copies share their memory.
    this.payload = Buffer.from(parts.payload);
    this.unset = parts.unset.length > 0 ? parts.unset : NOTHING;
    this.secrets = parts.secrets.length > 0 ? parts.secrets : NOTHING;
    this.warnings = parts.warnings.length > 0 ? parts.warnings : NOTHING;
    this.document = parts.document;
  }

  get written(): PolicyDraft['written'] {
    return shownDocument(this.document);
  }
}

/** A copy: a text that was cut out of a document keeps the whole document in memory. */
function ownText(text: string): string {
  return JSON.parse(JSON.stringify(text));
}
